"""What is kept besides samples: money for shadow calls, how evidence stands, alarms, estimates as they were told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from broker.quality.allowance import Allowance
from broker.quality.drift.plan import Watch
from broker.samples.columns import (
    ALARM,
    ESTIMATE,
    alarm_of,
    estimate_of,
    estimate_row,
    marks,
    text_of,
)
from broker.samples.file import SampleFile
from broker.samples.rows import (
    Alarm,
    EstimateRecord,
    EvidenceRow,
    Purse,
    Stream,
    StreamItem,
)

LONGEST_SHADOW = timedelta(minutes=15)
"""A sample whose shadow calls are not told after this was left behind by a process that is gone."""
DETECTORS = (Watch.QUALITY, Watch.AGREEMENT, Watch.ERRORS)
"""Watches that go on from item to item; the others look again by themselves."""
AT_ONCE = 1000
"""Items that are folded in one transaction."""
_EVIDENCE = "cursor, since, at, state"
_ALARMS = f"SELECT {ALARM} FROM alarm"  # noqa: S608 - fixed
_ADD_ALARM = "INSERT INTO alarm (use_case, provider, watch, at, text, onset) VALUES (?, ?, ?, ?, ?, ?)"
_STREAMS = {
    Stream.SCORES: """SELECT s.id, s.at, (SELECT unit FROM score WHERE sample = s.id AND official
            AND reference IN ('gold', 'reviewed') ORDER BY reference LIMIT 1),
        coalesce((SELECT probability FROM score WHERE sample = s.id AND official
            AND reference IN ('gold', 'reviewed') ORDER BY reference LIMIT 1), 1.0),
        coalesce((SELECT least FROM score WHERE sample = s.id AND official
            AND reference IN ('gold', 'reviewed') ORDER BY reference LIMIT 1), 1.0)
        FROM sample AS s WHERE s.use_case = ? AND s.provider = ? AND s.id > ? AND s.id < coalesce(
            (SELECT min(id) FROM sample WHERE use_case = s.use_case AND state = 'waiting' AND provider = s.provider),
            9e15)""",
    Stream.AGREEMENT: """SELECT s.id, s.at, CASE WHEN s.asked THEN s.agreeing * 1.0 / s.asked END, s.probability, s.least
        FROM sample AS s WHERE s.use_case = ? AND s.provider = ? AND s.id > ?""",
    Stream.ERRORS: """SELECT s.id, s.at, CASE WHEN s.failed OR s.empty THEN 0.0 ELSE 1.0 END, s.probability, s.least
        FROM sample AS s WHERE s.use_case = ? AND s.provider = ? AND s.id > ?""",
}
_NOT_PENDING = """ AND s.id < coalesce((SELECT min(id) FROM sample
    WHERE use_case = s.use_case AND provider = s.provider AND pending AND at > ?), 9e15)"""


class Books(SampleFile):
    """The tables ``allowance``, ``begun``, ``evidence``, ``alarm`` and ``estimate``."""

    def purse(self, use_case: str, per_day: Decimal, now: datetime, limit: Decimal | None = None) -> Purse:
        """How the money for a use case's shadow calls stands; ``limit`` as of :meth:`hold`."""
        most = per_day if limit is None else min(per_day, limit)
        return self._read(lambda connection: _purse(*_allowance(connection, use_case, per_day, now), most))

    def hold(
        self,
        use_case: str,
        per_day: Decimal,
        bound: Decimal,
        now: datetime,
        limit: Decimal | None = None,
    ) -> bool:
        """Hold the most that a shadow call can cost; False if it is not there, in the bucket or on this day.

        What is held by a process that dies stays spent.

        :param limit: of this day's sum, where it is less than ``per_day``.
        """
        most = per_day if limit is None else min(per_day, limit)

        def work(connection: sqlite3.Connection) -> bool:
            bucket, spent, dearest = _allowance(connection, use_case, per_day, now)
            enough = bucket.left >= bound and spent + bound <= most
            if enough:
                bucket, spent = bucket.spent(bound), spent + bound
            _put(connection, use_case, bucket, spent, max(dearest, bound))
            return enough

        return self._write(work)

    def settle(
        self, use_case: str, per_day: Decimal, held: Decimal, cost: Decimal, since: datetime, now: datetime
    ) -> None:
        """Book what a shadow call came to.

        :param since: when ``held`` was held; on another day than this one it is no part of this day's sum.
        """

        def work(connection: sqlite3.Connection) -> None:
            bucket, spent, dearest = _allowance(connection, use_case, per_day, now)
            bucket = replace(bucket, left=min(per_day, bucket.left + held - cost))
            if _day(since) == _day(now):
                spent += cost - held
            _put(connection, use_case, bucket, spent, dearest)

        self._write(work)

    def evidence(self, use_case: str | None = None) -> list[EvidenceRow]:
        """How all evidence stands, of one use case or of all."""
        condition, values = ("", ()) if use_case is None else (" WHERE use_case = ?", (use_case,))
        return self._read(
            lambda connection: [
                _evidence_of(*row)
                for row in connection.execute(
                    f"SELECT use_case, provider, watch, {_EVIDENCE} FROM evidence{condition} "  # noqa: S608 - fixed
                    "ORDER BY use_case, provider, watch",
                    values,
                )
            ]
        )

    def advance(
        self,
        use_case: str,
        provider: str,
        watch: str,
        stream: Stream,
        now: datetime,
        fold: Callable[[EvidenceRow, Sequence[StreamItem]], tuple[EvidenceRow, Sequence[Alarm]]],
    ) -> tuple[EvidenceRow, Sequence[Alarm], bool]:
        """Take the next items of a stream into its evidence, each once, whoever else does the same.

        :param fold: the evidence with these items; its ``cursor`` and ``at`` are filled in here. Alarms get their ids.
        :returns: the evidence, new alarms, and whether there was anything new.
        """

        def work(connection: sqlite3.Connection) -> tuple[EvidenceRow, Sequence[Alarm], bool]:
            row = _evidence(connection, use_case, provider, watch, now)
            items = _items(connection, row, stream, now)
            if not items:
                return row, (), False
            after, alarms = fold(row, items)
            after = replace(after, cursor=items[-1].sample, at=now)
            self._set_evidence(connection, after)
            kept = []
            for alarm in alarms:
                cursor = connection.execute(
                    _ADD_ALARM,
                    _alarm_row(alarm),
                )
                kept.append(replace(alarm, id=cursor.lastrowid or 0))
            return after, kept, True

        return self._write(work)

    def change_evidence(
        self,
        use_case: str,
        provider: str,
        watch: str,
        now: datetime,
        change: Callable[[EvidenceRow], EvidenceRow | None],
    ) -> bool:
        """Change how a stream's evidence stands otherwise than by its items; False if ``change`` gives None.

        What is changed is what is there then, in one transaction: another process may have taken in more.
        """

        def work(connection: sqlite3.Connection) -> bool:
            after = change(_evidence(connection, use_case, provider, watch, now))
            if after is not None:
                self._set_evidence(connection, replace(after, at=now))
            return after is not None

        return self._write(work)

    def _set_evidence(self, connection: sqlite3.Connection, row: EvidenceRow) -> None:
        connection.execute(
            f"INSERT OR REPLACE INTO evidence (use_case, provider, watch, {_EVIDENCE}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                row.use_case,
                row.provider,
                row.watch,
                row.cursor,
                None if row.since is None else text_of(row.since),
                text_of(row.at),
                json.dumps(dict(row.state)),
            ),
        )

    def begin(self, use_case: str, now: datetime) -> None:
        """Calls of it are drawn from now on, if they were not before (by an earlier version, which noted no beginning)."""
        self._write(
            lambda connection: connection.execute(
                "INSERT OR IGNORE INTO begun SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM drawn WHERE use_case = ?)",
                (use_case, text_of(now), use_case),
            )
        )

    def begun(self, use_case: str) -> datetime | None:
        """When its calls were first drawn; None: never, or by an earlier version."""
        found = self._read(
            lambda connection: connection.execute(
                "SELECT at FROM begun WHERE use_case = ?", (use_case,)
            ).fetchone()
        )
        return None if found is None else datetime.fromisoformat(found[0])

    def batched(self, use_case: str, since: date, until: date) -> list[str]:
        """Providers that were sent several inputs in one request on these days, as far as samples show it."""
        return self._read(
            lambda connection: [
                name
                for (name,) in connection.execute(
                    "SELECT DISTINCT provider FROM sample WHERE use_case = ? AND day >= ? AND day <= ? "
                    "AND instr(item, '#')",
                    (use_case, since.isoformat(), until.isoformat()),
                )
            ]
        )

    def providers(self, use_case: str) -> list[str]:
        """Whose calls were drawn."""
        return self._read(
            lambda connection: [
                name
                for (name,) in connection.execute(
                    "SELECT DISTINCT provider FROM drawn WHERE use_case = ? ORDER BY provider", (use_case,)
                )
            ]
        )

    def alarms(self, use_case: str | None = None, *, open_only: bool = False) -> list[Alarm]:
        """All alarms, oldest first.

        :param open_only: those that nobody has looked at.
        """
        conditions, values = [], []
        if use_case is not None:
            conditions.append("use_case = ?")
            values.append(use_case)
        if open_only:
            conditions.append("verdict IS NULL")
        chosen = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return self._read(
            lambda connection: [
                alarm_of(row) for row in connection.execute(f"{_ALARMS}{chosen} ORDER BY id", values)
            ]
        )

    def add_alarm(self, alarm: Alarm) -> Alarm:
        """Keep an alarm; with its id."""

        def work(connection: sqlite3.Connection) -> Alarm:
            cursor = connection.execute(
                _ADD_ALARM,
                _alarm_row(alarm),
            )
            return replace(alarm, id=cursor.lastrowid or 0)

        return self._write(work)

    def judge_alarm(self, number: int, verdict: bool, actor: str, reason: str, now: datetime) -> Alarm | None:
        """What a person found: it was true or false; None if there is no such alarm.

        With the first verdict a detector begins anew, with a new baseline, as the stream may have changed; in one transaction, as
        it would else stay silent for ever where the program dies in between.
        """

        def work(connection: sqlite3.Connection) -> Alarm | None:
            row = connection.execute(f"{_ALARMS} WHERE id = ?", (number,)).fetchone()
            if row is None:
                return None
            before = alarm_of(row)
            connection.execute(
                "UPDATE alarm SET verdict = ?, actor = ?, reason = ?, decided_at = ? WHERE id = ?",
                ("true" if verdict else "false", actor, reason, text_of(now), number),
            )
            if before.verdict is None and before.watch in DETECTORS:
                stands = _evidence(connection, before.use_case, before.provider, before.watch.value, now)
                self._set_evidence(connection, replace(stands, state={}, since=None, at=now))
            return alarm_of(connection.execute(f"{_ALARMS} WHERE id = ?", (number,)).fetchone())

        return self._write(work)

    def add_estimates(self, records: Sequence[EstimateRecord]) -> list[EstimateRecord]:
        """Keep estimates as they are told; with their ids."""

        def work(connection: sqlite3.Connection) -> list[EstimateRecord]:
            kept = []
            for each in records:
                cursor = connection.execute(
                    f"INSERT INTO estimate ({ESTIMATE}) VALUES ({marks(ESTIMATE)})",  # noqa: S608 - fixed
                    estimate_row(each),
                )
                kept.append(replace(each, id=cursor.lastrowid or 0))
            return kept

        return self._write(work)

    def told_until(self, use_case: str, provider: str) -> date:
        """The last day that an estimate of it is about; the first of all days where there is none."""
        (found,) = self._read(
            lambda connection: connection.execute(
                "SELECT max(until) FROM estimate WHERE use_case = ? AND provider = ?", (use_case, provider)
            ).fetchone()
        )
        return date.min if found is None else date.fromisoformat(found)

    def estimates(self, use_case: str, provider: str | None = None) -> list[EstimateRecord]:
        """All that was told of a use case, oldest first."""
        condition, values = (
            ("use_case = ?", [use_case])
            if provider is None
            else ("use_case = ? AND provider = ?", [use_case, provider])
        )
        return self._read(
            lambda connection: [
                estimate_of(row)
                for row in connection.execute(
                    f"SELECT id, {ESTIMATE} FROM estimate WHERE {condition} ORDER BY id",  # noqa: S608 - fixed
                    values,
                )
            ]
        )


def _items(
    connection: sqlite3.Connection, row: EvidenceRow, stream: Stream, now: datetime
) -> list[StreamItem]:
    statement, values = _STREAMS[stream], [row.use_case, row.provider, row.cursor]
    if stream is Stream.AGREEMENT:
        statement, values = statement + _NOT_PENDING, [*values, text_of(now - LONGEST_SHADOW)]
    if stream is Stream.SCORES:
        statement += " AND NOT s.failed"
    return [
        StreamItem(
            sample=number, at=datetime.fromisoformat(at), unit=unit, probability=probability, least=least
        )
        for number, at, unit, probability, least in connection.execute(
            f"{statement} ORDER BY s.id LIMIT {AT_ONCE}", values
        )
    ]


def _evidence(
    connection: sqlite3.Connection, use_case: str, provider: str, watch: str, now: datetime
) -> EvidenceRow:
    found = connection.execute(
        f"SELECT {_EVIDENCE} FROM evidence WHERE use_case = ? AND provider = ? AND watch = ?",  # noqa: S608 - fixed
        (use_case, provider, watch),
    ).fetchone()
    if found is None:
        return EvidenceRow(use_case=use_case, provider=provider, watch=watch, at=now)
    return _evidence_of(use_case, provider, watch, *found)


def _evidence_of(
    use_case: str, provider: str, watch: str, cursor: int, since: str | None, at: str, state: str
) -> EvidenceRow:
    return EvidenceRow(
        use_case=use_case,
        provider=provider,
        watch=watch,
        cursor=cursor,
        since=None if since is None else datetime.fromisoformat(since),
        at=datetime.fromisoformat(at),
        state=json.loads(state),
    )


def _alarm_row(alarm: Alarm) -> tuple[str | None, ...]:
    """In the order of :data:`_ADD_ALARM`."""
    onset = None if alarm.onset is None else text_of(alarm.onset)
    return alarm.use_case, alarm.provider, alarm.watch.value, text_of(alarm.at), alarm.text, onset


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()


def _allowance(
    connection: sqlite3.Connection, use_case: str, per_day: Decimal, now: datetime
) -> tuple[Allowance, Decimal, Decimal]:
    """The bucket now, this day's sum, and the most that one call was held for."""
    row = connection.execute(
        "SELECT remaining, at, day, spent, dearest FROM allowance WHERE use_case = ?", (use_case,)
    ).fetchone()
    if row is None:
        return Allowance.full(per_day, now), Decimal(0), Decimal(0)
    remaining, at, day, spent, dearest = row
    bucket = Allowance(
        per_day=per_day, left=min(per_day, Decimal(remaining)), at=datetime.fromisoformat(at)
    ).later(now)
    return bucket, Decimal(spent) if day >= _day(now) else Decimal(0), Decimal(dearest)


def _put(
    connection: sqlite3.Connection, use_case: str, bucket: Allowance, spent: Decimal, dearest: Decimal
) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO allowance VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            use_case,
            str(bucket.per_day),
            str(bucket.left),
            text_of(bucket.at),
            _day(bucket.at),
            str(spent),
            str(dearest),
        ),
    )


def _purse(bucket: Allowance, spent: Decimal, dearest: Decimal, most: Decimal) -> Purse:
    """What is left is the less of two: in the bucket, and of what this day may come to."""
    left = min(bucket.left, most - spent)
    share = replace(bucket, per_day=most, left=left).share(dearest)
    return Purse(per_day=bucket.per_day, spent=spent, limit=most, share=share, dearest=dearest)
