"""Scale readiness, recomputed; where areas overlap; how much hangs on the weights."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.bench.result import Workload
from broker.maturity.interval import Interval
from broker.maturity.position import Area, Pair, Relation, pairs, sensitivity
from broker.maturity.readiness import Fact, Kind, Ratio, best, mapped, readiness

LOAD = Workload(calls_per_month=1_000_000, peak_per_second=20, budget=Decimal(1000), p95_limit=1.0)


def _fact(
    low: float, high: float | None = None, kind: Kind = Kind.MEASURED, dated: date | None = None
) -> Fact:
    return Fact(low=low, high=low if high is None else high, kind=kind, source="a run", dated=dated)


def test_the_four_ratios_by_hand() -> None:
    found = readiness(
        "p",
        LOAD,
        {
            Ratio.QUOTA: [_fact(10)],  # half of the peak
            Ratio.COST: [_fact(4000)],  # four times the budget
            Ratio.LATENCY: [_fact(0.4)],  # well within
            Ratio.SUCCESS: [_fact(0.99495)],  # half way between 99 % and 99.99 %
        },
    )
    assert [fit.value.low for fit in found.fits] == pytest.approx([0.5, 0.25, 1.0, 0.5])
    assert found.score.low == found.score.high == pytest.approx(100 * (0.5 * 0.25 * 1.0 * 0.5) ** 0.25)
    assert not found.unknown


def test_success_goes_in_a_straight_line_from_99_to_99_99() -> None:
    assert [mapped(each) for each in (0.0, 0.99, 0.999, 0.9999, 1.0)] == pytest.approx(
        [0, 0, 0.90909, 1, 1], abs=1e-4
    )
    with pytest.raises(ValueError, match="share"):
        mapped(1.1)


def test_unknown_widens_and_is_not_filled_in() -> None:
    three = {Ratio.QUOTA: [_fact(40)], Ratio.COST: [_fact(1)], Ratio.LATENCY: [_fact(0.1)]}
    found = readiness("p", LOAD, three)
    assert found.score == Interval(low=0.0, high=100.0)
    assert found.unknown == (Ratio.SUCCESS,)
    assert readiness("p", LOAD, {}).score == Interval(low=0.0, high=100.0)


def test_measured_beats_documented_beats_assumed_and_newer_beats_older() -> None:
    documented = _fact(1, kind=Kind.DOCUMENTED, dated=date(2026, 11, 1))
    old, new, undated = _fact(2, dated=date(2020, 1, 1)), _fact(3, dated=date(2026, 1, 1)), _fact(4)
    assumed = _fact(5, kind=Kind.ASSUMED, dated=date(2026, 11, 20))
    assert best([assumed, documented, undated, old, new]) is new
    assert best([assumed, documented]) is documented
    assert best([undated, old]) is old
    assert best([]) is None


@given(
    bounds=st.fixed_dictionaries(
        {each: st.tuples(st.floats(1e-3, 1.0), st.floats(1e-3, 1.0)).map(sorted) for each in Ratio}
    ),
    weights=st.fixed_dictionaries({each: st.floats(0.1, 5) for each in Ratio}),
)
def test_any_fact_inside_the_intervals_gives_a_score_inside(bounds, weights) -> None:
    def facts(pick):
        return {
            Ratio.QUOTA: [pick([20 * each for each in bounds[Ratio.QUOTA]])],
            Ratio.COST: [pick([1000 / each for each in reversed(bounds[Ratio.COST])])],
            Ratio.LATENCY: [pick([1 / each for each in reversed(bounds[Ratio.LATENCY])])],
            Ratio.SUCCESS: [pick([0.99 + 0.0099 * each for each in bounds[Ratio.SUCCESS]])],
        }

    whole = readiness("p", LOAD, facts(lambda ends: _fact(*ends)), weights).score
    total = sum(weights.values())
    for at, end in ((0, whole.low), (1, whole.high)):
        exact = math.exp(sum(weights[each] / total * math.log(bounds[each][at]) for each in Ratio))
        assert end == pytest.approx(100 * exact, rel=1e-6)
    middle = readiness("p", LOAD, facts(lambda ends: _fact(sum(ends) / 2)), weights).score
    assert whole.low - 1e-6 <= middle.low == middle.high <= whole.high + 1e-6


def test_without_limit_and_free_of_charge() -> None:
    found = readiness("local", LOAD, {Ratio.QUOTA: [_fact(math.inf)], Ratio.COST: [_fact(0)]})
    assert [fit.value for fit in found.fits[:2]] == [Interval(low=1.0, high=1.0)] * 2


@pytest.mark.parametrize("ends", [(2.0, 1.0), (-1.0, 1.0), (math.nan, 1.0)])
def test_facts_that_cannot_be_meant(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="a fact goes"):
        Fact(low=ends[0], high=ends[1], kind=Kind.MEASURED, source="x")
    with pytest.raises(ValueError, match="source"):
        Fact(low=1, high=1, kind=Kind.MEASURED, source="")


def test_what_the_workload_does_not_state_is_unknown() -> None:
    all_known = {
        Ratio.QUOTA: [_fact(40)],
        Ratio.COST: [_fact(1)],
        Ratio.LATENCY: [_fact(0.1)],
        Ratio.SUCCESS: [_fact(1)],
    }
    found = readiness("p", Workload(p95_limit=1.0), all_known)
    assert found.unknown == (Ratio.QUOTA, Ratio.COST)
    assert found.score == Interval(low=0.0, high=100.0)
    assert readiness("p", LOAD, all_known).score == Interval(low=100.0, high=100.0)


def _area(name: str, *ends: float) -> Area:
    return Area(
        name=name, readiness=Interval(low=ends[0], high=ends[1]), maturity=Interval(low=ends[2], high=ends[3])
    )


def test_pairs() -> None:
    areas = [
        _area("a", 0, 50, 0, 50),
        _area("b", 50, 90, 50, 90),  # touches a: not separated
        _area("c", 60, 90, 0, 40),  # ahead of a in readiness; behind b in maturity
        _area("d", 0, 10, 95, 99),  # the other way round
    ]
    found = {(each.first, each.second): each for each in pairs(areas)}
    assert len(found) == 6
    assert found["a", "b"].relation is Relation.NOT_SEPARATED
    assert found["a", "c"].relation is Relation.BEHIND
    assert found["b", "c"].relation is Relation.AHEAD
    assert found["c", "d"].relation is Relation.TRADE_OFF
    assert str(found["a", "b"]) == "a and b: not separated"
    assert str(found["a", "c"]) == "a against c: behind in scale readiness, not separated in maturity"


@given(st.lists(st.tuples(*[st.integers(0, 20)] * 4), min_size=2, max_size=6))
def test_not_separated_is_exactly_overlap(numbers: list[tuple[int, ...]]) -> None:
    areas = [_area(str(n), *sorted(each[:2]), *sorted(each[2:])) for n, each in enumerate(numbers)]
    by_name = {each.name: each for each in areas}
    for pair in pairs(areas):
        overlap = by_name[pair.first].overlaps(by_name[pair.second])
        assert (pair.relation is Relation.NOT_SEPARATED) is overlap
        back = pairs([by_name[pair.second], by_name[pair.first]])[0]
        assert back == Pair(
            first=pair.second, second=pair.first, readiness=-pair.readiness, maturity=-pair.maturity
        )


def test_sensitivity_of_one_who_always_leads_and_of_a_coin() -> None:
    sure = sensitivity(
        {"x": 1.0, "y": 1.0}, lambda w: {"a": 4 * w["x"] + 4 * w["y"], "b": 3 * w["x"] + 3 * w["y"]}
    )
    assert sure.leaders == ("a",)
    assert sure.changed == 0
    even = sensitivity({"x": 1.0, "y": 1.0}, lambda w: {"a": 4 * w["x"] + 1e-6, "b": 4 * w["y"]})
    # Dirichlet(1, 1): x is above one half with probability one half; four standard errors.
    assert abs(even.changed - 0.5) < 4 * math.sqrt(0.25 / 1000)
    assert even == sensitivity({"x": 1.0, "y": 1.0}, lambda w: {"a": 4 * w["x"] + 1e-6, "b": 4 * w["y"]})
    assert str(sure) == "the first (a) changes under 0.0% of 1,000 random weightings"


def test_a_weight_of_0_stays_0() -> None:
    seen: list[float] = []

    def scores(weights) -> dict[str, float]:
        seen.append(weights["out"])
        return {"a": 1.0, "b": 1.0}

    found = sensitivity({"in": 2.0, "out": 0.0}, scores, draws=50)
    assert set(seen) == {0.0}
    assert found.leaders == ("a", "b")
    assert found.changed == 0
