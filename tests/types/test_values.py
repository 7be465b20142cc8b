"""Confidence, labels and regions: scales are kept apart, filters keep their order."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import BadInput
from broker.types import Confidence, Image, Label, LabelRequest, LabelSet, Region, Scale

IMAGE = Image(data=b"x", format="png", width=10, height=10)


@given(st.floats(0, 1))
def test_a_ratio_is_its_own_value(number: float) -> None:
    found = Confidence.ratio(number)
    assert (found.value, found.raw, found.scale, found.clamped) == (number, number, Scale.RATIO, False)


@given(st.floats(0, 100))
def test_a_percentage_is_divided_and_kept_as_said(number: float) -> None:
    found = Confidence.percent(number)
    assert found.value == number / 100
    assert (found.raw, found.scale, found.clamped) == (number, Scale.PERCENT, False)


@given(
    st.floats() | st.integers() | st.floats().map(str),
    st.sampled_from([Confidence.ratio, Confidence.percent]),
)
def test_no_number_gives_a_value_outside_the_scale(number: float | str, read: object) -> None:
    try:
        found = read(number)  # type: ignore[operator] # one of the two class methods
    except ValueError:
        assert isinstance(number, int)
        assert abs(number) > 10**300
        return
    assert found.value is None or 0.0 <= found.value <= 1.0


@pytest.mark.parametrize(
    ("raw", "value"),
    [(101.0, 1.0), (-0.5, 0.0), (math.inf, 1.0), (-math.inf, 0.0), ("250", 1.0), (1e308, 1.0)],
)
def test_numbers_outside_the_scale_are_cut_and_flagged(raw: float | str, value: float) -> None:
    found = Confidence.percent(raw)
    assert (found.value, found.clamped) == (value, True)


@pytest.mark.parametrize("raw", [math.nan, "nan", "NaN"])
def test_nan_has_no_value_and_is_flagged(raw: float | str) -> None:
    for read in (Confidence.ratio, Confidence.percent):
        found = read(raw)
        assert (found.value, found.raw, found.clamped) == (None, "NaN", True)
        assert found.shown == "NaN"


def test_nothing_said_is_nothing_known() -> None:
    found = Confidence.ratio(None)
    assert (found.value, found.raw, found.clamped, found.shown) == (None, None, False, "unknown")


@pytest.mark.parametrize("raw", ["VERY_LIKELY", "", "0,9", True, False, [], {}, object(), 10**400])
def test_what_is_no_number_is_a_value_error_so_that_the_reply_counts_as_malformed(raw: object) -> None:
    for read in (Confidence.ratio, Confidence.percent):
        with pytest.raises(ValueError, match=r"."):
            read(raw)  # type: ignore[arg-type] # vendors send anything


@pytest.mark.parametrize("raw", ["0.98", "1", 1, 0, "1e-3"])
def test_numeric_texts_and_integers_are_read(raw: str | int) -> None:
    assert Confidence.ratio(raw).value == float(raw)


def test_a_confidence_cannot_be_changed() -> None:
    for found in (Confidence.ratio(0.5), Confidence.ratio(5.0)):
        with pytest.raises(AttributeError):
            found.value = 1.0  # type: ignore[misc] # that is the point
        assert found == Confidence(value=found.value, raw=found.raw, scale=found.scale, clamped=found.clamped)


confidences = st.one_of(
    st.floats(0, 1).map(Confidence.ratio),
    st.floats(0, 100).map(Confidence.percent),
    st.just(Confidence.ratio(None)),
)
labels = st.lists(
    st.builds(lambda name, how: Label(name=name, confidence=how), st.text(max_size=3), confidences),
    max_size=12,
)


@given(labels, st.floats(0, 1), st.none() | st.integers(1, 15))
def test_select_filters_keeps_the_vendors_order_and_takes_the_surest(
    given_labels: list[Label], bar: float, most: int | None
) -> None:
    everything = tuple(given_labels)
    request = LabelRequest(image=IMAGE, min_confidence=bar, max_labels=most)
    kept = LabelSet(labels=everything).select(request).labels
    passing = [
        each
        for each in everything
        if bar == 0 or (each.confidence.value is not None and each.confidence.value >= bar)
    ]
    assert len(kept) == (len(passing) if most is None else min(most, len(passing)))
    left = list(passing)
    for each in kept:  # a subsequence: same objects, same order
        while left and left[0] is not each:
            left.pop(0)
        assert left
        left.pop(0)
    out = [each for each in passing if not any(each is one for one in kept)]
    surest_out = max((each.confidence.value or 0.0 for each in out), default=0.0)
    assert all((each.confidence.value or 0.0) >= surest_out for each in kept)
    assert LabelSet(labels=kept).select(request).labels == kept


@pytest.mark.parametrize("most", [0, -1, True, 2.5, "5", math.nan])
def test_max_labels_must_be_a_count(most: object) -> None:
    with pytest.raises(BadInput, match="max_labels"):
        LabelRequest(image=IMAGE, max_labels=most)  # type: ignore[arg-type] # that is the mistake


@pytest.mark.parametrize("bar", [50, 1.0001, -0.1, math.nan, math.inf, True, "0.5", None])
def test_min_confidence_must_be_a_ratio(bar: object) -> None:
    with pytest.raises(BadInput, match="min_confidence"):
        LabelRequest(image=IMAGE, min_confidence=bar)  # type: ignore[arg-type] # that is the mistake


def test_fifty_is_explained() -> None:
    with pytest.raises(BadInput, match=r"for 50 % write 0\.5"):
        LabelRequest(image=IMAGE, min_confidence=50)


corners = st.lists(st.tuples(st.floats(-500, 1500), st.floats(-500, 1500)), min_size=1, max_size=8)


@given(corners, st.integers(1, 1000), st.integers(1, 1000))
def test_a_regions_box_lies_in_the_image_and_its_polygon_is_what_was_drawn(
    drawn: list[tuple[float, float]], width: int, height: int
) -> None:
    region = Region.from_pixels(drawn, width=width, height=height)
    box = region.box
    assert 0.0 <= box.left <= box.left + box.width <= 1.0 + 1e-12
    assert 0.0 <= box.top <= box.top + box.height <= 1.0 + 1e-12
    assert box.width >= 0
    assert box.height >= 0
    assert region.raw == tuple(number for corner in drawn for number in corner)
    for (x, y), point in zip(drawn, region.polygon, strict=True):
        assert (point.x, point.y) == (x / width, y / height)
        if 0 <= point.x <= 1 and 0 <= point.y <= 1:
            assert box.left <= point.x <= box.left + box.width + 1e-12
            assert box.top <= point.y <= box.top + box.height + 1e-12
