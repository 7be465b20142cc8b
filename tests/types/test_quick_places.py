"""Places are made in a quicker way, and are what the dataclasses would have made."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.types import Box, Point, Region

NUMBERS = st.floats(-3.0, 3.0)
CORNERS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8)


def clipped(ratio: float) -> float:
    return min(1.0, max(0.0, ratio))


def plain(corners: list[tuple[float, float]]) -> Region:
    left, right = (clipped(edge(x for x, _ in corners)) for edge in (min, max))
    top, bottom = (clipped(edge(y for _, y in corners)) for edge in (min, max))
    return Region(
        box=Box(left=left, top=top, width=right - left, height=bottom - top),
        polygon=tuple(Point(x=x, y=y) for x, y in corners),
        raw=tuple(number for corner in corners for number in corner),
    )


@given(CORNERS)
def test_a_region_is_the_same_value_of_the_same_kind(corners: list[tuple[float, float]]) -> None:
    quick, slow = Region.from_ratios(corners), plain(corners)
    assert quick == slow
    assert hash(quick) == hash(slow)
    assert repr(quick.box) == repr(slow.box)
    assert pickle.loads(pickle.dumps(quick)) == copy.deepcopy(quick) == slow
    assert [type(each) for each in (quick, quick.box, *quick.polygon)] == [
        Region,
        Box,
        *[Point] * len(corners),
    ]


@given(st.lists(st.tuples(st.integers(-999, 9_999), st.integers(-999, 9_999)), min_size=1, max_size=8))
def test_pixels_are_ratios_of_the_sides_and_the_raw_numbers_stay(corners: list[tuple[int, int]]) -> None:
    region = Region.from_pixels(corners, width=640, height=480)
    slow = plain([(x / 640, y / 480) for x, y in corners])
    assert (region.polygon, region.box) == (slow.polygon, slow.box)
    assert region.raw == tuple(number for corner in corners for number in corner)


@pytest.mark.parametrize("number", [nan, inf, -inf])
@pytest.mark.parametrize("place", range(8))
def test_one_number_that_is_none_is_refused_wherever_it_is(number: float, place: int) -> None:
    numbers = [0.5] * 8
    numbers[place] = number
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    with pytest.raises(ValueError, match="corners"):
        Region.from_ratios(corners)
    with pytest.raises(ValueError, match="corners"):
        Region.from_pixels(corners, width=10, height=10)


def test_no_corner_is_no_place() -> None:
    with pytest.raises(ValueError, match="corners"):
        Region.from_ratios([])
    with pytest.raises(ValueError, match="corners"):
        Region.from_pixels([], width=10, height=10)


def test_places_are_frozen_and_can_be_replaced() -> None:
    region = Region.from_ratios([(0.25, 0.5), (0.5, 0.75)])
    for each in (region, region.box, region.polygon[0]):
        for field in fields(each):
            with pytest.raises(FrozenInstanceError):
                setattr(each, field.name, None)
    assert replace(region, raw=()).raw == ()
    assert replace(region.box, left=0.0).width == region.box.width
    with pytest.raises(TypeError):
        Point(x=0.5)  # type: ignore[call-arg] # what the test is about
