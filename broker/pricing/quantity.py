"""From usage to billing units: pure functions of a price row's rounding rule."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, localcontext

from broker.types.money import EXACT, Rounding


def billing_units(quantity: Decimal, rounding: Rounding, channels: int = 1) -> Decimal:
    """Round one request's usage up to the increment, lift it to the minimum, convert it to the unit sold.

    :param quantity: of one channel.
    :param channels: how many are billed; each is rounded by itself.

    Raises ``ValueError`` for what cannot have been used.

    >>> billing_units(Decimal(45), Rounding(increment=Decimal(100), minimum=Decimal(300), per=Decimal(100)))
    Decimal('3')
    >>> billing_units(Decimal("12.3"), Rounding(increment=Decimal(1)), channels=2)
    Decimal('26')
    """
    if not quantity.is_finite() or quantity < 0:
        raise ValueError(f"a used quantity cannot be {quantity}")
    if channels < 1:
        raise ValueError(f"a used thing cannot have {channels} channels")
    with localcontext(EXACT):
        counted = quantity
        if rounding.increment is not None:
            steps = (quantity / rounding.increment).to_integral_value(rounding=ROUND_CEILING)
            counted = steps * rounding.increment
        counted = max(counted, rounding.minimum)
        return (counted if channels == 1 else counted * channels) / rounding.per
