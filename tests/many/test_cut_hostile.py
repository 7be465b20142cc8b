"""Cutting what nobody writes: runs without end cost no more than other texts, and numbers and addresses stay whole."""

from __future__ import annotations

import time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from broker.contract import TextUnit, size_of
from broker.contract.cut import cut

MANY = 100_000
RUNS = {
    "full stops": "." * MANY,
    "full stops with brackets": ".)" * (MANY // 2),
    "wide full stops and a mark": "。" * MANY + "\u0301",
    "spaces and a mark": " " * MANY + "\u0301",
    "lines and a mark": "\n" * MANY + "\u0301",
    "blank lines and a mark": " \n" * (MANY // 2) + "\u0301",
    "letters and a mark": "x" * MANY + "\u0301",
    "marks": "\u0301" * MANY,
    "flags": "\U0001f1e9" * MANY,
    "joined": "\U0001f469\u200d" * (MANY // 2),
}


@pytest.mark.parametrize("unit", [TextUnit.BYTE, TextUnit.GRAPHEME])
@pytest.mark.parametrize("name", RUNS)
def test_a_run_takes_no_more_time_than_its_length(name: str, unit: TextUnit) -> None:
    begun = time.process_time()
    parts = cut(RUNS[name], 5_000, unit)
    # Half a second here, and minutes where each place of a run is searched to its end.
    assert time.process_time() - begun < 10.0
    assert "".join(RUNS[name][begin:end] for begin, end in parts) == RUNS[name]


@given(st.text(st.sampled_from("\U0001f1e9\U0001f1ea\u0301\u200dx \r\n\u0600\U0001f469"), max_size=30))
def test_elements_are_those_of_the_standard(text: str) -> None:
    assert size_of(text, TextUnit.GRAPHEME) == len(regex.findall(r"\X", text))


@pytest.mark.parametrize(
    ("text", "most", "whole"),
    [
        ("call me at 030 1234 5678 or later on", 20, "030 1234 5678"),
        ("my card is 4111 1111 1111 1111 and it is", 32, "4111 1111 1111 1111"),
        ("my phone is (030) 123-4567 so call me", 24, "(030) 123-4567"),
        ("我的邮箱是alice.b@example.com请写信给我谢谢你们", 22, "alice.b@example.com"),
        ("我的电话是13800138000请打电话给我谢谢你们", 14, "13800138000"),
    ],
)
def test_numbers_and_addresses_are_not_parted(text: str, most: int, whole: str) -> None:
    parts = [text[begin:end] for begin, end in cut(text, most, TextUnit.CODE_POINT)]
    assert len(parts) > 1
    assert any(whole in part for part in parts)


def test_a_list_of_numbers_longer_than_the_limit_is_still_cut_between_them() -> None:
    parts = cut("1 2 3 4 5 6 7 8 9", 6, TextUnit.CODE_POINT)
    assert [end - begin for begin, end in parts] == [6, 6, 5]
