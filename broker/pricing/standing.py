"""The prices of what stands, by time: from the rows of the price book that hold one after another."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from broker.pricing.book import PriceBook
from broker.types.money import EXACT, Price, Unit
from broker.types.standing import MICROSECONDS, StandingPrice


def schedule(book: PriceBook, sku: str, region: str | None, since: date) -> tuple[StandingPrice, ...]:
    """The rows from a day on, without gaps: days without one are unpriced, with the reason. Never empty.

    A row by the hour that does not say how a part of an hour is billed counts begun hours (UTC) in full: the safe side.
    Free quotas are not reckoned.
    """
    rows = book.of(sku)
    unit = rows[0].unit if rows else Unit.HOUR
    borders = {each for row in rows for each in (row.valid_from, row.valid_to) if each is not None}
    days = [since, *sorted(day for day in borders if day > since)]
    found: list[StandingPrice] = []
    for number, day in enumerate(days):
        end = days[number + 1] if number + 1 < len(days) else None
        row = book.find(sku, region, unit, day)
        if found and found[-1].price_id == row.id and row.unpriced is None:
            before = found.pop()
            found.append(_price(row, before.begin, end))
        else:
            found.append(_price(row, day, end))
    return tuple(found)


def _price(row: Price, begin: date, end: date | None) -> StandingPrice:
    whole = MICROSECONDS.get(row.unit.value)
    slot = Decimal(0)
    reason = row.unpriced
    if whole is None:
        reason = reason or f"{row.sku} is sold by the {row.unit.value}, which is not paid by the clock"
    elif row.rounding.increment is not None:
        slot = EXACT.multiply(row.rounding.increment, Decimal(whole))
        if not slot or slot != slot.to_integral_value():
            reason = reason or f"{row.sku} is rounded to {row.rounding.increment} of a {row.unit.value}"
            slot = Decimal(0)
    elif row.unit is Unit.HOUR:
        slot = Decimal(whole)
    if row.rounding.minimum:
        reason = reason or f"{row.sku} has a minimum, which is not reckoned by the clock"
    return StandingPrice(
        begin=begin,
        end=end,
        price_id=row.id,
        currency=row.currency,
        unit=row.unit.value if whole is not None else Unit.HOUR.value,
        per=row.rounding.per,
        slot=int(slot),
        counter=row.counter,
        tiers=row.tiers,
        unpriced=reason,
    )
