"""Evidence is taken once: by whoever tells it, however often, and whoever dies in between."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker import AsyncBroker, Broker, BrokerError
from broker.errors import LedgerUnavailable, Outcome, Unavailable
from broker.ledger.base import LedgerBusy
from broker.ledger.sqlite import SqliteLedger
from broker.quality.scope import Scope
from broker.quality.switch_state import (
    Cause,
    Elapsed,
    Evidence,
    HardBreach,
    Mode,
    Policy,
    ProbeBad,
    ProbeGood,
    Release,
    State,
)
from broker.runtime.virtual import VirtualRuntime
from broker.switches.operational import Operational
from broker.testing.fake import fake_provider
from broker.types import Image

T0 = datetime(2026, 11, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
POLICY = Policy(mode=Mode.ENFORCE)
SCOPE = Scope(use_case="shop", operation="vision.label", provider="fake")
PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
CASE = {
    "operation": "vision.label",
    "operational": {"error_rate": 0.1, "window": "1h", "min_calls": 50},
    "switch": {"mode": "enforce", "on_unknown": "closed"},
}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    made = SqliteLedger(str(tmp_path / "ledger.db"))
    yield made
    made.close()


def breach(at: datetime, number: str = "run-1", cause: Cause = Cause.QUALITY) -> HardBreach:
    return HardBreach(cause=cause, evidence=Evidence(rule="e-process", since=at, id=number))


def step(ledger: SqliteLedger, event: Any, at: datetime) -> tuple[State, bool]:
    switch, transition = ledger.step_switch(SCOPE, event, at, POLICY)
    return switch.state, transition is not None


def test_a_breach_that_is_told_again_after_it_was_closed_opens_nothing(ledger: SqliteLedger) -> None:
    assert step(ledger, breach(T0), T0) == (State.OPEN, True)
    step(ledger, Release(actor="ann", reason="mended", close=True), T0 + HOUR)
    assert step(ledger, breach(T0), T0 + 2 * HOUR) == (State.CLOSED, False)
    assert step(ledger, breach(T0, "run-2"), T0 + 3 * HOUR) == (State.OPEN, True)


def test_two_programs_that_tell_the_same_breach_double_no_cooldown(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    other = SqliteLedger(str(tmp_path / "ledger.db"))
    step(ledger, breach(T0), T0)
    step(ledger, Elapsed(), T0 + 2 * HOUR)
    assert step(other, breach(T0), T0 + 2 * HOUR) == (State.HALF_OPEN, False)
    (row,) = ledger.switches()
    assert row.switch is not None
    assert row.switch.opened == 1
    other.close()


def test_another_switch_takes_the_same_evidence(ledger: SqliteLedger) -> None:
    step(ledger, breach(T0), T0)
    other = replace(SCOPE, provider="second")
    assert ledger.step_switch(other, breach(T0), T0, POLICY)[0].state is State.OPEN


def test_a_breach_that_could_not_be_written_is_not_taken(ledger: SqliteLedger, tmp_path: Path) -> None:
    """The id and the state stand in one transaction."""
    step(ledger, Elapsed(), T0)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.execute("CREATE TRIGGER full BEFORE INSERT ON switch_event BEGIN SELECT RAISE(ABORT, 'no'); END")
        file.commit()
        with pytest.raises(LedgerUnavailable):
            step(ledger, breach(T0), T0)
        file.execute("DROP TRIGGER full")
        file.commit()
    assert step(ledger, breach(T0), T0) == (State.OPEN, True)


def test_a_trial_fails_on_what_was_seen_since_it_opened_alone(ledger: SqliteLedger) -> None:
    step(ledger, breach(T0), T0)
    step(ledger, Elapsed(), T0 + 2 * HOUR)
    old = ProbeBad(cause=Cause.QUALITY, evidence=Evidence(rule="e-process", since=T0 - HOUR))
    assert step(ledger, old, T0 + 3 * HOUR) == (State.HALF_OPEN, False)
    new = ProbeBad(cause=Cause.QUALITY, evidence=Evidence(rule="e-process", since=T0 + HOUR))
    assert step(ledger, new, T0 + 3 * HOUR) == (State.OPEN, True)


class TestErrorsOfOtherPrograms:
    """Each program counts for itself; what one saw before the switch was closed must not open it again."""

    def closed(self, ledger: SqliteLedger) -> None:
        step(ledger, breach(T0, "", Cause.OPERATIONAL), T0)
        step(ledger, Elapsed(), T0 + 2 * HOUR)
        good = ProbeGood(evidence=Evidence(rule="trials", since=T0 + HOUR))
        assert step(ledger, good, T0 + 2 * HOUR) == (State.CLOSED, True)

    def test_what_began_before_it_was_closed_opens_nothing(self, ledger: SqliteLedger) -> None:
        self.closed(ledger)
        late = breach(T0 - HOUR / 2, "", Cause.OPERATIONAL)
        assert step(ledger, late, T0 + 2 * HOUR + HOUR / 60) == (State.CLOSED, False)

    def test_what_began_since_does(self, ledger: SqliteLedger) -> None:
        self.closed(ledger)
        new = breach(T0 + 2 * HOUR + HOUR / 60, "", Cause.OPERATIONAL)
        assert step(ledger, new, T0 + 3 * HOUR) == (State.OPEN, True)

    def test_a_clock_set_back_shields_nobody(self, ledger: SqliteLedger) -> None:
        self.closed(ledger)
        assert step(ledger, breach(T0 - 99 * HOUR, "", Cause.OPERATIONAL), T0 - 98 * HOUR) == (
            State.OPEN,
            True,
        )


def failing(*_: Any) -> Any:
    raise Unavailable("busy", outcome=Outcome.SERVER)


class TestALockedLedger:
    """Another process holds the ledger while a breach is to be told."""

    def settings(self, tmp_path: Path) -> dict[str, Any]:
        return {
            "adapters": [fake_provider(failing)],
            "provider": "fake",
            "ledger": {"path": str(tmp_path / "ledger.db")},
            "limits": {"breaker": False},
            "max_attempts": 1,
            "quality": {"use_cases": {"shop": CASE}},
        }

    def held(self, tmp_path: Path) -> closing[sqlite3.Connection]:
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        return closing(other)

    def broken(self, operational: Operational, clock: VirtualRuntime, attempts: Any) -> None:
        for attempt in attempts:
            clock.advance(30)
            operational.learn("shop", "vision.label", "fake", replace(attempt, started=clock.now()))

    def test_a_breach_is_told_as_soon_as_it_can_be_and_nobody_waits(self, tmp_path: Path) -> None:
        clock = VirtualRuntime()
        with Broker(runtime=clock, **self.settings(tmp_path)) as broker:
            with pytest.raises(BrokerError) as caught:
                broker.vision.label(PICTURE)
            operational = broker._core.services.operational
            assert operational is not None
            bad = caught.value.attempts[0]
            with self.held(tmp_path):
                began = time.monotonic()
                self.broken(operational, clock, [bad] * 100)
                assert time.monotonic() - began < 5.0
                assert broker.switches.log() == ()
            self.broken(operational, clock, [bad])
            assert broker.switches.log()[0].transition.after is State.OPEN

    def test_what_was_not_told_is_told_at_the_end(self, tmp_path: Path) -> None:
        clock = VirtualRuntime()
        broker = Broker(runtime=clock, **self.settings(tmp_path))
        with pytest.raises(BrokerError) as caught:
            broker.vision.label(PICTURE)
        operational = broker._core.services.operational
        assert operational is not None
        with self.held(tmp_path):
            self.broken(operational, clock, [caught.value.attempts[0]] * 100)
        broker.close()
        ledger = SqliteLedger(str(tmp_path / "ledger.db"))
        assert ledger.switch_events(1)[0].transition.after is State.OPEN
        ledger.close()

    def test_an_event_loop_goes_on(self, tmp_path: Path) -> None:
        """Before, the loop stood still for ten seconds: SQLite waited on it."""

        async def main() -> float:
            async with AsyncBroker(**self.settings(tmp_path)) as broker:
                with pytest.raises(BrokerError) as caught:
                    await broker.vision.label(PICTURE)
                operational = broker._core.services.operational
                assert operational is not None
                operational._monotonic = iter([n * 30.0 for n in range(10_000)]).__next__
                longest = 0.0

                async def ticking() -> None:
                    nonlocal longest
                    while True:
                        began = time.monotonic()
                        await asyncio.sleep(0.01)
                        longest = max(longest, time.monotonic() - began)

                ticks = asyncio.create_task(ticking())
                with self.held(tmp_path):
                    for _ in range(60):
                        operational.learn("shop", "vision.label", "fake", caught.value.attempts[0])
                        await asyncio.sleep(0)
                await asyncio.sleep(0.05)
                ticks.cancel()
                return longest

        assert asyncio.run(main()) < 5.0

    def test_who_waits_for_the_ledger_holds_up_no_call(self, tmp_path: Path, ledger: SqliteLedger) -> None:
        """A switch is told with patience; calls of other threads find the ledger busy at once, and wait their own way."""
        step(ledger, Elapsed(), T0)
        done = threading.Event()

        def told() -> None:
            ledger.step_switch(SCOPE, breach(T0), T0, POLICY, patience=30.0)
            done.set()

        with self.held(tmp_path):
            thread = threading.Thread(target=told)
            thread.start()
            time.sleep(0.1)
            began = time.monotonic()
            with pytest.raises(LedgerBusy):
                ledger.step_switch(replace(SCOPE, provider="other"), breach(T0), T0, POLICY, patience=0.0)
            assert time.monotonic() - began < 10.0
            assert not done.is_set()
        assert done.wait(30)
        thread.join()
        assert step(ledger, Elapsed(), T0)[0] is State.OPEN
