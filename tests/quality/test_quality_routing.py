"""Two providers in a row: what they save, told by items that they were not learned on."""

from __future__ import annotations

import random
from decimal import Decimal as D
from pathlib import Path

import pytest
import vendor_outputs as given_data

from broker.quality.routing import Answered, Cascade, learn_cascade, routing_gain

PRICES = {"cheap": D("0.001"), "dear": D("0.01")}


def of(right: bool, sure: float | None = None) -> Answered:
    return Answered(right=right, confidence=sure)


def test_the_cheap_one_is_kept_where_it_is_sure() -> None:
    """It knows what it does not know: half of the items, at a confidence of 0.4."""
    cheap = [of(i % 2 == 0, 0.9 if i % 2 == 0 else 0.4) for i in range(200)]
    dear = [of(True, 0.5)] * 200
    found = learn_cascade({"cheap": cheap, "dear": dear}, PRICES)
    assert found == Cascade(first="cheap", second="dear", above=0.4)
    told = routing_gain({"cheap": cheap, "dear": dear}, PRICES)
    assert told is not None
    assert told.saved == pytest.approx(1 - (0.001 + 0.5 * 0.01) / 0.01, abs=0.05)
    assert told.accuracy == 0
    assert set(told.best) == {"dear"}


def test_a_first_one_whose_confidence_says_nothing_saves_nothing() -> None:
    draw = random.Random(1)
    cheap = [of(draw.random() < 0.6, draw.random()) for _ in range(400)]
    told = routing_gain({"cheap": cheap, "dear": [of(True)] * 400}, PRICES)
    assert told is not None
    assert told.saved == pytest.approx(0, abs=0.06)
    assert told.lowest <= told.saved <= told.highest


def test_as_good_and_cheaper_alone_is_no_cascade() -> None:
    both = [of(i % 3 > 0) for i in range(300)]
    assert learn_cascade({"dear": both, "cheap": both}, PRICES) == Cascade(first="cheap")
    told = routing_gain({"dear": both, "cheap": both}, PRICES)
    assert told is not None
    assert (told.best[0], told.saved) == (
        "cheap",
        0,
    )  # the cheaper of two equals is what one would use anyway


def test_an_unknown_confidence_is_never_sure() -> None:
    assert Cascade(first="a", second="b", above=0.5).asks_second(None)
    assert Cascade(first="a", second="b", above=0.5).asks_second(0.5)
    assert not Cascade(first="a", second="b", above=0.5).asks_second(0.51)
    assert not Cascade(first="a").asks_second(None)


def test_too_little_to_learn_from_has_no_gain() -> None:
    few = {"cheap": [of(True)] * 99, "dear": [of(True)] * 99}
    assert routing_gain(few, PRICES) is None
    assert routing_gain({"cheap": [of(True)] * 200}, PRICES) is None
    assert routing_gain({}, PRICES) is None
    free = {"cheap": [of(True)] * 200, "dear": [of(False)] * 200}
    assert routing_gain(free, {"cheap": D(0), "dear": D(1)}) is None


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="the same order"):
        routing_gain({"cheap": [of(True)], "dear": []}, PRICES)
    with pytest.raises(ValueError, match="price of local"):
        learn_cascade({"cheap": [of(True)], "local": [of(True)]}, PRICES)
    with pytest.raises(ValueError, match="0 or more"):
        learn_cascade({"cheap": [of(True)]}, {"cheap": D("NaN")})


@pytest.mark.parametrize(
    ("name", "saved"), [("ferplus", 0.45), ("digit", 0.41), ("fluent", 0.19), ("imdb", 0.12)]
)
def test_savings_on_answers_of_real_vendors_are_those_measured(
    datasets_folder: Path, name: str, saved: float
) -> None:
    """Within 5 points of another program's, at the accuracy of the best provider alone. All sets: scripts/quality_tables.py."""
    told = routing_gain(*given_data.routed(datasets_folder, name))
    assert told is not None
    assert told.saved == pytest.approx(saved, abs=0.05)
    assert told.accuracy > -0.003
