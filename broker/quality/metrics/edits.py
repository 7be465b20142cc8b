"""The fewest edits that turn one sequence into another, and which ones.

Hyyrö's bit-parallel form of the Levenshtein distance (2003) on Python's long integers: a column of the table is one
number, so that two transcripts of 10,000 words take a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum


class Edit(str, Enum):
    """What happened to a word."""

    SAME = "same"
    SUBSTITUTED = "substituted"
    DELETED = "deleted"
    """In the reference, not in the answer."""
    INSERTED = "inserted"
    """In the answer, not in the reference."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an alignment.

    :param at: index in the reference; of an insertion, of the word it stands before.
    :param found: index in the answer; of a deletion, of the word it stands before.
    """

    edit: Edit
    at: int
    found: int


def distance(reference: Sequence[Hashable], answer: Sequence[Hashable]) -> int:
    """How many substitutions, deletions and insertions at least."""
    length = len(reference)
    if not length:
        return len(answer)
    return _columns(reference, answer, None)


def alignment(reference: Sequence[Hashable], answer: Sequence[Hashable]) -> list[Step]:
    """One way with the fewest edits, in order. Where several are as short, substitutions stand late."""
    length = len(reference)
    columns: list[tuple[int, int]] = []
    if length:
        _columns(reference, answer, columns)
    i, j = length, len(answer)
    steps: list[Step] = []
    while i and j:
        plus = columns[j - 1][0]
        bit = 1 << (i - 1)
        if plus & bit:  # D[i][j] = D[i-1][j] + 1
            i -= 1
            steps.append(Step(Edit.DELETED, i, j))
            continue
        left_falls = columns[j - 2][1] if j > 1 else 0
        # D[i][j-1] = D[i-1][j-1] - 1, and D[i][j] is not below D[i-1][j-1]: so D[i][j] = D[i][j-1] + 1
        if left_falls & bit:
            j -= 1
            steps.append(Step(Edit.INSERTED, i, j))
            continue
        i, j = i - 1, j - 1
        steps.append(Step(Edit.SAME if reference[i] == answer[j] else Edit.SUBSTITUTED, i, j))
    while i:
        i -= 1
        steps.append(Step(Edit.DELETED, i, j))
    while j:
        j -= 1
        steps.append(Step(Edit.INSERTED, i, j))
    steps.reverse()
    return steps


def _columns(
    reference: Sequence[Hashable], answer: Sequence[Hashable], kept: list[tuple[int, int]] | None
) -> int:
    """The distance; ``kept`` receives of each column where it rises (VP) and falls (VN) by one going down."""
    places: dict[Hashable, int] = {}
    for index, word in enumerate(reference):
        places[word] = places.get(word, 0) | (1 << index)
    mask = (1 << len(reference)) - 1
    last = 1 << (len(reference) - 1)
    plus, minus, score = mask, 0, len(reference)
    for word in answer:
        equal = places.get(word, 0)
        diagonal = (((equal & plus) + plus) ^ plus) | equal | minus
        rises = minus | (mask & ~(diagonal | plus))
        falls = plus & diagonal
        score += bool(rises & last) - bool(falls & last)
        rises = (rises << 1) | 1
        falls <<= 1
        plus = (falls & mask) | (mask & ~(diagonal | rises))
        minus = rises & diagonal & mask
        if kept is not None:
            kept.append((plus, minus))
    return score
