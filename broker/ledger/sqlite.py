"""The default ledger: one SQLite file, two short transactions an attempt, a rollup kept in both.

WAL with ``synchronous=NORMAL``: a killed process loses nothing; a power cut may lose the last
commits. ``durability="full"`` closes that gap at the price of an fsync a write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from broker.errors import BudgetExceeded, LedgerUnavailable
from broker.ledger import owner
from broker.ledger.base import (
    CallSpend,
    Decision,
    Intent,
    Settled,
    Settlement,
    SpendQuery,
    SpendRow,
    Ticket,
    UnknownAttempt,
    UnknownQuery,
)
from broker.ledger.budgets import NO_BUDGETS, BudgetBook, Reservation
from broker.ledger.calls import read_calls
from broker.ledger.case_ends import CaseEnds
from broker.ledger.case_rows import CaseRows
from broker.ledger.connection import Connection
from broker.ledger.decide import book, check, read_unknown
from broker.ledger.declare import declare
from broker.ledger.held import Held, held_of, held_text
from broker.ledger.reports import OpenRow, read_open, read_spend
from broker.ledger.rows import (
    NOT_BOOKED,
    Booked,
    Subject,
    facts_of,
    number_of,
    number_of_subject,
    pico_of,
    roll,
    roll_decided,
    roll_unknown,
    subject_of,
)
from broker.ledger.sqlite_budgets import PATIENCE, BudgetRows
from broker.ledger.sqlite_jobs import JobRows
from broker.ledger.switch_rows import SwitchRows
from broker.ledger.usual import Usual
from broker.types.budget import Budget
from broker.types.making import maker
from broker.types.money import EXACT, Billed
from broker.types.standing import StandingMeter

_make_ticket = maker(Ticket)
_WRITE = "BEGIN IMMEDIATE"
_KEPT = 256
"""Charge lines and subjects that are kept; pictures all have the same lines until the next tier."""
_FACTS = "subject, call_id, number, started_at, tags, bound, unpriced"
_ANNOUNCE = f"""INSERT OR REPLACE INTO open_slot (writer, slot, seq, {_FACTS}, held)
    VALUES ({", ".join("?" * 11)})"""  # noqa: S608 - fixed names
_ANNOUNCE_UNBUDGETED = f"""INSERT OR REPLACE INTO open_slot (writer, slot, seq, {_FACTS}, held)
    SELECT {", ".join("?" * 11)} WHERE NOT EXISTS (SELECT 1 FROM budget)"""  # noqa: S608 - fixed names
_CLOSE = f"""INSERT OR IGNORE INTO closed_row (seq, {_FACTS}, amount, billed, outcome, error,
    latency_us, request_id, model_version, charges, held) VALUES ({", ".join("?" * 17)})"""  # noqa: S608 - fixed names
_LOST = f"""INSERT INTO closed_row (seq, {_FACTS}, billed, charges, held)
    SELECT seq, {_FACTS}, CASE bound WHEN 0 THEN 'no' ELSE 'unknown' END, '[]', held FROM open_slot WHERE writer = ?
    AND NOT EXISTS (SELECT 1 FROM closed_row WHERE closed_row.seq = open_slot.seq)"""  # noqa: S608 - fixed names
_UNWATCHED = "SELECT DISTINCT writer FROM open_slot WHERE writer NOT IN (SELECT number FROM writer)"
_POSITION = """SELECT units FROM sums WHERE period = ? AND tag = ? AND provider = ? AND profile = ?
    AND operation = '' AND kind = '' AND currency = ''"""
_BEFORE = f"""SELECT ({_POSITION}), (SELECT held FROM open_slot WHERE writer = ? AND slot = ? AND seq = ?)"""  # noqa: S608 - fixed names
_METER = """INSERT INTO sums (period, tag, provider, profile, operation, kind, currency, units)
    VALUES (?, ?, ?, ?, '', '', '', ?) ON CONFLICT DO UPDATE SET units = excluded.units"""

_NO, _UNKNOWN, _YES = Billed.NO, Billed.UNKNOWN, Billed.YES  # members of enums are not found quickly


class _NotRegisteredError(Exception):
    """The process is not in the table of writers yet."""


class _BudgetedError(Exception):
    """Somebody has declared a budget meanwhile."""


class SqliteLedger(JobRows, BudgetRows, SwitchRows, CaseRows, CaseEnds):
    """A :class:`~broker.ledger.base.Ledger` in a file.

    Safe for threads and processes; see :mod:`broker.ledger.connection` for locks and forks.
    """

    def __init__(self, path: str, *, durability: str = "normal") -> None:
        self._path = path
        self._file = Connection(path, durability, self._another_writer)
        self._writer: int | None = None
        self._count = 0
        self._free: list[int] = []
        self._subjects: dict[Subject, int] = {}
        self._kept: dict[tuple[int, bool], Booked] = {}
        self._usual = Usual()
        self._budgets = BudgetBook()
        self._undeclared: dict[str, Budget] = {}
        self._unstood: dict[str, StandingMeter] = {}
        self._watched = ""
        self._budgeted = True

    @property
    def path(self) -> str:
        """Where it is."""
        return self._path

    def announce(self, intent: Intent) -> Ticket:
        """See :class:`~broker.ledger.base.Ledger`."""
        bound = pico_of(intent.bound)

        def write(connection: sqlite3.Connection) -> tuple[int, int, Reservation]:
            if undeclared and not free:
                declare(connection, list(undeclared.values()), intent.started)
            reserved = NO_BUDGETS if alone else self._budgets.reserve(connection, intent)
            if reserved.refusal is not None:
                return 0, 0, reserved
            writer = self._writer
            if writer is None:
                raise _NotRegisteredError
            self._count += 1
            seq = writer << 32 | self._count
            slot = self._free.pop() if self._free else self._count
            try:
                row = (writer, slot, seq, *facts, held_text(reserved.held))
                there = connection.execute(statement, row).rowcount
            except BaseException:
                self._free.append(slot)
                raise
            if not there:
                self._free.append(slot)
                raise _BudgetedError
            return seq, slot, reserved

        free = intent.bound == 0
        noticed = self._look_around(intent, free=free)
        key = subject_of(intent)
        undeclared = self._undeclared
        while True:
            if self._writer is None:
                # By itself: a writer must stay, whatever becomes of its first attempt.
                self._file.run(self._register)
            subject = self._subjects.get(key) or self._known_subject(key)
            facts = facts_of(intent, subject, bound)
            # What is free needs no look at budgets, and where there were none the statement itself asks whether there
            # still are none: one statement, one commit.
            alone = free or not (self._budgeted or undeclared)
            statement = _ANNOUNCE if free or not alone else _ANNOUNCE_UNBUDGETED
            try:
                seq, slot, reserved = self._file.run(write, begin=None if alone else _WRITE)
                break
            except _NotRegisteredError:
                continue  # a fork came between
            except _BudgetedError:
                self._budgeted = True
        if not alone:
            self._budgeted = reserved is not NO_BUDGETS
        if undeclared and not free and undeclared is self._undeclared:
            self._undeclared = {}
        if reserved.refusal is not None:
            told = (*noticed, *reserved.alarms)
            raise BudgetExceeded(str(reserved.refusal), refusal=reserved.refusal, alarms=told)
        return _make_ticket(
            seq=seq,
            slot=slot,
            intent=intent,
            held=held_text(reserved.held),
            alarms=(*noticed, *reserved.alarms),
        )

    def settle(
        self,
        ticket: Ticket,
        settlement: Settlement,
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> Settled:
        """See :class:`~broker.ledger.base.Ledger`.

        :param also: what is written in the same transaction.
        """
        intent = ticket.intent
        month, account = f"{intent.started_text[:7]}~", (intent.provider, intent.profile)
        price = partial(self._booked, settlement)
        booked, number = NOT_BOOKED, None
        meter = (month, settlement.counters[0], *account) if len(settlement.counters) == 1 else None
        moved: tuple[Decimal, Decimal] | None = None

        def write(connection: sqlite3.Connection) -> Settled:
            nonlocal booked, number, moved
            number = moved = None
            if meter is not None and also is None:
                done = self._usual.settle(connection, ticket, settlement, meter, price)
                if done is not None:
                    return done
            # One look at the first counter and at what the attempt holds in budgets, which others may have changed.
            counters = () if settlement.billed is _NO else settlement.counters
            first = counters[0] if counters else ""
            there = (ticket.seq >> 32, ticket.slot, ticket.seq)
            units, holding = connection.execute(_BEFORE, (month, first, *account, *there)).fetchone()
            positions = {first: Decimal(units or 0)} if counters else {}
            for counter in counters[1:]:
                found = connection.execute(_POSITION, (month, counter, *account)).fetchone()
                positions[counter] = Decimal(found[0]) if found else Decimal(0)
            booked, again = self._booked(settlement, positions)
            if again and booked.number is None:
                number = number_of(connection, booked.charges)
            settled, charges = booked.settled, booked.number or number or booked.charges
            amount, bound = pico_of(settled.amount), pico_of(settled.bound)
            counted = bound if amount is None else amount
            made = intent
            if counted and settlement.currency not in (None, intent.currency):
                made = replace(intent, currency=settlement.currency)
            key = subject_of(made)
            subject = self._subjects.get(key) or number_of_subject(connection, key)
            closed = (
                ticket.seq,
                *facts_of(made, subject, bound, free=settlement.billed is _NO),
                amount,
                settlement.billed._value_,
                settlement.outcome._value_,
                settlement.error,
                round(settlement.latency * 1e6),
                settlement.request_id,
                settlement.model_version,
                charges,
            )
            unknown = settlement.billed is _UNKNOWN
            held = self._close_attempt(connection, ticket, closed, holding)
            if made is not intent or (intent.bound == 0 and counted != 0):
                held = self._budgets.cover(connection, made, held, priced=counted is not None)
            if held:
                spent, alarms = self._budgets.settle(
                    connection, held, counted, unknown=unknown, at=intent.started
                )
                if alarms:
                    settled = replace(settled, alarms=alarms)
                if unknown:  # kept, because a later decision takes it back
                    connection.execute(
                        "UPDATE closed_row SET held = ? WHERE seq = ?", (held_text(spent), ticket.seq)
                    )
            if settlement.billed is _YES:
                for line in settled.lines:
                    used = EXACT.add(positions.get(line.counter, Decimal(0)), line.units)
                    positions[line.counter] = used
                    connection.execute(_METER, (month, line.counter, *account, str(used)))
                    if meter is not None and meter[1] == line.counter:
                        moved = (EXACT.subtract(used, line.units), used)
            certain = settlement.billed is _YES and amount is not None
            roll(
                connection,
                made,
                attempts=1,
                unknown=int(unknown),
                unpriced=int(amount is None and bound is None),
                failed=int(settlement.error is not None),
                amount=amount or 0,
                at_risk=0 if certain else bound or 0,
            )
            if also is not None:
                also(connection)
            return settled

        settled = self._file.run(write, begin=_WRITE, look=False)  # looked at when it was announced
        if number is not None:  # only now: it is in the file
            booked.number = number
        if meter is not None and moved is not None:
            self._usual.moved(meter, *moved)
        if ticket.seq >> 32 == self._writer:  # else it was announced before a fork, in the parent's slot
            self._free.append(ticket.slot)  # only now: until settled, the slot holds the only trace
        return settled

    def _booked(self, settlement: Settlement, positions: dict[str, Decimal]) -> tuple[Booked, bool]:
        """What is booked, and whether just these lines have been before; they are kept, as they mostly come again."""
        if settlement.billed is _NO:
            return NOT_BOOKED, False
        lines = tuple(settlement.charges(positions))
        key = (id(lines), settlement.billed is _YES)
        kept = self._kept.get(key)
        if kept is not None and kept.settled.lines is lines:
            return kept, True
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        kept = self._kept[key] = Booked(lines, settlement.billed)
        return kept, False

    def _close_attempt(
        self,
        connection: sqlite3.Connection,
        ticket: Ticket,
        closed: tuple[int | str | None, ...],
        holding: str | None,
    ) -> tuple[Held, ...]:
        """Write the row. Returns what the attempt held in budgets."""
        if connection.execute(_CLOSE, (*closed, "[]")).rowcount == 1:
            return held_of(holding) if holding is not None else ()
        # Somebody took this process for dead (a shared volume between containers): take that back.
        lost = connection.execute(
            "SELECT held FROM closed_attempt WHERE seq = ? AND state = 'unknown' AND amount IS NULL",
            (ticket.seq,),
        ).fetchone()
        if lost is None:
            raise LedgerUnavailable(f"attempt {ticket.seq} of the ledger {self._path} is settled already")
        connection.execute("DELETE FROM closed_row WHERE seq = ?", (ticket.seq,))
        held = held_of(lost[0])
        self._budgets.lose(connection, held, -1)
        roll_unknown(connection, OpenRow.of(ticket.intent), -1)
        connection.execute(_CLOSE, (*closed, "[]"))
        return held

    def recover(self) -> int:
        """Mark attempts whose process died as unknown: they count at their bound. Returns how many."""

        def write(connection: sqlite3.Connection) -> int:
            writers = connection.execute("SELECT number, owner FROM writer").fetchall()
            dead = [number for number, name in writers if not owner.alive(name)]
            # Of a writer that was wrongly taken for dead before, and has gone on: nobody can watch over it.
            dead += [number for (number,) in connection.execute(_UNWATCHED)]
            found = [each for number in dead for each in read_open(connection, number)]
            for each in found:
                roll_unknown(connection, each, 1)
                self._budgets.lose(connection, held_of(each.held))
            for number in dead:
                connection.execute(_LOST, (number,))
                connection.execute("DELETE FROM open_slot WHERE writer = ?", (number,))
                connection.execute("DELETE FROM writer WHERE number = ?", (number,))
            return len(found)

        return self._file.run(write, begin=_WRITE, patience=PATIENCE)

    def positions(self, month: str, account: str, counters: Sequence[str]) -> dict[str, Decimal]:
        """See :class:`~broker.ledger.base.Ledger`."""

        def read(connection: sqlite3.Connection) -> dict[str, Decimal]:
            found = {}
            provider, _, profile = account.partition(":")
            for counter in counters:
                row = connection.execute(_POSITION, (f"{month}~", counter, provider, profile)).fetchone()
                found[counter] = Decimal(row[0]) if row else Decimal(0)
            return found

        return self._file.run(read, begin="BEGIN", patience=PATIENCE)

    def spend(self, query: SpendQuery) -> list[SpendRow]:
        """See :class:`~broker.ledger.base.Ledger`. Raises ValueError for an unknown dimension."""
        return self._file.run(
            lambda connection: read_spend(connection, query), begin="BEGIN", patience=PATIENCE
        )

    def calls(self, call_ids: Sequence[str]) -> dict[str, CallSpend]:
        """See :class:`~broker.ledger.base.Ledger`."""
        return self._file.run(
            lambda connection: read_calls(connection, call_ids), begin="BEGIN", patience=PATIENCE
        )

    def unknown(self, query: UnknownQuery) -> list[UnknownAttempt]:
        """See :class:`~broker.ledger.base.Ledger`."""
        rows = self._file.run(lambda connection: read_unknown(connection, query), patience=PATIENCE)
        return [row.attempt for row in rows]

    def decide(self, query: UnknownQuery, decision: Decision, at: datetime) -> list[UnknownAttempt]:
        """See :class:`~broker.ledger.base.Ledger`. Raises ValueError for a decision that cannot be meant."""

        def write(connection: sqlite3.Connection) -> list[UnknownAttempt]:
            rows = read_unknown(connection, query)
            check(decision, rows)
            for row in rows:
                amount = book(connection, row, decision, self._budgets, at)
                roll_decided(connection, row, amount)
            return [row.attempt for row in rows]

        return self._file.run(write, begin=_WRITE, patience=PATIENCE)

    def close(self) -> None:
        """See :class:`~broker.ledger.base.Ledger`."""
        self._file.close()

    def _register(self, connection: sqlite3.Connection) -> None:
        """Name this process as a writer, once."""
        if self._writer is None:
            opened = datetime.now(UTC).isoformat(timespec="seconds")
            row = (owner.me(), opened)
            cursor = connection.execute("INSERT INTO writer (owner, opened_at) VALUES (?, ?)", row)
            self._writer = int(cursor.lastrowid or 0)

    def _known_subject(self, key: Subject) -> int:
        """The number of what attempts have in common, written by itself: it must stay, whatever becomes of this one."""
        number = self._file.run(lambda connection: number_of_subject(connection, key), begin=_WRITE)
        if len(self._subjects) >= _KEPT:
            self._subjects = {}
        self._subjects[key] = number
        return number

    def _another_writer(self) -> None:
        """A forked child: rows and slots of the parent are not its own."""
        self._writer, self._count, self._free = None, 0, []
        self._subjects, self._kept = {}, {}
