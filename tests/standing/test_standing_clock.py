"""What stands, by the clock: against an independent reckoning in fractions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing_support import HOUR, START, instants, meter, meters, reckoned, row

from broker.ledger.clock_cost import lines
from broker.types.money import Tier
from broker.types.standing import StandingMeter

D = Decimal
HALF_OF_THE_LAST = Fraction(1, 2 * 10**12)


def cost(found: list[StandingMeter], begin: datetime, end: datetime) -> int:
    return sum(line.amount or 0 for line in lines(found, begin, end))


@settings(max_examples=150, deadline=None)
@given(found=meters(), begin=instants(), length=st.integers(0, 40 * 24 * HOUR))
def test_it_is_the_exact_cost_but_for_the_rounding_of_each_day(
    found: list[StandingMeter], begin: datetime, length: int
) -> None:
    end = begin + timedelta(microseconds=length)
    got = lines(found, begin, end)
    exact = reckoned(found, begin, end)
    assert abs(Fraction(sum(line.amount or 0 for line in got), 10**12) - exact) <= HALF_OF_THE_LAST * len(got)
    assert all(line.amount is not None for line in got)


@settings(max_examples=60, deadline=None)
@given(found=meters(), cuts=st.lists(st.integers(0, 60), min_size=1, max_size=6))
def test_periods_of_whole_days_add_up_to_the_last_digit(found: list[StandingMeter], cuts: list[int]) -> None:
    days = [START + timedelta(days=each) for each in sorted({0, 60, *cuts})]
    parts = [cost(found, begin, end) for begin, end in pairwise(days)]
    assert sum(parts) == cost(found, days[0], days[-1])


@settings(max_examples=60, deadline=None)
@given(found=meters(), looks=st.lists(instants(), min_size=2, max_size=8))
def test_time_only_adds(found: list[StandingMeter], looks: list[datetime]) -> None:
    sums = [cost(found, START, at) for at in sorted(looks)]
    assert sums == sorted(sums)


def test_begun_hours_count_in_full_at_both_ends() -> None:
    one = meter("a", START.replace(hour=10, minute=30), START.replace(hour=12, minute=1))
    assert cost([one], START, START + timedelta(days=1)) == 3 * 10**11
    exact = meter("a", one.since, one.until, row(slot=0))
    assert cost([exact], START, START + timedelta(days=1)) == round(Fraction(91, 60) * 10**11)


def test_while_it_stands_a_part_of_an_hour_is_a_part_of_its_cost() -> None:
    one = meter("a", START.replace(hour=10, minute=30))
    assert cost([one], START, START.replace(hour=10, minute=45)) == 75 * 10**9


def test_what_ends_where_it_began_never_stood() -> None:
    at = START.replace(hour=10, minute=30)
    assert lines([meter("a", at, at)], START, START + timedelta(days=9)) == []


def test_a_month_is_as_long_as_it_is() -> None:
    one = meter("a", START, None, row("31", unit="month", slot=0))
    february = datetime(2026, 2, 1, tzinfo=UTC)
    assert cost([one], START, february) == 31 * 10**12
    assert cost([one], february, february + timedelta(days=1)) == round(Fraction(31, 28) * 10**12)


def test_a_month_begins_at_the_first_tier_again() -> None:
    ladder = (Tier(up_to=D(700), price=D("0.5")), Tier(up_to=None, price=D("0.1")))
    one = meter("a", START, None, row(tiers=ladder))
    february, march = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    assert cost([one], START, february) == (350 * 10 + 44) * 10**11
    assert cost([one], february, march) == 336 * 10**12
    late = START + timedelta(days=29, hours=4)  # 700 hours
    assert cost([one], late, february) == 44 * 10**11


def test_accounts_have_tiers_of_their_own() -> None:
    ladder = (Tier(up_to=D(12), price=D(1)), Tier(up_to=None, price=D("0.5")))
    day = START + timedelta(days=1)
    mine = meter("a", START, None, row(tiers=ladder))
    same, other = (meter("b", START, None, row(tiers=ladder), profile=each) for each in ("", "prod"))
    assert cost([mine, same], START, day) == (12 + 36 // 2) * 10**12
    assert cost([mine, other], START, day) == 2 * (12 + 6) * 10**12


def test_past_the_last_known_tier_the_cost_is_not_known() -> None:
    one = meter("a", START, None, row(tiers=(Tier(up_to=D(30), price=D(1)),)))
    first, second = lines([one], START, START + timedelta(days=2))
    assert first.amount == 24 * 10**12
    assert second.amount is None
    assert second.unpriced == "the month is past the last tier whose price is known"


def test_days_without_a_price_are_unpriced_and_the_others_are_not() -> None:
    one = meter("a", START, None, row(None, end=date(2026, 1, 3)), row("1", begin=date(2026, 1, 3)))
    got = lines([one], START, START + timedelta(days=3))
    assert [line.amount for line in got] == [None, None, 24 * 10**12]
    assert got[0].unpriced == "a test wants it so"


@given(found=meters())
def test_the_ledger_keeps_every_part(found: list[StandingMeter]) -> None:
    for each in found:
        until = None if each.until is None else each.until.isoformat()
        again = StandingMeter.of(each.name, each.facts(), until, each.price_text())
        assert (again, again.prices) == (each, each.prices)


def test_no_units_and_ends_before_begins_are_refused() -> None:
    with pytest.raises(ValueError, match="units must be above 0"):
        meter(units="0")
    with pytest.raises(ValueError, match="ends before it begins"):
        meter("a", START, START - timedelta(hours=1))
