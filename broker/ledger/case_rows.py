"""What a use case's calls came to, month by month and provider by provider: read from the attempts themselves.

A use case is tags and an operation of the settings, which may have changed since; so nothing is summed up beforehand. A
month is read in one pass, a few seconds for a million attempts.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from broker.ledger.connection import Connection
from broker.ledger.reports import PICO
from broker.types.call import AttemptKind
from broker.types.money import EXACT

PATIENCE = 10.0
MOST_LATENCIES = 100_000
"""Of a month's: quantiles need no more; beyond, every second one is dropped, then every second of those."""
_ROWS = """SELECT provider, profile, kind, currency, tags, call_id, outcome, amount, bound, unpriced, billed, latency_us, day
    FROM attempt WHERE operation = ? AND started_at >= ? AND started_at < ?"""


@dataclass(slots=True)
class ShadowCost:
    """What one shadow call came to, in 1e-12 of the currency: for certain, at the most besides, and attempts without a price."""

    pico: int = 0
    at_risk_pico: int = 0
    unpriced: int = 0


@dataclass(slots=True, kw_only=True)
class CaseMonth:
    """One use case at one provider in one month. Amounts are in 1e-12 of the currency while it is being counted.

    :param calls: that it was asked for; ``answered``: of them. Shadow calls are none.
    :param kinds: certain amounts by kind of attempt, without shadow calls.
    :param at_risk: upper bounds of what may have been billed; ``unpriced``: attempts without a price.
    :param shadows: by their call's id: shadow calls to this provider, which are a cost of whoever's answer was compared.
    :param others: attempts in other currencies, whose amounts are in no sum.
    :param failovers: calls that this provider took over from another one.
    :param latencies: seconds of answered attempts, or an even part of them.
    :param days: answered attempts by day (UTC), for their shares of what stands.
    """

    currency: str = "USD"
    calls: int = 0
    answered: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    at_risk_pico: int = 0
    unpriced: int = 0
    others: int = 0
    failovers: int = 0
    latencies: list[float] = field(default_factory=list)
    shadows: dict[str, ShadowCost] = field(default_factory=dict)
    days: dict[str, int] = field(default_factory=dict)

    def amount(self, *kinds: AttemptKind) -> Decimal:
        """What attempts of these kinds came to, for certain."""
        return EXACT.divide(Decimal(sum(self.kinds.get(each.value, 0) for each in kinds)), PICO)

    @property
    def at_risk(self) -> Decimal:
        """The most that attempts of unknown billing may have cost."""
        return EXACT.divide(Decimal(self.at_risk_pico), PICO)


@dataclass(slots=True)
class _Counting:
    month: CaseMonth = field(default_factory=CaseMonth)
    asked: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    seen: int = 0
    step: int = 1
    priced: bool = False

    def latency(self, seconds: float) -> None:
        self.seen += 1
        if self.seen % self.step:
            return
        self.month.latencies.append(seconds)
        if len(self.month.latencies) > MOST_LATENCIES:
            self.month.latencies = self.month.latencies[::2]
            self.step *= 2


class CaseRows:
    """The part of :class:`~broker.ledger.sqlite.SqliteLedger` that reads months of use cases."""

    _file: Connection

    def case_month(
        self, operation: str, since: date, until: date, belongs: Callable[[Mapping[str, str]], bool]
    ) -> dict[str, CaseMonth]:
        """By provider (``aws``, ``aws:prod``), of the days from ``since`` up to but without ``until`` (UTC).

        :param belongs: whether a call with these tags is one of the use case's. Raises ``LedgerUnavailable``.
        """

        def work(connection: sqlite3.Connection) -> dict[str, CaseMonth]:
            found: dict[str, _Counting] = {}
            known: dict[str, bool] = {}
            for row in connection.execute(_ROWS, (operation, since.isoformat(), until.isoformat())):
                tags = row[4]
                if tags not in known:
                    if len(known) > MOST_LATENCIES:
                        known.clear()
                    known[tags] = belongs(json.loads(tags))
                if known[tags]:
                    name = f"{row[0]}:{row[1]}" if row[1] else row[0]
                    _count(found.setdefault(name, _Counting()), row)
            for each in found.values():
                each.month.calls, each.month.answered = len(each.asked), len(each.answered)
            return {name: each.month for name, each in found.items()}

        return self._file.run(work, begin="BEGIN", patience=PATIENCE)


def _count(counting: _Counting, row: tuple[object, ...]) -> None:
    _, _, kind, currency, _, call_id, outcome, amount, bound, unpriced, billed, latency, day = row
    month = counting.month
    kind, currency, call_id = str(kind), str(currency), str(call_id)
    costs = billed != "no" and (amount or bound or unpriced)
    if costs and not counting.priced:
        month.currency, counting.priced = currency, True
    if costs and currency != month.currency:
        month.others += 1
    elif kind == AttemptKind.SHADOW.value:
        _count_shadow(month.shadows.setdefault(call_id, ShadowCost()), amount, bound, billed)
    elif billed == "yes" and isinstance(amount, int):
        month.kinds[kind] = month.kinds.get(kind, 0) + amount
    elif billed != "no" and isinstance(bound, int):
        month.at_risk_pico += bound
    elif billed != "no":
        month.unpriced += 1
    if kind == AttemptKind.SHADOW.value:
        return
    if kind == AttemptKind.FALLBACK.value and call_id not in counting.asked:
        month.failovers += 1
    counting.asked.add(call_id)
    if outcome == "done":
        counting.answered.add(call_id)
        month.days[str(day)] = month.days.get(str(day), 0) + 1
        if isinstance(latency, int):
            counting.latency(latency / 1e6)


def _count_shadow(into: ShadowCost, amount: object, bound: object, billed: object) -> None:
    if billed == "yes" and isinstance(amount, int):
        into.pico += amount
    elif billed != "no" and isinstance(bound, int):
        into.at_risk_pico += bound
    elif billed != "no":
        into.unpriced += 1
