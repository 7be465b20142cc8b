"""An attempt as rows of the ledger's tables: its facts, its charges, its share of the sums."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import TypeAlias

from broker.errors import LedgerUnavailable
from broker.ledger.base import ChargeLine, Intent, Settled
from broker.ledger.decide import UnknownRow
from broker.ledger.reports import MICRO, PICO, OpenRow
from broker.types.call import AttemptKind
from broker.types.money import EXACT, Billed

_LARGEST = 2**63 - 1
_SPEND = """INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)
    ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts,
    unknown = unknown + excluded.unknown, unpriced = unpriced + excluded.unpriced,
    failed = failed + excluded.failed, amount = amount + excluded.amount,
    amount_rest = amount_rest + excluded.amount_rest, at_risk = at_risk + excluded.at_risk,
    at_risk_rest = at_risk_rest + excluded.at_risk_rest"""


def roll_unknown(connection: sqlite3.Connection, row: OpenRow, sign: int) -> None:
    """Count an attempt that was never settled (or, with -1, take that back)."""
    bound = row.bound or 0
    roll(
        connection,
        row,
        attempts=sign,
        unknown=sign * int(row.bound != 0),  # what is free cannot be billed
        unpriced=sign * int(row.bound is None),
        at_risk=sign * bound,
    )


def roll_decided(connection: sqlite3.Connection, row: UnknownRow, amount: int | None) -> None:
    """Take an attempt of unknown billing out of the sums at risk, and put in what it came to."""
    attempt = row.attempt
    key = OpenRow(
        day=row.day,
        tags=row.tags,
        provider=attempt.provider,
        profile=attempt.profile,
        operation=attempt.operation,
        kind=row.kind,
        currency=attempt.currency,
        bound=row.bound,
    )
    roll(
        connection,
        key,
        attempts=0,
        unknown=-1,
        unpriced=-int(row.bound is None),
        amount=amount or 0,
        at_risk=-(row.bound or 0),
    )


def roll(
    connection: sqlite3.Connection,
    row: OpenRow | Intent,
    *,
    attempts: int,
    unknown: int = 0,
    unpriced: int = 0,
    failed: int = 0,
    amount: int = 0,
    at_risk: int = 0,
) -> None:
    key = _key_of(row)
    sums = (attempts, unknown, unpriced, failed, *divmod(amount, MICRO), *divmod(at_risk, MICRO))
    connection.execute(_SPEND, (row.day, "", *key, *sums))
    if row.tags:
        roll_tags(connection, row, sums)


def roll_tags(connection: sqlite3.Connection, row: OpenRow | Intent, sums: tuple[int, ...]) -> None:
    """The same for each tag.

    :param sums: in the order of the table's columns, amounts as two integers.
    """
    key = _key_of(row)
    for name, value in row.tags.items():
        connection.execute(_SPEND, (row.day, f"{name}={value}", *key, *sums))


def _key_of(row: OpenRow | Intent) -> tuple[str, str, str, str, str]:
    # SQLite takes plain texts faster
    kind = row.kind._value_ if isinstance(row.kind, AttemptKind) else row.kind
    return row.provider, row.profile, row.operation, kind, row.currency


class Booked:
    """Charge lines as they are booked and stored.

    :ivar number: of the list in the ledger's table of them, once it is there.
    """

    __slots__ = ("charges", "number", "settled")

    def __init__(self, lines: tuple[ChargeLine, ...], billed: Billed) -> None:
        self.settled = _summed(lines, billed) if billed is not Billed.NO else _NOTHING
        self.charges = json.dumps([_charge_row(line) for line in lines])
        self.number: int | None = None


def number_of(connection: sqlite3.Connection, charges: str) -> int:
    """The number of a list of charge lines that will come again; written if it has none."""
    connection.execute("INSERT OR IGNORE INTO charge_list (lines) VALUES (?)", (charges,))
    found = connection.execute("SELECT number FROM charge_list WHERE lines = ?", (charges,)).fetchone()
    return int(found[0])


_NOTHING = Settled(lines=(), amount=Decimal(0), bound=Decimal(0))


def _summed(lines: tuple[ChargeLine, ...], billed: Billed) -> Settled:
    amounts = [line.amount for line in lines if line.amount is not None]
    bounds = [line.bound for line in lines if line.bound is not None]
    whole = len(amounts) == len(lines) > 0 and billed is Billed.YES
    with localcontext(EXACT):
        return Settled(
            lines=lines,
            amount=sum(amounts, Decimal(0)) if whole else None,
            bound=sum(bounds, Decimal(0)) if len(bounds) == len(lines) > 0 else None,
        )


NOT_BOOKED = Booked((), Billed.NO)


Subject: TypeAlias = tuple[str, str, str, str, str | None, str, str]
"""What attempts have in common: provider, profile, service, operation, region, currency, kind."""


def subject_of(intent: Intent) -> Subject:
    return (
        intent.provider,
        intent.profile,
        intent.service,
        intent.operation,
        intent.region,
        intent.currency,
        intent.kind._value_,  # without the property's detour
    )


def number_of_subject(connection: sqlite3.Connection, subject: Subject) -> int:
    """Its number; it is written if it has none. Inside a write transaction, so that nobody else does."""
    found = connection.execute(
        """SELECT number FROM subject WHERE provider = ? AND profile = ? AND service = ? AND operation = ?
        AND region IS ? AND currency = ? AND kind = ?""",
        subject,
    ).fetchone()
    if found is not None:
        return int(found[0])
    cursor = connection.execute("INSERT INTO subject VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", subject)
    return int(cursor.lastrowid or 0)


def facts_of(
    intent: Intent, subject: int, bound: int | None, *, free: bool = False
) -> tuple[int | str | None, ...]:
    return (
        subject,
        intent.call_id,
        intent.number,
        intent.started_text,
        json.dumps(dict(intent.tags)) if intent.tags else "{}",
        bound,
        None if free else intent.unpriced,
    )


def _charge_row(line: ChargeLine) -> tuple[int | str | None, ...]:
    return (
        line.sku,
        line.unit.value,
        str(line.quantity),
        line.source.value,
        str(line.units),
        pico_of(line.amount),
        pico_of(line.bound),
        line.price_id,
    )


@lru_cache(maxsize=1024)  # the same few prices again and again
def pico_of(amount: Decimal | None) -> int | None:
    if amount is None:
        return None
    scaled = EXACT.multiply(amount, PICO)
    if not scaled.is_finite() or scaled != (number := int(scaled)) or abs(number) > _LARGEST:
        raise LedgerUnavailable(f"the ledger has no room for an attempt that costs {amount}")
    return number
