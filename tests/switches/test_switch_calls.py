"""Off switches on the call path: what is off gets nothing, others take over, and persons alone undo their own word."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from broker import AllProvidersFailed, AsyncBroker, BadInput, Broker, NotConfigured, SwitchedOff
from broker.errors import Outcome, Unavailable
from broker.ledger.base import Ledger
from broker.notify.notice import Notice
from broker.quality.scope import Scope
from broker.quality.switch_state import Cause, Evidence, HardBreach, ProbeGood, SoftBreach, State
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_price, fake_provider
from broker.types import Image

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
USE_CASE: dict[str, Any] = {
    "operation": "vision.label",
    "switch": {"mode": "enforce", "on_unknown": "closed"},
}
AWS = Scope(provider="first")
RULE = Scope(use_case="shop", operation="vision.label", provider="first")


@pytest.fixture
def clock() -> VirtualRuntime:
    return VirtualRuntime()


@pytest.fixture
def make(tmp_path: Path, clock: VirtualRuntime) -> Callable[..., Broker]:
    def made(*, use_case: dict[str, Any] | None = None, **settings: Any) -> Broker:
        kinds = [
            fake_provider(provider=name, price=fake_price("0.001", sku=f"{name}.vision.label"))
            for name in ("first", "second")
        ]
        quality = {} if use_case is None else {"use_cases": {"shop": use_case}}
        options = {"provider": "first", "runtime": clock, "adapters": kinds, "quality": quality}
        return Broker(**{"ledger": {"path": str(tmp_path / "ledger.db")}, **options, **settings})

    return made


def hard(at: datetime, cause: Cause = Cause.QUALITY) -> HardBreach:
    return HardBreach(cause=cause, evidence=Evidence(rule="e-process", since=at, text="120 to 1"))


def test_what_a_person_switches_off_gets_nothing_and_says_who_and_why(make: Callable[..., Broker]) -> None:
    with make() as broker:
        broker.vision.label(PICTURE)
        broker.switches.off(AWS, by="ann", reason="wrong labels since noon")
        with pytest.raises(
            SwitchedOff, match=r"first is switched off .*wrong labels since noon.*mlbroker switch"
        ) as caught:
            broker.vision.label(PICTURE)
        assert caught.value.attempts == ()
        assert caught.value.billed is False
        assert sum(row.attempts for row in broker.spend()) == 1
        broker.switches.on(AWS, by="ben", reason="they have mended it")
        broker.vision.label(PICTURE)
        told = [(each.transition.after, each.transition.actor) for each in broker.switches.log()]
        assert told == [(State.CLOSED, "ben"), (State.HALF_OPEN, "ben"), (State.FORCED_OPEN, "ann")]


def test_the_next_of_the_order_takes_over(make: Callable[..., Broker]) -> None:
    with make(provider=["first", "second"]) as broker:
        broker.switches.off(AWS, by="ann", reason="too dear")
        result = broker.vision.label(PICTURE)
        assert result.provenance.provider == "second"
        assert result.provenance.passed_over[0].startswith("first: is switched off")
        broker.switches.off(Scope(provider="second"), by="ann", reason="too dear")
        with pytest.raises(AllProvidersFailed, match="switched off"):
            broker.vision.label(PICTURE)


def test_a_use_case_degrades_to_its_own_providers(make: Callable[..., Broker]) -> None:
    use_case = {**USE_CASE, "switch": {**USE_CASE["switch"], "degrade_to": ["second"]}}
    with make(use_case=use_case) as broker:
        broker._board.report(RULE, hard(broker._runtime.now()))
        assert broker.vision.label(PICTURE).provenance.provider == "second"


def test_what_is_observed_only_says_so_and_lets_calls_out(make: Callable[..., Broker]) -> None:
    with make(use_case={"operation": "vision.label"}) as broker:
        broker._board.report(RULE, hard(broker._runtime.now()))
        assert broker.vision.label(PICTURE).provenance.provider == "first"
        (row,) = broker.switches.status()
        assert row.switch is not None
        assert row.switch.state is State.OPEN
        assert broker.switches.log()[0].mode.value == "observe"
        broker.switches.off(RULE, by="ann", reason="I have seen enough")
        with pytest.raises(SwitchedOff):  # a person's word holds in every mode
            broker.vision.label(PICTURE)


def test_a_use_cases_switch_holds_its_own_calls_alone(make: Callable[..., Broker]) -> None:
    use_case = {**USE_CASE, "tags": {"team": "shop"}}
    with make(use_case=use_case) as broker:
        broker._board.report(RULE, hard(broker._runtime.now()))
        broker.vision.label(PICTURE)
        broker.vision.label(PICTURE, tags={"team": "atlas"})
        for tags in ({"team": "shop"}, {"use_case": "shop"}):
            with pytest.raises(SwitchedOff):
                broker.vision.label(PICTURE, tags=tags)


def test_another_process_s_switch_holds_within_a_second(
    make: Callable[..., Broker], clock: VirtualRuntime
) -> None:
    with make() as one, make() as other:
        one.vision.label(PICTURE)
        other.switches.off(AWS, by="ann", reason="stop")
        clock.advance(1.0)
        with pytest.raises(SwitchedOff):
            one.vision.label(PICTURE)


def test_it_is_asked_again_before_each_attempt(make: Callable[..., Broker], clock: VirtualRuntime) -> None:
    brokers: list[Broker] = []

    def fail_and_be_switched_off(*_: Any) -> Any:
        brokers[0].switches.off(AWS, by="ann", reason="in the midst of it")
        raise Unavailable("busy", outcome=Outcome.SERVER)

    kind = fake_provider(fail_and_be_switched_off, provider="first")
    with make(adapters=[kind]) as broker:
        brokers.append(broker)
        with pytest.raises(SwitchedOff) as caught:
            broker.vision.label(PICTURE)
        assert len(caught.value.attempts) == 1
        assert any("the attempt before failed" in note for note in caught.value.__notes__)


def test_it_opens_by_a_rule_and_closes_only_on_fresh_evidence(
    make: Callable[..., Broker], clock: VirtualRuntime
) -> None:
    with make(use_case=USE_CASE) as broker:
        opened = broker._runtime.now()
        broker._board.report(RULE, hard(opened))
        for seconds in (10, 3500):
            clock.advance(seconds)
            with pytest.raises(SwitchedOff):
                broker.vision.label(PICTURE)
        clock.advance(100)  # the cooldown is over: probes go out, users' calls do not
        with pytest.raises(SwitchedOff, match="being tried again"):
            broker.vision.label(PICTURE)
        (row,) = broker.switches.status()
        assert row.switch is not None
        assert row.switch.state is State.HALF_OPEN
        old = ProbeGood(evidence=Evidence(rule="sequence", since=opened - timedelta(seconds=1)))
        broker._board.report(RULE, old)
        with pytest.raises(SwitchedOff):
            broker.vision.label(PICTURE)
        fresh = ProbeGood(evidence=Evidence(rule="sequence", since=broker._runtime.now()))
        broker._board.report(RULE, fresh)
        broker.vision.label(PICTURE)


def test_a_warning_lets_calls_out(make: Callable[..., Broker]) -> None:
    with make(use_case=USE_CASE) as broker:
        evidence = Evidence(rule="point<target", since=broker._runtime.now())
        broker._board.report(RULE, SoftBreach(cause=Cause.QUALITY, evidence=evidence))
        broker.vision.label(PICTURE)


def test_a_warning_ends_after_windows_that_were_clear_counted_once_for_all(
    make: Callable[..., Broker], clock: VirtualRuntime
) -> None:
    with make(use_case=USE_CASE) as one, make(use_case=USE_CASE) as other:
        evidence = Evidence(rule="point<target", since=one._runtime.now())
        one._board.report(RULE, SoftBreach(cause=Cause.QUALITY, evidence=evidence))
        states = []
        for _ in range(4):
            for broker in (one, other):
                broker._board.note(RULE, known=True, breached=False)
            (row,) = one.switches.status()
            assert row.switch is not None
            states.append(row.switch.state)
            clock.advance(86_400)
        assert states == [State.WARN, State.WARN, State.CLOSED, State.CLOSED]


def test_windows_in_which_nothing_was_learned_are_a_warning(
    make: Callable[..., Broker], clock: VirtualRuntime
) -> None:
    with make(use_case=USE_CASE) as broker:
        broker._board.note(RULE, known=True, breached=False)
        clock.advance(3 * 86_400)
        broker._board.note(RULE, known=False, breached=False)
        (row,) = broker.switches.status()
        assert row.switch is not None
        assert (row.switch.state, row.switch.stale) == (State.WARN, True)


def test_a_state_that_cannot_be_read_is_not_taken_for_closed(
    make: Callable[..., Broker], tmp_path: Path, clock: VirtualRuntime
) -> None:
    with make(use_case={**USE_CASE, "switch": {"mode": "enforce", "on_unknown": "open"}}) as broker:
        broker._board.report(RULE, hard(broker._runtime.now()))
        with sqlite3.connect(tmp_path / "ledger.db") as file:
            file.execute("UPDATE switch SET state = '{}'")
        file.close()
        clock.advance(1)
        with pytest.raises(SwitchedOff, match="cannot be read"):
            broker.vision.label(PICTURE)
        broker.switches.off(RULE, by="ann", reason="to be sure")  # a person can always


@pytest.mark.parametrize(("on_unknown", "goes_out"), [("closed", True), ("open", False)])
def test_while_the_ledger_cannot_be_read_the_settings_decide(
    make: Callable[..., Broker], tmp_path: Path, on_unknown: str, goes_out: bool
) -> None:
    (tmp_path / "broken.db").write_bytes(b"this is no ledger, and nobody can read it" * 100)
    price = fake_price(free=True, sku="first.vision.label")
    free = fake_provider(provider="first", price=price)  # what costs nothing goes on without a ledger
    use_case = {**USE_CASE, "switch": {"mode": "enforce", "on_unknown": on_unknown}}
    with make(use_case=use_case, adapters=[free], ledger={"path": str(tmp_path / "broken.db")}) as broker:
        if goes_out:
            broker.vision.label(PICTURE)
        else:
            with pytest.raises(SwitchedOff, match="on_unknown is open"):
                broker.vision.label(PICTURE)


def test_requests_for_switches_that_cannot_be_meant_are_refused(make: Callable[..., Broker]) -> None:
    with make(use_case={**USE_CASE, "switch": {**USE_CASE["switch"], "owners": ["ann"]}}) as broker:
        with pytest.raises(BadInput, match="no use case 'shup'"):
            broker.switches.off(Scope(use_case="shup"), by="ann", reason="typo")
        with pytest.raises(BadInput, match="no provider 'First'"):
            broker.switches.off(Scope(provider="First:prod"), by="ann", reason="typo")
        with pytest.raises(BadInput, match=r"no operation 'vision\.labels'"):
            broker.switches.off(Scope(operation="vision.labels"), by="ann", reason="typo")
        with pytest.raises(BadInput, match="is not switched off"):
            broker.switches.on(AWS, by="ann", reason="nothing was off")
        with pytest.raises(BadInput, match="who does this and why"):
            broker.switches.off(AWS, by="ann", reason=" ")
        broker.switches.off(RULE, by="eve", reason="everybody may stop it")
        with pytest.raises(BadInput, match="may be switched on by ann"):
            broker.switches.on(RULE, by="eve", reason="I am no owner")
        broker.switches.on(RULE, by="ann", reason="it is mine")


def test_what_was_opened_for_its_quality_is_closed_by_its_owner_alone(make: Callable[..., Broker]) -> None:
    with make(use_case={**USE_CASE, "switch": {**USE_CASE["switch"], "owners": ["ann"]}}) as broker:
        broker._board.report(RULE, hard(broker._runtime.now()))
        with pytest.raises(BadInput, match="may be switched on by ann"):
            broker.switches.on(RULE, by="eve", reason="I like it", close=True)
        assert broker.switches.on(RULE, by="eve", reason="try it").state is State.HALF_OPEN  # probes decide
        with pytest.raises(BadInput, match="may be switched on by ann"):
            broker.switches.on(RULE, by="eve", reason="they take long", close=True)
        assert broker.switches.on(RULE, by="ann", reason="mine", close=True).state is State.CLOSED


def test_two_persons_where_the_settings_ask_for_two(make: Callable[..., Broker]) -> None:
    with make(use_case={**USE_CASE, "switch": {**USE_CASE["switch"], "require_two": True}}) as broker:
        broker.switches.off(RULE, by="ann", reason="stop")
        with pytest.raises(BadInput, match="second person"):
            broker.switches.on(RULE, by="ann", reason="go")
        with pytest.raises(BadInput, match="second person"):
            broker.switches.on(RULE, by="ann", reason="go", second="ann")
        broker.switches.on(RULE, by="ann", reason="go", second="ben")
        broker.vision.label(PICTURE)


def test_enforcing_needs_a_ledger_that_keeps_switches(make: Callable[..., Broker]) -> None:
    class Bare:
        """A ledger of the user's own, without switches."""

        def __getattr__(self, name: str) -> Any:
            if "switch" in name:
                raise AttributeError(name)
            return lambda *_, **__: []

    bare: Ledger = Bare()  # type: ignore[assignment] # only what a broker asks of it when it is made
    with pytest.raises(NotConfigured, match="keeps no off switches"):
        make(use_case=USE_CASE, ledger=bare)


def test_the_asynchronous_broker_asks_the_same_switches(tmp_path: Path) -> None:
    async def walk() -> None:
        path = {"path": str(tmp_path / "ledger.db")}
        async with AsyncBroker(adapters=[fake_provider()], provider="fake", ledger=path) as broker:
            await broker.vision.label(PICTURE)
            broker.switches.off(Scope(operation="vision.label"), by="ann", reason="stop")
            with pytest.raises(SwitchedOff):
                await broker.vision.label(PICTURE)

    anyio.run(walk)


def test_people_are_told(make: Callable[..., Broker], monkeypatch: pytest.MonkeyPatch) -> None:
    with make(use_case=USE_CASE) as broker:
        told: list[Any] = []
        monkeypatch.setattr(broker._board, "notify", told.append)
        broker._board.report(RULE, hard(datetime(2026, 1, 1, tzinfo=UTC)))
        (notice,) = told
        assert notice.kind == "switch.open"
        assert notice.subject == "shop, vision.label, first"
        assert "120 to 1" in notice.text
        assert ("mode", "enforce") in notice.facts


def test_a_person_who_switches_on_is_told_once_and_that_calls_go_out(
    make: Callable[..., Broker], caplog: pytest.LogCaptureFixture
) -> None:
    with make() as broker:
        told: list[Notice] = []
        broker._board.notify = told.append
        broker.switches.off(AWS, by="ann", reason="odd")
        broker.switches.on(AWS, by="ann", reason="mended")
        assert [each.kind for each in told] == ["switch.forced_open", "switch.closed"]
        assert told[-1].text.endswith("calls go out")
        assert [each for each in caplog.records if each.levelname == "WARNING"] == []


def test_what_only_warned_is_closed_when_the_person_is_done(make: Callable[..., Broker]) -> None:
    with make(use_case=USE_CASE) as broker:
        seen = Evidence(rule="point<target", since=broker._runtime.now())
        broker._board.report(RULE, SoftBreach(cause=Cause.QUALITY, evidence=seen))
        broker.switches.off(RULE, by="ann", reason="maintenance")
        assert broker.switches.on(RULE, by="ann", reason="done").state is State.CLOSED
        broker.vision.label(PICTURE)


def test_nobody_is_called_rules(make: Callable[..., Broker]) -> None:
    with make() as broker, pytest.raises(BadInput, match="nobody is called"):
        broker.switches.off(AWS, by=" Rules", reason="to hide")


def test_an_estimate_tells_who_would_be_asked_now(make: Callable[..., Broker]) -> None:
    use_case = {**USE_CASE, "switch": {**USE_CASE["switch"], "degrade_to": ["second"]}}
    with make(use_case=use_case) as broker:
        broker._board.report(RULE, hard(broker._runtime.now()))
        told = broker.estimate.vision.label(PICTURE)
        assert [each.provider for each in told.candidates] == ["first", "second"]
        assert told.candidates[0].problem_kind == "SwitchedOff"
        assert told.first is not None
        assert told.first.provider == "second"


def test_calls_of_which_nobody_learns_anything_are_a_warning(
    make: Callable[..., Broker], clock: VirtualRuntime
) -> None:
    use_case = {
        **USE_CASE,
        "sampling": {"design": "rate", "rate": 1.0},
        "tolerance": {"target": 0.9, "tolerance": 0.05},
    }
    with make(use_case=use_case) as broker:
        assert broker._sampler is not None
        states = []
        for _ in range(4):
            broker.vision.label(PICTURE)
            assert broker._sampler.flush(30)
            states += [row.switch for row in broker.switches.status() if row.switch is not None]
            clock.advance(86_400)
        assert states[-1].state is State.WARN
        assert states[-1].stale
        assert (
            len([each for each in states if each.state is State.WARN]) == 2
        )  # after two windows, not before
        broker.vision.label(PICTURE)  # it is a warning, and calls go out
