"""Usage x price of one attempt: its upper bound before sending, its charges afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from broker.ledger.base import ChargeLine
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Services, Target
from broker.pricing.book import unpriced_row
from broker.pricing.cost import charge, tier_of
from broker.pricing.quantity import billing_units
from broker.types.money import EXACT, Price, Usage

_NONE = Decimal(0)
_REMEMBERED = 1024
"""Usages whose prices are kept; pictures all have the same one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """Usage with the price rows it falls under.

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
    remembered: dict[tuple[int | None, ...], tuple[ChargeLine, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Charges by tier: inside a tier they are the same for every position."""

    @classmethod
    def of(cls, call: Call, services: Services, reported: Sequence[Usage] = ()) -> Metered:
        """Meter the call's request, or what the provider reported, at the target's prices of today."""
        target = target_of(call)
        usage = tuple(reported) or target.spec.meter(call.request)
        day = services.runtime.now().date()
        key = (target.candidate, target.spec.operation, usage, day)
        found = services.metered.get(key)
        if found is None:
            if len(services.metered) >= _REMEMBERED:
                services.metered.clear()
            found = services.metered[key] = cls._at(usage, target, services, day)
        return found

    @classmethod
    def _at(cls, usage: tuple[Usage, ...], target: Target, services: Services, day: date) -> Metered:
        spec = target.spec
        default_sku = spec.sku or f"{target.candidate.provider}.{spec.operation}"
        usage = tuple(each if each.sku else replace(each, sku=default_sku) for each in usage)
        prices = tuple(services.prices.find(each.sku, target.region, each.unit, day) for each in usage)
        if len({price.currency for price in prices}) > 1:
            reason = "its parts are priced in different currencies"
            prices = tuple(unpriced_row(each.sku, each.region, each.unit, day, reason) for each in prices)
        unpriced = next((price.unpriced for price in prices if price.unpriced is not None), None)
        if not usage:
            unpriced = "the adapter does not say what it uses"
        units = tuple(
            billing_units(each.quantity, price.rounding) for each, price in zip(usage, prices, strict=True)
        )
        bound: Decimal | None = Decimal(0)
        for number, price in zip(units, prices, strict=True):
            most = charge(price, number).upper_bound
            bound = None if bound is None or most is None else EXACT.add(bound, most)
        return cls(
            usage=usage,
            units=units,
            prices=prices,
            bound=None if unpriced else bound,
            currency=prices[0].currency if prices else "USD",
            unpriced=unpriced,
        )

    def charges(self, free_quota: bool) -> Callable[[Mapping[str, Decimal]], Sequence[ChargeLine]]:
        """The function that prices this usage at given month positions, for the ledger's transaction."""

        def at(positions: Mapping[str, Decimal]) -> tuple[ChargeLine, ...]:
            tiers = tuple(
                tier_of(price, units, used_before=positions.get(price.counter, _NONE), free_quota=free_quota)
                for each, units, price in zip(self.usage, self.units, self.prices, strict=True)
            )
            # Two uses of one sku follow each other, so the second's position is not the month's.
            if None in tiers or len(positions) < len(tiers):
                return self._charged(positions, free_quota)
            found = self.remembered.get(tiers)
            if found is None:
                found = self.remembered[tiers] = self._charged(positions, free_quota)
            return found

        return at

    def _charged(self, positions: Mapping[str, Decimal], free_quota: bool) -> tuple[ChargeLine, ...]:
        lines: dict[str, ChargeLine] = {}
        for each, units, price in zip(self.usage, self.units, self.prices, strict=True):
            used = positions.get(price.counter, Decimal(0))
            before = lines.get(each.sku)
            if before is not None:  # a sku used twice in one request: the second use follows the first
                used = EXACT.add(used, before.units)
            found = charge(price, units, used_before=used, free_quota=free_quota)
            line = ChargeLine(
                sku=each.sku,
                counter=price.counter,
                unit=each.unit,
                quantity=each.quantity,
                source=each.source,
                units=units,
                amount=found.amount,
                bound=found.upper_bound,
                price_id=price.id,
            )
            lines[each.sku] = line if before is None else _joined(before, line)
        return tuple(lines.values())


def _joined(one: ChargeLine, other: ChargeLine) -> ChargeLine:
    return replace(
        one,
        quantity=EXACT.add(one.quantity, other.quantity),
        units=EXACT.add(one.units, other.units),
        amount=_added(one.amount, other.amount),
        bound=_added(one.bound, other.bound),
    )


def _added(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else EXACT.add(one, other)
