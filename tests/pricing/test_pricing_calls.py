"""Bundles, channels and surcharges on the whole way of a call: what the ledger's month says afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from broker import Broker, BudgetExceeded, Throttled
from broker.contract import OperationSpec
from broker.ledger import SpendQuery
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import Image, Rounding, Tier, Unit, Usage

D = Decimal
PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
LABEL, SAFE = "fake.vision.label", "fake.safe"
TIERS = (Tier(up_to=D(3), price=D("0.002")), Tier(up_to=None, price=D("0.001")))


def use(sku: str, quantity: str = "1", unit: Unit = Unit.IMAGE, channels: int = 1) -> Usage:
    return Usage(sku=sku, unit=unit, quantity=D(quantity), channels=channels)


def provider(meters: list[tuple[Usage, ...]], *prices: Any) -> Any:
    """A provider whose successive requests use what the list says."""
    left = iter(meters)
    spec = OperationSpec(operation="vision.label", service="Fake", meter=lambda request: next(left))
    kind = fake_provider(spec=spec)
    kind.manifest = replace(kind.manifest, prices=prices)
    return kind


def broker(kind: Any) -> Broker:
    runtime = VirtualRuntime(datetime(2026, 5, 5, tzinfo=UTC))
    return Broker(adapters=[kind], provider="fake", runtime=runtime)


def test_what_is_given_away_moves_no_tier_of_the_month(ledger_path: str) -> None:
    label = replace(fake_price(sku=LABEL), tiers=TIERS)
    safe = replace(fake_price(sku=SAFE), tiers=TIERS, free_with=(LABEL,))
    together, alone = (use(LABEL), use(SAFE)), (use(SAFE),)
    with broker(provider([together] * 5 + [alone] * 4, label, safe)) as made:
        amounts = [made.vision.label(PICTURE).cost.amount for _ in range(9)]
    assert amounts[:5] == [D("0.002")] * 3 + [D("0.001")] * 2, "only the label is paid"
    assert amounts[5:] == [D("0.002")] * 3 + [D("0.001")], "the first five were no units of its tier"
    with closing(sqlite3.connect(ledger_path)) as connection:
        ids = {each for (each,) in connection.execute("SELECT price_id FROM charge WHERE sku = ?", (SAFE,))}
    assert ids == {f"{SAFE}@test", f"{SAFE}@test+bundle"}


def test_channels_reach_the_bill() -> None:
    price = replace(
        fake_price("0.001", sku=LABEL), unit=Unit.SECOND, channels="each", rounding=Rounding(increment=D(1))
    )
    with broker(provider([(use(LABEL, "12.3", Unit.SECOND, 2),)], price)) as made:
        assert made.vision.label(PICTURE).cost.amount == D("0.026")


def test_a_surcharge_nobody_knows_makes_the_call_unpriced_and_is_not_capped() -> None:
    meters = [(use(LABEL), use("fake.redaction"))] * 2
    with broker(provider(meters, fake_price(sku=LABEL))) as made:
        cost = made.vision.label(PICTURE).cost
        assert (cost.amount, cost.upper_bound) == (None, None)
        assert cost.unpriced == "the price book has no row for fake.redaction"
    with (
        broker(provider(meters, fake_price(sku=LABEL))) as made,
        pytest.raises(BudgetExceeded, match="redaction"),
    ):
        made.vision.label(PICTURE, max_cost=100)


DAYS = 45
BASKETS = [
    (use("fake.a"),),
    (use("fake.a", "3"), use("fake.b", "25", Unit.CHARACTER)),
    (use("fake.b", "101", Unit.CHARACTER),),
    (use("fake.c"), use("fake.a", "2")),
    (use("fake.c", "4"),),
    (use("fake.c", "5"), use("fake.a"), use("fake.a", "2")),
]
MONTH_TIERS = {
    "fake.a": [("20", "0.01"), ("50", "0.008"), (None, "0.0031")],
    "fake.b": [("60", "0.0001"), (None, "0.00007")],
    "fake.c": [("9", "0.003"), (None, "0.002")],
}


def priced(sku: str, **more: Any) -> Any:
    tiers = tuple(
        Tier(up_to=None if end is None else D(end), price=D(each)) for end, each in MONTH_TIERS[sku]
    )
    return replace(fake_price(sku=sku), tiers=tiers, **more)


def test_the_ledgers_months_equal_a_recomputation_by_other_means(ledger_path: str) -> None:
    """45 days of mixed calls, some throttled first, over two months, tiers, a bundle and rounding."""
    runtime = VirtualRuntime(datetime(2026, 5, 10, tzinfo=UTC))
    spec = OperationSpec(
        operation="vision.label", service="Fake", meter=lambda request: BASKETS[int(request.image.name)]
    )
    good = labels("Cat")

    def answer(request: Any, context: Any) -> Any:
        if context.attempt == 1 and int(request.image.name) % 3 == 0:
            raise Throttled("slower")
        return good

    kind = fake_provider(answer, spec=spec)
    kind.manifest = replace(
        kind.manifest,
        prices=(
            priced("fake.a"),
            priced(
                "fake.b", unit=Unit.CHARACTER, rounding=Rounding(increment=D(10), minimum=D(30), per=D(10))
            ),
            priced("fake.c", free_with=("fake.a",)),
        ),
    )
    used: dict[tuple[str, str], int] = {}
    shown = D(0)
    with Broker(adapters=[kind], provider="fake", runtime=runtime) as made:
        for number in range(DAYS * 4):
            basket = number * number % 7 % len(BASKETS)
            result = made.vision.label(replace(PICTURE, name=str(basket)))
            assert result.cost.amount is not None
            shown += result.cost.amount
            month = f"{runtime.now():%Y-%m}"
            for sku, units in ((sku, UNITS[basket].get(sku, 0)) for sku in MONTH_TIERS):
                used[month, sku] = used.get((month, sku), 0) + units
            runtime.advance(6 * 3600)
        rows = {row.group[0]: row.amount for row in made.spend(SpendQuery(by=("month",)))}
    expected: dict[str, Fraction] = {}
    for (month, sku), units in used.items():
        expected[month] = expected.get(month, Fraction(0)) + one_by_one(sku, units)
    assert len(expected) == 2
    assert {month: Fraction(amount) for month, amount in rows.items()} == expected
    assert Fraction(shown) == sum(expected.values())
    for sku, tiers in MONTH_TIERS.items():
        ends = [end for end, _ in tiers if end is not None]
        assert max(units for (_, name), units in used.items() if name == sku) > int(ends[-1]), (
            "all tiers crossed"
        )


# Billing units of each basket, counted by hand: characters in tens, at least three; c is free up to what a was used.
UNITS = [
    {"fake.a": 1},
    {"fake.a": 3, "fake.b": 3},
    {"fake.b": 11},
    {"fake.a": 2},
    {"fake.c": 4},
    {"fake.a": 3, "fake.c": 2},
]


def one_by_one(sku: str, units: int) -> Fraction:
    """Each unit at the price of the tier it falls into."""
    total = Fraction(0)
    for number in range(units):
        total += next(Fraction(each) for end, each in MONTH_TIERS[sku] if end is None or number < int(end))
    return total
