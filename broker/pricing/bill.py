"""The bill of one attempt: its uses with their prices, the most they can cost, and what they do cost.

Pure: usage, price rows and month positions in, amounts out. The call path, estimates and recomputations
use the same functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from broker.pricing.book import PriceBook, unpriced_row
from broker.pricing.cost import charge, tier_of
from broker.pricing.quantity import billing_units
from broker.types.markup import Shown
from broker.types.money import EXACT, Price, Usage

_NONE = Decimal(0)
_NOWHERE: Mapping[str, Decimal] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """What the uses of one sku came to.

    :param usage: several uses of a sku are one line, with their quantities added.
    :param amount: at the month's position; None when it is not known.
    :param bound: the most it can be; None when unpriced.
    """

    usage: Usage
    price: Price
    units: Decimal
    amount: Decimal | None
    bound: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill(Shown):
    """Usage with the price rows it falls under.

    :param usage: with skus filled in; a use that is given away in part is two.
    :param units: billing units of each usage, after rounding.
    :param bound: the most it can cost; None when any part is unpriced.
    :param unpriced: why, if so.
    """

    usage: tuple[Usage, ...]
    units: tuple[Decimal, ...]
    prices: tuple[Price, ...]
    bound: Decimal | None
    currency: str
    unpriced: str | None

    def tiers(self, positions: Mapping[str, Decimal], free_quota: bool) -> tuple[int | None, ...]:
        """The tier each use falls into; None where it crosses a border."""
        if len(self.prices) == 1:  # nearly always, and on every call's way
            (price,) = self.prices
            used = positions.get(price.counter, _NONE)
            return (tier_of(price, self.units[0], used_before=used, free_quota=free_quota),)
        return tuple(
            tier_of(price, units, used_before=positions.get(price.counter, _NONE), free_quota=free_quota)
            for units, price in zip(self.units, self.prices, strict=True)
        )

    def lines(
        self, positions: Mapping[str, Decimal] = _NOWHERE, free_quota: bool = False
    ) -> tuple[BillLine, ...]:
        """Its lines at month positions by :attr:`Price.counter`, each counter once."""
        lines: dict[str, BillLine] = {}
        for usage, units, price in zip(self.usage, self.units, self.prices, strict=True):
            counter = price.counter
            used = positions.get(counter, _NONE)
            before = lines.get(counter)
            if before is not None:  # a sku used twice in one request: the second use follows the first
                used = EXACT.add(used, before.units)
            found = charge(price, units, used_before=used, free_quota=free_quota)
            line = BillLine(
                usage=usage, price=price, units=units, amount=found.amount, bound=found.upper_bound
            )
            lines[counter] = line if before is None else _joined(before, line)
        return tuple(lines.values())

    def amount(self, positions: Mapping[str, Decimal] = _NOWHERE, free_quota: bool = False) -> Decimal | None:
        """The sum of the lines; None when it is not known."""
        if self.unpriced is not None:
            return None
        total: Decimal | None = _NONE
        for line in self.lines(positions, free_quota):
            total = _added(total, line.amount)
        return total


def bill(
    usage: Sequence[Usage], book: PriceBook, *, region: str | None, day: date, default_sku: str = ""
) -> Bill:
    """Price the uses of one attempt at the rows of a day.

    One part that has no price makes the whole unpriced: a surcharge the book does not know is not free.
    Raises ``ValueError`` for a quantity that cannot have been used.

    :param default_sku: what a use without a sku falls under.
    """
    named = [each if each.sku else replace(each, sku=default_sku) for each in usage]
    found = [(each, _price(each, book, region, day)) for each in named]
    if any(price.free_with for _, price in found):
        left: dict[str, Decimal] = {}
        found = [part for each in found for part in _given_away(each, found, left)]
    if len({price.currency for _, price in found}) > 1:
        reason = "its parts are priced in different currencies"
        found = [
            (each, unpriced_row(each.sku, price.region, each.unit, day, reason)) for each, price in found
        ]
    unpriced = next((price.unpriced for _, price in found if price.unpriced is not None), None)
    if not found:
        unpriced = "the adapter does not say what it uses"
    units = tuple(
        billing_units(each.quantity, price.rounding, each.channels if price.channels == "each" else 1)
        for each, price in found
    )
    bound: Decimal | None = _NONE
    for number, (_, price) in zip(units, found, strict=True):
        bound = _added(bound, charge(price, number).upper_bound)
    return Bill(
        usage=tuple(each for each, _ in found),
        units=units,
        prices=tuple(price for _, price in found),
        bound=None if unpriced else bound,
        currency=found[0][1].currency if found else "USD",
        unpriced=unpriced,
    )


def _price(usage: Usage, book: PriceBook, region: str | None, day: date) -> Price:
    price = book.find(usage.sku, region, usage.unit, day)
    if usage.channels != 1 and price.channels == "unknown" and price.unpriced is None:
        reason = f"whether {usage.sku} bills each of {usage.channels} channels is not known"
        return unpriced_row(usage.sku, price.region, usage.unit, day, reason)
    return price


def _given_away(
    part: tuple[Usage, Price], whole: Sequence[tuple[Usage, Price]], left: dict[str, Decimal]
) -> list[tuple[Usage, Price]]:
    """A use split into what comes free with another and the rest; ``left``: what a sku may still get free."""
    usage, price = part
    if not price.free_with:
        return [part]
    covered = left.get(usage.sku)
    if covered is None:
        covered = _NONE
        for each, _ in whole:
            if each.sku in price.free_with:
                covered = EXACT.add(covered, each.quantity)
    free = min(usage.quantity, covered)
    left[usage.sku] = EXACT.subtract(covered, free)
    if not free:
        return [part]
    bundle = replace(price, id=f"{price.id}+bundle", tiers=(), free="bundle", unpriced=None, free_quota=_NONE)
    parts = [(replace(usage, quantity=free), bundle)]
    if free != usage.quantity:
        parts.append((replace(usage, quantity=EXACT.subtract(usage.quantity, free)), price))
    return parts


def _joined(one: BillLine, other: BillLine) -> BillLine:
    return replace(
        one,
        usage=replace(one.usage, quantity=EXACT.add(one.usage.quantity, other.usage.quantity)),
        units=EXACT.add(one.units, other.units),
        amount=_added(one.amount, other.amount),
        bound=_added(one.bound, other.bound),
    )


def _added(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else EXACT.add(one, other)
