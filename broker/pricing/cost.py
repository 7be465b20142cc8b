"""The cost of billing units: marginal at a position in the month's tiers, and the most it can be."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext

from broker.types.money import EXACT, Price, quantize

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What some billing units cost.

    :param amount: at the given position; None when a tier it falls into has no known price.
    :param upper_bound: at the dearest tier of the row; None when the row is unpriced.
    """

    amount: Decimal | None
    upper_bound: Decimal | None


def charge(price: Price, units: Decimal, *, used_before: Decimal = ZERO, free_quota: bool = False) -> Charge:
    """Price ``units`` that follow ``used_before`` units of the same month.

    Tiers are marginal and cumulative over the month; a free quota, claimed by the account, takes the
    first units of the month without moving the tiers' borders.
    """
    if price.unpriced is not None:
        return Charge(amount=None, upper_bound=None)
    if price.free is not None:
        return Charge(amount=ZERO, upper_bound=ZERO)
    with localcontext(EXACT):
        return _by_tiers(price, units, used_before, free_quota)


def _by_tiers(price: Price, units: Decimal, used_before: Decimal, free_quota: bool) -> Charge:
    bound = quantize(units * max(tier.price for tier in price.tiers))
    start, end = used_before, used_before + units
    if free_quota:
        start = max(start, min(end, price.free_quota))
    amount = ZERO
    floor = ZERO
    for tier in price.tiers:
        ceiling = end if tier.up_to is None else tier.up_to
        inside = min(end, ceiling) - max(start, floor)
        if inside > 0:
            amount += inside * tier.price
        if tier.up_to is None or end <= tier.up_to:
            return Charge(amount=quantize(amount), upper_bound=bound)
        floor = tier.up_to
    # The month has gone past the last tier whose price is known: the amount is unknown, not the last price.
    return Charge(amount=None, upper_bound=bound)


def tier_of(price: Price, units: Decimal, *, used_before: Decimal, free_quota: bool = False) -> int | None:
    """Which tier takes all of ``units``: the charge is the same anywhere inside it. None when a border is crossed."""
    if not price.tiers:
        return 0
    if free_quota and used_before < price.free_quota:
        return None
    for number, tier in enumerate(price.tiers):
        if tier.up_to is None or used_before < tier.up_to:
            inside = tier.up_to is None or EXACT.add(used_before, units) <= tier.up_to
            return number if inside else None
    return None
