"""Put budgets in force, and count what was spent before they were: from the attempts' own rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from broker.ledger.held import Held, counted_as, decimal_of, held_of, held_text
from broker.types.budget import Budget

_ROWS = """SELECT seq, started_at, provider, profile, operation, tags, currency, bound, amount, billed, held
    FROM closed_attempt WHERE started_at >= ? AND billed <> 'no'"""
_OPEN = """SELECT writer, slot, started_at, provider, profile, operation, tags, currency, bound, held
    FROM open_attempt
    WHERE NOT EXISTS (SELECT 1 FROM closed_attempt WHERE closed_attempt.seq = open_attempt.seq)"""


def declare(
    connection: sqlite3.Connection, budgets: Sequence[Budget], at: datetime
) -> list[tuple[Budget, Budget | None]]:
    """Bring the ledger's budgets up to what the settings say. Returns those that changed, and how they were before.

    A budget that is new, or counts other things than before, begins with what the rows of its present window came to.
    """
    changed: list[tuple[Budget, Budget | None]] = []
    for budget in budgets:
        row = connection.execute("SELECT definition FROM budget WHERE name = ?", (budget.name,)).fetchone()
        text = budget.to_json()
        if row is not None and row[0] == text:
            continue
        before = None if row is None else Budget.from_json(budget.name, row[0])
        changed.append((budget, before))
        if before is not None and before.counts_like == budget.counts_like:
            connection.execute("UPDATE budget SET definition = ? WHERE name = ?", (text, budget.name))
            connection.execute("DELETE FROM budget_alarm WHERE budget = ?", (budget.name,))
            continue
        forget(connection, budget.name)
        connection.execute(
            "INSERT INTO budget VALUES (?, ?, ?, ?)", (budget.name, text, budget.window.cut, at.isoformat())
        )
        _count(connection, budget, at)
    return changed


def forget(connection: sqlite3.Connection, name: str) -> bool:
    """Take a budget out of force. False if there is none of this name."""
    there = connection.execute("DELETE FROM budget WHERE name = ?", (name,)).rowcount == 1
    connection.execute("DELETE FROM budget_use WHERE budget = ?", (name,))
    connection.execute("DELETE FROM budget_alarm WHERE budget = ?", (name,))
    for table, key in (("open_slot", "writer, slot"), ("closed_row", "seq")):
        select = f"SELECT {key}, held FROM {table} WHERE held LIKE ?"  # noqa: S608 - fixed names
        rows = connection.execute(select, (f"%{json.dumps(name)}%",))
        where = " AND ".join(f"{part} = ?" for part in key.split(", "))
        for *place, held in rows.fetchall():
            rest = tuple(each for each in held_of(held) if each.budget != name)
            connection.execute(f"UPDATE {table} SET held = ? WHERE {where}", (held_text(rest), *place))  # noqa: S608 - fixed names
    return there


def _count(connection: sqlite3.Connection, budget: Budget, at: datetime) -> None:
    """What the window's attempts came to so far, those under way included."""
    counted: dict[str, int] = {}
    unknown: dict[str, int] = {}
    undecided: list[tuple[str, int]] = []
    start = budget.window.starts(at).isoformat()
    for (
        seq,
        started,
        provider,
        profile,
        operation,
        tags,
        currency,
        bound,
        amount,
        billed,
        held,
    ) in connection.execute(_ROWS, (start,)):
        if not budget.covers(provider, profile, operation, json.loads(tags)):
            continue
        certain = billed == "yes" and amount is not None
        each = _held(budget, started, currency, amount if certain else bound)
        if each is None:
            continue
        counted[each.bucket] = counted.get(each.bucket, 0) + each.amount
        if billed == "unknown":  # kept, because a later decision takes it back
            unknown[each.bucket] = unknown.get(each.bucket, 0) + each.amount
            undecided.append((held_text((*held_of(held), each)), seq))
    connection.executemany("UPDATE closed_row SET held = ? WHERE seq = ?", undecided)
    for (
        writer,
        slot,
        started,
        provider,
        profile,
        operation,
        tags,
        currency,
        bound,
        held,
    ) in connection.execute(_OPEN).fetchall():
        if started < start or not budget.covers(provider, profile, operation, json.loads(tags)):
            continue
        each = _held(budget, started, currency, bound)
        if each is None:
            continue
        counted[each.bucket] = counted.get(each.bucket, 0) + each.amount
        text = held_text((*held_of(held), each))
        connection.execute(
            "UPDATE open_slot SET held = ? WHERE writer = ? AND slot = ?", (text, writer, slot)
        )
    for bucket in sorted(counted):
        sums = (str(counted[bucket]), str(unknown.get(bucket, 0)))
        connection.execute("INSERT INTO budget_use VALUES (?, ?, ?, ?)", (budget.name, bucket, *sums))


def _held(budget: Budget, started: str, currency: str, amount: int | None) -> Held | None:
    if amount == 0:
        return None
    known: Decimal | None = None if amount is None else decimal_of(amount)
    counted, same = counted_as(budget, known, currency)
    return Held(budget.name, budget.window.bucket(datetime.fromisoformat(started)), counted or 0, same)
