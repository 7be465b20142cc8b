"""Fold the probabilities of ImageNet's fine classes into the words people use.

The table ``data/concepts.tsv`` is derived from WordNet by ``scripts/wordnet/build_concepts.py``: for each
class, and for each broader word of everyday use, its names and what lies above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from broker.types import Confidence, Label

TABLE = Path(__file__).parent / "data" / "concepts.tsv"

FLOOR = 0.01
"""Words of less probability are left out: they are the classifier's noise."""
MOST = 50
"""At most so many words for one picture."""


@dataclass(frozen=True, slots=True)
class Concept:
    """A word, and where it stands.

    :param id: WordNet 3.0's synset: ``n`` and its offset.
    :param names: its name, then other names of the same thing.
    :param parents: broader concepts, nearest first.
    :param classes: indices of the classes whose probabilities it sums; one for a fine class itself.
    """

    id: str
    names: tuple[str, ...]
    parents: tuple[Concept, ...]
    classes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Concepts:
    """All words, fine ones first."""

    all: tuple[Concept, ...]

    @classmethod
    def read(cls, path: Path = TABLE) -> Concepts:
        """Read the table that comes with this package."""
        rows: dict[str, tuple[str, str, str]] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                wnid, index, parents, names = line.split("\t")
                rows[wnid] = (index, parents, names)
        above = {wnid: parents.split(",") if parents else [] for wnid, (_, parents, _) in rows.items()}
        classes: dict[str, list[int]] = {wnid: [] for wnid in rows}
        for wnid, (index, _, _) in rows.items():
            if index != "-":
                for each in (wnid, *above[wnid]):
                    classes[each].append(int(index))
        made: dict[str, Concept] = {}

        def make(wnid: str) -> Concept:
            if wnid not in made:
                made[wnid] = Concept(
                    id=wnid,
                    names=tuple(rows[wnid][2].split("|")),
                    parents=tuple(make(each) for each in above[wnid]),
                    classes=tuple(sorted(classes[wnid])),
                )
            return made[wnid]

        return cls(tuple(make(wnid) for wnid in rows))

    def fold(self, probabilities: Sequence[float]) -> tuple[Label, ...]:
        """Words of at least :data:`FLOOR`, most probable first, at most :data:`MOST`.

        A broader word is as probable as all its classes together. Of words equally probable the one
        that says more, that is covers fewer classes, comes first.

        :param probabilities: one for each class, summing to 1.
        """
        sums = ((sum(probabilities[index] for index in each.classes), each) for each in self.all)
        kept = sorted(
            ((round(min(1.0, total), 6), each) for total, each in sums if total >= FLOOR),
            key=lambda pair: (-pair[0], len(pair[1].classes), pair[1].id),
        )
        return tuple(_label(each, total) for total, each in kept[:MOST])


def _label(concept: Concept, probability: float) -> Label:
    return Label(
        name=concept.names[0],
        confidence=Confidence.ratio(probability),
        id=concept.id,
        parents=tuple(parent.names[0] for parent in concept.parents),
        aliases=concept.names[1:],
    )
