"""Off switches in the ledger's file: a state with its audit line in one transaction, for all processes that use it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar, runtime_checkable

from broker.errors import LedgerUnavailable
from broker.ledger.base import LedgerBusy
from broker.ledger.connection import Connection
from broker.quality.scope import Scope
from broker.quality.switch import stepped
from broker.quality.switch_state import (
    Event,
    HardBreach,
    Mode,
    Policy,
    State,
    Switch,
    SwitchOff,
    Transition,
    Window,
    restored,
    stored,
)

PATIENCE = 10.0
"""Seconds to wait for another process; a switch must not be lost to a busy moment."""
_PAUSE = 0.02
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_WRITE = "BEGIN IMMEDIATE"
T = TypeVar("T")
_KEY = "use_case = ? AND operation = ? AND provider = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRow:
    """One scope's switch.

    :param switch: None: what is stored cannot be read, so its state is not known.
    """

    scope: Scope
    switch: Switch | None
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchEvent:
    """A line of the audit trail."""

    scope: Scope
    transition: Transition
    mode: Mode


@runtime_checkable
class SwitchLedger(Protocol):
    """A ledger that keeps off switches, too. Raises ``LedgerUnavailable``."""

    def step_switch(
        self, scope: Scope, event: Event, at: datetime, policy: Policy, *, patience: float = PATIENCE
    ) -> tuple[Switch, Transition | None]:
        """What became of a scope's switch by an event. Raises :class:`broker.quality.switch.Refused`.

        A hard breach with evidence that this switch took before changes nothing.

        :param patience: seconds to wait for another process.
        """
        ...

    def note_switch(
        self,
        scope: Scope,
        at: datetime,
        length: timedelta,
        policy: Policy,
        *,
        known: bool,
        breached: bool,
        patience: float = PATIENCE,
    ) -> list[Transition]:
        """Note what was learned in the present window; windows that have ended since are told to the switch, each once."""
        ...

    def switches(self) -> Sequence[SwitchRow]:
        """All that anything has happened to."""
        ...

    def switch_events(self, limit: int) -> Sequence[SwitchEvent]:
        """The last lines of the audit trail, newest first."""
        ...


class SwitchRows:
    """The part of :class:`~broker.ledger.sqlite.SqliteLedger` that keeps switches; see :class:`SwitchLedger`."""

    _file: Connection

    def step_switch(
        self, scope: Scope, event: Event, at: datetime, policy: Policy, *, patience: float = PATIENCE
    ) -> tuple[Switch, Transition | None]:
        """See :class:`SwitchLedger`."""
        return self._patiently(lambda connection: _step(connection, scope, event, at, policy), patience)

    def note_switch(
        self,
        scope: Scope,
        at: datetime,
        length: timedelta,
        policy: Policy,
        *,
        known: bool,
        breached: bool,
        patience: float = PATIENCE,
    ) -> list[Transition]:
        """See :class:`SwitchLedger`."""
        return self._patiently(
            lambda connection: _note(connection, scope, at, length, policy, known=known, breached=breached),
            patience,
        )

    def _patiently(self, work: Callable[[sqlite3.Connection], T], patience: float) -> T:
        """Wait beside the connection: one that waits in SQLite holds up every call of this program, and its event loop."""
        until = time.monotonic() + patience
        while True:
            try:
                return self._file.run(work, begin=_WRITE)
            except LedgerBusy:
                if time.monotonic() >= until:
                    raise
                time.sleep(_PAUSE)

    def switches(self) -> Sequence[SwitchRow]:
        """See :class:`SwitchLedger`."""
        return self._file.run(_read)

    def switch_events(self, limit: int) -> Sequence[SwitchEvent]:
        """See :class:`SwitchLedger`."""
        return self._file.run(lambda connection: _events(connection, limit))


def _step(
    connection: sqlite3.Connection, scope: Scope, event: Event, at: datetime, policy: Policy
) -> tuple[Switch, Transition | None]:
    key = _key(scope)
    row = connection.execute(f"SELECT state FROM switch WHERE {_KEY}", key).fetchone()  # noqa: S608 - fixed
    before = Switch() if row is None else _switch(row[0])
    if before is None:
        if not isinstance(event, SwitchOff):
            raise LedgerUnavailable(
                f"the switch of {scope} cannot be read, so it is not known whether it is off; switch it off: mlbroker switch off"
            )
        before = Switch()
    if isinstance(event, HardBreach) and event.evidence.id and not _taken(connection, key, event, at):
        return before, None
    after, transition = stepped(before, event, at, policy)
    if after != before:
        connection.execute(
            "INSERT OR REPLACE INTO switch VALUES (?, ?, ?, ?, ?)",
            (*key, json.dumps(stored(after)), at.isoformat()),
        )
    if transition is not None:
        connection.execute(
            "INSERT INTO switch_event VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                transition.at.isoformat(),
                *key,
                transition.before.value,
                transition.after.value,
                transition.rule,
                transition.actor,
                transition.text,
                json.dumps(transition.estimates),
                policy.mode.value,
            ),
        )
    return after, transition


def _taken(
    connection: sqlite3.Connection, key: tuple[str, str, str], event: HardBreach, at: datetime
) -> bool:
    """Whether this evidence is new to the switch; from now on it is not."""
    return bool(
        connection.execute(
            "INSERT OR IGNORE INTO switch_evidence VALUES (?, ?, ?, ?, ?)",
            (*key, event.evidence.id, at.isoformat()),
        ).rowcount
    )


def _note(
    connection: sqlite3.Connection,
    scope: Scope,
    at: datetime,
    length: timedelta,
    policy: Policy,
    *,
    known: bool,
    breached: bool,
) -> list[Transition]:
    key = _key(scope)
    present = window_of(at, length)
    seconds = max(1, round(length.total_seconds()))
    row = connection.execute(
        f"SELECT number, known, breached FROM switch_window WHERE {_KEY}",  # noqa: S608 - fixed
        key,
    ).fetchone()
    number, seen, bad = row or (present, 0, 0)
    told: list[Transition] = []
    if number < present:
        ended = [Window(known=bool(seen), clear=not bad)]
        # Windows without anything: after so many the switch warns that it knows nothing, and more say no more.
        empty = (present - number) // seconds - 1
        ended += [Window(known=False, clear=False)] * min(empty, policy.stale_windows)
        for window in ended:
            _, transition = _step(connection, scope, window, at, policy)
            if transition is not None:
                told.append(transition)
        seen = bad = 0
    number = max(number, present)  # a clock that went back opens no window again
    connection.execute(
        "INSERT OR REPLACE INTO switch_window VALUES (?, ?, ?, ?, ?, ?)",
        (*key, number, int(seen or known), int(bad or breached)),
    )
    return told


def window_of(at: datetime, length: timedelta) -> int:
    """The second since 2020 at which the window began that a moment lies in. Settings may give windows another length."""
    seconds = max(1, round(length.total_seconds()))
    return (at - _EPOCH) // timedelta(seconds=seconds) * seconds


def _read(connection: sqlite3.Connection) -> list[SwitchRow]:
    rows = connection.execute(
        "SELECT use_case, operation, provider, state, changed_at FROM switch"
    ).fetchall()
    return [_row(_scope(*key), state, at) for *key, state, at in rows]


def _row(scope: Scope, state: str, at: str) -> SwitchRow:
    try:
        changed = datetime.fromisoformat(at)
    except ValueError:
        return SwitchRow(scope=scope, switch=None, changed_at=_EPOCH)
    return SwitchRow(scope=scope, switch=_switch(state), changed_at=changed)


def _events(connection: sqlite3.Connection, limit: int) -> list[SwitchEvent]:
    rows = connection.execute(
        """SELECT use_case, operation, provider, at, before, after, rule, actor, text, estimates, mode
        FROM switch_event ORDER BY number DESC LIMIT ?""",
        (limit,),
    ).fetchall()
    return [
        SwitchEvent(
            scope=_scope(*key),
            transition=Transition(
                at=datetime.fromisoformat(at),
                before=State(before),
                after=State(after),
                rule=rule,
                actor=actor,
                text=text,
                estimates=tuple(json.loads(estimates)),
            ),
            mode=Mode(mode),
        )
        for *key, at, before, after, rule, actor, text, estimates, mode in rows
    ]


def _key(scope: Scope) -> tuple[str, str, str]:
    return scope.use_case or "", scope.operation or "", scope.provider or ""


def _scope(use_case: str, operation: str, provider: str) -> Scope:
    return Scope(use_case=use_case or None, operation=operation or None, provider=provider or None)


def _switch(text: str) -> Switch | None:
    try:
        return restored(json.loads(text))
    except ValueError:
        return None
