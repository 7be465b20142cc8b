"""Alarms: as seldom false as chosen, as soon as promised, and telling a changed model from changed data."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.quality.drift.cause import Cause, explain
from broker.quality.drift.detector import Detector, bar_of, expected_delay, first_alarm
from broker.quality.drift.mix import label_shift, mix_shift
from broker.quality.drift.pinned import (
    PinnedAnswer,
    Replay,
    behaviour_token,
    items_needed,
    replay,
    visible_drop,
)
from broker.quality.drift.plan import WEIGHTS, AlarmPlan, Watch
from broker.quality.intervals import wilson


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), max_size=80), st.floats(0.5, 0.95))
def test_the_quick_way_and_the_frozen_states_agree(scores: list[float], bar: float) -> None:
    detector = Detector(bar=bar, threshold=20.0)
    state, when = detector, None
    for count, score in enumerate(scores, 1):
        state = state.after(score)
        if state.alarmed and when is None:
            when = count
    assert first_alarm(detector, scores) == when
    assert state.anew() == detector


def test_the_mean_time_between_false_alarms_is_at_least_the_threshold() -> None:
    draw = random.Random(1)
    wanted, runs, lengths = 300.0, 120, []
    for _ in range(runs):
        detector = Detector(bar=0.9, threshold=wanted)
        lengths.append(first_alarm(detector, (float(draw.random() < 0.9) for _ in range(60_000))) or 60_000)
    mean = sum(lengths) / runs
    error = math.sqrt(sum((each - mean) ** 2 for each in lengths)) / runs
    assert mean + 2 * error >= wanted
    assert mean < 20 * wanted  # and it is not asleep


def test_a_detector_with_a_threshold_too_low_would_fail_that() -> None:
    draw = random.Random(2)
    lengths = [
        first_alarm(Detector(bar=0.9, threshold=30.0), (float(draw.random() < 0.9) for _ in range(9000)))
        or 9000
        for _ in range(60)
    ]
    assert sum(lengths) / 60 < 300  # the negative control of the test above


@pytest.mark.parametrize(
    ("bar", "threshold", "after", "median"),
    [(0.90, 50_000.0, 0.80, 146), (0.88, 50_000.0, 0.80, 249), (0.88, 10_000.0, 0.80, 176)],
)
def test_drops_are_seen_as_soon_as_measured(bar: float, threshold: float, after: float, median: int) -> None:
    delay = expected_delay(
        Detector(bar=bar, threshold=threshold), before=0.9, after=after, warm=3000, runs=150, per_day=50
    )
    assert delay.median == pytest.approx(median, rel=0.15)
    assert delay.seen >= 0.96
    assert delay.early <= 0.12
    assert delay.median_days == delay.median / 50  # type: ignore[operator]
    assert "days" in str(delay)


def test_a_drop_to_just_under_the_bar_is_not_promised() -> None:
    delay = expected_delay(
        Detector(bar=0.88, threshold=50_000.0), before=0.9, after=0.879, horizon=500, runs=20
    )
    assert delay.median is None
    assert "more than 500 samples" in str(delay)


def test_a_bar_is_the_baselines_lower_bound_less_the_tolerance() -> None:
    baseline = wilson(900, 1000)
    assert baseline.low is not None
    assert bar_of(baseline, 0.02) == baseline.low - 0.02
    for bad in ((wilson(0, 0), 0.02), (wilson(1, 1000), 0.5), (baseline, -0.1)):
        with pytest.raises(ValueError, match=r"interval|leaves no bar"):
            bar_of(*bad)
    with pytest.raises(ValueError, match="bar lies in"):
        Detector(bar=1.0, threshold=10)


# The plan


def test_false_alarms_a_year_are_split_and_add_up() -> None:
    plan = AlarmPlan(false_alarms_a_year=2.0, streams={Watch.QUALITY: 4})
    total = sum(plan.allowed(watch) * plan.streams.get(watch, 1) for watch in Watch)
    assert total == pytest.approx(2.0)
    assert plan.threshold(Watch.QUALITY, 36_500) == pytest.approx(36_500 / (2 * 0.5 / 4))
    assert plan.alpha(Watch.LABEL_MIX, 365) == pytest.approx(0.1 / 365)
    assert plan.threshold(Watch.QUALITY, 0.001) == 1.0
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"false_alarms_a_year": 0.0}, "no alarm ever"),
        ({"weights": {Watch.QUALITY: 0.7, Watch.ERRORS: 0.4}}, "at most 1"),
    ],
)
def test_a_plan_that_is_none(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlarmPlan(**fields)  # type: ignore[arg-type]


def test_what_has_no_part_is_not_watched() -> None:
    with pytest.raises(ValueError, match="no part"):
        AlarmPlan(weights={Watch.QUALITY: 1.0}).allowed(Watch.ERRORS)


# The pinned set


def run_of(rights: list[bool], labels: list[str] | None = None, sure: float = 0.9) -> list[PinnedAnswer]:
    names = labels or ["yes" if right else "no" for right in rights]
    return [
        PinnedAnswer(item=str(i), labels=((name, sure),), right=right)
        for i, (right, name) in enumerate(zip(rights, names, strict=True))
    ]


def test_a_replay_counts_flips_both_ways() -> None:
    told = replay(run_of([True] * 8 + [False] * 2), run_of([False] * 3 + [True] * 5 + [True, False]))
    assert (told.lost, told.gained, told.flipped, told.flip_rate) == (3, 1, 4, 0.4)
    assert (told.accuracy_before, told.accuracy_after) == (0.8, 0.6)
    assert told.updated
    assert not told.worse(0.05)
    assert replay(run_of([True] * 40), run_of([False] * 12 + [True] * 28)).worse(0.001)
    assert not replay(run_of([False] * 12 + [True] * 28), run_of([True] * 40)).worse(0.001)


def test_failures_are_no_flips_and_sets_are_not_mixed() -> None:
    before = run_of([True, True])
    after = [PinnedAnswer(item="0", labels=(), failed=True), before[1]]
    told = replay(before, after)
    assert (told.items, told.failed, told.flipped, told.lost) == (1, 1, 0, 0)
    with pytest.raises(ValueError, match="two sets"):
        replay(before, before[:1])
    with pytest.raises(ValueError, match="two answers"):
        replay([*before, before[0]], before)


def test_a_token_tells_behaviour_and_not_order_or_noise() -> None:
    one = [PinnedAnswer(item="1", labels=(("cat", 0.91), ("pet", None))), PinnedAnswer(item="2", labels=())]
    same = [PinnedAnswer(item="2", labels=()), PinnedAnswer(item="1", labels=(("pet", None), ("cat", 0.90)))]
    other = [PinnedAnswer(item="1", labels=(("cat", 0.91), ("dog", None))), one[1]]
    surer = [PinnedAnswer(item="1", labels=(("cat", 0.99), ("pet", None))), one[1]]
    failed = [PinnedAnswer(item="1", labels=(), failed=True), one[1]]
    assert behaviour_token(one) == behaviour_token(same)
    assert len({behaviour_token(run) for run in (one, other, surer, failed)}) == 4


@pytest.mark.parametrize(
    ("drop", "flips", "items"), [(0.05, 0.15, 471), (0.10, 0.20, 157), (0.02, 0.10, 1963)]
)
def test_how_large_a_pinned_set_must_be(drop: float, flips: float, items: int) -> None:
    assert items_needed(drop, flips) == items
    assert visible_drop(items, flips) == pytest.approx(drop, rel=0.01)
    with pytest.raises(ValueError, match="flip"):
        items_needed(0.2, 0.1)


# The mix


def test_the_same_mix_alarms_as_seldom_as_its_level_and_another_one_does() -> None:
    draw = random.Random(4)

    def window(weights: list[float], n: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for name in draw.choices("abcdefghij"[: len(weights)], weights, k=n):
            found[name] = found.get(name, 0) + 1
        return found

    usual = [40, 30, 20, 8, 1.5, 0.5]
    reference = window(usual, 2000)
    false = sum(mix_shift(window(usual, 2000), window(usual, 100)).shifted(0.05) for _ in range(600))
    assert false / 600 <= 0.075
    stable, even = 0, [1.0] * 10
    for _ in range(100):  # the fixed bar that is not used, over ten answers and 100 items
        one, other = window(even, 100), window(even, 100)
        shares = [(one.get(x, 0.5) / 100, other.get(x, 0.5) / 100) for x in "abcdefghij"]
        stable += sum((p - q) * math.log(p / q) for p, q in shares) > 0.1
    assert stable / 100 > 0.5
    moved = mix_shift(reference, window([25, 45, 20, 8, 1.5, 0.5], 400))
    assert moved.shifted(1e-4)
    assert moved.largest is not None
    assert moved.largest[0] in "ab"


def test_the_mix_equals_scipys_chi_square() -> None:
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed (extra: demo)")
    one, other = {"a": 50, "b": 30, "c": 20}, {"a": 30, "b": 40, "c": 30}
    expected = stats.chi2_contingency([list(one.values()), list(other.values())], correction=False)
    told = mix_shift(one, other)
    assert (told.statistic, told.p_value) == pytest.approx((expected.statistic, expected.pvalue))


def test_rare_answers_are_counted_together() -> None:
    one = {"a": 500, "b": 480, "c": 8, "d": 6, "e": 6}
    other = {"a": 60, "b": 34, "c": 2, "d": 2, "f": 2}
    told, by_hand = mix_shift(one, other), mix_shift({"a": 500, "b": 500}, {"a": 60, "b": 40})
    assert told.pooled == 4
    assert told.freedom == 1  # the rest is too rare even together, and goes with b
    assert (told.statistic, told.p_value) == pytest.approx((by_hand.statistic, by_hand.p_value))


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50)),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50)),
)
def test_any_two_windows_can_be_compared(one: dict[str, int], other: dict[str, int]) -> None:
    told = mix_shift(one, other)
    assert 0.0 <= told.p_value <= 1.0
    assert told.p_value == pytest.approx(mix_shift(other, one).p_value)


def test_a_mix_of_inputs_explains_a_fall_of_accuracy() -> None:
    confusion = {("a", "a"): 95, ("a", "b"): 5, ("b", "a"): 40, ("b", "b"): 60}
    now = {"a": round(0.3 * 950 + 0.7 * 400), "b": round(0.3 * 50 + 0.7 * 600)}
    told = label_shift(confusion, now, ["a", "b"])
    assert told is not None
    assert told.mix["b"] == pytest.approx(0.7, abs=0.01)
    assert told.accuracy == pytest.approx(0.3 * 0.95 + 0.7 * 0.6, abs=0.01)
    assert label_shift({("a", "a"): 5}, now, ["a", "b"]) is None
    alike = {("a", "a"): 5, ("a", "b"): 5, ("b", "a"): 5, ("b", "b"): 5}
    assert label_shift(alike, now, ["a", "b"]) is None


# The cause


def quiet(n: int) -> Replay:
    return replay(run_of([i % 10 > 0 for i in range(n)]), run_of([i % 10 > 0 for i in range(n)]))


WORSE = replay(run_of([True] * 100), run_of([i % 4 > 0 for i in range(100)]))
MOVED = mix_shift({"a": 500, "b": 500}, {"a": 100, "b": 400})


@pytest.mark.parametrize(
    ("alarmed", "drop", "pinned", "mix", "cause"),
    [
        (False, 0.0, quiet(100), None, Cause.NOTHING),
        (True, 0.2, WORSE, None, Cause.MODEL),
        (False, 0.0, WORSE, MOVED, Cause.MODEL),
        (True, 0.2, WORSE, MOVED, Cause.BOTH),
        (True, 0.15, quiet(200), MOVED, Cause.DATA),
        (True, 0.15, quiet(200), None, Cause.DATA),
        (True, 0.02, quiet(200), MOVED, Cause.UNKNOWN),
        (True, 0.15, None, MOVED, Cause.UNKNOWN),
        (True, 0.15, quiet(0), MOVED, Cause.UNKNOWN),
    ],
)
def test_a_changed_model_is_told_from_changed_data(
    alarmed: bool, drop: float, pinned: Replay | None, mix: object, cause: Cause
) -> None:
    told = explain(stream_alarmed=alarmed, drop=drop, pinned=pinned, mix=mix, alpha=0.01)  # type: ignore[arg-type]
    assert told.cause is cause
    assert told.because
