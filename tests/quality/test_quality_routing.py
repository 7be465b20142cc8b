"""Two providers in a row: what they save, told by items that they were not learned on."""

from __future__ import annotations

import random
from decimal import Decimal as D
from pathlib import Path

import pytest
import vendor_outputs as given_data

from broker.quality.metrics.metric import Drawn
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
    assert told.saved.point == pytest.approx(1 - (0.001 + 0.5 * 0.01) / 0.01, abs=0.05)
    assert told.gained.point == 0
    assert set(told.best) == {"dear"}


def test_a_first_one_whose_confidence_says_nothing_saves_nothing() -> None:
    draw = random.Random(1)
    cheap = [of(draw.random() < 0.6, draw.random()) for _ in range(400)]
    told = routing_gain({"cheap": cheap, "dear": [of(True)] * 400}, PRICES)
    assert told is not None
    assert told.saved.point == pytest.approx(0, abs=0.06)
    assert told.lowest <= (told.saved.point or 0.0) <= told.highest


def test_as_good_and_cheaper_alone_is_no_cascade() -> None:
    both = [of(i % 3 > 0) for i in range(300)]
    assert learn_cascade({"dear": both, "cheap": both}, PRICES) == Cascade(first="cheap")
    told = routing_gain({"dear": both, "cheap": both}, PRICES)
    assert told is not None
    assert (told.best[0], told.saved.point) == (
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
    assert told.saved.point == pytest.approx(saved, abs=0.05)
    assert told.saved.low is not None
    assert told.saved.high is not None
    assert told.saved.low < saved < told.saved.high
    assert told.gained.point is not None
    assert told.gained.point > -0.003


def test_the_interval_holds_what_the_learned_rules_do_on_other_items() -> None:
    def world(count: int, draw: random.Random) -> dict[str, list[Answered]]:
        sure = [draw.random() for _ in range(count)]
        return {
            "cheap": [of(draw.random() < 0.5 + each / 2, each) for each in sure],
            "dear": [of(draw.random() < 0.9) for _ in sure],
        }

    def does(rule: Cascade, best: str, there: dict[str, list[Answered]]) -> tuple[float, float]:
        goes = [rule.asks_second(each.confidence) for each in there[rule.first]]
        right = sum(
            there[rule.second or ""][i].right if on else there[rule.first][i].right
            for i, on in enumerate(goes)
        )
        dear = PRICES[rule.second] if rule.second else D(0)
        cost = float(PRICES[rule.first]) + float(dear) * sum(goes) / len(goes)
        return 1 - cost / float(PRICES[best]), (right - sum(each.right for each in there[best])) / len(goes)

    others, draw, held, runs = world(4000, random.Random(99)), random.Random(5), [0, 0], 30
    for _ in range(runs):
        told = routing_gain(world(150, draw), PRICES)
        assert told is not None
        found = [does(rule, best, others) for rule, best in zip(told.cascades, told.best, strict=True)]
        for place, each in enumerate((told.saved, told.gained)):
            assert each.low is not None
            assert each.high is not None
            held[place] += each.low <= sum(pair[place] for pair in found) / len(found) <= each.high
    assert min(held) / runs >= 0.9


def test_items_that_stand_for_others_weigh_more_and_clusters_stay_together() -> None:
    """Of the sure items, where the cheap one is right, one in ten was looked at: most of the cost could be saved."""
    cheap = [of(i % 2 == 0, 0.9 if i % 2 == 0 else 0.4) for i in range(400)]
    both = {"cheap": cheap, "dear": [of(True)] * 400}
    drawn = [Drawn(probability=0.1 if i % 2 == 0 else 1.0) for i in range(400)]
    plain, weighted = routing_gain(both, PRICES), routing_gain(both, PRICES, drawn=drawn)
    assert plain is not None
    assert weighted is not None
    assert plain.saved.point == pytest.approx(0.4, abs=0.05)
    assert weighted.saved.point == pytest.approx(0.9 - 1 / 11, abs=0.05)
    pairs = routing_gain(both, PRICES, drawn=[Drawn(cluster=str(i // 20)) for i in range(400)])
    assert pairs is not None
    assert pairs.saved.point == pytest.approx(0.4, abs=0.05)
    assert routing_gain(both, PRICES, drawn=[Drawn(cluster="one")] * 400) is None
