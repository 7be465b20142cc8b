"""What an attempt counts for in budgets, as its row keeps it; amounts as integers of 1e-12."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from broker.ledger.reports import PICO
from broker.types.budget import Budget
from broker.types.money import EXACT


class Held(NamedTuple):
    """What an attempt counts for in one budget.

    :param amount: 1e-12 of the currency.
    :param own_currency: False where the attempt is priced in another currency than the budget's: then the budget's
        own figure for what it cannot price stays.
    """

    budget: str
    bucket: str
    amount: int
    own_currency: bool


def counted_as(budget: Budget, bound: Decimal | None, currency: str) -> tuple[int | None, bool]:
    """What an attempt of this bound counts for, in 1e-12, and whether it is priced in the budget's currency."""
    same = currency == budget.currency
    if same and bound is not None:
        return pico(bound), True
    return (None if budget.unpriced is None else pico(budget.unpriced)), same


@lru_cache(maxsize=1024)  # the same few prices again and again
def pico(amount: Decimal) -> int:
    """An amount as an integer of 1e-12, of any size."""
    return int(EXACT.multiply(amount, PICO))


@lru_cache(maxsize=1024)
def held_text(held: tuple[Held, ...]) -> str:
    """As it stands in the attempt's row."""
    return json.dumps(held) if held else "[]"


@lru_cache(maxsize=1024)
def held_of(text: str) -> tuple[Held, ...]:
    """What :func:`held_text` wrote."""
    return tuple(
        Held(budget, bucket, amount, bool(same)) for budget, bucket, amount, same in json.loads(text)
    )


def decimal_of(amount: int) -> Decimal:
    """An integer of 1e-12 as an amount."""
    return EXACT.divide(Decimal(amount), PICO)
