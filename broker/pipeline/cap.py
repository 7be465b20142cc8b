"""Keep one call below the caller's ``max_cost``: attempts made and the next one, at their upper bounds."""

from __future__ import annotations

from collections.abc import Awaitable
from decimal import Decimal, localcontext
from typing import Any

from broker.contract.context import Reply
from broker.errors import BudgetExceeded
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services
from broker.pipeline.meter import Metered
from broker.types.money import EXACT, Cost, shown_amount


def cap(call: Call, services: Services, next_stage: Next) -> Awaitable[Reply[Any]]:
    """Refuse the attempt that could pass the cap, before it waits for its turn. Raises :class:`BudgetExceeded`."""
    if call.max_cost is not None:
        hold_below(call.max_cost, call, Metered.of(call, services))
    return next_stage(call)


def hold_below(max_cost: Decimal, call: Call, metered: Metered) -> None:
    """Asked again when the turn has come: by then another day's prices may hold. Raises :class:`BudgetExceeded`."""
    who = f"{target_of(call).candidate} {call.operation.name}"
    if metered.bound is None:
        raise BudgetExceeded(
            f"{who}: what it costs is not known ({metered.unpriced}), so it cannot be held below max_cost; "
            "leave max_cost out to call all the same"
        )
    other = next((each.cost for each in call.attempts if _in_another_currency(each.cost, metered)), None)
    if other is not None:
        raise BudgetExceeded(
            f"{who} is priced in {metered.currency} and earlier attempts of this call in {other.currency}, so they "
            "cannot be held below one max_cost"
        )
    with localcontext(EXACT):
        spent = sum((each.cost.upper_bound or Decimal(0) for each in call.attempts), Decimal(0))
        most = spent + metered.bound
    if most > max_cost:
        raise BudgetExceeded(
            f"{who}: this attempt may cost {shown_amount(metered.bound, metered.currency)} on top of "
            f"{shown_amount(spent, metered.currency)} for earlier attempts, above max_cost "
            f"{shown_amount(max_cost, metered.currency)}"
        )


def _in_another_currency(cost: Cost, metered: Metered) -> bool:
    return cost.upper_bound != 0 and metered.bound != 0 and cost.currency != metered.currency
