"""Sidecars of wordings without the tags that place them: the entries find their words by order and by what they stand for."""

from __future__ import annotations

from typing import Any

import quality_sidecars as sidecars
from hypothesis import given
from hypothesis import strategies as st

from broker.quality.metrics.wordings import worded_wer_score


def entry(name: str, *said: str) -> dict[str, Any]:
    return {"class": name, "candidates": [{"verbalization": each.split()} for each in said]}


def errors(
    reference: str, entries: list[dict[str, Any]], answer: str, *, synonyms: bool = False
) -> tuple[float, float]:
    call = {"reference": reference, "normalizations": {str(3 * i): each for i, each in enumerate(entries)}}
    told = worded_wer_score("x", sidecars.worded(call, synonyms=synonyms), answer, sidecars.WRITTEN)
    return told.parts[0], told.parts[1]


def test_what_is_tagged_may_be_said_in_any_of_its_wordings() -> None:
    entries = [
        entry("YEAR", "twenty twenty", "two thousand twenty"),
        entry("PERCENT", "eleven point six percent"),
        entry("FALLBACK", "q and a", "q a"),
        entry("CONTRACTION", "kind of", "kinda"),
    ]
    reference = "In 202. we had 11.60% and then Q&A, kind of."
    assert errors(
        reference, entries, "in two thousand twenty we had eleven point six percent and then q and a kinda"
    ) == (0, 16)
    assert errors(reference, entries, "in 202 we had 11.60% and then q&a kind of") == (0, 10)
    assert (
        errors(reference, entries, "in 2020 we had 11.60% and then q&a kind of")[0] == 1
    )  # as their tool has it
    assert errors(reference, [], "in 202 we had eleven point six percent and then q&a kind of")[0] == 4


def test_a_wording_belongs_to_its_own_place() -> None:
    """Two ``20``: the first is the cardinal, the second the year."""
    entries = [entry("CARDINAL", "twenty"), entry("YEAR", "two thousand twenty")]
    assert errors("20 of 2020", entries, "twenty of two thousand twenty") == (0, 5)
    assert errors("20 of 2020", entries, "two thousand twenty of twenty")[0] > 0


def test_synonyms_go_from_the_reference_to_the_answer() -> None:
    assert errors("we are gonna be okay", [], "we're going to be ok", synonyms=True)[0] == 0
    assert errors("we are gonna be okay", [], "we're going to be ok")[0] == 4
    assert errors("they are late", [], "they're late", synonyms=True)[0] == 0
    assert (
        errors("they're late", [], "they are late", synonyms=True)[0] == 2
    )  # their list has it one way only
    assert errors("long-term", [], "long term", synonyms=True)[0] == 2  # nor is a hyphen a space


SPOTS = st.lists(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 2)), max_size=4, unique_by=lambda each: each[0]),
    max_size=5,
)


@given(SPOTS)
def test_no_row_is_longer_than_the_longest(spots: list[list[tuple[int, int]]]) -> None:
    falling = [sorted(each, reverse=True) for each in spots]

    def longest(entry: int, free: int) -> int:
        if entry == len(falling):
            return 0
        taken = [1 + longest(entry + 1, at + count) for at, count in falling[entry] if at >= free]
        return max([longest(entry + 1, free), *taken])

    row = sidecars.longest_row(falling)
    assert len(row) == longest(0, 0)
    free = 0
    for index in sorted(row):
        at, count = row[index]
        assert (at, count) in falling[index]
        assert at >= free
        free = at + count
