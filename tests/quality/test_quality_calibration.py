"""Calibration with an interval: it holds near 0, where drawing items again does not, and follows what items stand for."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.quality.calibration import Rated, calibration, calibration_error

RATED = st.lists(
    st.builds(
        Rated,
        confidence=st.floats(0, 1),
        right=st.booleans(),
        weight=st.floats(1, 100),
        cluster=st.sampled_from([None, "a", "b"]),
    ),
    min_size=1,
    max_size=60,
)


def world(name: str, draw: random.Random) -> tuple[float, float]:
    """A confidence, and the probability that such an answer is right."""
    if name == "calibrated":
        sure = draw.betavariate(5, 1.5)
        return sure, sure
    if name == "too sure":
        sure = draw.betavariate(8, 1)
        return sure, max(0.0, sure - 0.1)
    sure = draw.random()
    return sure, min(1.0, sure + 0.15) if sure < 0.5 else sure - 0.15


@pytest.mark.parametrize(("name", "true"), [("calibrated", 0.0), ("too sure", 0.0998), ("both ways", 0.14)])
@pytest.mark.parametrize("count", [20, 200])
def test_the_interval_holds_the_error(name: str, true: float, count: int) -> None:
    draw, held, runs = random.Random(7), 0, 80
    for _ in range(runs):
        rated = []
        for _ in range(count):
            sure, chance = world(name, draw)
            rated.append(Rated(confidence=sure, right=draw.random() < chance))
        told = calibration(rated)
        assert told.low is not None
        assert told.high is not None
        held += told.low <= true <= told.high
    assert held / runs >= 0.95


@pytest.mark.parametrize(("count", "alike"), [(20, 1), (100, 1), (100, 5)])
def test_few_items_right_by_chance_hide_no_error(count: int, alike: int) -> None:
    """All are told as 95 % sure, and 80 % are right; 6 to 8 % of the upper ends were too low."""
    draw, low, runs = random.Random(5), 0, 400
    for _ in range(runs):
        rated = []
        for number in range(count // alike):
            right = draw.random() < 0.8
            cluster = str(number) if alike > 1 else None
            rated += [Rated(confidence=0.95, right=right, cluster=cluster)] * alike
        told = calibration(rated)
        assert told.high is not None
        low += told.high < 0.15
    assert low / runs <= 0.03


def test_many_items_tell_an_error_from_none() -> None:
    def of(name: str) -> float:
        draw = random.Random(1)
        pairs = [world(name, draw) for _ in range(4000)]
        told = calibration([Rated(confidence=sure, right=draw.random() < chance) for sure, chance in pairs])
        assert told.low is not None
        return told.low

    assert of("calibrated") == 0.0
    assert of("too sure") > 0.05


@given(RATED)
def test_it_is_a_share_with_the_usual_figure_inside(rated: list[Rated]) -> None:
    told = calibration(rated)
    assert told.known
    low, point, high = told.low or 0.0, told.point or 0.0, told.high or 0.0
    assert 0 <= low <= point + 1e-12
    assert point <= high + 1e-12 <= 1 + 1e-9
    alike = [Rated(confidence=each.confidence, right=each.right, weight=3.0) for each in rated]
    usual = calibration_error([(each.confidence, each.right) for each in rated])
    assert calibration(alike).point == pytest.approx(usual)


@given(RATED)
def test_clusters_widen_it(rated: list[Rated]) -> None:
    def width(change: Callable[[int], str | None]) -> float:
        told = calibration(
            [
                Rated(confidence=each.confidence, right=each.right, weight=each.weight, cluster=change(place))
                for place, each in enumerate(rated)
            ]
        )
        return (told.high or 0.0) - (told.low or 0.0)

    assert width(lambda place: str(place // 5)) >= width(str) - 1e-12
    assert width(lambda place: None) == pytest.approx(width(str))


def test_items_that_stand_for_others_weigh_more() -> None:
    """Unsure answers are calibrated and were all looked at; of the sure ones, which are too sure, one in ten."""
    unsure = [Rated(confidence=0.5, right=i % 2 == 0) for i in range(100)]
    sure = [Rated(confidence=0.9, right=i % 10 > 3, weight=10.0) for i in range(100)]
    told = calibration([*unsure, *sure])
    assert told.point == pytest.approx(10 / 11 * 0.3)
    assert told.effective_n < 200


def test_what_is_no_ratio_or_not_there_is_unknown() -> None:
    assert not calibration([]).known
    told = calibration([Rated(confidence=-0.4, right=True), Rated(confidence=0.4, right=True)])
    assert not told.known
    assert "no ratios" in told.notes[0]
