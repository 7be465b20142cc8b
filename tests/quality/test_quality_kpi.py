"""The figures of a month: exact money, and nothing known where nothing is."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest

from broker.quality.calibration import Rated
from broker.quality.choose import estimate_delivery
from broker.quality.intervals import wilson
from broker.quality.kpi import MonthFacts, concentration, kpis, latency, time_in_states
from broker.quality.metrics.metric import ACCURACY, Drawn, right_or_wrong
from broker.quality.switch_state import State, Transition


def test_a_month_by_hand() -> None:
    told = kpis(
        MonthFacts(
            month="2026-10",
            calls=1000,
            answered=990,
            spend=D("12.00"),
            sampling=D("0.60"),
            failover_spend=D("0.30"),
            planned=D(10),
            delivered=wilson(800, 1000),
            right=wilson(800, 1000),
            bar=0.75,
            flips=(10, 200),
            alarms=(2, 1, 1),
        )
    )
    assert told.per_call == D("0.012")
    assert told.per_right == D("0.015")
    assert told.per_right_low is not None
    assert told.per_right_high is not None
    assert told.per_right_low < told.per_right < told.per_right_high
    assert (told.of_plan, told.sampling_share, told.failover_share) == (D("1.2"), D("0.05"), D("0.025"))
    assert told.success.point == 0.99
    assert told.margin == pytest.approx(0.05 / (0.8 * 0.2 / 1000) ** 0.5, rel=0.02)
    assert told.stability is not None
    assert told.stability.point == 0.95
    assert (told.alarms, told.true_alarms, told.false_alarms) == (2, 1, 1)


def test_what_else_a_month_tells() -> None:
    hour = timedelta(hours=1)
    told = kpis(
        MonthFacts(
            month="2026-10",
            calls=1000,
            answered=1000,
            spend=D("12.00"),
            flips=(10, 200),
            agreement=wilson(80, 100, estimand="agreement"),
            detected=(hour, 5 * hour, 3 * hour),
            states={State.CLOSED: 9 * hour, State.OPEN: hour},
            failovers=4,
            labelled=[60.0, 120.0, 3600.0],
            covered=0.97,
            rated=[Rated(confidence=0.9, right=i > 1) for i in range(10)],
        )
    )
    assert told.per_thousand == D(12)
    assert told.flip_rate is not None
    assert told.agreement is not None
    assert (told.flip_rate.point, told.agreement.point) == (0.05, 0.8)
    assert (told.flip_rate.estimand, told.agreement.n) == ("flip-rate", 100)
    assert told.detected is not None
    assert (told.detected.point, told.detected.low) == (3 * hour.total_seconds(), None)  # three are too few
    assert told.in_states == {State.CLOSED: 0.9, State.OPEN: 0.1}
    assert told.label_latency is not None
    assert told.label_latency.point == 120
    assert told.calibration.point == pytest.approx(0.1)
    assert (told.failovers, told.covered) == (4, 0.97)


def test_time_in_states_adds_up_to_the_month() -> None:
    begin, day = datetime(2026, 10, 1, tzinfo=UTC), timedelta(days=1)

    def line(at: datetime, before: State, after: State) -> Transition:
        return Transition(at=at, before=before, after=after, rule="r", actor="rules")

    lines = [
        line(begin - day, State.CLOSED, State.WARN),
        line(begin + 2 * day, State.WARN, State.OPEN),
        line(begin + 3 * day, State.OPEN, State.HALF_OPEN),
        line(begin + 10 * day, State.HALF_OPEN, State.CLOSED),
        line(begin + 40 * day, State.CLOSED, State.OPEN),
    ]
    told = time_in_states(lines, begin=begin, end=begin + 31 * day, at_begin=State.WARN)
    assert told == {
        State.WARN: 2 * day,
        State.OPEN: day,
        State.HALF_OPEN: 7 * day,
        State.CLOSED: 21 * day,
    }
    assert time_in_states([], begin=begin, end=begin + day, at_begin=State.CLOSED) == {State.CLOSED: day}


def test_how_much_hangs_on_one_provider() -> None:
    told = concentration({"aws": D(75), "gcp": D(25), "azure": D(0)})
    assert told is not None
    assert told.largest == ("aws", D("0.75"))
    assert told.index == D("0.625")
    assert concentration({"aws": D(0)}) is None
    assert concentration({}) is None


def test_a_month_without_truth_calls_or_plan_has_no_such_figures() -> None:
    told = kpis(MonthFacts(month="2026-11", calls=0, answered=0, spend=D(0)))
    assert (told.per_thousand, told.flip_rate, told.agreement, told.detected) == (None,) * 4
    assert (told.label_latency, told.covered, told.calibration.point, told.in_states) == (
        None,
        None,
        None,
        {},
    )
    assert (told.alarms, told.true_alarms, told.false_alarms) == (None, None, None)  # not watched is not 0
    assert (told.per_call, told.per_right, told.of_plan, told.delivered, told.margin) == (None,) * 5
    assert (told.stability, told.p50, told.sampling_share) == (None,) * 3
    assert not told.success.known
    with pytest.raises(ValueError, match="2 answers to 1 calls"):
        kpis(MonthFacts(month="x", calls=1, answered=2, spend=D(0)))


def test_quantiles_of_time_have_intervals_that_hold() -> None:
    draw, held = random.Random(3), 0
    for _ in range(300):
        told = latency([draw.random() for _ in range(200)], 0.95)
        assert told is not None
        assert told.low is not None
        held += told.low <= 0.95 and (told.high is None or told.high >= 0.95)
    assert held / 300 >= 0.92
    few = latency([0.1, 0.2, 0.3], 0.95)
    assert few is not None
    assert few.high is None
    quick = latency([0.1, 0.2, 0.3], 0.05)
    assert quick is not None
    assert quick.low is None


def test_delivery_has_three_intervals() -> None:
    scores = [right_or_wrong(str(i), None if i % 10 == 0 else i % 10 > 2) for i in range(300)]
    told = estimate_delivery(ACCURACY, scores)
    assert (told.delivered.point, told.success.point) == (0.7, 0.9)
    assert told.conditional.point == pytest.approx(7 / 9)
    assert (told.delivered.n, told.conditional.n, told.success.n) == (300, 270, 300)
    assert told.success.estimand == "success"
    strata = [right_or_wrong(str(i), i % 3 > 0, Drawn(stratum="ab"[i % 2])) for i in range(100)]
    weighted = estimate_delivery(ACCURACY, strata, stratum_weights={"a": 0.9, "b": 0.1})
    assert weighted.conditional.method == "stratified/1"
