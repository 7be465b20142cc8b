"""Switches that several programs and threads step at once: one trail, nothing closed on what was known before, whoever dies."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.ledger.sqlite import SqliteLedger
from broker.ledger.switch_rows import PATIENCE
from broker.notify.notice import Notice
from broker.quality.scope import Scope
from broker.quality.switch import Refused
from broker.quality.switch_state import (
    Cause,
    Elapsed,
    Event,
    Evidence,
    HardBreach,
    Mode,
    Policy,
    ProbeBad,
    ProbeGood,
    Release,
    SoftBreach,
    State,
    SwitchOff,
    Window,
)
from broker.sections_quality import UseCaseSettings
from broker.switches.board import Board
from broker.switches.use_cases import UseCases

T0 = datetime(2026, 11, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
POLICY = Policy(mode=Mode.ENFORCE)
SCOPE = Scope(use_case="shop", operation="vision.label", provider="first")
OTHER = Scope(provider="second")
OFF = (State.OPEN, State.HALF_OPEN, State.FORCED_OPEN)


def stepping(path: str, seed: int, events: int) -> None:
    """What a program does to the switches; its clock jumps both ways."""
    drawn = random.Random(seed)
    ledger = SqliteLedger(path)
    now = T0
    for _ in range(events):
        now += drawn.randint(-3, 12) * HOUR
        event = happening(drawn, now)
        try:
            ledger.step_switch(SCOPE, event, now, POLICY)
        except Refused:
            continue
    ledger.close()


def happening(drawn: random.Random, now: datetime) -> Event:
    """Anything; evidence says in its text since when it is."""
    since = now - drawn.randint(0, 40) * HOUR
    seen = Evidence(rule="probe", since=since, text=since.isoformat())
    cause = drawn.choice((Cause.QUALITY, Cause.OPERATIONAL, Cause.ROI))
    kinds: tuple[Event, ...] = (
        Elapsed(),
        SoftBreach(cause=cause, evidence=seen),
        HardBreach(cause=cause, evidence=seen),
        ProbeBad(cause=cause, evidence=seen),
        ProbeGood(evidence=seen),
        Window(known=drawn.random() < 0.5, clear=drawn.random() < 0.8),
        SwitchOff(actor="ann", reason="r"),
        Release(actor="ben", reason="r", close=drawn.random() < 0.5),
    )
    return drawn.choices(kinds, (8, 2, 3, 2, 8, 2, 1, 3))[0]


def check_trail(path: Path) -> int:
    """Every line begins where the one before ended, and rules close nothing on what was known when it opened."""
    ledger = SqliteLedger(str(path))
    lines = [each.transition for each in reversed(ledger.switch_events(100_000)) if each.scope == SCOPE]
    (row,) = (row for row in ledger.switches() if row.scope == SCOPE)
    ledger.close()
    state, opened = State.CLOSED, datetime.min.replace(tzinfo=UTC)
    for line in lines:
        assert line.before is state
        state = line.after
        if state in (State.OPEN, State.FORCED_OPEN):
            opened = max(opened, line.at)
        if state is State.CLOSED and line.before in OFF:
            if line.actor == "rules":
                assert line.before is State.HALF_OPEN
                assert datetime.fromisoformat(line.text) > opened
            opened = datetime.min.replace(tzinfo=UTC)
        if line.before is State.FORCED_OPEN:
            assert line.actor == "ben"
    assert row.switch is not None
    assert row.switch.state is state
    return len(lines)


def test_threads_that_share_a_ledger_leave_one_trail(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    threads = [threading.Thread(target=stepping, args=(str(path), seed, 80)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert check_trail(path) > 20


def test_programs_that_are_killed_in_the_midst_leave_one_trail(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    SqliteLedger(str(path)).close()
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_switch_ledger as t; "
        f"print('on', flush=True); t.stepping({str(path)!r}, int(sys.argv[1]), int(sys.argv[2]))"
    )
    killed, others = 100_000, 150
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(seed), str(events)], stdout=subprocess.PIPE)
        for seed, events in enumerate((killed, others, others))
    ]
    for each in running:
        assert each.stdout is not None
        each.stdout.readline()
    for each in running[1:]:
        assert each.wait(60) == 0
    running[0].send_signal(signal.SIGKILL)
    assert running[0].wait(60) == -signal.SIGKILL
    for each in running:
        assert each.stdout is not None
        each.stdout.close()
    assert check_trail(path) > 20


def hard(ledger: SqliteLedger, at: datetime) -> None:
    ledger.step_switch(
        SCOPE, HardBreach(cause=Cause.QUALITY, evidence=Evidence(rule="e", since=at)), at, POLICY
    )


def board(ledger: SqliteLedger, now: Callable[[], datetime] = lambda: T0) -> Board:
    case = UseCaseSettings.model_validate(
        {"operation": "vision.label", "switch": {"mode": "enforce", "on_unknown": "closed"}}
    )

    def quiet(_: Notice) -> None:
        return

    return Board(ledger, UseCases({"shop": case}), monotonic=lambda: 0.0, now=now, notify=quiet)


def test_what_can_be_read_holds_though_nothing_can_be_written(tmp_path: Path) -> None:
    """The cooldown of one switch is over, and that cannot be kept: the others are off all the same, and no call waits."""
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(str(path))
    hard(ledger, T0)
    ledger.step_switch(OTHER, SwitchOff(actor="ann", reason="r"), T0, POLICY)
    found = board(ledger, lambda: T0 + 30 * DAY)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        found.look()
        assert time.monotonic() - began < PATIENCE / 2
        states = {row.scope: row.switch.state for row in found.held if row.switch}
        assert states == {SCOPE: State.OPEN, OTHER: State.FORCED_OPEN}
    found.look()
    assert {row.switch.state for row in found.held if row.switch} == {State.HALF_OPEN, State.FORCED_OPEN}
    ledger.close()


def test_a_look_that_began_before_a_switch_was_thrown_does_not_undo_it(tmp_path: Path) -> None:
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    found = board(ledger)
    read = ledger.switches

    def slow() -> object:
        rows = read()
        ledger.switches = read  # type: ignore[method-assign]
        found.report(
            OTHER, SwitchOff(actor="ann", reason="r")
        )  # another thread, while this one is on its way
        return rows

    ledger.switches = slow  # type: ignore[method-assign,assignment]
    found.look()
    assert [row.scope for row in found.held] == [OTHER]
    ledger.close()


@pytest.mark.parametrize(("before", "after"), [(HOUR, DAY), (DAY, HOUR), (DAY, 7 * DAY)])
def test_windows_of_another_length_are_counted_from_where_the_last_one_was(
    tmp_path: Path, before: timedelta, after: timedelta
) -> None:
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))

    def note(at: datetime, length: timedelta) -> list[State]:
        told = ledger.note_switch(SCOPE, at, length, POLICY, known=True, breached=False)
        return [each.after for each in told]

    ledger.step_switch(
        SCOPE, SoftBreach(cause=Cause.QUALITY, evidence=Evidence(rule="e", since=T0)), T0, POLICY
    )
    assert note(T0 + HOUR / 2, before) == []
    at = T0 + HOUR
    seen = []
    for _ in range(5):
        seen += note(at, after)
        at += after
    assert seen == [State.CLOSED]  # neither stale at once nor a warning for ever
    ledger.close()


def test_a_person_s_word_that_was_half_undone_can_be_undone(tmp_path: Path) -> None:
    from broker.switches.persons import Switches

    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    ledger.step_switch(OTHER, SwitchOff(actor="ann", reason="r"), T0, Policy())
    ledger.step_switch(OTHER, Release(actor="ann", reason="r"), T0, Policy())  # and then the program died
    assert Switches(board(ledger)).on(OTHER, by="ann", reason="again").state is State.CLOSED
    ledger.close()


def test_a_broken_row_is_an_unknown_switch_and_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = SqliteLedger(str(path))
    hard(ledger, T0)
    with sqlite3.connect(path) as file:
        file.execute("UPDATE switch SET changed_at = 'yesterday', state = '[1]'")
    file.close()
    (row,) = ledger.switches()
    assert row.switch is None
    ledger.close()
