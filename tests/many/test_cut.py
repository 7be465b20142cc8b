"""Cutting a long text: nothing is lost, nothing is too large, and a cut falls where a reader would make it."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from broker.contract import TextLimits, TextUnit, size_of
from broker.contract.cut import cut

PIECES = [
    "a",
    "word ",
    "Ein Satz. ",
    "3.14",
    "!",
    "\n",
    " ",
    "é",
    "é",
    "👩‍👩‍👧",
    "🏳️‍🌈",
    "日本語。",
    "שלום ",
    "مرحبا. ",
    "\r\n",
    "\u200b",
    "́",
    "？」",
]
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=60).map("".join)


@given(TEXTS, st.integers(4, 60), st.sampled_from(TextUnit))
def test_the_parts_are_the_whole_and_none_is_too_large(text: str, most: int, unit: TextUnit) -> None:
    parts = cut(text, most, unit)
    assert "".join(text[begin:end] for begin, end in parts) == text
    assert all(0 < size_of(text[begin:end], unit) <= most for begin, end in parts)


@given(TEXTS, st.integers(60, 200), st.sampled_from([TextUnit.GRAPHEME, TextUnit.CODE_POINT]))
def test_a_letter_is_never_parted_from_its_marks(text: str, most: int, unit: TextUnit) -> None:
    borders = {0, *(found.end() for found in regex.finditer(r"\X", text))}
    assert {end for _, end in cut(text, most, unit)} <= borders


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("One. Two. Three.", 10, ["One. Two. ", "Three."]),
        ("Pi is 3.14 or so. Yes.", 18, ["Pi is 3.14 or so. ", "Yes."]),
        ('He said "No." Then left.', 15, ['He said "No." ', "Then left."]),
        ("日本語。英語！ドイツ語？", 7, ["日本語。英語！", "ドイツ語？"]),
        ("a line\nanother line\n", 12, ["a line\n", "another ", "line\n"]),
        ("no end of a sentence here", 10, ["no end of ", "a ", "sentence ", "here"]),
        ("unbreakable", 4, ["unbr", "eaka", "ble"]),
    ],
)
def test_a_cut_falls_at_a_sentence_then_a_word_then_a_letter(
    text: str, most: int, expected: list[str]
) -> None:
    assert [text[begin:end] for begin, end in cut(text, most, TextUnit.CODE_POINT)] == expected


def test_bytes_are_counted_as_utf8() -> None:
    text = "ééé. ééé."
    assert [text[begin:end] for begin, end in cut(text, 8, TextUnit.BYTE)] == ["ééé. ", "ééé."]


def test_one_element_above_the_limit_is_itself_cut() -> None:
    family = "👩‍👩‍👧‍👧"
    assert size_of(family, TextUnit.GRAPHEME) == 1
    assert all(size_of(family[b:e], TextUnit.BYTE) <= 4 for b, e in cut(family, 4, TextUnit.BYTE))


@pytest.mark.parametrize(
    ("unit", "size"),
    [(TextUnit.CODE_POINT, 6), (TextUnit.BYTE, 15), (TextUnit.UTF16, 8), (TextUnit.GRAPHEME, 3)],
)
def test_each_unit_counts_what_it_says(unit: TextUnit, size: int) -> None:
    assert size_of("e\u0301\U0001f469\u200d\U0001f469x", unit) == size


@given(TEXTS, st.integers(1, 80), st.sampled_from(TextUnit))
def test_what_fits_is_what_is_not_above_the_limit(text: str, most: int, unit: TextUnit) -> None:
    assert TextLimits(max_size=most, unit=unit).fits(text) == (size_of(text, unit) <= most)
