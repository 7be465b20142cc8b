"""Two providers on the same items: verdicts, and how many more items would tell."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.quality.metrics.metric import ACCURACY, Drawn, ItemScore, right_or_wrong
from broker.quality.metrics.normalise import PLAIN
from broker.quality.metrics.words import wer_metric
from broker.quality.paired import Comparison, Verdict, compare, compare_all, mcnemar

WER = wer_metric(PLAIN)


def sides(wins: int, losses: int, ties: int) -> tuple[list[ItemScore], list[ItemScore]]:
    kinds = [(True, False)] * wins + [(False, True)] * losses + [(True, True)] * ties
    one = [right_or_wrong(str(i), first) for i, (first, _) in enumerate(kinds)]
    other = [right_or_wrong(str(i), second) for i, (_, second) in enumerate(kinds)]
    return one, other


def told(wins: int, losses: int, ties: int, delta: float = 0.05) -> Comparison:
    return compare(ACCURACY, *sides(wins, losses, ties), delta)


@pytest.mark.parametrize(
    ("wins", "losses", "ties", "verdict"),
    [
        (60, 20, 420, Verdict.BETTER),
        (20, 60, 420, Verdict.WORSE),
        (10, 12, 978, Verdict.EQUIVALENT),
        (5, 3, 42, Verdict.UNDECIDED),
        (0, 0, 10, Verdict.UNDECIDED),
        (0, 0, 1000, Verdict.EQUIVALENT),
    ],
)
def test_verdicts(wins: int, losses: int, ties: int, verdict: Verdict) -> None:
    comparison = told(wins, losses, ties)
    assert comparison.verdict is verdict
    assert (comparison.wins, comparison.losses, comparison.n) == (wins, losses, wins + losses + ties)
    assert (comparison.more_items == 0) == (verdict is not Verdict.UNDECIDED)


def test_mcnemar_equals_scipys_binomial_test() -> None:
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed (extra: demo)")
    for wins, losses in ((0, 0), (5, 3), (12, 1), (476, 147)):
        expected = stats.binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
        assert mcnemar(wins, losses) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=60)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200))
def test_the_other_way_round_is_the_mirror_image(wins: int, losses: int, ties: int) -> None:
    if not wins + losses + ties:
        return
    one, other = told(wins, losses, ties), told(losses, wins, ties)
    opposite = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
    assert other.verdict is opposite.get(one.verdict, one.verdict)
    assert one.low == pytest.approx(-other.high)  # type: ignore[operator]
    assert one.low <= one.gain + 0.02  # type: ignore[operator]
    assert one.high >= one.gain - 0.02  # type: ignore[operator]


def test_as_many_more_as_it_says_mostly_settle_it() -> None:
    draw = random.Random(3)

    def pairs(n: int) -> tuple[int, int, int]:
        kinds = [draw.random() for _ in range(n)]
        wins, losses = sum(u < 0.12 for u in kinds), sum(0.12 <= u < 0.18 for u in kinds)
        return wins, losses, n - wins - losses

    first = told(12, 6, 82, delta=0.02)
    assert first.verdict is Verdict.UNDECIDED
    assert first.more_items is not None
    settled = sum(
        told(*pairs(100 + first.more_items), delta=0.02).verdict is Verdict.BETTER for _ in range(200)
    )
    assert 0.65 <= settled / 200 <= 0.95


def test_false_verdicts_are_as_rare_as_promised() -> None:
    draw = random.Random(5)
    wrong = 0
    for _ in range(600):
        kinds = [draw.random() for _ in range(150)]
        comparison = told(
            sum(u < 0.1 for u in kinds), sum(u > 0.9 for u in kinds), sum(0.1 <= u <= 0.9 for u in kinds)
        )
        wrong += comparison.verdict in (Verdict.BETTER, Verdict.WORSE)
    assert wrong / 600 <= 0.05


def test_a_difference_at_the_bar_is_rarely_called_equivalent() -> None:
    draw = random.Random(7)
    called = 0
    for _ in range(400):
        kinds = [draw.random() for _ in range(600)]
        wins, losses = sum(u < 0.1 for u in kinds), sum(0.1 <= u < 0.15 for u in kinds)
        called += told(wins, losses, 600 - wins - losses, delta=0.05).verdict is Verdict.EQUIVALENT
    assert called / 400 <= 0.05


def test_no_common_item_is_no_pass() -> None:
    one, other = sides(3, 1, 5)
    comparison = compare(ACCURACY, one, [right_or_wrong("elsewhere", True)], 0.05)
    assert (comparison.verdict, comparison.gain, comparison.n) == (Verdict.NO_DATA, None, 0)
    assert compare(ACCURACY, one[:0], other, 0.05).verdict is Verdict.NO_DATA


def recordings(draw: random.Random, rate: float, hardness: list[float]) -> list[ItemScore]:
    return [
        ItemScore(
            item=str(i), parts=(float(round(1000 * min(1, rate * hard * draw.uniform(0.9, 1.1)))), 1000.0)
        )
        for i, hard in enumerate(hardness)
    ]


def test_lower_is_better_for_error_rates_and_pairing_sees_what_two_intervals_do_not() -> None:
    draw = random.Random(9)
    hardness = [draw.uniform(0.3, 2.5) for _ in range(40)]
    good, bad = recordings(draw, 0.15, hardness), recordings(draw, 0.165, hardness)
    comparison = compare(WER, good, bad, 0.005)
    assert comparison.verdict is Verdict.BETTER
    assert comparison.gain is not None
    assert comparison.gain > 0
    assert compare(WER, bad, good, 0.005).verdict is Verdict.WORSE
    assert compare(WER, good, bad, 0.1).verdict is Verdict.EQUIVALENT
    assert compare(WER, good[:5], bad[:5], 0.005).notes


def test_clustered_items_are_compared_by_cluster() -> None:
    one = [right_or_wrong(str(i), i % 2 == 0, Drawn(cluster=str(i // 10))) for i in range(200)]
    other = [right_or_wrong(str(i), i % 3 == 0, Drawn(cluster=str(i // 10))) for i in range(200)]
    assert compare(ACCURACY, one, other, 0.01).method.startswith("paired-bootstrap")


def test_several_comparisons_are_each_held_to_more() -> None:
    scores = {name: sides(60, 38, 402)[index] for index, name in enumerate(("a", "b"))}
    scores["c"] = sides(0, 0, 500)[0]
    alone = compare(ACCURACY, scores["a"], scores["b"], 0.01)
    together = compare_all(ACCURACY, scores, 0.01)
    assert len(together) == 3
    assert alone.verdict is Verdict.BETTER
    assert together["a", "b"].level == pytest.approx(1 - 0.05 / 3)
    assert together["a", "b"].verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("delta", "comparisons", "message"), [(0.0, 1, "difference matters"), (0.1, 0, "one comparison")]
)
def test_a_comparison_says_what_matters(delta: float, comparisons: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(ACCURACY, *sides(1, 1, 1), delta, comparisons=comparisons)
