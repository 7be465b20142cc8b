"""Where the month's meters and the budgets will stand when a call is made that is only estimated now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from broker.ledger.clock_cost import hourly
from broker.pipeline.call import Call, Candidate, Services
from broker.types.budget import Action, Budget, BudgetState
from broker.types.estimate import CandidateEstimate
from broker.types.money import EXACT
from broker.types.standing import StandingMeter, StandingRate

_NONE = Decimal(0)
NOT_DECLARED = "it is paid by the hour, and nobody has declared what stands ('mlbroker standing add', or [standing.NAME])"


class Ahead:
    """Read from the ledger when first asked for; not for several threads at once.

    :param moving: each estimated call is taken as made, so that the next one follows it.
    """

    def __init__(self, *, moving: bool = False) -> None:
        self._moving = moving
        self._units: dict[tuple[str, str, str], Decimal] = {}
        self._budgets: list[BudgetState] | None = None
        self._spent: dict[str, Decimal] = {}
        self._meters: Sequence[StandingMeter] | None = None

    def standing(
        self, services: Services, at: datetime, call: Call, candidate: Candidate, skus: Sequence[str]
    ) -> tuple[StandingRate, ...]:
        """What the candidate's calls use that is paid by the hour. Raises what the ledger raises.

        :param skus: by the hour of which the provider says the operation is paid.
        """
        if self._meters is None:
            self._meters = services.ledger.standing()
        found = [
            StandingRate(
                name=meter.name,
                sku=meter.sku,
                units=meter.units,
                currency=meter.price_on(at.date()).currency,
                hourly=hourly(meter, at),
                unpriced=meter.price_on(at.date()).unpriced,
            )
            for meter in self._meters
            if meter.stands(at)
            and meter.serves(candidate.provider, candidate.profile or "", call.operation.name)
        ]
        if not found and skus:
            return (StandingRate(name="", sku=" or ".join(skus), unpriced=NOT_DECLARED),)
        return tuple(found)

    def positions(
        self, services: Services, at: datetime, account: str, counters: Sequence[str]
    ) -> dict[str, Decimal]:
        """Units used this month by counter. Raises what the ledger raises."""
        month = f"{at:%Y-%m}"
        absent = [each for each in counters if (month, account, each) not in self._units]
        if absent:
            found = services.ledger.positions(month, account, absent)
            for each in absent:
                self._units[month, account, each] = found.get(each, _NONE)
        return {each: self._units[month, account, each] for each in counters}

    def refusing(
        self,
        services: Services,
        at: datetime,
        call: Call,
        candidate: Candidate,
        bound: Decimal | None,
        currency: str,
    ) -> list[Budget]:
        """Budgets that would refuse such an attempt, those that stop first. Raises what the ledger raises."""
        if self._budgets is None:
            self._budgets = list(services.ledger.budgets(at))
        found = []
        for state in self._budgets:
            budget = state.budget
            if budget.action is Action.WARN or not _covers(budget, call, candidate):
                continue
            needed = _counted(budget, bound, currency)
            used = EXACT.add(EXACT.add(state.spent, state.reserved), self._spent.get(budget.name, _NONE))
            unknown = needed is None or state.standing_unknown is not None
            if unknown or EXACT.add(used, needed or _NONE) > budget.limit:
                found.append(budget)
        return sorted(found, key=lambda budget: budget.action is not Action.STOP)

    def follow(self, at: datetime, call: Call, candidate: Candidate, made: CandidateEstimate) -> None:
        """Take the call as made and answered at the first attempt; it spends only if the candidate takes calls."""
        if not self._moving:
            return
        month, account = f"{at:%Y-%m}", account_of(candidate)
        for line in made.lines:
            before = self._units.get((month, account, line.counter))
            if before is not None:
                self._units[month, account, line.counter] = EXACT.add(before, line.units)
        if made.free or not made.takes:
            return
        cost = made.upper_bound if made.amount is None else made.amount
        for state in self._budgets or ():
            budget = state.budget
            if _covers(budget, call, candidate):
                counted = _counted(budget, cost, made.currency) or _NONE
                self._spent[budget.name] = EXACT.add(self._spent.get(budget.name, _NONE), counted)


def account_of(candidate: Candidate) -> str:
    """As the ledger's meters name it."""
    return f"{candidate.provider}:{candidate.profile or ''}"


def _covers(budget: Budget, call: Call, candidate: Candidate) -> bool:
    return budget.covers(candidate.provider, candidate.profile or "", call.operation.name, call.tags)


def _counted(budget: Budget, cost: Decimal | None, currency: str) -> Decimal | None:
    """What an attempt of this cost counts for; None: it is not known, and the budget refuses that."""
    return cost if cost is not None and currency == budget.currency else budget.unpriced
