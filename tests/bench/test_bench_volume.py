"""Costs at other volumes and break-even points, against a reckoning call by call that knows nothing of pieces."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.bench.volume import VOLUMES, Tariff, UnitLine, break_evens, curve, monthly
from broker.pricing.cost import charge
from broker.pricing.load import shipped
from broker.testing.fake import fake_price
from broker.types.money import Price, Tier

DAY = date(2026, 11, 21)


def _price(*tiers: tuple[int | None, str], free_quota: int = 0) -> Price:
    made = tuple(
        Tier(up_to=None if up_to is None else Decimal(up_to), price=Decimal(each)) for up_to, each in tiers
    )
    return replace(fake_price(), tiers=made, free_quota=Decimal(free_quota))


def _tariff(price: Price, per_call: str = "1", **facts: Any) -> Tariff:
    return replace(
        Tariff(lines=(UnitLine(price=price, per_call=Decimal(per_call)),), currency="USD"), **facts
    )


def _oracle(tariff: Tariff, calls: int) -> Decimal | None:
    """The price book's own arithmetic, which rounds to what is kept."""
    total = Decimal(0)
    if tariff.standing is not None:
        needed = 1 if tariff.carries is None else max(1, math.ceil(Decimal(calls) / tariff.carries))
        total += needed * tariff.standing
    for line in tariff.lines:
        found = charge(line.price, line.per_call * calls, free_quota=tariff.free_quota).amount
        if found is None:
            return None
        total += found
    return total


def test_a_million_pictures_cost_what_the_vendors_pages_say() -> None:
    book = shipped()
    aws = next(
        row for row in book.of("aws.rekognition.group2") if row.region == "us-east-1" and row.holds(DAY)
    )
    assert monthly(_tariff(aws), 3_500_000) == Decimal(3000)  # the worked example of AWS's price page
    google = next(row for row in book.of("gcp.vision.label") if row.holds(DAY))
    assert monthly(_tariff(google, free_quota=True), 1_000_000) == Decimal("1498.50")


def test_every_curve_has_the_six_volumes_and_those_asked_for() -> None:
    made = curve("aws", "vision.label", _tariff(_price((None, "0.001"))), also=(250_000, 1000))
    assert [each.calls for each in made.points] == sorted({*VOLUMES, 250_000})
    assert {each.per_1000 for each in made.points} == {Decimal(1)}


def test_what_is_not_known_stays_so() -> None:
    tariff = Tariff(lines=(), currency="USD", unknown="it has no price")
    made = curve("x", "vision.label", tariff)
    assert {each.cost for each in made.points} == {None}
    assert made.unknown == "it has no price"
    assert break_evens("vision.label", [("x", tariff), ("y", _tariff(_price((None, "1"))))]) == ()


def test_beyond_the_last_known_tier_there_is_no_cost_and_no_break_even() -> None:
    short = _tariff(_price((1_000_000, "0.001")))
    assert monthly(short, 1_000_000) == 1000
    assert monthly(short, 1_000_001) is None
    dear_later_cheap = _tariff(_price((2_000_000, "0.002"), (None, "0.0001")))
    assert break_evens("o", [("short", short), ("later", dear_later_cheap)]) == ()
    assert curve("short", "o", short).borders[0].after is None


def test_a_machine_of_our_own_pays_from_some_volume_on_and_a_second_one_is_needed() -> None:
    cloud = _tariff(_price((None, "0.001")))
    machine = Tariff(lines=(), currency="USD", standing=Decimal(100), carries=Decimal(150_000))
    found = [
        (each.calls, each.below, each.above)
        for each in break_evens("o", [("cloud", cloud), ("own", machine)])
    ]
    # One machine: 100 $ = 100,000 calls. The second (from 150,001 on) costs 200 $ = 200,000 calls, and so on.
    assert found[:3] == [(100_001, "cloud", "own"), (150_001, "own", "cloud"), (200_001, "cloud", "own")]
    assert (
        300_001,
        "own",
        None,
    ) not in found  # three for 300 $ carry 450,000: at 300,001 they are dearer by a hair


def test_beyond_the_machines_that_are_counted_no_point_is_told() -> None:
    """A point that is told is one: thousands of steps are not taken for a line."""
    slow = Tariff(lines=(), currency="USD", standing=Decimal(1), carries=Decimal(1000))
    cloud = _tariff(_price((None, "0.0009")), standing=Decimal(1000))
    for each in break_evens("o", [("slow", slow), ("cloud", cloud)]):
        before, there = (
            (monthly(slow, n) or 0) - (monthly(cloud, n) or 0) for n in (each.calls - 1, each.calls)
        )
        assert (before > 0) != (there > 0), f"nothing changes at {each.calls:,}"


def test_lanes_that_cost_the_same_for_a_stretch_have_no_cheaper_one_there() -> None:
    one = _tariff(_price((1000, "0.001"), (None, "0.0005")))
    other = _tariff(_price((5000, "0.001"), (None, "0.0001")))
    found = [
        (each.calls, each.below, each.above) for each in break_evens("o", [("one", one), ("other", other)])
    ]
    assert found == [(1001, None, "one"), (10_001, "one", "other")]


_amounts = st.integers(1, 40).map(lambda each: Decimal(each) / 10_000)


@st.composite
def _lines(draw: st.DrawFn) -> UnitLine:
    borders = sorted(draw(st.sets(st.integers(1, 60), max_size=3)))
    ends: list[int | None] = [*borders, None] if draw(st.booleans()) or not borders else list(borders)
    price = _price(*((end, str(draw(_amounts))) for end in ends), free_quota=draw(st.integers(0, 20)))
    return UnitLine(price=price, per_call=Decimal(draw(st.sampled_from(["1", "0.5", "2.3", "3"]))))


@st.composite
def _tariffs(draw: st.DrawFn) -> Tariff:
    """Of one sku, or of two that a call uses together, as an index with a re-ranker does."""
    standing = draw(st.none() | st.integers(0, 30).map(lambda each: Decimal(each) / 1000))
    return Tariff(
        lines=tuple(draw(st.lists(_lines(), min_size=1, max_size=2))),
        currency="USD",
        free_quota=draw(st.booleans()),
        standing=standing,
        carries=None if standing is None else draw(st.none() | st.integers(5, 90).map(Decimal)),
    )


@given(_tariffs(), _tariffs())
@settings(max_examples=50)
def test_break_evens_are_those_found_by_reckoning_every_call_count(one: Tariff, other: Tariff) -> None:
    def cheaper(calls: int) -> int | None:
        a, b = _oracle(one, calls), _oracle(other, calls)
        return None if a is None or b is None else (a > b) - (a < b)

    wanted: list[tuple[int, int]] = []
    before = None
    for calls in range(1, 161):
        now = cheaper(calls)
        if now is None:
            break
        if now == 0 and before and cheaper(calls + 1):
            continue
        if before is not None and now != before:
            wanted.append((calls, now))
        before = now
    sign = {"one": -1, "other": 1, None: 0}
    found = break_evens("o", [("one", one), ("other", other)], largest=162)
    assert [(each.calls, sign[each.above]) for each in found if each.calls <= 160] == wanted


@given(_tariffs(), st.integers(1, 400))
def test_a_month_costs_what_the_price_book_says(tariff: Tariff, calls: int) -> None:
    assert monthly(tariff, calls) == _oracle(tariff, calls)


def test_between_tiers_the_borders_are_told_in_calls() -> None:
    made = curve("aws", "o", _tariff(_price((1_000_000, "0.001"), (None, "0.0008")), "2"))
    assert [(each.calls, each.before, each.after) for each in made.borders] == [
        (Decimal(500_000), Decimal("0.001"), Decimal("0.0008"))
    ]


def test_currencies_are_not_compared() -> None:
    euro = _tariff(_price((None, "0.002")), currency="EUR")
    assert (
        break_evens(
            "o",
            [
                ("a", euro),
                (
                    "b",
                    _tariff(
                        _price(
                            (None, "0.001"),
                        ),
                        standing=Decimal(5),
                    ),
                ),
            ],
        )
        == ()
    )


@pytest.mark.parametrize("calls", [10**3, 10**8])
def test_a_free_provider_costs_nothing_at_any_volume(calls: int) -> None:
    assert monthly(_tariff(fake_price(free=True)), calls) == 0
