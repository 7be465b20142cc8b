"""The off switch against those who would get round it: other settings, a moment between two looks, callers that leave, failures of all."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker import AllProvidersFailed, AsyncBroker, BadInput, Broker, BrokerError, SwitchedOff
from broker.cli.main import app
from broker.errors import Outcome, Unavailable
from broker.ledger.base import SpendQuery
from broker.ledger.sqlite import SqliteLedger
from broker.quality.scope import Scope
from broker.quality.switch import Refused
from broker.quality.switch_state import (
    Cause,
    Elapsed,
    Evidence,
    HardBreach,
    Mode,
    Policy,
    ProbeGood,
    Release,
    SoftBreach,
    State,
    Switch,
    SwitchOff,
    stored,
)
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import Image

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
ENFORCE = {"mode": "enforce", "on_unknown": "closed"}
SCOPE = Scope(use_case="shop", operation="vision.label", provider="first")
HOUR = timedelta(hours=1)
Make = Callable[..., Broker]


@pytest.fixture
def clock() -> VirtualRuntime:
    return VirtualRuntime()


@pytest.fixture
def make(tmp_path: Path, clock: VirtualRuntime) -> Iterator[Make]:
    made: list[Broker] = []

    def broker(switch: dict[str, Any] | None = None, *, answers: Any = None, **settings: Any) -> Broker:
        told = answers or {}
        kinds = [
            fake_provider(
                told.get(name, [labels("Cat")]),
                provider=name,
                price=fake_price("0.001", sku=f"{name}.vision.label"),
            )
            for name in ("first", "second")
        ]
        given: dict[str, Any] = {
            "adapters": kinds,
            "provider": "first",
            "runtime": clock,
            "ledger": {"path": str(tmp_path / "ledger.db")},
            "limits": {"breaker": False},
            "max_attempts": 1,
            "quality": {"use_cases": {"shop": {"operation": "vision.label", "switch": switch or ENFORCE}}},
        }
        made.append(Broker(**{**given, **settings}))
        return made[-1]

    yield broker
    for each in made:
        each.close()


def breach(broker: Broker, cause: Cause = Cause.QUALITY) -> None:
    proof = Evidence(rule="e-process", since=broker._runtime.now())
    broker._board.report(SCOPE, HardBreach(cause=cause, evidence=proof))


class TestWhoMaySwitchOn:
    """Owners of the settings, asked in the transaction that changes the state."""

    OWNED = Policy(mode=Mode.ENFORCE, owners=("ann",))

    @pytest.mark.parametrize("close", [True, False])
    def test_what_came_to_its_owner_a_moment_ago_waits_for_the_owner(
        self, make: Make, tmp_path: Path, close: bool
    ) -> None:
        """Between the look and the word of another person the switch was opened for its return, too."""
        broker = make({**ENFORCE, "owners": ["ann"]})
        breach(broker, Cause.OPERATIONAL)
        read = broker._board.rows

        def meanwhile() -> Any:
            found = read()
            breach(broker, Cause.ROI)
            return found

        broker._board.rows = meanwhile  # type: ignore[method-assign]
        with pytest.raises(BadInput, match="may be switched on by ann"):
            broker.switches.on(SCOPE, by="eve", reason="it was slow, it is not", close=close)

    def test_who_switches_off_what_is_another_s_cannot_so_switch_it_on(self, make: Make) -> None:
        broker = make({**ENFORCE, "owners": ["ann"]})
        breach(broker)
        broker.switches.off(SCOPE, by="eve", reason="mine now")
        for close in (True, False):
            with pytest.raises(BadInput, match="may be switched on by ann"):
                broker.switches.on(SCOPE, by="eve", reason="and on", close=close)

    @pytest.mark.parametrize("name", ["Ann", "ann ", "\u200bann", "eve,ann"])
    def test_a_name_that_looks_like_the_owner_s_is_another(self, make: Make, name: str) -> None:
        broker = make({**ENFORCE, "owners": ["ann"]})
        broker.switches.off(SCOPE, by="ann", reason="stop")
        if name.strip() == "ann":
            assert broker.switches.on(SCOPE, by=name, reason="a space too many").state is State.CLOSED
        else:
            with pytest.raises(BadInput, match="may be switched on by ann"):
                broker.switches.on(SCOPE, by=name, reason="it is me")

    def test_other_settings_open_no_back_door(
        self, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before, whoever ran the command where the use case is not in the settings needed to be nobody's owner."""
        broker = make({**ENFORCE, "owners": ["ann"], "require_two": True})
        broker.switches.off(SCOPE, by="ann", reason="stop")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(tmp_path / "ledger.db"))
        asked = [
            "switch",
            "on",
            "--use-case",
            "shop",
            "--operation",
            "vision.label",
            "-p",
            "first",
            "--reason",
            "r",
        ]
        for words in (asked, [*asked, "--close"]):
            found = CliRunner().invoke(app, [*words, "--by", "eve"])
            assert found.exit_code != 0
            assert "no such use case" in found.output + str(found.exception)
        with pytest.raises(SwitchedOff):
            broker.vision.label(PICTURE)

    def test_by_no_order_of_requests_does_another_close_it(self, tmp_path: Path) -> None:
        """Every short sequence of what Eve may ask, from each state that waits for Ann."""
        ledger = SqliteLedger(str(tmp_path / "ledger.db"))
        now = VirtualRuntime().now()
        requests = [
            lambda: SwitchOff(actor="eve", reason="r"),
            lambda: Release(actor="eve", reason="r"),
            lambda: Release(actor="eve", reason="r", close=True),
            lambda: Release(actor="eve", reason="r", close=True, second="bob"),
            Elapsed,
        ]
        begins = [SwitchOff(actor="ann", reason="r")] + [
            HardBreach(cause=cause, evidence=Evidence(rule="e", since=now))
            for cause in (Cause.QUALITY, Cause.ROI)
        ]
        for number, (begin, *words) in enumerate(product(begins, requests, requests, requests)):
            scope = replace(SCOPE, provider=f"p{number}")
            ledger.step_switch(scope, begin, now, self.OWNED)  # type: ignore[arg-type]
            for word in words:
                try:
                    switch, _ = ledger.step_switch(scope, word(), now + 9 * HOUR, self.OWNED)  # type: ignore[operator]
                except Refused:
                    continue
                assert switch.state not in (State.CLOSED, State.WARN)
        ledger.close()


class TestOldErrors:
    """What one program counted before another opened, tried and closed it."""

    def test_they_end_no_trial(self, make: Make, clock: VirtualRuntime) -> None:
        broker = make()
        breach(broker, Cause.OPERATIONAL)
        old = Evidence(rule="errors", since=clock.now() - HOUR)
        clock.advance(2 * HOUR.total_seconds())
        broker._board.look()
        switch, transition = broker._board.report(SCOPE, HardBreach(cause=Cause.OPERATIONAL, evidence=old))
        assert (switch.state, transition) == (State.HALF_OPEN, None)
        new = Evidence(rule="errors", since=clock.now())
        switch, _ = broker._board.report(SCOPE, HardBreach(cause=Cause.OPERATIONAL, evidence=new))
        assert switch.state is State.OPEN


class TestCallersWhoLeave:
    """A cancelled call tells nothing of its provider."""

    CASE: dict[str, Any] = {  # noqa: RUF012 - read only
        "operation": "vision.label",
        "operational": {"error_rate": 0.1, "window": "1h", "min_calls": 20},
        "switch": ENFORCE,
    }

    def test_calls_that_are_cancelled_switch_nothing_off(self, tmp_path: Path) -> None:
        """Before, each counted as a failure of the provider: a page that people leave early switched it off."""

        gate = threading.Event()

        def slow(*_: Any) -> Any:
            gate.wait(60)
            return labels("Cat")

        async def walk() -> tuple[int, int]:
            async with AsyncBroker(
                adapters=[fake_provider(slow, price=fake_price("0.001"))],
                provider="fake",
                ledger={"path": str(tmp_path / "ledger.db")},
                limits={"breaker": False},
                quality={"use_cases": {"shop": self.CASE}},
            ) as broker:
                operational = broker._core.services.operational
                assert operational is not None
                ticks = iter(range(10**6))
                operational._monotonic = lambda: next(ticks) * 60.0
                for _ in range(36):
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(broker.vision.label(PICTURE), 0.02)
                gate.set()
                spent = broker.spend(SpendQuery(by=("provider",)))
                return len(broker.switches.log()), sum(row.attempts for row in spent)

        events, attempts = asyncio.run(walk())
        assert attempts > 20
        assert events == 0


class TestWhereToGo:
    """The degraded path, when that fails as well."""

    def test_both_reasons_are_told_and_nothing_goes_to_what_is_off(self, make: Make) -> None:
        def fails(*_: Any) -> Any:
            raise Unavailable("no model", outcome=Outcome.SERVER)

        broker = make({**ENFORCE, "degrade_to": ["second"]}, answers={"second": fails})
        breach(broker)
        with pytest.raises(AllProvidersFailed) as caught:
            broker.vision.label(PICTURE)
        assert "first" in str(caught.value)
        assert "switched off" in str(caught.value)
        assert "no model" in str(caught.value)
        assert [each.provider for each in caught.value.attempts] == ["second"]

    def test_what_degrades_to_itself_ends(self, make: Make) -> None:
        broker = make({**ENFORCE, "degrade_to": ["first", "second"]})
        for name in ("first", "second"):
            proof = Evidence(rule="e", since=broker._runtime.now())
            broker._board.report(
                replace(SCOPE, provider=name), HardBreach(cause=Cause.QUALITY, evidence=proof)
            )
        with pytest.raises(BrokerError, match="switched off") as caught:
            broker.vision.label(PICTURE)
        assert caught.value.attempts == ()
        assert broker.spend() == []

    def test_what_is_off_by_hand_is_no_way_out(self, make: Make) -> None:
        broker = make({**ENFORCE, "degrade_to": ["second"]})
        breach(broker)
        broker.switches.off(Scope(provider="second"), by="ann", reason="no")
        with pytest.raises(BrokerError, match="switched off"):
            broker.vision.label(PICTURE)


class TestObserving:
    """Whatever a rule says, calls go out; only a person's word holds."""

    @pytest.mark.parametrize(
        ("state", "cause"), [each for each in product(State, Cause) if each[0] is not State.FORCED_OPEN]
    )
    def test_calls_go_out_in_every_state_of_a_rule(
        self, make: Make, tmp_path: Path, clock: VirtualRuntime, state: State, cause: Cause
    ) -> None:
        broker = make({"mode": "observe"})
        broker.vision.label(PICTURE)
        now = clock.now()
        switch = Switch(
            state=state, causes=frozenset({cause}), opened_at=now, reopen_at=now + 9999 * HOUR, opened=3
        )
        self.put(tmp_path, json.dumps(stored(switch)))
        clock.advance(2)
        for _ in range(20):
            assert broker.vision.label(PICTURE).provenance.provider == "first"

    def test_also_where_the_row_cannot_be_read(
        self, make: Make, tmp_path: Path, clock: VirtualRuntime
    ) -> None:
        broker = make({"mode": "observe", "on_unknown": "open"})
        broker.vision.label(PICTURE)
        self.put(tmp_path, "scribble")
        clock.advance(2)
        broker.vision.label(PICTURE)

    def put(self, tmp_path: Path, state: str) -> None:
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
            file.execute(
                "INSERT OR REPLACE INTO switch VALUES ('shop', 'vision.label', 'first', ?, '2026-01-01T00:00:00+00:00')",
                (state,),
            )
            file.commit()


class TestTheTrail:
    """Each change has its line, with who, why, by which rule and in which mode; nothing else has one."""

    def test_every_change_of_state_has_one_line_and_no_other(self, make: Make, clock: VirtualRuntime) -> None:
        broker = make({**ENFORCE, "owners": ["ann"]})
        now = clock.now
        breach(broker)
        breach(broker)  # it is open already
        clock.advance(2 * HOUR.total_seconds())
        broker._board.look()
        fresh = Evidence(rule="confidence-sequence", since=now(), text="at least 0.93", estimates=("e1",))
        clock.advance(1)
        broker._board.report(SCOPE, ProbeGood(evidence=fresh))
        broker._board.report(SCOPE, ProbeGood(evidence=fresh))
        broker._board.report(
            SCOPE, SoftBreach(cause=Cause.QUALITY, evidence=Evidence(rule="point<target", since=now()))
        )
        broker.switches.off(SCOPE, by="eve", reason="I see odd ones")
        with pytest.raises(BadInput):
            broker.switches.on(SCOPE, by="eve", reason="no owner")
        broker.switches.on(SCOPE, by="ann", reason="looked at it")
        lines = [
            (
                each.transition.before.value,
                each.transition.after.value,
                each.transition.actor,
                each.transition.rule,
            )
            for each in reversed(broker.switches.log())
        ]
        assert lines == [
            ("closed", "open", "rules", "e-process"),
            ("open", "half_open", "rules", "cooldown over"),
            ("half_open", "closed", "rules", "confidence-sequence"),
            ("closed", "warn", "rules", "point<target"),
            ("warn", "forced_open", "eve", "switched off"),
            ("forced_open", "half_open", "ann", "released"),
            ("half_open", "closed", "ann", "closed by its owner"),
        ]
        assert {each.mode for each in broker.switches.log()} == {Mode.ENFORCE}
        assert broker.switches.log()[4].transition.estimates == ("e1",)


def test_sixty_four_threads_send_nothing_once_it_is_off(make: Make) -> None:
    """From the moment that the switch's word is given here, no call that begins then goes out."""
    broker = make()
    went: list[int] = []
    off = threading.Event()
    begun = threading.Barrier(65, timeout=60)

    def calling() -> None:
        begun.wait()
        for _ in range(15):
            was_off = off.is_set()
            try:
                broker.vision.label(PICTURE)
            except SwitchedOff:
                continue
            went.append(was_off)

    threads = [threading.Thread(target=calling) for _ in range(64)]
    for each in threads:
        each.start()
    begun.wait()
    broker.switches.off(SCOPE, by="ann", reason="stop")
    off.set()
    for each in threads:
        each.join()
    assert not any(went)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_obeys_the_switch_and_may_throw_it(make: Make) -> None:
    broker = make()
    broker.vision.label(PICTURE)
    broker.switches.off(SCOPE, by="ann", reason="stop")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            broker.vision.label(PICTURE)
        except SwitchedOff:
            broker.switches.on(SCOPE, by="ann", reason="from the child")
            broker.vision.label(PICTURE)
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    broker._board.look()
    assert broker.vision.label(PICTURE).value


def test_notices_that_hang_hold_up_no_call_and_no_switch(make: Make, tmp_path: Path) -> None:
    hanging = [sys.executable, "-c", "import time; time.sleep(60)"]
    broker = make(notify={"command": hanging})
    began = threading.Event()

    def throw() -> None:
        for _ in range(5):
            broker.switches.off(SCOPE, by="ann", reason="stop")
            broker.switches.on(SCOPE, by="ann", reason="go")
        broker.vision.label(PICTURE)
        began.set()

    thread = threading.Thread(target=throw)
    thread.start()
    thread.join(30)
    assert began.is_set()
