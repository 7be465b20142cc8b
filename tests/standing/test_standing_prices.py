"""From rows of the price book to the prices of a meter by time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from broker.config import load_settings
from broker.pricing.book import PriceBook
from broker.pricing.load import shipped
from broker.pricing.standing import schedule
from broker.registry import Registry
from broker.types.money import Price, Rounding, Tier, Unit
from broker.types.standing import MICROSECONDS
from broker_aws import KendraAdapter

SINCE = date(2026, 3, 10)
HOUR = MICROSECONDS["hour"]


def price(identity: str, amount: str | None, begin: date, end: date | None = None, **more: Any) -> Price:
    facts: dict[str, Any] = {
        "id": identity,
        "sku": "words.hour",
        "unit": Unit.HOUR,
        "region": "*",
        "currency": "USD",
        "valid_from": begin,
        "valid_to": end,
        "checked_on": begin,
        "source": "a test",
        "confidence": "high",
        "tiers": () if amount is None else (Tier(up_to=None, price=Decimal(amount)),),
        "unpriced": "not found" if amount is None else None,
    }
    return Price(**{**facts, **more})


def told(*rows: Price, region: str | None = "here") -> list[tuple[date, date | None, str]]:
    return [
        (each.begin, each.end, each.price_id)
        for each in schedule(PriceBook(rows), "words.hour", region, SINCE)
    ]


def test_rows_follow_one_another_and_gaps_are_unpriced() -> None:
    may, june, july = (date(2026, month, 1) for month in (5, 6, 7))
    rows = (
        price("old", "1", date(2026, 1, 1), may),
        price("new", "2", june, july),
        price("ended", "9", date(2025, 1, 1), date(2025, 6, 1)),
    )
    assert told(*rows) == [
        (SINCE, may, "old"),
        (may, june, "unpriced"),
        (june, july, "new"),
        (july, None, "unpriced"),
    ]
    assert "no row for words.hour in here on 2026-05-01" in str(
        schedule(PriceBook(rows), "words.hour", "here", SINCE)[1].unpriced
    )


def test_a_contract_wins_for_its_days() -> None:
    april, may = date(2026, 4, 1), date(2026, 5, 1)
    rows = (
        price("list", "1", date(2026, 1, 1)),
        price("mine", "0.5", april, may, confidence="contract"),
    )
    assert told(*rows) == [(SINCE, april, "list"), (april, may, "mine"), (may, None, "list")]


def test_borders_that_change_nothing_are_none() -> None:
    rows = (
        price("here", "1", date(2026, 1, 1), region="here"),
        price("there", "2", date(2026, 6, 1), region="there"),
    )
    assert told(*rows) == [(SINCE, None, "here")]


def test_a_sku_without_a_row_is_unpriced() -> None:
    (only,) = schedule(PriceBook([]), "words.hour", "here", SINCE)
    assert only.unpriced == "the price book has no row for words.hour"


@pytest.mark.parametrize(
    ("more", "slot", "reason"),
    [
        ({}, HOUR, None),
        ({"rounding": Rounding(increment=Decimal("0.25"))}, HOUR // 4, None),
        (
            {"unit": Unit.SECOND, "rounding": Rounding(increment=Decimal(1), per=Decimal(3600))},
            1_000_000,
            None,
        ),
        ({"unit": Unit.SECOND}, 0, None),
        ({"unit": Unit.MONTH}, 0, None),
        ({"rounding": Rounding(minimum=Decimal(1))}, HOUR, "words.hour has a minimum"),
        ({"rounding": Rounding(increment=Decimal("1e-12"))}, 0, "words.hour is rounded to"),
        ({"unit": Unit.QUERY}, 0, "sold by the query, which is not paid by the clock"),
    ],
)
def test_how_parts_of_a_unit_are_billed(more: dict[str, Any], slot: int, reason: str | None) -> None:
    (only,) = schedule(PriceBook([price("one", "1", date(2026, 1, 1), **more)]), "words.hour", None, SINCE)
    assert only.slot == slot
    assert (only.unpriced is None) if reason is None else (reason in str(only.unpriced))


def test_what_is_free_costs_nothing() -> None:
    row = replace(price("one", "1", date(2026, 1, 1)), tiers=(), free="bundle")
    (only,) = schedule(PriceBook([row]), "words.hour", None, SINCE)
    assert (only.tiers, only.unpriced) == ((), None)


def test_every_standing_sku_of_the_shipped_adapters_has_a_row_that_a_clock_can_reckon() -> None:
    registry = Registry(load_settings(provider=["local"]), [KendraAdapter])
    skus = {
        sku
        for name in ("aws", "kendra", "gcp", "azure", "local")
        for cell in registry.manifest(name).operations
        for sku in cell.standing
    }
    assert {"aws.kendra.enterprise", "azure.search.s1"} <= skus
    for sku in skus:
        rows = shipped().of(sku)
        assert rows, f"{sku} has no row"
        assert all(row.unit.value in MICROSECONDS for row in rows)
        for row in rows:
            if row.region != "unstated":  # a row that says itself that its price was not found stays so
                last = schedule(shipped(), sku, row.region, date(2026, 11, 1))[-1]
                assert last.unpriced == row.unpriced, (sku, row.region)


def test_a_price_whose_region_is_not_stated_serves_none() -> None:
    (only,) = schedule(shipped(), "aws.kendra.enterprise", "us-east-1", date(2026, 11, 1))
    assert "names no region" in str(only.unpriced)
