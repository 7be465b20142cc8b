"""Meters as tests want them, and what they come to, reckoned another way: in fractions, slot by slot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from broker.contract import Adapter
from broker.types import Price
from broker.types.money import Tier
from broker.types.standing import StandingMeter, StandingPrice
from search_support import Engine, engine_adapter

HOUR = 3_600_000_000
START = datetime(2026, 1, 1, tzinfo=UTC)


def row(
    amount: str | None = "0.10",
    *,
    begin: date = date(2026, 1, 1),
    end: date | None = None,
    slot: int = HOUR,
    currency: str = "USD",
    unit: str = "hour",
    tiers: tuple[Tier, ...] | None = None,
    counter: str = "words.hour",
) -> StandingPrice:
    """A price row of a meter; None: unpriced."""
    if tiers is None:
        tiers = () if amount is None else (Tier(up_to=None, price=Decimal(amount)),)
    return StandingPrice(
        begin=begin,
        end=end,
        price_id=f"words.hour@{begin}",
        currency=currency,
        unit=unit,
        slot=slot,
        counter=counter,
        tiers=tiers,
        unpriced="a test wants it so" if amount is None else None,
    )


def meter(
    name: str = "docs",
    since: datetime = START,
    until: datetime | None = None,
    *prices: StandingPrice,
    units: str = "1",
    operations: tuple[str, ...] = ("search.query", "search.upsert"),
    provider: str = "words",
    profile: str = "",
    tags: tuple[tuple[str, str], ...] = (),
) -> StandingMeter:
    """Something that stands."""
    return StandingMeter(
        name=name,
        sku="words.hour",
        provider=provider,
        profile=profile,
        operations=operations,
        tags=tags,
        units=Decimal(units),
        since=since,
        until=until,
        prices=prices or (row(),),
    )


def instants(days: int = 70, *, whole: int = 1) -> st.SearchStrategy[datetime]:
    """Instants of the first days of 2026, on whole microseconds, or on whole seconds, hours …"""
    return st.integers(0, days * 24 * HOUR // whole).map(
        lambda number: START + timedelta(microseconds=number * whole)
    )


@st.composite
def meters(draw: st.DrawFn, *, tiers: bool = True, most: int = 3) -> list[StandingMeter]:
    """Up to so many, of one account and counter, with prices that change."""
    cents = st.integers(1, 500).map(lambda each: Decimal(each) / 1000)
    ladder = ()
    if tiers and draw(st.booleans()):
        borders = sorted(draw(st.sets(st.integers(1, 400), min_size=1, max_size=2)))
        ladder = (
            *(Tier(up_to=Decimal(each), price=draw(cents)) for each in borders),
            Tier(up_to=None, price=draw(cents)),
        )
    found = []
    for number in range(draw(st.integers(1, most))):
        since = draw(instants(40))
        until = draw(st.none() | instants(30).map(lambda end, since=since: since + (end - START)))
        change = since.date() + timedelta(days=draw(st.integers(1, 30)))
        slot = draw(st.sampled_from([0, 1_000_000, HOUR]))
        amounts = (str(draw(cents)), str(draw(cents)))
        prices = (
            row(amounts[0], begin=since.date(), end=change, slot=slot, tiers=ladder or None),
            row(amounts[1], begin=change, slot=slot, tiers=ladder or None),
        )
        units = draw(st.sampled_from(["1", "2", "7", "0.5"]))
        found.append(meter(f"m{number}", since, until, *prices, units=units))
    return found


def reckoned(found: Sequence[StandingMeter], begin: datetime, end: datetime) -> Fraction:
    """The cost in fractions of the currency, with no rounding at all: second by second would be the same."""
    total = Fraction(0)
    used: dict[str, Fraction] = {}
    day = begin.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        if day.day == 1:
            used = {}
        morrow = min(day + timedelta(days=1), end)
        for low, high in ((day, min(morrow, begin)), (max(day, begin), morrow)):
            for each in sorted(found, key=lambda one: one.name):
                price = next((p for p in each.prices if p.holds(day.date())), None)
                if price is None or low >= high:
                    continue
                units = Fraction(each.units) * Fraction(_overlap(each, price, low, high), HOUR)
                before = used.get(price.counter, Fraction(0))
                used[price.counter] = before + units
                if low >= begin:
                    total += _marginal(price, before, units)
        day += timedelta(days=1)
    return total


def _overlap(each: StandingMeter, price: StandingPrice, begin: datetime, end: datetime) -> int:
    """Microseconds of the begun slots of a meter in a part of a day."""
    slot = price.slot or 1
    first = (each.since - START) // timedelta(microseconds=1) // slot * slot
    low = max(first, (begin - START) // timedelta(microseconds=1))
    high = (end - START) // timedelta(microseconds=1)
    if each.until is not None:
        last = (each.until - START) // timedelta(microseconds=1)
        high = min(high, -(-last // slot) * slot if each.until > each.since else first)
    return max(0, high - low)


def _marginal(price: StandingPrice, before: Fraction, units: Fraction) -> Fraction:
    total, floor = Fraction(0), Fraction(0)
    for tier in price.tiers:
        top = before + units if tier.up_to is None else min(before + units, Fraction(tier.up_to))
        total += max(Fraction(0), top - max(before, floor)) * Fraction(tier.price)
        floor = top if tier.up_to is None else Fraction(tier.up_to)
    return total


def hourly_engine(free: bool = True, provider: str = "words") -> type[Adapter]:
    """All its operations but suggestions are paid by ``words.hour``; free: calls cost nothing by themselves."""
    kind = engine_adapter(Engine(), provider)
    manifest = kind.manifest

    def included(row: Price) -> Price:
        return replace(row, tiers=(), free="standing") if free else row

    kind.manifest = replace(
        manifest,
        operations=tuple(
            cell if cell.operation == "search.suggest" else replace(cell, standing=("words.hour",))
            for cell in manifest.operations
        ),
        prices=tuple(included(row) for row in manifest.prices),
    )
    return kind
