"""Which calls are looked at: alike everywhere, as often as said, and never without its probability."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.quality.allowance import Allowance
from broker.quality.metrics.metric import ACCURACY, Drawn, right_or_wrong
from broker.quality.sampling import (
    DisagreementTriggered,
    Draw,
    Features,
    PerTag,
    Rate,
    Strata,
    Stratified,
    decide,
    neyman_rates,
    number_of,
    proportional_rates,
    terciles,
)
from broker.quality.stratified import Stratum
from broker.quality.weighted import hajek

SEED = b"sixteen bytes or more"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def taken(design: Rate | PerTag | Stratified, features: Features, n: int = 20_000) -> float:
    return sum(decide(design, f"call-{i}", features, seed=SEED).taken for i in range(n)) / n


def test_the_same_call_is_decided_alike_everywhere_and_another_seed_otherwise() -> None:
    draws = [decide(Rate(per_call=0.3), f"c{i}", seed=SEED) for i in range(200)]
    assert draws == [decide(Rate(per_call=0.3), f"c{i}", seed=SEED) for i in range(200)]
    assert draws != [decide(Rate(per_call=0.3), f"c{i}", seed=SEED[::-1]) for i in range(200)]
    # A change of this would sample other calls; the digest is what OpenSSL's BLAKE2BMAC says.
    assert number_of(SEED, "01J") == (0x2169BECB7D61AE3A >> 11) / 2**53


def test_a_higher_rate_takes_the_same_calls_and_more() -> None:
    few = {i for i in range(2000) if decide(Rate(per_call=0.05), str(i), seed=SEED).taken}
    many = {i for i in range(2000) if decide(Rate(per_call=0.2), str(i), seed=SEED).taken}
    assert few < many


def test_rates_are_kept() -> None:
    assert taken(Rate(per_call=0.03), Features()) == pytest.approx(0.03, abs=0.004)
    per_tag = PerTag(tag="tenant", rates={"a": 0.2}, otherwise=0.01)
    assert taken(per_tag, Features(tags={"tenant": "a"})) == pytest.approx(0.2, abs=0.01)
    assert taken(per_tag, Features(tags={"tenant": "z"})) == pytest.approx(0.01, abs=0.003)
    assert per_tag.rate(Features(tags={"tenant": "a"}))[0] == "tenant=a"
    assert per_tag.rate(Features())[0] == "tenant=other"


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.text(max_size=12))
def test_the_probability_is_told_and_decides(rate: float, floor: float, share: float, call_id: str) -> None:
    draw = decide(Rate(per_call=rate), call_id, seed=SEED, floor=floor, share=share)
    assert draw.probability == min(1.0, share * max(floor, rate))
    assert draw.taken == (draw.u < draw.probability)
    assert 0.0 <= draw.u < 1.0


def test_certain_and_impossible_calls() -> None:
    assert all(decide(Rate(per_call=1.0), str(i), seed=SEED).taken for i in range(100))
    assert not any(decide(Rate(per_call=1.0), str(i), seed=SEED, share=0.0).taken for i in range(100))


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_a_rate_is_a_share(rate: float) -> None:
    for make in (
        lambda: Rate(per_call=rate),
        lambda: PerTag(tag="t", rates={"a": rate}),
        lambda: Stratified(strata=Strata(), rates={}, otherwise=rate),
        lambda: DisagreementTriggered(mirror=rate, differ=0.1, agree=0.1),
        lambda: decide(Rate(per_call=0.1), "x", seed=SEED, share=rate),
    ):
        with pytest.raises(ValueError, match=r"0\.\.1"):
            make()


def test_a_short_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        decide(Rate(per_call=0.1), "x", seed=b"short")


def test_strata_by_agreement_confidence_and_group() -> None:
    strata = Strata(confidence_cuts=(0.5, 0.9), by_group=True)
    assert strata.name(Features(confidence=0.95, agreeing=2, group="en")) == "agree=2|sure=2|group=en"
    assert strata.name(Features(confidence=0.1)) == "agree=?|sure=0|group=?"
    assert strata.name(Features()) == "agree=?|sure=?|group=?"
    assert Strata(by_agreement=False).name(Features()) == "all"
    assert terciles([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) == (0.3, 0.5)
    assert terciles([1.0] * 10) == ()


PAST = [
    Stratum(name="agree=2", weight=0.8, hits=190, n=200),
    Stratum(name="agree=1", weight=0.15, hits=30, n=50),
    Stratum(name="agree=0", weight=0.05, hits=5, n=10),
]


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=6),
    st.floats(0.001, 0.9),
    st.floats(0, 1),
)
def test_neyman_rates_keep_the_mean_and_the_floor(
    strata: list[tuple[float, int, int]], mean_rate: float, floor: float
) -> None:
    past = [
        Stratum(name=str(i), weight=w, hits=hits, n=hits + misses)
        for i, (w, hits, misses) in enumerate(strata)
    ]
    rates = neyman_rates(past, mean_rate, floor=floor)
    whole = sum(stratum.weight for stratum in past)
    assert sum(stratum.weight / whole * rates[stratum.name] for stratum in past) == pytest.approx(
        mean_rate, rel=1e-6
    )
    assert all(floor * mean_rate - 1e-12 <= rate <= 1 for rate in rates.values())


def test_neyman_looks_more_where_answers_vary_more() -> None:
    rates = neyman_rates(PAST, 0.02)
    assert rates["agree=2"] < rates["agree=1"] < 5 * rates["agree=2"]
    assert set(proportional_rates(PAST, 0.02).values()) == {0.02}
    design = Stratified(strata=Strata(), rates=rates, otherwise=0.02)
    assert design.rate(Features(agreeing=1)) == ("agree=1", rates["agree=1"])
    assert design.rate(Features(agreeing=7)) == ("agree=7", 0.02)


def test_disagreement_takes_both_steps_into_its_probability() -> None:
    agreeing, differing = (
        Stratum(name=n, weight=w, hits=h, n=100) for n, w, h in (("a", 0.8, 95), ("d", 0.2, 50))
    )
    design = DisagreementTriggered.balanced(agreeing, differing, mirror=0.1, mean_rate=0.2)
    assert 0.05 <= design.agree < design.differ
    assert 0.8 * design.agree + 0.2 * design.differ == pytest.approx(0.2)
    taken: dict[bool, int] = {True: 0, False: 0}
    n = 40_000
    for i in range(n):
        call_id = f"call-{i}"
        first = design.mirrored(call_id, seed=SEED)
        if not first.taken:
            continue
        agreed = i % 5 > 0
        second = design.referred(first, call_id, agreed=agreed, seed=SEED)
        assert second.probability == pytest.approx(0.1 * (design.agree if agreed else design.differ))
        taken[agreed] += second.taken
    assert taken[True] / (0.8 * n) == pytest.approx(0.1 * design.agree, rel=0.15)
    assert taken[False] / (0.2 * n) == pytest.approx(0.1 * design.differ, rel=0.15)


def test_what_both_agree_on_is_never_left_out() -> None:
    with pytest.raises(ValueError, match="both can be wrong"):
        DisagreementTriggered(mirror=0.1, differ=0.5, agree=0.0)
    not_taken = Draw(taken=False, probability=0.1, u=0.5, stratum=None, design="x")
    with pytest.raises(ValueError, match="was not mirrored"):
        DisagreementTriggered(mirror=0.1, differ=0.5, agree=0.1).referred(
            not_taken, "c", agreed=True, seed=SEED
        )


def test_what_was_drawn_so_gives_the_truth_back() -> None:
    design = Stratified(strata=Strata(), rates=neyman_rates(PAST, 0.05), otherwise=0.05)
    held, off, n, repeats = 0, 0.0, 6000, 25
    for repeat in range(repeats):
        seed = SEED + bytes([repeat])
        scores, truth = [], 0
        for i in range(n):
            agreeing = 2 if i % 20 < 16 else 1 if i % 20 < 19 else 0
            right = number_of(seed, str(i), "truth") < (0.95, 0.6, 0.5)[2 - agreeing]
            truth += right
            draw = decide(design, str(i), Features(agreeing=agreeing), seed=seed)
            if draw.taken:
                drawn = Drawn(probability=draw.probability, stratum=draw.stratum)
                scores.append(right_or_wrong(str(i), right, drawn))
        told = hajek(ACCURACY, scores)
        held += told.low <= truth / n <= told.high  # type: ignore[operator]
        off += told.point - truth / n  # type: ignore[operator]
    assert held >= 21  # of 25 at 95 %: fewer happen once in 200
    assert abs(off / repeats) < 0.012


def test_a_decision_is_cheap() -> None:
    design = Stratified(
        strata=Strata(confidence_cuts=(0.5, 0.9)), rates=neyman_rates(PAST, 0.02), otherwise=0.02
    )
    features = Features(confidence=0.7, agreeing=2)
    best = 1.0
    for _ in range(5):
        started = time.perf_counter()
        for i in range(2000):
            decide(design, f"call-{i}", features, seed=SEED)
        best = min(best, (time.perf_counter() - started) / 2000)
    assert best < 60e-6  # about 5 us on a quiet machine


def test_the_budget_of_sampling_eases_off_and_fills_up_again() -> None:
    full = Allowance.full(Decimal(10), NOW)
    price = Decimal("0.01")
    assert full.share(price) == 1.0
    low = full.spent(Decimal(8))
    assert low.share(price) == pytest.approx(0.4)
    gone = low.spent(Decimal(3))
    assert gone.share(price) == 0.0
    assert gone.later(NOW + timedelta(hours=12)).left == Decimal(4)
    assert gone.later(NOW + timedelta(days=9)).left == Decimal(10)
    assert gone.later(NOW - timedelta(days=1)) == gone


def test_calls_that_could_not_be_taken_are_counted() -> None:
    allowance = Allowance.full(Decimal(1), NOW)
    assert allowance.covered == 1.0
    for probability in (0.1, 0.0, 0.0, 0.2):
        allowance = allowance.decided(probability)
    assert allowance.covered == 0.5
    with pytest.raises(ValueError, match="above 0"):
        Allowance.full(Decimal(0), NOW)
