"""The reference of an Earnings-21 call as its publishers score it: with the wordings that they accept, each in its place.

They score with their own tool, fstalign (github.com/revdotcom/fstalign, docs/Usage.md): ``--ref-json`` gives a sidecar that
says for tagged words how else they may be said, ``--syn`` a list of synonyms. Words are compared without case and with
punctuation of its own; a hyphen is not a space; fillers and tags such as ``<inaudible>`` count as words.

The sidecars are given, the tags that say where their entries belong are not. Entries of a class are in the order of the
text, so that they find their places again: the longest row of them in which each stands where its words (or digits, or
letters) are. All but about 1 % do. That matters: some references lost a figure (``202.`` is tagged as the year 2020), and
only the sidecar knows it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from broker.quality.metrics.normalise import Normaliser
from broker.quality.metrics.numerals import as_digits
from broker.quality.metrics.wordings import Worded

Spot = tuple[int, int]
"""Where words begin, and how many."""

_EDGES = re.compile(r"^[^\w$%£€]+|[^\w%]+$")
_SAID_MARKS = frozenset(["and", "at", "dash", "dot", "point", "slash", "to"])
_LONGEST = 3


def _as_written(text: str) -> list[str]:
    words = (_EDGES.sub("", word) for word in text.replace("’", "'").lower().split())
    return [word for word in words if word]


WRITTEN = Normaliser(name="as-written/1", words=_as_written)
"""Small letters without marks at either end of a word, as the tool has them."""


def _synonyms() -> dict[str, tuple[str, ...]]:
    """What the tool's list of 2021 takes for the same, from reference to answer: contractions, and words run together."""
    known: defaultdict[str, list[str]] = defaultdict(list)
    both = [
        ("okay", "ok"),
        ("gonna", "going to"),
        ("wanna", "want to"),
        ("kinda", "kind of"),
        ("gotta", "got to"),
    ]
    both += [
        ("'em", "them"),
        ("would've", "would have"),
        ("i am", "i'm"),
        ("he is", "he's"),
        ("she is", "she's"),
    ]
    both += [("it is", "it's"), ("you are", "you're"), ("we are", "we're")]
    both += [(f"{who} will", f"{who}'ll") for who in ("i", "you", "he", "she", "it", "we", "they")]
    for one, other in both:
        known[one].append(other)
        known[other].append(one)
    one_way = {"they are": ["they're"], "i'd": ["i had", "i would"], "because": ["'cause", "cause"]}
    one_way["'cause"] = ["cause", "because"]
    return {said: tuple(others) for said, others in (known | one_way).items()}


SYNONYMS: Mapping[str, tuple[str, ...]] = _synonyms()


def worded(call: Mapping[str, Any], *, synonyms: bool) -> list[Worded]:
    """The reference in pieces, each with what else is right there."""
    words: list[str] = call["reference"].split()
    entries = located(words, call["normalizations"])
    bare = [" ".join(_as_written(word)) for word in words]
    pieces, at = [], 0
    while at < len(words):
        if at in entries:
            count, others = entries[at]
        elif synonyms:
            count, others = _same(bare, at, entries)
        else:
            count, others = 1, ()
        pieces.append(Worded(wordings=(" ".join(words[at : at + count]), *others)))
        at += count
    return pieces


def _same(bare: Sequence[str], at: int, entries: Mapping[int, object]) -> tuple[int, tuple[str, ...]]:
    if at + 1 < len(bare) and at + 1 not in entries:
        others = SYNONYMS.get(f"{bare[at]} {bare[at + 1]}")
        if others:
            return 2, others
    return 1, SYNONYMS.get(bare[at], ())


def located(
    words: Sequence[str], normalizations: Mapping[str, Any]
) -> dict[int, tuple[int, tuple[str, ...]]]:
    """By the word where it begins: how many words an entry of the sidecar is of, and how else it may be said."""
    places: defaultdict[str, set[Spot]] = defaultdict(set)
    for at in range(len(words)):
        for count in range(1, min(_LONGEST, len(words) - at) + 1):
            for form in _forms_written(" ".join(words[at : at + count])):
                places[form].add((at, count))
    classes: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for _, entry in sorted(normalizations.items(), key=lambda each: int(each[0])):
        classes[entry["class"]].append(tuple(" ".join(each["verbalization"]) for each in entry["candidates"]))
    found: dict[int, tuple[int, tuple[str, ...]]] = {}
    taken: set[int] = set()
    for name in sorted(
        classes, key=lambda each: each == "FALLBACK"
    ):  # which fits most words, so it chooses last
        spots = [sorted(_spots(said, name, places, taken), reverse=True) for said in classes[name]]
        for index, (at, count) in longest_row(spots).items():
            found[at] = count, classes[name][index]
            taken.update(range(at, at + count))
    return found


def _spots(
    said: Sequence[str], name: str, places: Mapping[str, set[Spot]], taken: set[int]
) -> Iterator[Spot]:
    shortest: dict[int, int] = {}
    forms = {form for each in said for form in _forms_said(each)}
    if name == "YEAR":  # "2020." became "202." where the set was made
        forms |= {form[:-1] for form in forms if re.fullmatch(r"=\d{4}", form)}
    for form in forms:
        for at, count in places.get(form, ()):
            if taken.isdisjoint(range(at, at + count)):
                shortest[at] = min(count, shortest.get(at, count))
    yield from shortest.items()


@cache
def _forms_said(text: str) -> frozenset[str]:
    """What a wording may look like when written: as digits, as a value, as letters without what is said for marks."""
    digits = as_digits(text.lower())
    kept = [word for word in digits if word not in _SAID_MARKS]
    spelled = [word for word in text.lower().split() if word not in _SAID_MARKS]
    return _forms(digits) | {_letters(kept), _letters(spelled), _letters([text])} - {"="}


@cache
def _forms_written(text: str) -> frozenset[str]:
    return _forms(as_digits(text.lower())) | {_letters([text])} - {"="}


def _forms(digits: Sequence[str]) -> frozenset[str]:
    numbers = [float(word) for word in digits if re.fullmatch(r"\d+(?:\.\d+)?", word)]
    forms = {_letters(digits)} - {"="}
    return frozenset(forms | {f"#{numbers[0]:g}"} if len(numbers) == 1 else forms)


def _letters(words: Sequence[str]) -> str:
    return "=" + re.sub(r"[\W_]", "", "".join(words).lower())


def longest_row(spots: Sequence[Sequence[Spot]]) -> dict[int, Spot]:
    """The most entries that can stand one behind the other: by entry, the spot it has there.

    :param spots: where each entry may stand, the last place first.
    """
    ends: list[int] = []  # by length of row: the least word at which one of it ends
    last: list[int] = []  # and the step that ends it
    steps: list[tuple[int, Spot, int | None]] = []
    for entry, places in enumerate(spots):
        for at, count in places:  # from the last on: none of these stands behind another of the same entry
            length = bisect_right(ends, at)
            steps.append((entry, (at, count), last[length - 1] if length else None))
            if length == len(ends):
                ends.append(at + count)
                last.append(len(steps) - 1)
            elif at + count < ends[length]:
                ends[length], last[length] = at + count, len(steps) - 1
    row: dict[int, Spot] = {}
    step = last[-1] if last else None
    while step is not None:
        entry, spot, step = steps[step]
        row[entry] = spot
    return row
