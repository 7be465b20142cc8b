"""Derive the table that folds ImageNet's 1000 fine classes into useful words.

A classifier says *Collie*; people search for *Dog*. WordNet knows that a collie is a dog, and also that it
is a placental and a physical entity, which nobody searches for. This script keeps those hypernyms that
are words of everyday use, by one rule for all (see :func:`useful`), never by hand.

Inputs, both openly licensed:

* WordNet 3.0: the folder with ``data.noun`` and ``cntlist.rev``; Debian's package ``wordnet-base`` puts
  it at ``/usr/share/wordnet`` (WordNet 3.0 licence, see ``adapters/broker_local/data/WORDNET-LICENSE.txt``).
* the synset ids of ImageNet's classes in model order: ``timm/data/_info/imagenet_synsets.txt`` inside
  the wheel of the PyPI package ``timm`` (Apache-2.0; ``pip download --no-deps timm``). An id is ``n`` and
  the byte offset of the synset in WordNet 3.0's ``data.noun``.

Run it from the project's root::

    python scripts/wordnet/build_concepts.py --wordnet /usr/share/wordnet --timm timm-1.0.31-py3-none-any.whl

The output is the same for the same inputs.
"""

from __future__ import annotations

import argparse
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

SYNSETS = "timm/data/_info/imagenet_synsets.txt"
TABLE = Path("adapters/broker_local/data/concepts.tsv")
HEADER = """\
# Useful words for ImageNet's classes, derived by scripts/wordnet/build_concepts.py from WordNet 3.0.
# WordNet 3.0 Copyright 2006 by Princeton University. All rights reserved. See WORDNET-LICENSE.txt beside.
# id <tab> class index, or - <tab> broader concepts, nearest first <tab> name and other names, by |
"""

MIN_DEPTH = 4
"""Steps below WordNet's root *entity*; above lie words like *matter* and *relation*."""
SHALLOW = 5
"""Down to this depth a word must be really common: *food* passes, *commodity* does not."""
SHALLOW_COUNT = 10
MAX_LEAVES = 400
"""A word over more of the 1000 classes tells nothing (*artifact*, *organism*); *animal* has 398."""
LEAVES_PER_COUNT = 100
"""The more a word covers, the more often it must be met in text: *mammal* passes, *vertebrate* does not."""
LEAVES_PER_COMPOUND = 10
MIN_COMPOUNDS = 3


@dataclass(frozen=True, slots=True)
class Synset:
    """One noun synset of WordNet.

    :param words: its lemmas with their ``lex_id``, most frequent first.
    :param count: how often the first lemma was met in this sense in WordNet's tagged texts.
    """

    words: tuple[str, ...]
    count: int
    hypernyms: tuple[str, ...]


def read_wordnet(folder: Path) -> dict[str, Synset]:
    """All noun synsets by byte offset. The formats are wndb(5WN), senseidx(5WN) and cntlist(5WN)."""
    counts: dict[str, int] = {}
    for line in (folder / "cntlist.rev").read_text(encoding="utf-8").splitlines():
        key, _, count = line.split()
        counts[key] = int(count)
    synsets = {}
    for line in (folder / "data.noun").read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):  # the licence, at the head of the file
            continue
        fields = line.partition(" | ")[0].split()
        file_number, size = int(fields[1]), int(fields[3], 16)
        words = tuple(fields[4 + 2 * number] for number in range(size))
        lexical_id = int(fields[5], 16)
        pointers = fields[5 + 2 * size :]
        synsets[fields[0]] = Synset(
            words=words,
            count=counts.get(f"{words[0].lower()}%1:{file_number:02d}:{lexical_id:02d}::", 0),
            hypernyms=tuple(
                pointers[place + 1]
                for place in range(0, 4 * int(fields[4 + 2 * size]), 4)
                if pointers[place] in ("@", "@i") and pointers[place + 2] == "n"
            ),
        )
    return synsets


class Taxonomy:
    """Questions about the hypernyms of WordNet, from ImageNet's classes."""

    def __init__(self, synsets: dict[str, Synset], classes: list[str]) -> None:
        self.synsets = synsets
        self.classes = classes
        self.leaves: dict[str, set[str]] = defaultdict(set)
        for leaf in classes:
            for ancestor in self.distances(leaf):
                self.leaves[ancestor].add(leaf)
        self._compounds = self._count_compounds()

    def distances(self, offset: str) -> dict[str, int]:
        """The synset and everything above it, with the least number of steps."""
        found: dict[str, int] = {}
        front, steps = [offset], 0
        while front:
            found.update(dict.fromkeys(front, steps))
            above = {each for one in front for each in self.synsets[one].hypernyms}
            front, steps = sorted(above - found.keys()), steps + 1
        return found

    def depth(self, offset: str) -> int:
        """Steps to the farthest synset above."""
        return max(self.distances(offset).values())

    def _count_compounds(self) -> dict[str, int]:
        """For each synset above a class: how many synsets below it are named ``… word`` after it."""
        number: dict[str, int] = defaultdict(int)
        for offset, synset in self.synsets.items():
            last = {word.lower().rpartition("_")[2] for word in synset.words if "_" in word}
            if last:
                for above in self.distances(offset).keys() & self.leaves.keys():
                    number[above] += above != offset and self.synsets[above].words[0].lower() in last
        return number

    def useful(self, offset: str) -> bool:
        """Whether the synset is a word of everyday use, neither too wide nor too learned.

        Either it is met in text often enough for its width, or language itself builds on it: *sea
        turtle* and *box turtle* show that *turtle* is what people call the thing, while nothing is called
        a *… chelonian*.
        """
        synset, leaves, depth = self.synsets[offset], len(self.leaves[offset]), self.depth(offset)
        if depth < MIN_DEPTH or leaves > MAX_LEAVES:
            return False
        least = SHALLOW_COUNT if depth <= SHALLOW else max(1, leaves / LEAVES_PER_COUNT)
        if synset.count >= least:
            return True
        built_on = self._compounds[offset] >= max(MIN_COMPOUNDS, leaves / LEAVES_PER_COMPOUND)
        return built_on and "_" not in synset.words[0]


def rows(taxonomy: Taxonomy) -> list[str]:
    """The table's lines: first the classes in model order, then the words above them by id."""
    index = {leaf: str(number) for number, leaf in enumerate(taxonomy.classes)}
    above = sorted(offset for offset in taxonomy.leaves if offset not in index and taxonomy.useful(offset))
    kept = {*index, *above}
    lines = []
    for offset in [*index, *above]:
        near = taxonomy.distances(offset)
        parents = sorted(
            (each for each in near if each in kept and each != offset),
            key=lambda each: (near[each], len(taxonomy.leaves[each]), each),
        )
        names = "|".join(shown(word) for word in taxonomy.synsets[offset].words)
        broader = ",".join(f"n{each}" for each in parents)
        lines.append(f"n{offset}\t{index.get(offset, '-')}\t{broader}\t{names}")
    return lines


def shown(word: str) -> str:
    """A lemma for people: spaces, and a capital where WordNet has none."""
    text = word.replace("_", " ")
    return text[0].upper() + text[1:] if text.islower() else text


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with data.noun and cntlist.rev")
    parser.add_argument("--timm", type=Path, required=True, help="the wheel of timm")
    parser.add_argument("--output", type=Path, default=TABLE)
    options = parser.parse_args()
    with zipfile.ZipFile(options.timm) as wheel:
        classes = [wnid.removeprefix("n") for wnid in wheel.read(SYNSETS).decode("ascii").split()]
    lines = rows(Taxonomy(read_wordnet(options.wordnet), classes))
    options.output.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
