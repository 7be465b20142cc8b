"""Budgets and what stands, in the default ledger's file: declared, looked at, taken out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from broker.errors import LedgerUnavailable
from broker.ledger.base import Intent, SpendQuery
from broker.ledger.budgets import BudgetBook
from broker.ledger.connection import Connection
from broker.ledger.declare import declare, forget
from broker.ledger.standing_rows import end, generation, read, remove, stand
from broker.ledger.standing_spend import standing_spend
from broker.types.budget import Budget, BudgetAlarm, BudgetState
from broker.types.standing import StandingMeter, StandingSpend

PATIENCE = 10.0
"""Seconds to wait for another process outside a call, where no runtime can wait."""
_WRITE = "BEGIN IMMEDIATE"


class BudgetRows:
    """The half of :class:`~broker.ledger.sqlite.SqliteLedger` that knows budgets and what stands in them."""

    _file: Connection
    _budgets: BudgetBook
    _undeclared: dict[str, Budget]
    _unstood: dict[str, StandingMeter]
    _watched: str

    def declare(self, budgets: Sequence[Budget], at: datetime) -> list[tuple[Budget, Budget | None]]:
        """See :class:`~broker.ledger.base.Ledger`."""
        try:
            known = self._file.run(_definitions, patience=PATIENCE)
            changed: list[tuple[Budget, Budget | None]] = []
            if any(known.get(budget.name) != budget.to_json() for budget in budgets):  # mostly needs no write
                changed = self._file.run(
                    lambda connection: declare(connection, budgets, at), begin=_WRITE, patience=PATIENCE
                )
        except LedgerUnavailable:
            # It may be back for the next paid attempt, which must not go past them.
            self._undeclared = {**self._undeclared, **{budget.name: budget for budget in budgets}}
            raise
        names = {budget.name for budget in budgets}
        self._undeclared = {name: each for name, each in self._undeclared.items() if name not in names}
        return changed

    def forget(self, name: str) -> bool:
        """See :class:`~broker.ledger.base.Ledger`."""
        return self._file.run(lambda connection: forget(connection, name), begin=_WRITE, patience=PATIENCE)

    def budgets(self, at: datetime) -> list[BudgetState]:
        """See :class:`~broker.ledger.base.Ledger`."""
        return self._file.run(
            lambda connection: self._budgets.states(connection, at), begin="BEGIN", patience=PATIENCE
        )

    def stand(self, meters: Sequence[StandingMeter], at: datetime) -> list[tuple[StandingMeter, str]]:
        """See :class:`~broker.ledger.base.Ledger`."""
        try:
            changed: list[tuple[StandingMeter, str]] = []
            known = self.standing()
            if any(self._differs(meter, known) for meter in meters):  # mostly needs no write
                changed = self._file.run(
                    lambda connection: stand(connection, meters, at), begin=_WRITE, patience=PATIENCE
                )
                self._watched = ""
        except LedgerUnavailable:
            # It may be back for the next paid attempt, which must not go past the budgets they count in.
            self._unstood = {**self._unstood, **{meter.name: meter for meter in meters}}
            raise
        names = {meter.name for meter in meters}
        self._unstood = {name: each for name, each in self._unstood.items() if name not in names}
        return changed

    @staticmethod
    def _differs(meter: StandingMeter, known: Sequence[StandingMeter]) -> bool:
        for each in known:
            if each.name == meter.name:
                same_end = meter.until is None or meter.until == each.until
                return not (
                    same_end and each.facts() == meter.facts() and each.price_text() == meter.price_text()
                )
        return True

    def standing(self) -> tuple[StandingMeter, ...]:
        """See :class:`~broker.ledger.base.Ledger`."""
        return self._file.run(read, begin="BEGIN", patience=PATIENCE)

    def end_standing(
        self, name: str, until: datetime, at: datetime, reason: str | None = None
    ) -> StandingMeter:
        """See :class:`~broker.ledger.base.Ledger`. Raises ValueError for what cannot be meant."""
        return self._file.run(
            lambda connection: end(connection, name, until, at, reason), begin=_WRITE, patience=PATIENCE
        )

    def remove_standing(self, name: str, at: datetime, reason: str) -> StandingMeter:
        """See :class:`~broker.ledger.base.Ledger`. Raises ValueError for what cannot be meant."""
        return self._file.run(
            lambda connection: remove(connection, name, at, reason), begin=_WRITE, patience=PATIENCE
        )

    def standing_spend(self, query: SpendQuery, at: datetime) -> StandingSpend:
        """See :class:`~broker.ledger.base.Ledger`. Raises ValueError for an unknown dimension."""
        return self._file.run(
            lambda connection: standing_spend(connection, query, at), begin="BEGIN", patience=PATIENCE
        )

    def watch(self, at: datetime) -> tuple[BudgetAlarm, ...]:
        """See :class:`~broker.ledger.base.Ledger`."""
        if not self._file.run(generation, patience=PATIENCE):
            return ()
        alarms = self._file.run(
            lambda connection: self._budgets.watch(connection, at), begin=_WRITE, patience=PATIENCE
        )
        self._watched = at.isoformat()[:13]
        return alarms

    def _look_around(self, intent: Intent, *, free: bool) -> tuple[BudgetAlarm, ...]:
        """Once an hour, with a call: whether what stands has taken a budget past a share of its limit.

        Where everything is paid by the hour no call reserves anything, so no reservation would tell it.
        """
        if self._unstood and not free:
            try:
                self.stand(list(self._unstood.values()), intent.started)
            except ValueError as error:
                raise LedgerUnavailable(f"{error}. Paid calls stop until then") from error
        if intent.started_text[:13] == self._watched:
            return ()
        try:
            moved = self._file.run(generation)
            alarms: tuple[BudgetAlarm, ...] = ()
            if moved:
                alarms = self._file.run(
                    lambda connection: self._budgets.watch(connection, intent.started), begin=_WRITE
                )
        except LedgerUnavailable:
            return ()  # the announcement says it; the next call looks again
        self._watched = intent.started_text[:13]
        return alarms


def _definitions(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, definition FROM budget").fetchall())
