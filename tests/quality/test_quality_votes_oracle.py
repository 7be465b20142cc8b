"""Dawid and Skene's model equals Crowd-Kit's, round by round; and what ours does otherwise, it does by parameters.

Crowd-Kit is heavy and mostly not installed. What version 1.4.2 told of twelve drawn sets of votes is kept beside this
file, written by ``scripts/quality_dawid_skene.py``; where it is installed, it is asked itself, of many more.
"""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import quality_dawid_skene as oracle

from broker.quality.votes import dawid_skene

ALIKE = 1e-6


@cache
def recorded() -> dict[str, Any]:
    with open(Path(__file__).with_name("crowdkit_votes.json"), encoding="utf-8") as file:
        told: dict[str, Any] = json.load(file)
    return told


@pytest.mark.parametrize("seed", oracle.RECORDED_SEEDS)
def test_priors_confusions_and_posteriors_are_what_crowdkit_told(seed: int) -> None:
    told = recorded()[str(seed)]
    assert oracle.difference(oracle.drawn(seed), oracle.RECORDED_ROUNDS, told) < ALIKE


def test_one_round_more_or_less_shows() -> None:
    """The negative control: another model is told from it, in all sets but those that stand still by then."""
    for rounds in (oracle.RECORDED_ROUNDS - 1, oracle.RECORDED_ROUNDS + 1):
        apart = [
            oracle.difference(oracle.drawn(seed), rounds, recorded()[str(seed)]) > 100 * ALIKE
            for seed in oracle.RECORDED_SEEDS
        ]
        assert sum(apart) >= 9


@pytest.mark.parametrize(("rounds", "sets"), [(1, 40), (3, 25), (10, 20), (60, 5)])
def test_it_equals_crowdkit_itself(rounds: int, sets: int) -> None:
    try:
        oracle.crowdkit()
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} is not installed")
    for seed in range(100, 100 + sets):
        votes = oracle.drawn(seed)
        assert oracle.difference(votes, rounds, oracle.theirs(votes, rounds)) < ALIKE, seed


def test_smoothing_is_what_keeps_the_unseen_possible() -> None:
    """Three raters who never disagreed, then one does: without smoothing the odd one out has no word at all."""
    votes = {str(item): [(rater, "ab"[item % 2]) for rater in "pqr"] for item in range(40)}
    odd = [("p", "b"), ("q", "a"), ("r", "a")]
    strict, smooth = dawid_skene(votes, smoothing=0.0), dawid_skene(votes)
    assert strict.confusions["p"]["a"]["b"] < 1e-9
    assert smooth.confusions["p"]["a"]["b"] == pytest.approx(0.01 / 20.02)
    assert strict.probabilities(odd)["a"] > smooth.probabilities(odd)["a"] > 0.99


def test_by_default_it_goes_on_until_hardly_anything_moves() -> None:
    draw = random.Random(1)
    votes: dict[str, list[tuple[str, str]]] = {}
    for item in range(2000):
        truth = draw.choice("aabc")
        skills = (("p", 0.95), ("q", 0.8), ("r", 0.7), ("s", 0.6))
        votes[str(item)] = [
            (who, truth if draw.random() < skill else draw.choice("abc")) for who, skill in skills
        ]
    end = dawid_skene(votes, rounds=3000, tolerance=0.0)
    gaps = {
        rounds: max(
            abs(end.probabilities(each)[label] - model.probabilities(each)[label])
            for each in votes.values()
            for label in "abc"
        )
        for rounds, model in (("default", dawid_skene(votes)), ("four", dawid_skene(votes, rounds=4)))
    }
    assert gaps["default"] < 0.005
    assert gaps["four"] > 0.02


def test_a_rater_who_never_spoke_of_a_label_says_nothing_of_it() -> None:
    """No vote of ``shy`` is on an item that may be ``c``: it tells a from b, and leaves c to the others."""
    votes = {f"ab{i}": [(rater, "ab"[i % 2]) for rater in ("p", "q", "r", "shy")] for i in range(40)}
    votes |= {f"c{i}": [(rater, "c") for rater in "pqr"] for i in range(20)}
    model = dawid_skene(votes, smoothing=0.0)
    assert model.confusions["shy"]["c"] == pytest.approx({"a": 0.5, "b": 0.5})
    assert model.probabilities([("p", "c"), ("q", "c"), ("shy", "a")])["c"] > 0.99
