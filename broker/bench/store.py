"""The answers of one run in one SQLite file: each is written before the next question of its lane is paid for.

A question is announced with its call's id before anything is sent, so that after a crash the ledger can say what became of
it. Answers (and vendors' whole answers) are compressed and stand in a table of their own, so that figures are read without
them. Safe for threads; one process at a time (:meth:`Store.take`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from decimal import Decimal
from typing import Any

from broker.bench.kept import (
    SCHEMA,
    SCORES,
    SPENT,
    VERSION,
    Ended,
    Question,
    State,
    StoredItem,
    StoreUnusable,
    packed,
)
from broker.bench.result import Lane, Origin
from broker.errors import BadInput
from broker.ledger import owner

FILE = "answers.db"
_ITEM = ("number", "id", "kind", "input", "truth", "stratum", "cluster", "tags", "source")


class Store:
    """See the module. Raises :class:`~broker.errors.NotConfigured` where the file cannot be used."""

    def __init__(self, folder: str, *, create: bool = False, full: bool = False) -> None:
        self.folder = folder
        self.path = os.path.join(folder, FILE)
        self._lock = threading.RLock()
        if not create and not os.path.isfile(self.path):
            raise BadInput(f"{folder!r} is no run of 'mlbroker bench': it holds no {FILE}")
        try:
            if create:
                os.makedirs(folder, mode=0o700, exist_ok=True)
                with suppress(FileExistsError):
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._file = sqlite3.connect(
                self.path, timeout=30.0, isolation_level=None, check_same_thread=False
            )
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            version = self._file.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and create:
                self._file.executescript(f"BEGIN;{SCHEMA}PRAGMA user_version={VERSION};COMMIT;")
            elif version != VERSION:
                raise BadInput(
                    f"{self.path} was written by another version of mlbroker; use that one to read it"
                )
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error

    # ------------------------------------------------------------------ who writes

    def take(self) -> None:
        """Be the only process that asks. Raises :class:`~broker.errors.BadInput` while another one does."""
        self._check_free()  # whoever works may be in the middle of a long write
        with self._write():
            self._check_free()
            self.put("owner", owner.me())

    def _check_free(self) -> None:
        before = self.get("owner")
        if before and before != owner.me() and owner.alive(before):
            raise BadInput(f"the run in {self.folder!r} is being worked on by another process ({before})")

    def leave(self) -> None:
        """Let others."""
        with self._write():
            self._file.execute("DELETE FROM meta WHERE key = 'owner' AND value = ?", (owner.me(),))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._file.close()

    # ------------------------------------------------------------------ facts of the run

    def get(self, key: str) -> str | None:
        """A fact; None: it was never put."""
        row = self._one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def put(self, key: str, value: str) -> None:
        """Keep a fact."""
        self._run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def begin_sitting(self, at: datetime, command: str) -> int:
        """A process begins or goes on; its number, from 1 on."""
        self._run("INSERT INTO sitting (began, command) VALUES (?, ?)", (at.isoformat(), command))
        row = self._one("SELECT max(number) FROM sitting", ())
        return int(row[0]) if row else 1

    def worked(self, sitting: int, seconds: float) -> None:
        """How long it has been at work."""
        self._run("UPDATE sitting SET seconds = ? WHERE number = ?", (seconds, sitting))

    def sittings(self) -> tuple[int, float]:
        """How many there were, and their seconds together."""
        row = self._one("SELECT count(*), coalesce(sum(seconds), 0) FROM sitting", ())
        return (0, 0.0) if row is None else (int(row[0]), float(row[1]))

    def put_lanes(self, lanes: Sequence[Lane]) -> None:
        """Their numbers are their places, from 1 on."""
        with self._write():
            for number, lane in enumerate(lanes, 1):
                self._file.execute(
                    "INSERT INTO lane (number, name, provider, operation, origin, options, note) VALUES (?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (number) DO UPDATE SET options = excluded.options, note = excluded.note, stopped = NULL",
                    (
                        number,
                        lane.name,
                        lane.provider,
                        lane.operation,
                        lane.origin.value,
                        lane.options,
                        lane.note,
                    ),
                )

    def lanes(self) -> dict[int, Lane]:
        """All, by number."""
        rows = self._all(
            "SELECT number, name, provider, operation, origin, options, note FROM lane ORDER BY number"
        )
        return {
            number: Lane(
                name=name,
                provider=provider,
                operation=operation,
                origin=Origin(origin),
                options=options,
                note=note,
            )
            for number, name, provider, operation, origin, options, note in rows
        }

    def stop_lane(self, lane: int, why: str) -> None:
        """It is asked no more in this sitting."""
        self._run("UPDATE lane SET stopped = ? WHERE number = ?", (why, lane))

    def was_busy(self, lane: int, seconds: float, answers: int, least: int) -> None:
        """It was at work for so long, in which it gave so many answers, with at least so many calls allowed at once."""
        self._run(
            "UPDATE lane SET busy = busy + ?, busy_answers = busy_answers + ?, least = min(coalesce(least, ?), ?) "
            "WHERE number = ?",
            (seconds, answers, least, least, lane),
        )

    def busy(self, lane: int) -> tuple[float, int, int | None, str | None]:
        """Seconds at work, answers in them, least calls at once, and why it was stopped."""
        row = self._one("SELECT busy, busy_answers, least, stopped FROM lane WHERE number = ?", (lane,))
        return (0.0, 0, None, None) if row is None else (row[0], row[1], row[2], row[3])

    # ------------------------------------------------------------------ items and questions

    def put_items(self, items: Iterable[StoredItem]) -> None:
        """Keep what is asked, with what is right."""
        with self._write():
            self._file.executemany(
                "INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (i.number, i.id, i.kind, i.input, i.truth, i.stratum, i.cluster, i.tags, i.source)
                    for i in items
                ],
            )

    def items(self, after: int = 0, limit: int = 1000) -> list[StoredItem]:
        """So many behind the one of this number, in order."""
        rows = self._all("SELECT * FROM item WHERE number > ? ORDER BY number LIMIT ?", (after, limit))
        return [StoredItem(**dict(zip(_ITEM, row, strict=True))) for row in rows]

    def every_item(self, *, by_id: bool = False) -> Iterator[StoredItem]:
        """All, in order or in that of their ids, a few at a time in memory."""
        order = "id, number" if by_id else "number"
        statement = f"SELECT * FROM item ORDER BY {order}"  # noqa: S608 - one of two texts above
        for row in self.rows(statement):
            yield StoredItem(**dict(zip(_ITEM, row, strict=True)))

    def item_number(self, name: str) -> int | None:
        """Of the item of this id; None: there is none."""
        row = self._one("SELECT number FROM item WHERE id = ?", (name,))
        return None if row is None else int(row[0])

    def known_items(self) -> int:
        """How many were kept."""
        row = self._one("SELECT count(*) FROM item", ())
        return 0 if row is None else int(row[0])

    def with_truth(self) -> int:
        """How many have one."""
        row = self._one("SELECT count(*) FROM item WHERE truth IS NOT NULL", ())
        return 0 if row is None else int(row[0])

    def asked_of(self, lane: int) -> int:
        """Questions of a lane of which nothing is left to ask."""
        row = self._one("SELECT count(*) FROM question WHERE lane = ?", (lane,))
        return 0 if row is None else int(row[0])

    def spent_at_most(self) -> Decimal:
        """What lanes that were asked came to, with everything that may have been billed."""
        total = Decimal(0)
        for known, at_risk in self.rows(SPENT, (Origin.ASKED.value, Origin.ASKED.value)):
            total += Decimal(known or 0) + Decimal(at_risk or 0)
        return total

    def settled(self, lane: int, repetition: int, first: int, last: int) -> set[int]:
        """Items from ``first`` to ``last`` of which nothing is left to ask."""
        rows = self._all(
            "SELECT item FROM question WHERE lane = ? AND repetition = ? AND item BETWEEN ? AND ?",
            (lane, repetition, first, last),
        )
        return {row[0] for row in rows}

    def announce(self, question: Question, call_id: str, at: datetime) -> None:
        """It is about to be sent."""
        self._run(
            "INSERT INTO question (lane, repetition, item, state, call_id, at) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (lane, repetition, item) DO UPDATE SET state = excluded.state, call_id = excluded.call_id, "
            "at = excluded.at",
            (question.lane, question.repetition, question.item, State.ANNOUNCED, call_id, at.isoformat()),
        )

    def withdraw(self, question: Question) -> None:
        """Nothing was sent, or nothing of it was billed, and it is to be asked again."""
        self._run(
            "DELETE FROM question WHERE lane = ? AND repetition = ? AND item = ?",
            (question.lane, question.repetition, question.item),
        )

    def end(self, question: Question, ended: Ended, at: datetime) -> None:
        """It is answered, or has failed."""
        state = State.ANSWERED if ended.ok else State.FAILED
        with self._write():
            row = self._file.execute(
                "INSERT INTO question (lane, repetition, item, state, call_id, at, cold, attempts, errors, throttled, latency, "
                "seconds, waited, known, at_risk, unpriced, currency, model, error_kind, error) "
                "VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (lane, repetition, item) DO UPDATE SET state = excluded.state, cold = excluded.cold, "
                "attempts = excluded.attempts, errors = excluded.errors, throttled = excluded.throttled, "
                "latency = excluded.latency, seconds = excluded.seconds, waited = excluded.waited, known = excluded.known, "
                "at_risk = excluded.at_risk, unpriced = excluded.unpriced, currency = excluded.currency, "
                "model = excluded.model, error_kind = excluded.error_kind, error = excluded.error RETURNING number",
                (
                    *(
                        question.lane,
                        question.repetition,
                        question.item,
                        state,
                        at.isoformat(),
                        int(ended.cold),
                    ),
                    *(
                        ended.attempts,
                        ended.errors,
                        ended.throttled,
                        ended.latency,
                        ended.seconds,
                        ended.waited,
                    ),
                    *(_text(ended.known), _text(ended.at_risk), ended.unpriced, ended.currency, ended.model),
                    *(ended.error_kind, ended.error),
                ),
            ).fetchone()
            if ended.answer is not None:
                self._file.execute(
                    "INSERT OR REPLACE INTO answer VALUES (?, ?, ?)",
                    (row[0], packed(ended.answer), None if ended.raw is None else packed(ended.raw)),
                )

    def lost(
        self, question: Question, known: Decimal, at_risk: Decimal, unpriced: int, currency: str
    ) -> None:
        """It was, or may have been, paid for, and the answer is lost."""
        self._run(
            "UPDATE question SET state = ?, known = ?, at_risk = ?, unpriced = ?, currency = ? "
            "WHERE lane = ? AND repetition = ? AND item = ?",
            (
                *(State.UNSETTLED, _text(known), _text(at_risk), unpriced, currency),
                *(question.lane, question.repetition, question.item),
            ),
        )

    def give_up(self, question: Question) -> None:
        """Ask again what was lost; what it cost stays counted."""
        values = (question.lane, question.repetition, question.item)
        with self._write():
            self._file.execute(
                "INSERT INTO given_up SELECT lane, call_id, known, at_risk, unpriced, currency FROM question "
                "WHERE lane = ? AND repetition = ? AND item = ?",
                values,
            )
            self.withdraw(question)

    def in_state(self, state: State) -> list[tuple[Question, str]]:
        """Questions with their calls' ids."""
        rows = self._all("SELECT lane, repetition, item, call_id FROM question WHERE state = ?", (state,))
        return [(Question(lane=lane, repetition=rep, item=item), call) for lane, rep, item, call in rows]

    def count(self, *states: State) -> int:
        """Questions in these states."""
        marks = ", ".join("?" * len(states))
        row = self._one(f"SELECT count(*) FROM question WHERE state IN ({marks})", states)  # noqa: S608 - only question marks
        return 0 if row is None else int(row[0])

    def rows(
        self, statement: str, values: Sequence[object] = (), *, at_once: int = 200
    ) -> Iterator[tuple[Any, ...]]:
        """Read with a statement of the modules beside this one, so many rows at a time in memory."""
        cursor: sqlite3.Cursor | None = None
        while True:
            with self._lock:
                try:
                    cursor = cursor or self._file.execute(statement, values)
                    found = cursor.fetchmany(at_once)
                except sqlite3.Error as error:
                    raise self._broken(error) from error
            if not found:
                return
            yield from found

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is kept within is kept as one, or not at all: much faster for very many rows."""
        with self._write():
            yield

    # ------------------------------------------------------------------ readings

    def replace_answers(self, rows: Sequence[tuple[int, str]]) -> None:
        """Other readings of the answers to these questions; those of the time when they were given are kept beside."""
        with self._write():
            self._file.execute(_GIVEN)
            for question, text in rows:
                self._file.execute(
                    "INSERT OR IGNORE INTO given SELECT question, answer FROM answer WHERE question = ?",
                    (question,),
                )
                self._file.execute(
                    "UPDATE answer SET answer = ? WHERE question = ?", (packed(text), question)
                )

    def restore_answers(self) -> int:
        """The readings of the time when they were given, again. Returns how many were others."""
        with self._write():
            self._file.execute(_GIVEN)
            changed = self._file.execute(
                "UPDATE answer SET answer = (SELECT given.answer FROM given WHERE given.question = answer.question) "
                "WHERE question IN (SELECT question FROM given)"
            ).rowcount
            self._file.execute("DELETE FROM given")
            return changed

    # ------------------------------------------------------------------ scores

    def clear_scores(self) -> None:
        """Forget them; they are made anew from the answers."""
        with self._write():
            for statement in ("DROP TABLE score", "DROP TABLE metric", *filter(str.strip, SCORES.split(";"))):
                self._file.execute(statement)

    def put_metric(self, number: int, name: str, version: int) -> None:
        """A metric that scores are of."""
        self._run("INSERT OR REPLACE INTO metric VALUES (?, ?, ?)", (number, name, version))

    def put_scores(self, rows: Sequence[tuple[int, int, str, bool]]) -> None:
        """Question, metric, the parts as JSON, and whether there was no answer."""
        with self._write():
            self._file.executemany("INSERT OR REPLACE INTO score VALUES (?, ?, ?, ?)", rows)

    # ------------------------------------------------------------------

    @contextmanager
    def _write(self) -> Iterator[None]:
        with self._lock:
            if self._inside():  # inside another one of ours
                yield
                return
            try:
                self._file.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    self._file.execute("COMMIT")
                finally:
                    if self._inside():
                        self._file.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise self._broken(error) from error

    def _inside(self) -> bool:
        return self._file.in_transaction

    def _run(self, statement: str, values: Sequence[object]) -> None:
        with self._write():
            self._file.execute(statement, values)

    def _one(self, statement: str, values: Sequence[object]) -> tuple[Any, ...] | None:
        return next(iter(self._all(statement, values)), None)

    def _all(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._file.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise self._broken(error) from error

    def _broken(self, error: Exception) -> StoreUnusable:
        if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreUnusable(
                f"{self.path} is damaged ({error}), so its answers cannot be read; put back a copy that is whole, or begin a new run "
                "with --restart"
            )
        return StoreUnusable(
            f"answers cannot be kept in {self.path} ({type(error).__name__}: {error}); nothing more is asked; make room, or "
            "check its owner and mode"
        )


_GIVEN = "CREATE TABLE IF NOT EXISTS given (question INTEGER PRIMARY KEY, answer BLOB NOT NULL)"


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)
