"""Items for people: those that tell most come first, some come twice, and how far reviews can be trusted."""

from __future__ import annotations

import random

import pytest

from broker.quality.intervals import rogan_gladen
from broker.quality.review import queued, reviewers
from broker.quality.stratified import Stratum

SEED = b"sixteen bytes or more"
KNOWN = [
    Stratum(name="agree", weight=0.8, hits=98, n=100),
    Stratum(name="differ", weight=0.2, hits=5, n=10),
    Stratum(name="new", weight=0.01, hits=0, n=0),
]
CANDIDATES = [(f"{name}-{i}", name) for name in ("agree", "differ", "new") for i in range(100)]


def test_items_that_tell_most_come_first_and_all_come() -> None:
    order = queued(CANDIDATES, KNOWN, seed=SEED, repeats=0.0)
    assert len(order) == 300
    assert {each.item for each in order} == {item for item, _ in CANDIDATES}
    assert order[0].stratum == "new"  # nothing is known of it
    first = [each.stratum for each in order[:60]]
    assert first.count("differ") > first.count("agree")
    assert not any(each.repeat for each in order)


def test_the_order_is_the_same_every_time_and_not_that_of_the_names() -> None:
    order = queued(CANDIDATES, KNOWN, seed=SEED)
    assert order == queued(reversed(CANDIDATES), KNOWN, seed=SEED)
    differ = [each.item for each in order if each.stratum == "differ"]
    assert differ != sorted(differ)


def test_about_one_in_twenty_comes_again_at_the_end() -> None:
    order = queued(CANDIDATES, KNOWN, seed=SEED)
    again = [each for each in order if each.repeat]
    assert 5 <= len(again) <= 30
    assert order[-len(again) :] == again
    assert {each.item for each in again} <= {each.item for each in order if not each.repeat}


def test_a_stratum_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is known"):
        queued([("x", "elsewhere")], KNOWN, seed=SEED)


def test_reviewers_errors_are_had_from_what_they_decide_twice() -> None:
    draw, error = random.Random(5), 0.08
    truth = [draw.random() < 0.8 for _ in range(4000)]

    def review(right: bool) -> str:
        return "right" if right != (draw.random() < error) else "wrong"

    pairs = [(review(each), review(each)) for each in truth]
    told = reviewers(pairs)
    assert told.error == pytest.approx(error, abs=0.01)
    assert told.kappa == pytest.approx(0.56, abs=0.05)
    seen = sum(one == "right" for one, _ in pairs) / len(pairs)
    assert rogan_gladen(seen, told.error or 0.0) == pytest.approx(0.8, abs=0.02)


def test_no_repeats_tell_nothing() -> None:
    assert (reviewers([]).error, reviewers([]).kappa) == (None, None)
    assert reviewers([("a", "b")] * 3).error is None
    assert (reviewers([("a", "a")] * 3).error, reviewers([("a", "a")] * 3).kappa) == (0.0, None)
