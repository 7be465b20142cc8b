"""Usage x price of one attempt: its upper bound before sending, its charges afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from broker.contract.manifest import OperationSpec
from broker.ledger.base import ChargeLine
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Services
from broker.pricing.bill import Bill, bill
from broker.types.batch import BatchRequest
from broker.types.money import Usage
from broker.types.request import Request

_REMEMBERED = 1024
"""Usages whose prices are kept; pictures all have the same one."""


def usage_of(request: Request, spec: OperationSpec) -> tuple[Usage, ...]:
    """What one request to the vendor uses. The items of a batch are rounded and charged one by one."""
    if isinstance(request, BatchRequest):
        return tuple(use for item in request.items for use in spec.meter(item))
    return spec.meter(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered(Bill):
    """A bill that remembers its charges, because the same use is priced again and again."""

    remembered: dict[tuple[int | None, ...], tuple[ChargeLine, ...]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Charges by tier: inside a tier they are the same for every position."""
    counters: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The month's meters whose position the charges depend on."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "counters", tuple(price.counter for price in self.prices))

    @classmethod
    def of(
        cls, call: Call, services: Services, reported: Sequence[Usage] = (), day: date | None = None
    ) -> Metered:
        """Meter the call's request, or what the provider reported, at the target's prices of a day (today's)."""
        target = target_of(call)
        usage = tuple(reported) or usage_of(call.request, target.spec)
        day = services.runtime.now().date() if day is None else day
        # Pictures are metered with one and the same tuple: the last bill of a target mostly is the next one's.
        last = services.metered.get(id(target))
        if last is not None and last[1] is usage and last[0] is target and last[2] == day:
            same: Metered = last[3]
            return same
        key = (target.candidate, target.spec.operation, target.spec.sku, usage, day)
        found: Metered | None = services.metered.get(key)
        if found is None:
            if len(services.metered) >= _REMEMBERED:
                services.metered.clear()
            spec = target.spec
            priced = bill(
                usage,
                services.prices,
                region=target.region,
                day=day,
                default_sku=spec.sku or f"{target.candidate.provider}.{spec.operation}",
            )
            found = services.metered[key] = cls(
                usage=priced.usage,
                units=priced.units,
                prices=priced.prices,
                bound=priced.bound,
                currency=priced.currency,
                unpriced=priced.unpriced,
            )
        services.metered[id(target)] = (target, usage, day, found)
        return found

    def charges(self, free_quota: bool) -> Callable[[Mapping[str, Decimal]], Sequence[ChargeLine]]:
        """The function that prices this usage at given month positions, for the ledger's transaction."""

        def at(positions: Mapping[str, Decimal]) -> tuple[ChargeLine, ...]:
            tiers = self.tiers(positions, free_quota)
            # Two uses of one sku follow each other, so the second's position is not the month's.
            if None in tiers or len(positions) < len(tiers):
                return self._charged(positions, free_quota)
            found = self.remembered.get(tiers)
            if found is None:
                found = self.remembered[tiers] = self._charged(positions, free_quota)
            return found

        return at

    def _charged(self, positions: Mapping[str, Decimal], free_quota: bool) -> tuple[ChargeLine, ...]:
        return tuple(
            ChargeLine(
                sku=line.usage.sku,
                counter=line.price.counter,
                unit=line.usage.unit,
                quantity=line.usage.quantity,
                source=line.usage.source,
                units=line.units,
                amount=line.amount,
                bound=line.bound,
                price_id=line.price.id,
            )
            for line in self.lines(positions, free_quota)
        )
