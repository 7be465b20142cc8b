"""Attempts that may have been billed: list them, and settle them by what a person found out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from broker.ledger.base import Decision, UnknownAttempt, UnknownQuery
from broker.ledger.budgets import BudgetBook
from broker.ledger.held import decimal_of, held_of, pico
from broker.ledger.reports import PICO
from broker.types.money import EXACT, LARGEST_AMOUNT

_COLUMNS = """seq, call_id, number, day, started_at, provider, profile, operation, kind, tags, currency, bound,
    outcome, error, request_id, charges, held"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownRow:
    """One row, as :func:`decide` needs it. ``bound`` in 1e-12."""

    seq: int
    day: str
    profile: str
    kind: str
    tags: dict[str, str]
    bound: int | None
    charges: str
    held: str
    attempt: UnknownAttempt


def read_unknown(connection: sqlite3.Connection, query: UnknownQuery) -> list[UnknownRow]:
    """Closed attempts of unknown billing, oldest first."""
    conditions, values = ["billed = 'unknown' AND bound IS NOT 0"], list[str]()
    for column, wanted in (
        ("call_id = ?", query.call_id),
        ("provider = ?", query.provider),
        ("profile = ?", query.profile),
    ):
        if wanted is not None:
            conditions.append(column)
            values.append(wanted)
    if query.until is not None:
        conditions.append("day <= ?")
        values.append(query.until.isoformat())
    statement = (
        f"SELECT {_COLUMNS} FROM closed_attempt WHERE {' AND '.join(conditions)} ORDER BY started_at, seq"  # noqa: S608 - fixed names
    )
    return [_row(row) for row in connection.execute(statement, values)]


def book(
    connection: sqlite3.Connection, row: UnknownRow, decision: Decision, budgets: BudgetBook, at: datetime
) -> int | None:
    """Write the decision into the attempt and its budgets. Returns the amount in 1e-12, None if it is not known."""
    amount = row.bound if decision.amount is None else pico(decision.amount)
    if amount is not None:  # else check() has refused it
        budgets.decide(connection, held_of(row.held), amount)
    billed = "yes" if amount != 0 else "no"
    connection.execute(
        "UPDATE closed_row SET billed = ?, amount = ?, bound = ?, charges = ?, held = '[]' WHERE seq = ?",
        (
            billed,
            amount,
            amount if amount is not None else row.bound,
            _charges(row.charges, amount) if amount else "[]",
            row.seq,
        ),
    )
    connection.execute(
        "INSERT INTO decision VALUES (?, ?, ?, ?, ?)",
        (row.seq, at.isoformat(), billed, amount, decision.reason),
    )
    return amount


def check(decision: Decision, rows: Sequence[UnknownRow]) -> None:
    """Refuse what cannot be meant. Raises ValueError."""
    amount = decision.amount
    if amount is not None and not (amount.is_finite() and 0 <= amount <= LARGEST_AMOUNT):
        raise ValueError(f"{amount} cannot be what an attempt was billed")
    if amount is not None and EXACT.remainder(EXACT.multiply(amount, PICO), Decimal(1)):
        raise ValueError(f"{amount} has more than the 12 decimals that are kept")
    if not decision.reason.strip():
        raise ValueError("a decision needs its reason, such as the number of the invoice")
    if amount is None and any(row.bound is None for row in rows):
        raise ValueError("an attempt without a known price has no upper bound to book; say the amount")


def _charges(text: str, amount: int) -> str:
    """The lines as stored, with what was billed on the first and its source told."""
    lines = [[*line[:3], "billed", line[4], 0, 0, line[7]] for line in json.loads(text)]
    if lines:
        lines[0][5] = lines[0][6] = amount
    return json.dumps(lines)


def _row(row: tuple[object, ...]) -> UnknownRow:
    seq, call_id, number, day, started, provider, profile, operation, kind, tags, currency, bound, *rest = row
    outcome, error, request_id, charges, held = (None if each is None else str(each) for each in rest)
    limit = int(bound) if isinstance(bound, int) else None
    return UnknownRow(
        seq=int(str(seq)),
        day=str(day),
        profile=str(profile),
        kind=str(kind),
        tags=json.loads(str(tags)),
        bound=limit,
        charges=charges or "[]",
        held=held or "[]",
        attempt=UnknownAttempt(
            call_id=str(call_id),
            number=int(str(number)),
            started=datetime.fromisoformat(str(started)),
            provider=str(provider),
            profile=str(profile),
            operation=str(operation),
            currency=str(currency),
            bound=None if limit is None else decimal_of(limit),
            outcome=outcome,
            error=error,
            request_id=request_id,
        ),
    )
