"""The default ledger: one SQLite file, two short transactions an attempt, a rollup kept in both.

WAL with ``synchronous=NORMAL``: a killed process loses nothing; a power cut may lose the last
commits. ``durability="full"`` closes that gap at the price of an fsync a write.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import threading
import time
import weakref
from decimal import Decimal
from types import TracebackType

from broker.errors import LedgerUnavailable
from broker.ledger import owner
from broker.ledger.base import (
    ChargeLine,
    Intent,
    LedgerBusy,
    Settled,
    Settlement,
    SpendQuery,
    SpendRow,
    Ticket,
)
from broker.ledger.files import connect, unavailable
from broker.ledger.reports import PICO, OpenRow, read_open, read_spend
from broker.types.money import Billed

_LARGEST = 2**63 - 1
_EPOCH_MS = 1_577_836_800_000  # 2020-01-01: 41 bits of milliseconds last until 2089

_COLUMNS = """call_id, number, day, started_at, provider, profile, service, operation, region, tags, currency,
    bound, unpriced"""
_ANNOUNCE = f"INSERT INTO open_attempt (seq, owner, {_COLUMNS}) VALUES ({', '.join('?' * 15)})"  # noqa: S608 - fixed names
_CLOSE = f"INSERT INTO closed_attempt VALUES ({', '.join('?' * 23)})"  # noqa: S608 - fixed text
_LOST = f"""INSERT INTO closed_attempt (seq, state, {_COLUMNS}, billed, charges)
    SELECT seq, 'unknown', {_COLUMNS}, 'unknown', '[]' FROM open_attempt WHERE owner = ?"""  # noqa: S608 - fixed names
_SPEND = """INSERT INTO spend VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts,
    unknown = unknown + excluded.unknown, unpriced = unpriced + excluded.unpriced,
    failed = failed + excluded.failed, amount = amount + excluded.amount, at_risk = at_risk + excluded.at_risk"""
_POSITION = "SELECT units FROM meter WHERE month = ? AND account = ? AND sku = ?"
_METER = "INSERT INTO meter VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET units = excluded.units"


class SqliteLedger:
    """A :class:`~broker.ledger.base.Ledger` in a file.

    One connection a process, used under a lock: a transaction lasts some 30 microseconds. A forked
    child opens its own.
    """

    def __init__(self, path: str, *, durability: str = "normal") -> None:
        self._path = path
        self._durability = durability
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        _LEDGERS.add(self)

    @property
    def path(self) -> str:
        """Where it is."""
        return self._path

    def announce(self, intent: Intent) -> Ticket:
        """See :class:`~broker.ledger.base.Ledger`."""
        facts = _facts(intent, _pico(intent.bound))
        for _ in range(3):
            seq = _new_seq()
            try:
                with self._connected() as connection:
                    connection.execute(_ANNOUNCE, (seq, owner.me(), *facts))  # one statement, one commit
            except sqlite3.IntegrityError:
                continue  # the same millisecond and random number as another attempt
            return Ticket(seq=seq, intent=intent)
        raise LedgerUnavailable(f"the ledger {self._path} takes no new row")

    def settle(self, ticket: Ticket, settlement: Settlement) -> Settled:
        """See :class:`~broker.ledger.base.Ledger`."""
        intent = ticket.intent
        account = (intent.day[:7], f"{intent.provider}:{intent.profile}")
        with self._transaction() as connection:
            positions: dict[str, Decimal] = {}
            if settlement.billed is not Billed.NO:
                for sku in settlement.skus:
                    found = connection.execute(_POSITION, (*account, sku)).fetchone()
                    positions[sku] = Decimal(found[0]) if found else Decimal(0)
            settled = _sum(settlement, positions)
            amount, bound = _pico(settled.amount), _pico(settled.bound)
            self._close_attempt(connection, ticket, settlement, settled)
            if settlement.billed is Billed.YES:
                for line in settled.lines:
                    units = positions.get(line.sku, Decimal(0)) + line.units
                    connection.execute(_METER, (*account, line.sku, str(units)))
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

    def _close_attempt(
        self,
        connection: sqlite3.Connection,
        ticket: Ticket,
        settlement: Settlement,
        settled: Settled,
    ) -> None:
        if connection.execute("DELETE FROM open_attempt WHERE seq = ?", (ticket.seq,)).rowcount != 1:
            # Somebody took this process for dead (a shared volume between containers): take that back.
            taken = "DELETE FROM closed_attempt WHERE seq = ? AND state = 'unknown'"
            if connection.execute(taken, (ticket.seq,)).rowcount != 1:
                raise LedgerUnavailable(f"attempt {ticket.seq} of the ledger {self._path} is settled already")
            _roll_unknown(connection, OpenRow.of(ticket.intent), -1)
        connection.execute(
            _CLOSE,
            (
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
                json.dumps([_charge_row(line) for line in settled.lines]),
            ),
        )

    def recover(self) -> int:
        """Mark attempts whose process died as unknown: they count at their bound. Returns how many."""
        with self._transaction() as connection:
            owners = connection.execute("SELECT DISTINCT owner FROM open_attempt").fetchall()
            dead = [name for (name,) in owners if not owner.alive(name)]
            found = [each for name in dead for each in read_open(connection, name)]
            for each in found:
                _roll_unknown(connection, each, 1)
            for name in dead:
                connection.execute(_LOST, (name,))
                connection.execute("DELETE FROM open_attempt WHERE owner = ?", (name,))
        return len(found)

    def spend(self, query: SpendQuery) -> list[SpendRow]:
        """See :class:`~broker.ledger.base.Ledger`. Raises ValueError for an unknown dimension."""
        with self._transaction(write=False) as connection:
            return read_spend(connection, query)

    def close(self) -> None:
        """See :class:`~broker.ledger.base.Ledger`."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def after_fork(self) -> None:
        """In a forked child: leave the parent's connection alone and open an own one when needed."""
        self._inherited, self._connection = self._connection, None
        self._lock = threading.Lock()  # the old one may be held by a thread that is not here

    def _connected(self) -> _Connected:
        return _Connected(self)

    def _transaction(self, *, write: bool = True) -> _Connected:
        return _Connected(self, "BEGIN IMMEDIATE" if write else "BEGIN")


class _Connected:
    """The connection, under the lock, perhaps in a transaction; SQLite's errors as ours.

    Written out, because a generator under ``contextmanager`` costs as much as the statement inside.
    """

    __slots__ = ("_begin", "_ledger", "_lock")

    def __init__(self, ledger: SqliteLedger, begin: str | None = None) -> None:
        self._ledger = ledger
        self._begin = begin
        self._lock = ledger._lock  # noqa: SLF001 - its other half

    def __enter__(self) -> sqlite3.Connection:
        ledger = self._ledger
        self._lock.acquire()
        try:
            connection = ledger._connection  # noqa: SLF001
            if connection is None:
                connection = ledger._connection = connect(ledger._path, ledger._durability)  # noqa: SLF001
            if self._begin is not None:
                connection.execute(self._begin)
        except sqlite3.Error as error:
            self._lock.release()
            raise _ours(error, ledger.path) from error
        except BaseException:
            self._lock.release()
            raise
        return connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._ledger._connection  # noqa: SLF001
        try:
            if self._begin is not None and connection is not None:
                if kind is None:
                    connection.execute("COMMIT")
                elif connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as failure:
            if connection is not None and connection.in_transaction:
                connection.execute("ROLLBACK")
            raise _ours(failure, self._ledger.path) from failure
        finally:
            self._lock.release()
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            raise _ours(error, self._ledger.path) from error


def _ours(error: sqlite3.Error, path: str) -> LedgerBusy | LedgerUnavailable:
    name = getattr(error, "sqlite_errorname", "")
    if isinstance(error, sqlite3.OperationalError) and name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LedgerBusy(f"the ledger {path} is locked by another process")
    return unavailable(path, error)


_LEDGERS: weakref.WeakSet[SqliteLedger] = weakref.WeakSet()


def _forked() -> None:
    owner.forget()
    for ledger in list(_LEDGERS):
        ledger.after_fork()


os.register_at_fork(after_in_child=_forked)


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
    sums = (attempts, unknown, unpriced, failed, amount, at_risk)
    connection.execute(_SPEND, (row.day, "", *key, *sums))
    for name, value in row.tags.items():
        connection.execute(_SPEND, (row.day, f"{name}={value}", *key, *sums))


def _sum(settlement: Settlement, positions: dict[str, Decimal]) -> Settled:
    if settlement.billed is Billed.NO:
        return Settled(lines=(), amount=Decimal(0), bound=Decimal(0))
    lines = tuple(settlement.charges(positions))
    amounts = [line.amount for line in lines if line.amount is not None]
    bounds = [line.bound for line in lines if line.bound is not None]
    whole = len(amounts) == len(lines) > 0 and settlement.billed is Billed.YES
    return Settled(
        lines=lines,
        amount=sum(amounts, Decimal(0)) if whole else None,
        bound=sum(bounds, Decimal(0)) if len(bounds) == len(lines) > 0 else None,
    )


def _new_seq() -> int:
    return (time.time_ns() // 1_000_000 - _EPOCH_MS) << 22 | random.getrandbits(22)


def _facts(intent: Intent, bound: int | None, *, free: bool = False) -> tuple[int | str | None, ...]:
    return (
        intent.call_id,
        intent.number,
        intent.day,
        intent.started.isoformat(),
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


def _pico(amount: Decimal | None) -> int | None:
    if amount is None:
        return None
    scaled = amount * PICO
    number = int(scaled)
    if number != scaled or abs(number) > _LARGEST:
        raise ValueError(f"an attempt cannot cost {amount}")
    return number
