"""What became of single calls: for whoever kept their ids and lost their answers."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from decimal import Decimal

from broker.ledger.base import CallSpend
from broker.types.money import EXACT

_PICO = Decimal(10) ** 12
_AT_ONCE = 500
"""SQLite takes 999 values a statement in its oldest builds."""


def read_calls(connection: sqlite3.Connection, call_ids: Sequence[str]) -> dict[str, CallSpend]:
    """The calls that made an attempt. There is no index on call ids: one look through the rows for each 500."""
    found: dict[str, CallSpend] = {}
    ids = list(dict.fromkeys(call_ids))
    for start in range(0, len(ids), _AT_ONCE):
        wanted = ids[start : start + _AT_ONCE]
        rows = connection.execute(
            "SELECT call_id, currency, bound, amount, billed, outcome FROM attempt "  # noqa: S608 - only question marks
            f"WHERE call_id IN ({', '.join('?' * len(wanted))})",
            wanted,
        )
        for call_id, currency, bound, amount, billed, outcome in rows:
            found[call_id] = _with(found.get(call_id), call_id, currency, bound, amount, billed, outcome)
    return found


def _with(
    before: CallSpend | None,
    call_id: str,
    currency: str,
    bound: int | None,
    amount: int | None,
    billed: str,
    outcome: str | None,
) -> CallSpend:
    attempts, known, at_risk, unpriced = 1, Decimal(0), Decimal(0), 0
    if amount is not None:
        known = _amount(amount)
    elif billed != "no":
        at_risk, unpriced = (_amount(bound), 0) if bound is not None else (at_risk, 1)
    answered = outcome == "done"
    if before is not None:
        attempts += before.attempts
        known, at_risk = EXACT.add(known, before.known), EXACT.add(at_risk, before.at_risk)
        unpriced, answered = unpriced + before.unpriced, answered or before.answered
    return CallSpend(
        call_id=call_id,
        attempts=attempts,
        currency=currency,
        known=known,
        at_risk=at_risk,
        unpriced=unpriced,
        answered=answered,
    )


def _amount(pico: int) -> Decimal:
    return EXACT.divide(Decimal(pico), _PICO)
