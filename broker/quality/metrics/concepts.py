"""Labels of pictures: vendors use thousands of words of their own, so they are compared through a concept map.

A map says for each concept which words of each provider mean it. Only what it names is judged: a label it does not
know is neither right nor wrong but *unmapped*, and how much is mapped is told beside every score. The map has a version;
scores of two versions are not comparable. One of everyday things comes with the package; users write their own::

    version = "shop/3"

    [concepts.shoe]
    any = ["shoe", "footwear"]
    aws = ["sneaker", "running shoe"]

``any`` holds for every provider. Words are compared in small letters, without marks, and singular forms are not made.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from broker.quality.metrics.counts import Counts, f1_metric
from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric
from broker.quality.metrics.normalise import plain_words

VERSION = 1
EVERY_PROVIDER = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptMap:
    """Which words mean which concept.

    :param version: its name and version (``everyday/1``); part of every score's id.
    :param words: by provider (or ``any``) and word: the concepts it means.
    """

    version: str
    concepts: tuple[str, ...]
    words: Mapping[str, Mapping[str, frozenset[str]]] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> ConceptMap:
        """From TOML. Raises ValueError saying what is wrong in it."""
        return cls._read(tomllib.loads(text))

    @classmethod
    def from_path(cls, path: str) -> ConceptMap:
        """From a file of TOML."""
        with open(path, encoding="utf-8") as file:
            return cls.parse(file.read())

    @classmethod
    def everyday(cls) -> ConceptMap:
        """The one of the package: some 110 everyday concepts, made by hand."""
        return cls.parse((resources.files("broker.quality") / "data" / "concepts.toml").read_text("utf-8"))

    @classmethod
    def _read(cls, given: Mapping[str, Any]) -> ConceptMap:
        version, concepts = given.get("version"), given.get("concepts")
        if not isinstance(version, str) or "/" not in version:
            raise ValueError('a concept map begins with its name and version, as in version = "shop/3"')
        if not isinstance(concepts, dict) or not concepts:
            raise ValueError("a concept map has tables [concepts.NAME] with the words of each concept")
        words: dict[str, dict[str, frozenset[str]]] = {}
        for concept, by_provider in concepts.items():
            if not isinstance(by_provider, dict) or not any(by_provider.values()):
                raise ValueError(f'concept {concept!r} has no words; write any = ["word"]')
            for provider, listed in by_provider.items():
                if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
                    raise ValueError(f"concept {concept!r}: the words of {provider} must be a list of texts")
                into = words.setdefault(provider, {})
                for word in listed:
                    key = _key(word)
                    if not key:
                        raise ValueError(
                            f"concept {concept!r}: {word!r} of {provider} has no letter or digit"
                        )
                    into[key] = into.get(key, frozenset()) | {concept}
        return cls(version=version, concepts=tuple(concepts), words=words)

    def meant(self, provider: str, word: str) -> frozenset[str]:
        """The concepts that a provider's word means; empty: unmapped. ``aws:prod`` speaks as ``aws`` does."""
        key = _key(word)
        own = self.words.get(provider.partition(":")[0], {}).get(key, frozenset())
        return own | self.words.get(EVERY_PROVIDER, {}).get(key, frozenset())


def _key(word: str) -> str:
    return " ".join(plain_words(word))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A label as a provider gave it.

    :param confidence: 0..1 on the provider's own scale; None: unknown, and a positive threshold leaves it out.
    """

    name: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A provider's labels as concepts.

    :param concepts: those that reach their threshold.
    :param mapped: how many of its labels the map knows, whatever their confidence; ``total``: of how many.
    """

    concepts: frozenset[str]
    mapped: int
    total: int


def mapped(
    labels: Iterable[Told],
    provider: str,
    concept_map: ConceptMap,
    thresholds: Mapping[str, float] | None = None,
) -> Mapped:
    """Which concepts a provider sees, at its own threshold for each (0 where none is given)."""
    bars = thresholds or {}
    found: set[str] = set()
    known = total = 0
    for label in labels:
        total += 1
        meant = concept_map.meant(provider, label.name)
        known += bool(meant)
        for concept in meant:
            bar = bars.get(concept, 0.0)
            if bar <= 0.0 or (label.confidence is not None and label.confidence >= bar):
                found.add(concept)
    return Mapped(concepts=frozenset(found), mapped=known, total=total)


def concept_metric(concept_map: ConceptMap) -> Metric:
    """Micro-F1 over the concepts of the map: hits, false finds and misses of all pictures and concepts are summed."""
    return f1_metric(f"concept-f1:{concept_map.version}", VERSION)


def concept_counts(
    truth: frozenset[str],
    found: frozenset[str],
    concept_map: ConceptMap,
    judged: frozenset[str] | None = None,
) -> dict[str, Counts]:
    """Hits, false finds and misses of one picture by concept.

    :param judged: concepts that a person looked for in this picture; None: all of the map. Others are left out.

    Raises ValueError for truth that the map does not know: it could never be hit.
    """
    strange = truth - frozenset(concept_map.concepts)
    if strange:
        raise ValueError(
            f"the truth names what concept map {concept_map.version} does not have: {', '.join(sorted(strange))}"
        )
    counted = (truth | found) if judged is None else (truth | found) & judged
    return {
        concept: Counts(
            hits=float(concept in truth and concept in found),
            false=float(concept not in truth),
            missed=float(concept not in found),
        )
        for concept in sorted(counted)
    }


def concept_score(
    item: str,
    truth: frozenset[str],
    found: frozenset[str] | None,
    concept_map: ConceptMap,
    judged: frozenset[str] | None = None,
    drawn: Drawn = EVERY_ITEM,
) -> ItemScore:
    """One picture for :func:`concept_metric`; None: the call failed, and every concept is missed."""
    counts = sum(concept_counts(truth, found or frozenset(), concept_map, judged).values(), Counts())
    return ItemScore(item=item, parts=counts.parts, failed=found is None, drawn=drawn)


def mapping_coverage(each: Sequence[Mapped]) -> float | None:
    """Share of a provider's labels that the map knows; None where it gave none."""
    total = sum(one.total for one in each)
    return sum(one.mapped for one in each) / total if total else None


def mean_average_precision(
    rated: Mapping[str, Sequence[tuple[float, bool]]],
) -> float | None:
    """mAP: the mean over concepts of average precision, out of (confidence, is it there) for each picture.

    Average precision: the precision at the rank of each picture that has it, averaged over those; pictures of the same
    confidence count as one rank (scikit-learn's ``average_precision_score``). Concepts in no picture are left out.
    """
    values = []
    for pairs in rated.values():
        if not all(math.isfinite(level) for level, _ in pairs):
            raise ValueError("a confidence is a number; a picture without one ranks below all: give it -1")
        there = sum(is_there for _, is_there in pairs)
        if not there:
            continue
        hits = seen = 0
        total = 0.0
        ordered = sorted(pairs, key=lambda pair: -pair[0])
        index = 0
        while index < len(ordered):
            level, new = ordered[index][0], 0
            while index < len(ordered) and ordered[index][0] == level:
                new += ordered[index][1]
                index += 1
            hits, seen = hits + new, index
            total += new * hits / seen
        values.append(total / there)
    return sum(values) / len(values) if values else None
