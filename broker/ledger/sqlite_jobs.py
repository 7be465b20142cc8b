"""Jobs in the SQLite ledger: the rows, and their attempts' rows, which no process owns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from broker.errors import BudgetExceeded
from broker.ledger import lease
from broker.ledger.base import Intent, Settled, Settlement, Ticket
from broker.ledger.budgets import NO_BUDGETS, BudgetBook, Reservation
from broker.ledger.connection import Connection
from broker.ledger.declare import declare
from broker.ledger.held import held_text
from broker.ledger.job import JobAttempt, JobDraft, JobFacts, JobRow, LeaseLost
from broker.ledger.reports import PICO
from broker.ledger.rows import facts_of, number_of_subject, pico_of, subject_of
from broker.types.budget import Budget
from broker.types.call import AttemptKind
from broker.types.job import JobState
from broker.types.money import EXACT, Billed

T = TypeVar("T")
_WRITE = "BEGIN IMMEDIATE"
_PATIENCE = 10.0
_COLUMNS = "number, id, key, provider, profile, operation, region, state, call_id, facts, seq, worker, wanted_at, made_at, changed_at"
_SELECT = f"SELECT {_COLUMNS} FROM job"  # noqa: S608 - fixed names
_LAST = """SELECT max(seq) FROM (SELECT max(seq) AS seq FROM open_slot WHERE writer = :writer
    UNION ALL SELECT max(seq) FROM closed_row WHERE seq BETWEEN :writer << 32 AND (:writer + 1 << 32) - 1)"""
_ANNOUNCE = f"""INSERT INTO open_slot (writer, slot, seq, subject, call_id, number, started_at, tags, bound, unpriced, held)
    VALUES ({", ".join("?" * 11)})"""  # noqa: S608 - fixed names
_ATTEMPT = """SELECT state, call_id, number, kind, started_at, provider, profile, service, operation, region, tags, currency,
    bound, unpriced, amount, billed, outcome, latency_us, request_id, model_version FROM attempt WHERE seq = ?"""


class JobRows:
    """The jobs' half of :class:`~broker.ledger.sqlite.SqliteLedger`; see :class:`~broker.ledger.job.JobLedger`."""

    _file: Connection
    _budgets: BudgetBook
    _undeclared: dict[str, Budget]

    def settle(
        self,
        ticket: Ticket,
        settlement: Settlement,
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> Settled:
        """See :class:`~broker.ledger.base.Ledger`."""
        raise NotImplementedError  # SqliteLedger, whose half this is, has it

    def open_job(self, draft: JobDraft, worker: str) -> JobRow:
        """See :class:`~broker.ledger.job.JobLedger`."""

        def write(connection: sqlite3.Connection) -> JobRow:
            rows = connection.execute(f"{_SELECT} WHERE key = ? ORDER BY number", (draft.key,)).fetchall()
            last = _row(rows[-1]) if rows else None
            if last is not None and last.state.open:
                return _taken(connection, last, worker, draft.at)
            at = _text(draft.at)
            connection.execute(
                f"INSERT INTO job ({_COLUMNS}) VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, NULL, ?, ?)",  # noqa: S608 - fixed
                (
                    f"{draft.key}-{len(rows) + 1}" if rows else draft.key,
                    draft.key,
                    draft.provider,
                    draft.profile,
                    draft.operation,
                    draft.region,
                    JobState.STAGING.value,
                    draft.call_id,
                    draft.facts.to_json(),
                    worker,
                    at,
                    at,
                ),
            )
            return _row(connection.execute(f"{_SELECT} WHERE number = last_insert_rowid()").fetchone())

        return self._file.run(write, begin=_WRITE)

    def take_job(
        self, job_id: str, worker: str, at: datetime, *, by_force: Collection[JobState] = ()
    ) -> JobRow | None:
        """See :class:`~broker.ledger.job.JobLedger`."""

        def write(connection: sqlite3.Connection) -> JobRow | None:
            found = connection.execute(f"{_SELECT} WHERE id = ?", (job_id,)).fetchone()
            return None if found is None else _taken(connection, _row(found), worker, at, by_force)

        return self._file.run(write, begin=_WRITE)

    def want_job(self, row: JobRow, until: datetime) -> None:
        """See :class:`~broker.ledger.job.JobLedger`."""
        self._file.run(lambda connection: _want(connection, row, until), begin=_WRITE)

    def leave_job(self, row: JobRow) -> None:
        """See :class:`~broker.ledger.job.JobLedger`."""
        self._file.run(
            lambda connection: connection.execute(
                "UPDATE job SET worker = NULL WHERE number = ? AND worker = ?", (row.number, row.worker)
            )
        )

    def write_job(self, row: JobRow, at: datetime) -> JobRow:
        """See :class:`~broker.ledger.job.JobLedger`."""

        def write(connection: sqlite3.Connection) -> JobRow:
            _update(connection, row, at)
            return _row(connection.execute(f"{_SELECT} WHERE number = ?", (row.number,)).fetchone())

        return self._file.run(write, begin=_WRITE)

    def announce_job(self, row: JobRow, intent: Intent) -> tuple[Ticket, JobRow]:
        """See :class:`~broker.ledger.job.JobLedger`."""
        bound, free, undeclared = pico_of(intent.bound), intent.bound == 0, self._undeclared

        def write(connection: sqlite3.Connection) -> tuple[int, Reservation, JobRow]:
            if undeclared and not free:
                declare(connection, list(undeclared.values()), intent.started)
            reserved = NO_BUDGETS if free else self._budgets.reserve(connection, intent)
            if reserved.refusal is not None:
                return 0, reserved, row
            (writer,) = connection.execute("SELECT number FROM writer WHERE owner = '(jobs)::'").fetchone()
            (last,) = connection.execute(_LAST, {"writer": writer}).fetchone()
            seq = max(last or 0, writer << 32) + 1
            subject = number_of_subject(connection, subject_of(intent))
            facts = facts_of(intent, subject, bound)
            connection.execute(_ANNOUNCE, (writer, seq & 0xFFFFFFFF, seq, *facts, held_text(reserved.held)))
            _update(connection, row, intent.started, seq=seq)
            return (
                seq,
                reserved,
                _row(connection.execute(f"{_SELECT} WHERE number = ?", (row.number,)).fetchone()),
            )

        seq, reserved, written = self._file.run(write, begin=_WRITE)
        if undeclared and not free and undeclared is self._undeclared:
            self._undeclared = {}
        if reserved.refusal is not None:
            raise BudgetExceeded(str(reserved.refusal), refusal=reserved.refusal, alarms=reserved.alarms)
        return Ticket(seq=seq, slot=seq & 0xFFFFFFFF, intent=intent, alarms=reserved.alarms), written

    def settle_job(self, row: JobRow, ticket: Ticket, settlement: Settlement, at: datetime) -> Settled:
        """See :class:`~broker.ledger.job.JobLedger`."""

        def also(connection: sqlite3.Connection) -> None:
            there = (ticket.seq >> 32, ticket.slot, ticket.seq)
            connection.execute("DELETE FROM open_slot WHERE writer = ? AND slot = ? AND seq = ?", there)
            _update(connection, row, at)

        return self.settle(ticket, settlement, also)

    def job_attempt(self, row: JobRow) -> JobAttempt | None:
        """See :class:`~broker.ledger.job.JobLedger`."""
        seq = row.seq
        if seq is None:
            return None
        found = self._file.run(
            lambda connection: connection.execute(_ATTEMPT, (seq,)).fetchone(), patience=_PATIENCE
        )
        return None if found is None else _attempt(seq, found)

    def job(self, job_id: str) -> JobRow | None:
        """See :class:`~broker.ledger.job.JobLedger`."""
        found = self._file.run(
            lambda connection: connection.execute(f"{_SELECT} WHERE id = ?", (job_id,)).fetchone(),
            patience=_PATIENCE,
        )
        return None if found is None else _row(found)

    def jobs(self, states: Sequence[JobState] | None = None, limit: int = 1000) -> list[JobRow]:
        """See :class:`~broker.ledger.job.JobLedger`."""
        wanted = [each.value for each in (JobState if states is None else states)]
        marks = ", ".join("?" * len(wanted))
        rows = self._file.run(
            lambda connection: connection.execute(
                f"{_SELECT} WHERE state IN ({marks}) ORDER BY number DESC LIMIT ?", (*wanted, limit)
            ).fetchall(),
            patience=_PATIENCE,
        )
        return [_row(each) for each in rows]

    def worked_on(self, row: JobRow, at: datetime) -> bool:
        """See :class:`~broker.ledger.job.JobLedger`."""
        return lease.lives(row.worker, row.changed, at)


def _taken(
    connection: sqlite3.Connection,
    row: JobRow,
    worker: str,
    at: datetime,
    by_force: Collection[JobState] = (),
) -> JobRow:
    if row.worker != worker and row.state not in by_force and lease.lives(row.worker, row.changed, at):
        _want(connection, row, at)
        return row
    changes = (worker, _text(at), row.number)
    connection.execute(
        """UPDATE job SET worker = ?1, wanted_at = CASE WHEN wanted_at > ?2 THEN wanted_at END, changed_at = ?2
        WHERE number = ?3""",
        changes,
    )
    taken = _row(connection.execute(f"{_SELECT} WHERE number = ?", (row.number,)).fetchone())
    return replace(taken, wanted=row.wanted)  # told to him who takes it; who still waits says so again


def _want(connection: sqlite3.Connection, row: JobRow, at: datetime) -> None:
    connection.execute(
        "UPDATE job SET wanted_at = max(coalesce(wanted_at, ''), ?) WHERE number = ?", (_text(at), row.number)
    )


def _update(connection: sqlite3.Connection, row: JobRow, at: datetime, seq: int | None = None) -> None:
    done = connection.execute(
        "UPDATE job SET state = ?, facts = ?, changed_at = ?, seq = coalesce(?, seq) WHERE number = ? AND worker IS ?",
        (row.state.value, row.facts.to_json(), _text(at), seq, row.number, row.worker),
    ).rowcount
    if not done:
        raise LeaseLost(
            f"the job {row.id} was taken over by another program; see where it stands: mlbroker jobs list"
        )


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _row(found: tuple[object, ...]) -> JobRow:
    (
        number,
        job_id,
        key,
        provider,
        profile,
        operation,
        region,
        state,
        call_id,
        facts,
        seq,
        worker,
        wanted,
        made,
        changed,
    ) = found
    return JobRow(
        number=int(str(number)),
        id=str(job_id),
        key=str(key),
        provider=str(provider),
        profile=str(profile),
        operation=str(operation),
        region=None if region is None else str(region),
        state=JobState(state),
        call_id=str(call_id),
        facts=JobFacts.from_json(str(facts)),
        seq=None if seq is None else int(str(seq)),
        worker=None if worker is None else str(worker),
        wanted=None if wanted is None else datetime.fromisoformat(str(wanted)),
        made=datetime.fromisoformat(str(made)),
        changed=datetime.fromisoformat(str(changed)),
    )


def _money(pico: int | None) -> Decimal | None:
    return None if pico is None else EXACT.divide(Decimal(pico), PICO)


def _attempt(seq: int, found: tuple[object, ...]) -> JobAttempt:
    (
        state,
        call_id,
        number,
        kind,
        started,
        provider,
        profile,
        service,
        operation,
        region,
        tags,
        currency,
        bound,
    ) = found[:13]
    unpriced, amount, billed, outcome, latency, request_id, model = found[13:]
    intent = Intent(
        call_id=str(call_id),
        number=int(str(number)),
        kind=AttemptKind(kind),
        started=datetime.fromisoformat(str(started)),
        provider=str(provider),
        profile=str(profile),
        service=str(service),
        operation=str(operation),
        region=None if region is None else str(region),
        tags=json.loads(str(tags)),
        currency=str(currency),
        bound=_money(None if bound is None else int(str(bound))),
        unpriced=None if unpriced is None else str(unpriced),
    )
    return JobAttempt(
        ticket=Ticket(seq=seq, slot=seq & 0xFFFFFFFF, intent=intent),
        open=state == "open",
        amount=_money(None if amount is None else int(str(amount))),
        billed=Billed(billed),
        outcome=None if outcome is None else str(outcome),
        latency=int(str(latency or 0)) / 1e6,
        request_id=None if request_id is None else str(request_id),
        model_version=None if model is None else str(model),
    )
