"""The default ledger: one SQLite file, two short transactions an attempt, a rollup kept in both.

WAL with ``synchronous=NORMAL``: a killed process loses nothing; a power cut may lose the last
commits. ``durability="full"`` closes that gap at the price of an fsync a write.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from functools import lru_cache

from broker.errors import LedgerUnavailable
from broker.ledger import owner
from broker.ledger.base import (
    ChargeLine,
    Intent,
    Settled,
    Settlement,
    SpendQuery,
    SpendRow,
    Ticket,
)
from broker.ledger.connection import Connection
from broker.ledger.reports import MICRO, PICO, OpenRow, read_open, read_spend
from broker.types.money import EXACT, Billed

_LARGEST = 2**63 - 1
PATIENCE = 10.0
"""Seconds to wait for another process outside a call, where no runtime can wait."""

_WRITE = "BEGIN IMMEDIATE"
_COLUMNS = """call_id, number, day, started_at, provider, profile, service, operation, region, tags, currency,
    bound, unpriced"""
_ANNOUNCE = (
    f"INSERT OR REPLACE INTO open_attempt (writer, slot, seq, {_COLUMNS}) VALUES ({', '.join('?' * 16)})"  # noqa: S608 - fixed names
)
_CLOSE = f"INSERT OR IGNORE INTO closed_attempt VALUES ({', '.join('?' * 23)})"  # noqa: S608 - fixed text
_LOST = f"""INSERT INTO closed_attempt (seq, state, {_COLUMNS}, billed, charges)
    SELECT seq, 'unknown', {_COLUMNS}, 'unknown', '[]' FROM open_attempt WHERE writer = ?
    AND NOT EXISTS (SELECT 1 FROM closed_attempt WHERE closed_attempt.seq = open_attempt.seq)"""  # noqa: S608 - fixed names
_UNWATCHED = "SELECT DISTINCT writer FROM open_attempt WHERE writer NOT IN (SELECT number FROM writer)"
_SPEND = """INSERT INTO spend VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts,
    unknown = unknown + excluded.unknown, unpriced = unpriced + excluded.unpriced,
    failed = failed + excluded.failed, amount = amount + excluded.amount,
    amount_rest = amount_rest + excluded.amount_rest, at_risk = at_risk + excluded.at_risk,
    at_risk_rest = at_risk_rest + excluded.at_risk_rest"""
_POSITION = "SELECT units FROM meter WHERE month = ? AND account = ? AND sku = ?"
_METER = "INSERT INTO meter VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET units = excluded.units"


class SqliteLedger:
    """A :class:`~broker.ledger.base.Ledger` in a file.

    Safe for threads and processes; see :mod:`broker.ledger.connection` for locks and forks.
    """

    def __init__(self, path: str, *, durability: str = "normal") -> None:
        self._path = path
        self._file = Connection(path, durability, self._another_writer)
        self._writer: int | None = None
        self._count = 0
        self._free: list[int] = []
        self._kept: tuple[Settled, str, Billed] | None = None

    @property
    def path(self) -> str:
        """Where it is."""
        return self._path

    def announce(self, intent: Intent) -> Ticket:
        """See :class:`~broker.ledger.base.Ledger`."""
        facts = _facts(intent, _pico(intent.bound))

        def write(connection: sqlite3.Connection) -> tuple[int, int]:
            if self._writer is None:
                self._writer = _register(connection)
            self._count += 1
            seq = self._writer << 32 | self._count
            slot = self._free.pop() if self._free else self._count
            try:
                connection.execute(_ANNOUNCE, (self._writer, slot, seq, *facts))  # one statement, one commit
            except BaseException:
                self._free.append(slot)
                raise
            return seq, slot

        seq, slot = self._file.run(write)
        return Ticket(seq=seq, slot=slot, intent=intent)

    def settle(self, ticket: Ticket, settlement: Settlement) -> Settled:
        """See :class:`~broker.ledger.base.Ledger`."""
        intent = ticket.intent
        account = (intent.day[:7], f"{intent.provider}:{intent.profile}")

        def write(connection: sqlite3.Connection) -> Settled:
            positions: dict[str, Decimal] = {}
            if settlement.billed is not Billed.NO:
                for counter in settlement.counters:
                    found = connection.execute(_POSITION, (*account, counter)).fetchone()
                    positions[counter] = Decimal(found[0]) if found else Decimal(0)
            settled, charges = self._booked(settlement, positions)
            amount, bound = _pico(settled.amount), _pico(settled.bound)
            self._close_attempt(connection, ticket, settlement, settled, charges)
            if settlement.billed is Billed.YES:
                for line in settled.lines:
                    units = EXACT.add(positions.get(line.counter, Decimal(0)), line.units)
                    connection.execute(_METER, (*account, line.counter, str(units)))
            certain = settlement.billed is Billed.YES and amount is not None
            _roll(
                connection,
                intent,
                attempts=1,
                unknown=int(settlement.billed is Billed.UNKNOWN),
                unpriced=int(amount is None and bound is None),
                failed=int(settlement.error is not None),
                amount=amount or 0,
                at_risk=0 if certain else bound or 0,
            )
            return settled

        settled = self._file.run(write, begin=_WRITE)
        if ticket.seq >> 32 == self._writer:  # else it was announced before a fork, in the parent's slot
            self._free.append(ticket.slot)  # only now: until settled, the slot holds the only trace
        return settled

    def _booked(self, settlement: Settlement, positions: dict[str, Decimal]) -> tuple[Settled, str]:
        """What is booked, and the charges as they are stored; the last ones are kept, as they mostly come again."""
        if settlement.billed is Billed.NO:
            return _NOTHING, "[]"
        lines = tuple(settlement.charges(positions))
        kept = self._kept
        if kept is not None and kept[0].lines is lines and kept[2] is settlement.billed:
            return kept[0], kept[1]
        settled = _sum(lines, settlement.billed)
        charges = json.dumps([_charge_row(line) for line in lines])
        self._kept = (settled, charges, settlement.billed)
        return settled, charges

    def _close_attempt(
        self,
        connection: sqlite3.Connection,
        ticket: Ticket,
        settlement: Settlement,
        settled: Settled,
        charges: str,
    ) -> None:
        row = (
            ticket.seq,
            "settled",
            *_facts(ticket.intent, _pico(settled.bound), free=settlement.billed is Billed.NO),
            _pico(settled.amount),
            settlement.billed.value,
            settlement.outcome.value,
            settlement.error,
            round(settlement.latency * 1e6),
            settlement.request_id,
            settlement.model_version,
            charges,
        )
        if connection.execute(_CLOSE, row).rowcount == 1:
            return
        # Somebody took this process for dead (a shared volume between containers): take that back.
        taken = "DELETE FROM closed_attempt WHERE seq = ? AND state = 'unknown'"
        if connection.execute(taken, (ticket.seq,)).rowcount != 1:
            raise LedgerUnavailable(f"attempt {ticket.seq} of the ledger {self._path} is settled already")
        _roll_unknown(connection, OpenRow.of(ticket.intent), -1)
        connection.execute(_CLOSE, row)

    def recover(self) -> int:
        """Mark attempts whose process died as unknown: they count at their bound. Returns how many."""

        def write(connection: sqlite3.Connection) -> int:
            writers = connection.execute("SELECT number, owner FROM writer").fetchall()
            dead = [number for number, name in writers if not owner.alive(name)]
            # Of a writer that was wrongly taken for dead before, and has gone on: nobody can watch over it.
            dead += [number for (number,) in connection.execute(_UNWATCHED)]
            found = [each for number in dead for each in read_open(connection, number)]
            for each in found:
                _roll_unknown(connection, each, 1)
            for number in dead:
                connection.execute(_LOST, (number,))
                connection.execute("DELETE FROM open_attempt WHERE writer = ?", (number,))
                connection.execute("DELETE FROM writer WHERE number = ?", (number,))
            return len(found)

        return self._file.run(write, begin=_WRITE, patience=PATIENCE)

    def spend(self, query: SpendQuery) -> list[SpendRow]:
        """See :class:`~broker.ledger.base.Ledger`. Raises ValueError for an unknown dimension."""
        return self._file.run(
            lambda connection: read_spend(connection, query), begin="BEGIN", patience=PATIENCE
        )

    def close(self) -> None:
        """See :class:`~broker.ledger.base.Ledger`."""
        self._file.close()

    def _another_writer(self) -> None:
        """A forked child: rows and slots of the parent are not its own."""
        self._writer, self._count, self._free = None, 0, []


def _roll_unknown(connection: sqlite3.Connection, row: OpenRow, sign: int) -> None:
    """Count an attempt that was never settled (or, with -1, take that back)."""
    bound = row.bound or 0
    _roll(
        connection,
        row,
        attempts=sign,
        unknown=sign,
        unpriced=sign * int(row.bound is None),
        at_risk=sign * bound,
    )


def _roll(
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
    key = (row.provider, row.profile, row.operation, row.currency)
    sums = (attempts, unknown, unpriced, failed, *divmod(amount, MICRO), *divmod(at_risk, MICRO))
    connection.execute(_SPEND, (row.day, "", *key, *sums))
    for name, value in row.tags.items():
        connection.execute(_SPEND, (row.day, f"{name}={value}", *key, *sums))


_NOTHING = Settled(lines=(), amount=Decimal(0), bound=Decimal(0))


def _sum(lines: tuple[ChargeLine, ...], billed: Billed) -> Settled:
    amounts = [line.amount for line in lines if line.amount is not None]
    bounds = [line.bound for line in lines if line.bound is not None]
    whole = len(amounts) == len(lines) > 0 and billed is Billed.YES
    with localcontext(EXACT):
        return Settled(
            lines=lines,
            amount=sum(amounts, Decimal(0)) if whole else None,
            bound=sum(bounds, Decimal(0)) if len(bounds) == len(lines) > 0 else None,
        )


def _register(connection: sqlite3.Connection) -> int:
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    cursor = connection.execute("INSERT INTO writer (owner, opened_at) VALUES (?, ?)", (owner.me(), opened))
    return int(cursor.lastrowid or 0)


def _facts(intent: Intent, bound: int | None, *, free: bool = False) -> tuple[int | str | None, ...]:
    return (
        intent.call_id,
        intent.number,
        intent.day,
        intent.started_text,
        intent.provider,
        intent.profile,
        intent.service,
        intent.operation,
        intent.region,
        json.dumps(dict(intent.tags)) if intent.tags else "{}",
        intent.currency,
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
        _pico(line.amount),
        _pico(line.bound),
        line.price_id,
    )


@lru_cache(maxsize=1024)  # the same few prices again and again
def _pico(amount: Decimal | None) -> int | None:
    if amount is None:
        return None
    scaled = EXACT.multiply(amount, PICO)
    if not scaled.is_finite() or scaled != (number := int(scaled)) or abs(number) > _LARGEST:
        raise LedgerUnavailable(f"the ledger has no room for an attempt that costs {amount}")
    return number
