"""Intervals hold what they promise: their arithmetic against SciPy and by hand, their coverage by drawing again."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.quality import chance
from broker.quality.always import EProcess, confidence_sequence, watched, weight_of
from broker.quality.bootstrap import bootstrap, quantile
from broker.quality.calibration import calibration_error, isotonic, ranks_right
from broker.quality.choose import Guesses, estimate
from broker.quality.estimate import Estimate
from broker.quality.intervals import (
    clopper_pearson,
    items_for_half_width,
    rogan_gladen,
    share_interval,
    wilson,
)
from broker.quality.metrics.metric import ACCURACY, Drawn, ItemScore, right_or_wrong, value
from broker.quality.metrics.normalise import PLAIN
from broker.quality.metrics.words import wer_metric
from broker.quality.ppi import ppi, ppi_allowed
from broker.quality.stratified import Stratum, neyman, stratified
from broker.quality.weighted import hajek, horvitz_thompson

WER = wer_metric(PLAIN)


def coverage(make: Callable[[random.Random], Estimate], truth: float, runs: int, seed: int = 1) -> float:
    draw = random.Random(seed)
    inside = 0
    for _ in range(runs):
        told = make(draw)
        assert told.low is not None
        assert told.high is not None
        inside += told.low <= truth <= told.high
    return inside / runs


def test_distributions_equal_scipy() -> None:
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed (extra: demo)")
    for a, b in ((0.5, 0.5), (1, 9), (40, 3), (300, 700)):
        for x in (0.001, 0.1, 0.5, 0.93):
            assert chance.beta_below(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), abs=1e-12)
        for share in (0.025, 0.5, 0.975):
            assert chance.beta_quantile(share, a, b) == pytest.approx(stats.beta.ppf(share, a, b), abs=1e-10)
    for freedom in (1, 2, 7, 43, 500):
        for share in (0.005, 0.025, 0.4, 0.9, 0.975):
            assert chance.t_quantile(share, freedom) == pytest.approx(stats.t.ppf(share, freedom), rel=1e-8)
        for x in (0.01, 1.0, 30.0, 600.0):
            assert chance.chi2_above(x, freedom) == pytest.approx(
                stats.chi2.sf(x, freedom), rel=1e-9, abs=1e-14
            )
    for total in (1, 10, 400, 5000):
        for count in (0, total // 3, total // 2):
            assert chance.binomial_tail_half(count, total) == pytest.approx(
                stats.binom.cdf(count, total, 0.5), rel=1e-8
            )


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_exact_intervals_hold_the_share_and_wilsons_lies_within_reason(counts: tuple[int, int]) -> None:
    hits, n = counts
    for told in (wilson(hits, n), clopper_pearson(hits, n)):
        assert told.known
        assert 0.0 <= told.low <= hits / n <= told.high <= 1.0  # type: ignore[operator]
    assert wilson(hits, n).half_width <= clopper_pearson(hits, n).half_width + 1e-3  # type: ignore[operator]
    mirrored = wilson(n - hits, n)
    assert mirrored.low == pytest.approx(1 - wilson(hits, n).high)  # type: ignore[operator]


def test_intervals_of_shares_equal_scipy() -> None:
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed (extra: demo)")
    for hits, n in ((0, 20), (3, 20), (90, 100), (300, 300)):
        result = stats.binomtest(hits, n)
        for told, method in ((wilson(hits, n), "wilson"), (clopper_pearson(hits, n), "exact")):
            expected = result.proportion_ci(0.95, method=method)
            assert (told.low, told.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_no_item_has_no_interval() -> None:
    for told in (
        wilson(0, 0),
        clopper_pearson(0, 0),
        stratified([]),
        bootstrap(WER, []),
        hajek(ACCURACY, []),
    ):
        assert not told.known
        assert told.notes


@pytest.mark.parametrize(
    "bad", [lambda: wilson(3, 2), lambda: clopper_pearson(-1, 2), lambda: wilson(1, 2, 1.0)]
)
def test_what_is_no_share_or_level_is_refused(bad: Callable[[], Estimate]) -> None:
    with pytest.raises(ValueError, match=r"no share|level of confidence"):
        bad()


def exact_coverage(interval: Callable[[int, int], Estimate], shares: Sequence[float], n: int) -> list[float]:
    """How often the interval holds each true share, summed over all outcomes: nothing is drawn."""
    told = [interval(hits, n) for hits in range(n + 1)]
    return [
        sum(
            math.comb(n, hits) * share**hits * (1 - share) ** (n - hits)
            for hits, each in enumerate(told)
            if each.low <= share <= each.high  # type: ignore[operator]
        )
        for share in shares
    ]


@pytest.mark.parametrize("n", [50, 100, 300])
def test_intervals_of_shares_cover(n: int) -> None:
    shares = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99]
    chosen = exact_coverage(share_interval, shares, n)
    assert min(chosen) >= 0.93
    assert fmean(chosen) >= 0.94
    assert min(exact_coverage(clopper_pearson, shares, n)) >= 0.95


def test_wilsons_interval_alone_would_fail_near_certainty() -> None:
    assert exact_coverage(wilson, [0.99], 50)[0] < 0.92  # why the exact one takes over there


def test_planning_says_about_as_many_items_as_the_interval_takes() -> None:
    assert items_for_half_width(0.9, 0.03) == pytest.approx(400, rel=0.05)
    assert items_for_half_width(0.9, 0.01) == pytest.approx(3600, rel=0.05)
    assert items_for_half_width(0.9, 0.03, gain=2) == pytest.approx(200, rel=0.05)
    n = items_for_half_width(0.9, 0.03)
    assert wilson(0.9 * n, n).half_width == pytest.approx(0.03, rel=0.05)


def test_accuracy_behind_reviewers_who_err() -> None:
    assert rogan_gladen(0.9 * 0.95 + 0.1 * 0.05, 0.05) == pytest.approx(0.9)
    with pytest.raises(ValueError, match="tell nothing"):
        rogan_gladen(0.9, 0.5)


# Clusters


def files(draw: random.Random, count: int) -> list[ItemScore]:
    """Files whose own error rates differ: errors within a file are alike."""
    scores = []
    for index in range(count):
        words = draw.randint(200, 1800)
        rate = min(0.9, max(0.0, draw.gauss(0.2, 0.08)))
        errors = sum(draw.random() < rate for _ in range(words // 20)) * 20
        scores.append(ItemScore(item=str(index), parts=(float(errors), float(words // 20 * 20))))
    return scores


def test_drawing_files_again_covers_and_taking_words_for_themselves_does_not() -> None:
    truth = value(WER, files(random.Random(0), 20_000))
    assert truth is not None

    def naive(draw: random.Random) -> Estimate:
        scores = files(draw, 30)
        errors, words = (sum(score.parts[i] for score in scores) for i in (0, 1))
        return wilson(errors, words)

    runs = 200
    held = coverage(lambda draw: bootstrap(WER, files(draw, 30), draws=400), truth, runs)
    assert held >= 0.91
    assert coverage(naive, truth, runs) <= 0.6  # the negative control


def test_items_of_one_cluster_are_drawn_together() -> None:
    alone = [right_or_wrong(str(i), i % 2 == 0) for i in range(40)]
    together = [right_or_wrong(str(i), i // 10 % 2 == 0, Drawn(cluster=str(i // 10))) for i in range(40)]
    narrow, wide = bootstrap(ACCURACY, alone), bootstrap(ACCURACY, together)
    assert narrow.half_width is not None
    assert wide.half_width is not None
    assert wide.half_width > 2 * narrow.half_width
    assert "only 4 clusters" in wide.notes[0]


def test_many_clusters_are_not_all_drawn_and_it_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = files(random.Random(8), 600)
    whole = bootstrap(WER, scores, draws=1000)
    monkeypatch.setattr("broker.quality.bootstrap.MOST_DRAWN", 150)
    quick = bootstrap(WER, scores, draws=1000)
    assert (quick.low, quick.high) == pytest.approx(
        (whole.low, whole.high), abs=0.15 * (whole.half_width or 0)
    )


def test_the_same_scores_and_seed_give_the_same_interval() -> None:
    scores = files(random.Random(3), 25)
    assert bootstrap(WER, scores) == bootstrap(WER, scores)
    assert bootstrap(WER, scores) != bootstrap(WER, scores, seed=1)


def test_all_alike_is_not_certain() -> None:
    told = bootstrap(ACCURACY, [right_or_wrong(str(i), True) for i in range(30)])
    assert (told.point, told.high) == (1.0, 1.0)
    assert told.low == pytest.approx(clopper_pearson(30, 30).low, abs=1e-6)
    assert not bootstrap(ACCURACY, [right_or_wrong("1", True)]).known


def test_quantiles_lie_between_values() -> None:
    assert quantile([1.0, 2.0, 4.0], 0.75) == 3.0
    with pytest.raises(ValueError, match="no quantile"):
        quantile([], 0.5)


# Weights and strata


def stream(draw: random.Random, n: int) -> list[tuple[bool, bool]]:
    """(right, the other provider agrees) of n calls; right in 0.87, and mostly where both agree."""
    calls = []
    for _ in range(n):
        agrees = draw.random() < 0.85
        calls.append((draw.random() < (0.95 if agrees else 0.42), agrees))
    return calls


TRUE_SHARE = 0.85 * 0.95 + 0.15 * 0.42


def drawn_unequally(draw: random.Random) -> list[ItemScore]:
    """Disagreements more often than the rest, and both rates change in mid-stream."""
    scores = []
    for index, (right, agrees) in enumerate(stream(draw, 4000)):
        p = (0.03 if agrees else 0.12) * (2 if index > 2000 else 1)
        if draw.random() < p:
            scores.append(right_or_wrong(str(index), right, Drawn(probability=p)))
    return scores


def test_weighting_by_probability_is_unbiased_and_leaving_it_out_is_not() -> None:
    draw = random.Random(5)
    points, naive = [], []
    runs = 200
    for _ in range(runs):
        scores = drawn_unequally(draw)
        point = hajek(ACCURACY, scores).point
        assert point is not None
        points.append(point)
        naive.append(fmean(score.parts[0] for score in scores))
    error = math.sqrt(sum((point - fmean(points)) ** 2 for point in points) / (runs - 1) / runs)
    assert abs(fmean(points) - TRUE_SHARE) < 3 * error
    assert abs(fmean(naive) - TRUE_SHARE) > 10 * error  # the negative control


def test_hajek_covers() -> None:
    assert coverage(lambda draw: hajek(ACCURACY, drawn_unequally(draw)), TRUE_SHARE, 300) >= 0.92


def test_hajek_of_alike_items_is_wilsons() -> None:
    scores = [right_or_wrong(str(i), i < 40, Drawn(probability=0.25)) for i in range(50)]
    ours, plain = hajek(ACCURACY, scores), wilson(40, 50)
    assert (ours.low, ours.high) == pytest.approx((plain.low, plain.high), abs=2e-3)
    assert ours.effective_n == pytest.approx(50)
    certain = hajek(ACCURACY, [right_or_wrong(str(i), True) for i in range(50)])
    assert certain.low == pytest.approx(clopper_pearson(50, 50).low)


def test_totals_are_unbiased() -> None:
    draw = random.Random(7)
    amounts = [draw.uniform(0, 10) for _ in range(300)]
    truth = sum(amounts)

    def told(draw: random.Random) -> Estimate:
        scores = [
            ItemScore(item=str(i), parts=(amount,), drawn=Drawn(probability=p))
            for i, amount in enumerate(amounts)
            if draw.random() < (p := 0.1 + 0.04 * amount)
        ]
        return horvitz_thompson(scores, len(amounts))

    points = [told(draw).point or 0.0 for _ in range(400)]
    assert fmean(points) == pytest.approx(truth, rel=0.02)
    assert 0.91 <= coverage(told, truth, 400) <= 0.99


def test_strata_cover_and_are_narrower_than_no_strata() -> None:
    weights = {"agree": 0.85, "differ": 0.15}
    given_ = neyman(weights, {"agree": 0.22, "differ": 0.49}, 100)

    def told(draw: random.Random) -> Estimate:
        return stratified(
            [
                Stratum(
                    name=name,
                    weight=weights[name],
                    hits=sum(draw.random() < (0.95 if name == "agree" else 0.42) for _ in range(n)),
                    n=n,
                )
                for name, n in given_.items()
            ]
        )

    assert coverage(told, TRUE_SHARE, 1000) >= 0.94
    narrow, plain = told(random.Random(1)).half_width, wilson(87, 100).half_width
    assert narrow is not None
    assert plain is not None
    assert narrow < 0.95 * plain


def test_a_stratum_nobody_looked_at_could_be_anything() -> None:
    told = stratified(
        [Stratum(name="a", weight=0.7, hits=50, n=50), Stratum(name="b", weight=0.3, hits=0, n=0)]
    )
    assert told.covered == pytest.approx(0.7)
    assert told.partial
    assert told.low is not None
    assert told.low < 0.7 < 0.99 < (told.high or 0)


@given(
    st.dictionaries(st.sampled_from("abcde"), st.floats(0.01, 1), min_size=1),
    st.dictionaries(st.sampled_from("abcde"), st.floats(0, 0.5)),
    st.integers(20, 400),
    st.integers(0, 4),
)
def test_neyman_gives_out_everything_and_the_least_to_each(
    weights: dict[str, float], spreads: dict[str, float], total: int, least: int
) -> None:
    given_ = neyman(weights, spreads, total, least=least)
    assert sum(given_.values()) == total
    assert all(count >= least for count in given_.values())


def test_neyman_by_hand() -> None:
    assert neyman({"a": 0.8, "b": 0.2}, {"a": 0.1, "b": 0.4}, 90) == {"a": 45, "b": 45}
    with pytest.raises(ValueError, match="cannot give"):
        neyman({"a": 0.5, "b": 0.5}, {}, 3, least=2)


# A guess for every item


def guessed(draw: random.Random, n: int, many: int) -> tuple[list[float], list[float], list[float]]:
    gold, rest = stream(draw, n), stream(draw, many)
    return (
        [float(right) for right, _ in gold],
        [float(agrees) for _, agrees in gold],
        [float(a) for _, a in rest],
    )


def test_guesses_help_and_do_not_bias() -> None:
    draw = random.Random(11)
    points, plain = [], []
    for _ in range(300):
        truth, guess, others = guessed(draw, 300, 3000)
        if not ppi_allowed(truth, guess):
            continue
        points.append(ppi(truth, guess, others).point or 0.0)
        plain.append(fmean(truth))

    def spread(values: list[float]) -> float:
        return sum((each - TRUE_SHARE) ** 2 for each in values) / len(values)

    assert fmean(points) == pytest.approx(TRUE_SHARE, abs=0.004)
    assert spread(points) < 0.9 * spread(plain)
    assert coverage(lambda d: ppi(*guessed(d, 300, 3000)), TRUE_SHARE, 400) >= 0.925


def test_a_guess_that_is_worth_nothing_gives_the_plain_mean() -> None:
    truth = [float(i % 10 > 0) for i in range(400)]
    told = ppi(truth, [0.5] * 400, [0.5] * 1000)
    assert told.point == pytest.approx(0.9)
    assert told.half_width == pytest.approx(1.96 * math.sqrt(0.09 / 400), rel=0.01)


def test_the_gate_wants_gold_and_contradictions() -> None:
    truth = [1.0] * 300
    assert not ppi_allowed(truth, truth)
    assert ppi_allowed(truth, [0.0] * 20 + [1.0] * 280)
    assert not ppi_allowed(truth[:299], [0.0] * 20 + [1.0] * 279)
    assert "too narrow" in ppi([*truth, 0.0], [*truth, 1.0], [1.0, 0.0]).notes[0]
    assert not ppi(truth, truth, truth).known


# Always


def test_peeking_at_an_ordinary_bound_alarms_falsely_and_an_e_process_does_not() -> None:
    draw = random.Random(13)
    runs, length, bar = 300, 1000, 0.9
    peeked = betting = 0
    for _ in range(runs):
        process, right, alarmed = EProcess(bar=bar), 0, False
        for n in range(1, length + 1):
            score = float(draw.random() < bar)
            right += score > 0
            share = right / n
            alarmed = alarmed or (n >= 20 and share + 1.645 * math.sqrt(share * (1 - share) / n) < bar)
            process = process.after(score)
        peeked += alarmed
        betting += process.rejected(0.05)
    assert betting / runs <= 0.05 + 2 * math.sqrt(
        0.05 * 0.95 / runs
    )  # the promise, and the chance of so few runs
    assert peeked / runs > 0.15  # the negative control


def test_an_e_process_sees_a_drop_about_as_soon_as_measured() -> None:
    draw = random.Random(17)
    delays = []
    for _ in range(101):
        process = EProcess(bar=0.9)
        while not process.rejected(0.05):
            process = process.after(float(draw.random() < 0.8))
        delays.append(process.seen)
    assert sorted(delays)[50] == pytest.approx(86, rel=0.25)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0.05, 0.95))
def test_an_e_process_keeps_what_it_reached(scores: list[float], bar: float) -> None:
    state = EProcess(bar=bar)
    for score in scores:
        after = state.after(score)
        assert after.highest >= max(state.highest, after.value) - 1e-12
        assert all(purse >= 0 for purse in after.purses)
        state = after
    assert state == watched(bar, scores)


def test_an_e_process_does_not_overflow_or_take_other_scores() -> None:
    assert watched(0.9, [0.0] * 3000).rejected(1e-200)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        EProcess(bar=0.9).after(1.5)
    with pytest.raises(ValueError, match="between"):
        EProcess(bar=1.0)


def test_weights_make_unequal_probabilities_fair() -> None:
    """Disagreements are taken four times as often; the mean over all calls is just at the bar."""
    draw, runs, fair, unfair = random.Random(29), 150, 0, 0
    for _ in range(runs):
        weighted, blind = EProcess(bar=TRUE_SHARE), EProcess(bar=TRUE_SHARE)
        for right, agrees in stream(draw, 6000):
            p = 0.05 if agrees else 0.2
            if draw.random() < p:
                weighted = weighted.after(float(right), weight_of(p, 0.05))
                blind = blind.after(float(right))
        fair += weighted.rejected(0.05)
        unfair += blind.rejected(0.05)
    assert fair / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)
    assert unfair / runs > 0.9  # the negative control
    assert weight_of(0.2, 0.05) == 0.25
    for bad in ((0.01, 0.05), (0.5, 0.0)):
        with pytest.raises(ValueError, match="least"):
            weight_of(*bad)
    with pytest.raises(ValueError, match="weight lies"):
        EProcess(bar=0.5).after(1.0, 0.0)


def test_a_weighted_confidence_sequence_covers() -> None:
    def told(draw: random.Random) -> Estimate:
        return estimate(ACCURACY, drawn_unequally(draw), live=True)

    assert told(random.Random(1)).always_valid
    assert coverage(told, TRUE_SHARE, 60) >= 0.95
    assert told(random.Random(1)).half_width < 0.1  # type: ignore[operator]


def test_a_confidence_sequence_holds_at_every_look() -> None:
    draw = random.Random(19)
    runs, missed = 60, 0
    for _ in range(runs):
        scores: list[float] = []
        ever = False
        for _ in range(40):
            scores += [float(draw.random() < 0.85) for _ in range(10)]
            told = confidence_sequence(scores)
            assert told.low is not None
            assert told.high is not None
            ever = ever or not told.low <= 0.85 <= told.high
        missed += ever
    assert missed / runs <= 0.07


@settings(max_examples=30)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=80))
def test_a_confidence_sequence_holds_its_mean_and_is_wider_than_wilsons(scores: list[float]) -> None:
    told = confidence_sequence(scores)
    assert told.always_valid
    assert told.low is not None
    assert told.high is not None
    assert 0.0 <= told.low <= told.high <= 1.0
    if scores:
        assert told.low - 2e-3 <= fmean(scores) <= told.high + 2e-3
    if scores and set(scores) <= {0.0, 1.0}:
        assert told.half_width >= (wilson(sum(scores), len(scores)).half_width or 0) - 0.02  # type: ignore[operator]


# Which one


def test_the_interval_is_chosen_by_what_is_at_hand() -> None:
    plain = [right_or_wrong(str(i), i % 10 > 0, Drawn(stratum="ab"[i % 2])) for i in range(400)]
    unequal = [right_or_wrong(str(i), True, Drawn(probability=0.1 + 0.2 * (i % 2))) for i in range(40)]
    clustered = [right_or_wrong(str(i), i % 3 > 0, Drawn(cluster=str(i // 4))) for i in range(40)]
    guesses = Guesses(by_item={str(i): float(i % 7 > 0) for i in range(400)}, others=[1.0, 0.0] * 500)
    methods = [
        estimate(ACCURACY, plain).method,
        estimate(ACCURACY, plain, live=True).method,
        estimate(ACCURACY, plain, stratum_weights={"a": 0.5, "b": 0.5}).method,
        estimate(ACCURACY, plain, guesses=guesses).method,
        estimate(ACCURACY, plain[:200], guesses=guesses).method,
        estimate(ACCURACY, unequal).method,
        estimate(ACCURACY, clustered).method,
        estimate(WER, files(random.Random(1), 30)).method,
    ]
    assert [method.split("/")[0] for method in methods] == [
        "wilson", "confidence-sequence", "stratified", "ppi", "wilson", "hajek", "cluster-bootstrap", "cluster-bootstrap",
    ]  # fmt: skip


def test_an_item_of_an_unknown_stratum_is_refused() -> None:
    with pytest.raises(ValueError, match="no weight"):
        estimate(ACCURACY, [right_or_wrong("1", True, Drawn(stratum="z"))], stratum_weights={"a": 1.0})


# Calibration


def test_a_map_of_confidences_rises_and_mends() -> None:
    draw = random.Random(23)
    rated = [(sure, draw.random() < sure**3) for sure in (draw.random() for _ in range(4000))]
    learned = isotonic(rated[:2000])
    assert list(learned.probabilities) == sorted(learned.probabilities)
    before = calibration_error(rated[2000:])
    after = calibration_error([(learned(sure), right) for sure, right in rated[2000:]])
    assert before is not None
    assert after is not None
    assert before > 0.2
    assert after < 0.05
    with pytest.raises(ValueError, match="needs 200"):
        isotonic(rated[:199])


@settings(deadline=None)  # the first call imports the other library
@given(
    st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9]), st.booleans()), min_size=1, max_size=60)
)
def test_isotonic_and_auroc_equal_scikit_learn(rated: list[tuple[float, bool]]) -> None:
    sk = pytest.importorskip("sklearn.isotonic", reason="scikit-learn is not installed (extra: demo)")
    metrics = pytest.importorskip("sklearn.metrics")
    sure, right = zip(*rated, strict=True)
    expected = sk.IsotonicRegression().fit(sure, [float(each) for each in right]).predict(sure)
    learned = isotonic(rated, least=1)
    assert [learned(each) for each in sure] == pytest.approx(list(expected), abs=1e-9)
    if len(set(right)) == 2:
        assert ranks_right(rated) == pytest.approx(metrics.roc_auc_score(right, sure), abs=1e-12)
    else:
        assert ranks_right(rated) is None


def test_a_stream_that_was_good_for_long_is_rejected_soon_after_it_falls() -> None:
    """Evidence that bets from the first item on has lost all by then; that of :meth:`EProcess.lasting` has not."""
    bar, alpha = 0.85, 0.01
    rng = random.Random(11)
    good = [float(rng.random() < 0.96) for _ in range(2000)]
    plain, lasting = EProcess(bar=bar), EProcess.lasting(bar)
    for score in good:
        plain, lasting = plain.after(score), lasting.after(score)
    assert not lasting.rejected(alpha)
    poor = 0
    while not lasting.rejected(alpha):
        score = float(rng.random() < 0.7)
        plain, lasting, poor = plain.after(score), lasting.after(score), poor + 1
    assert poor < 500
    assert plain.highest < 1.01


def test_lasting_evidence_rejects_a_stream_at_the_bar_no_more_often_than_it_may() -> None:
    bar, alpha, streams = 0.85, 0.05, 600
    rng = random.Random(12)
    alarmed = 0
    for _ in range(streams):
        process = EProcess.lasting(bar)
        for _ in range(400):
            process = process.after(float(rng.random() < bar))
        alarmed += process.rejected(alpha)
    assert alarmed / streams <= alpha


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=60))
def test_lasting_evidence_is_the_mean_over_all_beginnings(scores: list[float]) -> None:
    """Half of it from the first item on, and of the other half 1/(s(s+1)) from item s on."""
    bar = 0.8
    process = EProcess.lasting(bar)
    for score in scores:
        process = process.after(score)
    begun = sum(
        watched(bar, scores[first:]).value / ((first + 1) * (first + 2)) for first in range(len(scores))
    )
    waiting = 1 / (len(scores) + 1)
    expected = (watched(bar, scores).value + begun + waiting) / 2
    assert process.value == pytest.approx(expected, rel=1e-9)
