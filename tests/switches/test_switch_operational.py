"""Errors and slowness over a window: counted by request, judged by an interval, tried again with a few calls."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broker import Broker, BrokerError, SwitchedOff
from broker.errors import Outcome, Throttled, Unavailable
from broker.quality.switch_state import State
from broker.runtime.virtual import VirtualRuntime
from broker.switches.operational import TRIALS
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import Image
from broker.types.call import Attempt

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
CASE = {
    "operation": "vision.label",
    "operational": {"error_rate": 0.1, "p95_seconds": 2, "window": "1h", "min_calls": 50},
    "switch": {"mode": "enforce", "on_unknown": "closed"},
}
Share = Callable[[], float]


@pytest.fixture
def clock() -> VirtualRuntime:
    return VirtualRuntime()


def walk(tmp_path: Path, clock: VirtualRuntime, answer: Callable[..., Any], calls: int) -> tuple[Broker, int]:
    """A broker after so many calls a minute apart, and how many of them were held back."""
    kind = fake_provider(answer, price=fake_price("0.001"))
    broker = Broker(
        adapters=[kind],
        provider="fake",
        runtime=clock,
        ledger={"path": str(tmp_path / "ledger.db")},
        limits={"breaker": False},
        max_attempts=1,
        quality={"use_cases": {"shop": CASE}},
    )
    return broker, go_on(broker, clock, calls)


def go_on(broker: Broker, clock: VirtualRuntime, calls: int) -> int:
    held = 0
    for _ in range(calls):
        clock.advance(10)
        try:
            broker.vision.label(PICTURE)
        except SwitchedOff:
            held += 1
        except BrokerError:
            pass
    return held


def state(broker: Broker) -> State | None:
    rows = broker.switches.status()
    return rows[0].switch.state if rows and rows[0].switch is not None else None


def failing(share: float, error: Callable[[], Exception]) -> Callable[..., Any]:
    drawn = random.Random(7)

    def answer(*_: Any) -> Any:
        if drawn.random() < share:
            raise error()
        return labels("Cat")

    return answer


def busy() -> Exception:
    return Unavailable("busy", outcome=Outcome.SERVER)


def test_errors_far_above_the_limit_open_it(tmp_path: Path, clock: VirtualRuntime) -> None:
    broker, held = walk(tmp_path, clock, failing(0.5, busy), 200)
    with broker:
        assert held > 50
        event = broker.switches.log()[0]
        assert event.transition.after is State.OPEN
        assert event.transition.rule == "errors"
        assert "at most 10.0% planned" in event.transition.text


def test_errors_within_the_limit_leave_it_closed(tmp_path: Path, clock: VirtualRuntime) -> None:
    broker, held = walk(tmp_path, clock, failing(0.05, busy), 400)
    with broker:
        assert held == 0
        assert state(broker) in (None, State.CLOSED, State.WARN)


@pytest.mark.parametrize(
    "error",
    [lambda: Throttled("slower"), lambda: Unavailable("refused as it stands", outcome=Outcome.REJECTED)],
)
def test_what_tells_nothing_of_the_provider_is_not_counted(
    tmp_path: Path, clock: VirtualRuntime, error: Callable[[], Exception]
) -> None:
    broker, held = walk(tmp_path, clock, failing(0.5, error), 200)
    with broker:
        assert (held, state(broker)) == (0, None)


def test_slowness_opens_it(tmp_path: Path, clock: VirtualRuntime) -> None:
    drawn = random.Random(7)

    def slow(*_: Any) -> Any:
        clock.advance(3 if drawn.random() < 0.3 else 0.5)
        return labels("Cat")

    broker, held = walk(tmp_path, clock, slow, 200)
    with broker:
        assert held > 50
        assert broker.switches.log()[0].transition.rule == "slower than 2 s"


@pytest.mark.parametrize(("mended", "after"), [(True, State.CLOSED), (False, State.OPEN)])
def test_a_few_calls_try_it_after_the_cooldown(
    tmp_path: Path, clock: VirtualRuntime, mended: bool, after: State
) -> None:
    well = False
    bad = failing(0.5, busy)

    def answer(*given: Any) -> Any:
        return labels("Cat") if well else bad(*given)

    broker, _ = walk(tmp_path, clock, answer, 200)
    with broker:
        while state(broker) is not State.OPEN:
            go_on(broker, clock, 10)
        clock.advance(timedelta(days=8).total_seconds())
        well = mended
        before = len(broker.switches.log())
        held = 0
        while state(broker) is not after or len(broker.switches.log()) < before + 2:
            held += go_on(broker, clock, 20)
            assert held < 5000
        assert held > 100  # most calls did not try it
        told = [each.transition.after for each in broker.switches.log()][:2]
        assert told == [after, State.HALF_OPEN]


def test_slow_trials_do_not_close_it_because_one_of_them_failed(
    tmp_path: Path, clock: VirtualRuntime
) -> None:
    numbers = iter(range(10_000))

    def slow(*_: Any) -> Any:
        if next(numbers) % 20 == 19:
            raise busy()
        clock.advance(3)
        return labels("Cat")

    broker, _ = walk(tmp_path, clock, slow, 200)
    with broker:
        while state(broker) is not State.OPEN:
            go_on(broker, clock, 10)
        clock.advance(timedelta(hours=2).total_seconds())
        before = len(broker.switches.log())
        while len(broker.switches.log()) < before + 2:
            go_on(broker, clock, 20)
        assert broker.switches.log()[0].transition.after is State.OPEN


def test_requests_that_were_on_their_way_when_it_opened_are_no_trials(
    tmp_path: Path, clock: VirtualRuntime
) -> None:
    broker, _ = walk(tmp_path, clock, failing(0.5, busy), 200)
    with broker:
        while state(broker) is not State.OPEN:
            go_on(broker, clock, 10)
        good = broker_attempt(clock, tmp_path)
        clock.advance(timedelta(hours=2).total_seconds())
        broker._board.look()
        assert state(broker) is State.HALF_OPEN
        counted = broker._core.services.operational
        assert counted is not None
        row = broker.switches.status()[0]
        assert row.switch is not None
        assert row.switch.opened_at is not None
        old = replace(good, started=row.switch.opened_at - timedelta(minutes=1))
        for _ in range(TRIALS):
            counted.learn("shop", "vision.label", "fake", old)
        assert state(broker) is State.HALF_OPEN
        for _ in range(TRIALS):
            counted.learn("shop", "vision.label", "fake", replace(good, started=clock.now()))
        assert state(broker) is State.CLOSED


def broker_attempt(clock: VirtualRuntime, tmp_path: Path) -> Attempt:
    """A good one, of a broker without switches."""
    kind = fake_provider(lambda *_: labels("Cat"), price=fake_price("0.001"))
    path = {"path": str(tmp_path / "other.db")}
    with Broker(adapters=[kind], provider="fake", runtime=clock, ledger=path) as broker:
        return broker.vision.label(PICTURE).attempts[0]
