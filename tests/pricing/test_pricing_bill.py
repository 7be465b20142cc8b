"""Bills: channels, bundles, surcharges, and months that cross tiers, reckoned again by other means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.pricing.bill import Bill, bill
from broker.pricing.book import PriceBook
from broker.pricing.load import shipped
from broker.pricing.quantity import billing_units
from broker.types import Price, Rounding, Tier, Unit, Usage
from broker.types.money import UsageSource

D = Decimal
DAY = date(2026, 11, 21)


def use(sku: str, quantity: str = "1", unit: Unit = Unit.IMAGE, channels: int = 1) -> Usage:
    return Usage(sku=sku, unit=unit, quantity=D(quantity), channels=channels)


def google(*usage: Usage) -> Bill:
    return bill(usage, shipped(), region="global", day=DAY)


def row(sku: str, *tiers: tuple[str | None, str], **more: object) -> Price:
    facts = {
        "id": f"{sku}@t",
        "sku": sku,
        "unit": Unit.IMAGE,
        "region": "*",
        "currency": "USD",
        "valid_from": date(2026, 1, 1),
        "checked_on": date(2026, 1, 1),
        "source": "a test",
        "confidence": "high",
        "tiers": tuple(Tier(up_to=None if end is None else D(end), price=D(each)) for end, each in tiers),
    }
    return Price(**{**facts, **more})  # type: ignore[arg-type]


LABEL, SAFE, FACE = "gcp.vision.label", "gcp.vision.safe_search", "gcp.vision.face"


def test_a_bundle_costs_nothing_beside_its_giver_in_any_order_and_is_marked() -> None:
    for usage in ([use(LABEL), use(SAFE)], [use(SAFE), use(LABEL)]):
        found = google(*usage)
        assert (found.amount(), found.bound, found.unpriced) == (D("0.0015"), D("0.0015"), None)
        free = next(line for line in found.lines() if line.usage.sku == SAFE)
        assert (free.amount, free.bound, free.units) == (0, 0, 1)
        assert (free.price.free, free.price.id) == (
            "bundle",
            "gcp.vision.safe_search@global@2026-01-01+bundle",
        )


def test_a_bundle_moves_no_tier() -> None:
    counters = {line.usage.sku: line.price.counter for line in google(use(LABEL), use(SAFE)).lines()}
    assert counters == {LABEL: LABEL, SAFE: f"{SAFE}+bundle"}
    (alone,) = google(use(SAFE)).lines()
    assert (alone.price.counter, alone.amount) == (SAFE, D("0.0015"))


def test_another_feature_gives_nothing_away() -> None:
    assert google(use(FACE), use(SAFE)).amount() == D("0.0030")


def test_no_more_is_given_away_than_the_giver_was_used() -> None:
    found = google(use(LABEL, "2"), use(SAFE, "5"))
    assert found.amount() == found.bound == 2 * D("0.0015") + 3 * D("0.0015")
    assert [(line.usage.quantity, line.amount) for line in found.lines()] == [
        (2, D("0.0030")),
        (2, 0),
        (3, D("0.0045")),
    ]
    twice = google(use(LABEL, "2"), use(SAFE, "2"), use(SAFE, "1"))
    assert twice.amount() == D("0.0045"), "what is given is given once"
    assert google(use(LABEL, "0"), use(SAFE)).amount() == D("0.0015"), "nothing used, nothing given"


def test_each_counter_is_one_line() -> None:
    found = google(use(LABEL), use(SAFE), use(LABEL, "2"), use(SAFE, "3"))
    counters = [line.price.counter for line in found.lines()]
    assert len(counters) == len(set(counters)) == 3
    assert sum(line.usage.quantity for line in found.lines()) == 7


def test_channels_are_billed_as_the_row_says() -> None:
    def priced(sku: str, region: str, channels: int) -> Bill:
        return bill([use(sku, "12.3", Unit.SECOND, channels)], shipped(), region=region, day=DAY)

    google_two = priced("gcp.speech.v2.standard", "us-central1", 2)
    assert google_two.units[0] * 60 == 26
    assert priced("aws.transcribe.batch", "us-east-1", 2).units == (13,)
    for sku in ("azure.speech.batch", "azure.speech.fast"):
        assert priced(sku, "eastus", 2).units == priced(sku, "eastus", 1).units
    assert priced("azure.speech.realtime", "eastus", 1).unpriced is None
    unknown = priced("azure.speech.realtime", "eastus", 2)
    assert unknown.bound is None
    assert "each of 2 channels is not known" in str(unknown.unpriced)


@pytest.mark.parametrize("channels", [0, -1])
def test_impossible_channels_are_refused(channels: int) -> None:
    with pytest.raises(ValueError, match="channels"):
        billing_units(D(1), Rounding(), channels)


seconds = st.decimals(0, 10**5, places=3, allow_nan=False)


@given(seconds, st.integers(1, 8), st.integers(1, 60), st.integers(0, 60), st.sampled_from([1, 60, 3600]))
def test_channels_are_rounded_each_by_itself(
    quantity: Decimal, channels: int, increment: int, minimum: int, per: int
) -> None:
    rule = Rounding(increment=D(increment), minimum=D(minimum), per=D(per))
    found = billing_units(quantity, rule, channels)
    one = max(-(-Fraction(quantity) // increment) * increment, minimum)
    assert abs(Fraction(found) - Fraction(one * channels, per)) < Fraction(1, 10**30)


def test_a_surcharge_without_a_row_makes_the_call_unpriced() -> None:
    found = google(use(LABEL), use("gcp.vision.mind_reading"))
    assert (found.bound, found.amount()) == (None, None)
    assert found.unpriced == "the price book has no row for gcp.vision.mind_reading"


def test_a_surcharge_with_a_row_is_added() -> None:
    usage = [
        use("aws.transcribe.batch", "8", Unit.SECOND),
        use("aws.transcribe.redaction_addon", "8", Unit.SECOND),
    ]
    assert bill(usage, shipped(), region="eu-west-2", day=DAY).amount() == D("0.00112")
    elsewhere = bill(usage, shipped(), region="us-east-1", day=DAY)
    assert elsewhere.bound is None
    assert "aws.transcribe.redaction_addon in us-east-1" in str(elsewhere.unpriced)


def test_no_use_at_all_is_unpriced_and_not_free() -> None:
    found = google()
    assert (found.bound, found.amount()) == (None, None)
    assert found.unpriced


def test_a_use_without_a_sku_falls_under_the_operations_own() -> None:
    found = bill([use("")], shipped(), region="global", day=DAY, default_sku=LABEL)
    assert [each.sku for each in found.usage] == [LABEL]


SKUS = ("a", "b", "c")
borders = st.lists(st.integers(1, 400), max_size=3, unique=True).map(sorted)
prices = st.integers(1, 10**6)


@st.composite
def books(draw: st.DrawFn) -> PriceBook:
    rows = []
    for sku in SKUS:
        ends: list[str | None] = [str(each) for each in draw(borders)]
        tiers = [(end, str(D(draw(prices)).scaleb(-7))) for end in [*ends, None]]
        rule = Rounding(
            increment=D(draw(st.integers(1, 5))),
            minimum=D(draw(st.integers(0, 6))),
            per=D(draw(st.sampled_from([1, 2, 5]))),
        )
        giver = {"c": ("a",)}.get(sku, ()) if draw(st.booleans()) else ()
        rows.append(row(sku, *tiers, rounding=rule, free_quota=D(draw(st.integers(0, 50))), free_with=giver))
    return PriceBook(rows)


calls = st.lists(
    st.lists(st.tuples(st.sampled_from(SKUS), st.integers(0, 40)), min_size=1, max_size=4), max_size=40
)


def integral(price: Price, units: Fraction, claimed: bool) -> Fraction:
    """The whole month at once: unit by unit up the tiers, less what is free, in exact fractions."""
    quota = Fraction(price.free_quota) if claimed else Fraction(0)
    total, floor = Fraction(0), Fraction(0)
    for tier in price.tiers:
        ceiling = units if tier.up_to is None else min(units, Fraction(tier.up_to))
        total += max(Fraction(0), ceiling - max(floor, quota)) * Fraction(tier.price)
        floor = max(floor, ceiling)
    return total


def counted(price: Price, quantity: int) -> Fraction:
    rule = price.rounding
    assert rule.increment is not None
    steps = -(-Fraction(quantity) // Fraction(rule.increment)) * Fraction(rule.increment)
    return max(steps, Fraction(rule.minimum)) / Fraction(rule.per)


@settings(max_examples=150, deadline=None)
@given(books(), calls, st.booleans())
def test_a_month_of_calls_one_by_one_equals_the_integral_over_its_tiers(
    book: PriceBook, month: Sequence[Sequence[tuple[str, int]]], claimed: bool
) -> None:
    positions: dict[str, Decimal] = {}
    total = D(0)
    for call in month:
        found = bill([use(sku, str(number)) for sku, number in call], book, region="r", day=DAY)
        for line in found.lines(positions, claimed):
            assert line.amount is not None
            assert line.bound is not None
            assert line.amount <= line.bound
            positions[line.price.counter] = positions.get(line.price.counter, D(0)) + line.units
            total += line.amount

    expected: Fraction = Fraction(0)
    by_sku = {each.sku: each for each in book.rows()}
    month_units = dict.fromkeys(SKUS, Fraction(0))
    for call in month:
        given_away = sum(number for sku, number in call if sku == "a") if by_sku["c"].free_with else 0
        for sku, number in call:
            free = min(number, given_away) if sku == "c" else 0
            given_away -= free
            if free == 0 or free < number:
                month_units[sku] += counted(by_sku[sku], number - free)
    for sku, units in month_units.items():
        expected += integral(by_sku[sku], units, claimed)
        assert Fraction(positions.get(sku, D(0))) == units
    assert Fraction(total) == expected


def test_a_report_by_the_vendor_keeps_who_counted() -> None:
    found = google(replace(use(LABEL, "3"), source=UsageSource.REPORTED))
    assert found.lines()[0].usage.source is UsageSource.REPORTED
