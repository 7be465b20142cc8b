"""Sums over many calls: what is known, what may be owed, and what has no price; never mixed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from broker.cli.output import counted, decimal
from broker.errors import BrokerError
from broker.types.call import Result
from broker.types.money import Cost, shown_amount


@dataclass(slots=True)
class Tally:
    """Money of one run of a command.

    :param known: certain, by currency.
    :param maybe: upper bounds of attempts whose billing is not known, by currency.
    :param unpriced: attempts without a price, in neither sum.
    """

    known: dict[str, Decimal] = field(default_factory=dict)
    maybe: dict[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0

    def add(self, outcome: Result[Any] | BaseException) -> None:
        """A call, answered or failed, attempt by attempt: a retry may be unclear where the answer is not."""
        if isinstance(outcome, Result) and outcome.shared > 1:
            self._add([outcome.cost])  # the attempts are those of all its inputs
        elif isinstance(outcome, (Result, BrokerError)):
            shares = [outcome.cost] if outcome.cost is not None and not outcome.attempts else []
            self._add([*(attempt.cost for attempt in outcome.attempts), *shares])

    def _add(self, costs: Iterable[Cost]) -> None:
        for cost in costs:
            if cost.amount is not None:
                self.known[cost.currency] = self.known.get(cost.currency, Decimal(0)) + cost.amount
            elif cost.upper_bound is not None:
                self.maybe[cost.currency] = self.maybe.get(cost.currency, Decimal(0)) + cost.upper_bound
            else:
                self.unpriced += 1

    def document(self) -> dict[str, Any]:
        """For ``--json``."""
        currencies = sorted({*self.known, *self.maybe})
        return {
            "cost": [
                {
                    "currency": currency,
                    "amount": decimal(self.known.get(currency, Decimal(0))),
                    "may_be_owed": decimal(self.maybe.get(currency, Decimal(0))),
                }
                for currency in currencies
            ],
            "unpriced_attempts": self.unpriced,
        }

    def shown(self) -> str:
        """For people, each kind apart."""
        parts = [shown_amount(amount, currency) for currency, amount in sorted(self.known.items())]
        parts = [" + ".join(parts)] if parts else [] if self.unpriced or self.maybe else ["$0.00"]
        parts += [
            f"up to {shown_amount(bound, currency)} more may be owed"
            for currency, bound in sorted(self.maybe.items())
        ]
        if self.unpriced:
            parts.append(f"{counted(self.unpriced, 'attempt')} without a known price")
        return ", ".join(parts)


def cost_document(cost: Cost) -> dict[str, Any]:
    """One call's cost: ``amount`` null means not known, ``unpriced`` says why there is no price."""
    return {
        "amount": decimal(cost.amount),
        "upper_bound": decimal(cost.upper_bound),
        "currency": cost.currency,
        "billed": cost.billed.value,
        "unpriced": cost.unpriced,
    }
