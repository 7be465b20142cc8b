"""Calls and their ledger: nothing is sent unannounced, nothing paid for is lost, nobody waits for ever."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pipeline_support import PICTURE, down, make, rows, seen

from broker import AsyncBroker, Broker, LedgerUnavailable, Unavailable
from broker.errors import Outcome
from broker.ledger import LedgerBusy, SpendQuery, SqliteLedger
from broker.pipeline.record import FREE_PATIENCE, LEDGER_PATIENCE
from broker.runtime.virtual import VirtualRuntime
from broker.testing.deadlines import until
from broker.testing.fake import fake_price, fake_provider, labels

FREE = fake_price(free=True)


OPENED: list[SqliteLedger] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


class Broken:
    """A ledger that fails where it is told to; otherwise the usual one."""

    def __init__(self, *where: str, error: Exception | None = None, times: int = 10**9) -> None:
        self.inner = SqliteLedger("ledger.db")
        OPENED.append(self.inner)
        self.where = where
        self.error = error or LedgerUnavailable("the disk is full")
        self.times = times

    def __getattr__(self, name: str) -> Any:
        if name in self.where and self.times > 0:
            return self.fail
        return getattr(self.inner, name)

    def fail(self, *_: object) -> Any:
        self.times -= 1
        raise self.error


def test_a_paid_call_without_a_ledger_is_not_sent() -> None:
    adapter = fake_provider()
    with (
        make(adapter, ledger=Broken("announce")) as broker,
        pytest.raises(LedgerUnavailable, match="disk is full") as caught,
    ):
        broker.vision.label(PICTURE)
    assert seen(adapter) == 0
    assert caught.value.billed is False
    assert caught.value.call_id


def test_an_unpriced_call_without_a_ledger_is_not_sent_either() -> None:
    adapter = fake_provider(price=fake_price(None))
    with make(adapter, ledger=Broken("announce")) as broker, pytest.raises(LedgerUnavailable):
        broker.vision.label(PICTURE)
    assert seen(adapter) == 0


def test_a_free_call_without_a_ledger_answers_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with make(fake_provider(price=FREE), ledger=Broken("announce")) as broker:
        result = broker.vision.label(PICTURE)
    assert [label.name for label in result.value.labels] == ["Cat", "Animal"]
    assert result.attempts[0].recorded is False
    assert (result.cost.amount, result.cost.upper_bound) == (0, 0)
    assert [(each.levelno, "not recorded" in each.message) for each in caplog.records] == [
        (logging.WARNING, True)
    ]


@pytest.mark.parametrize("path", ["folder", "/proc/ledger.db"])
def test_the_real_ledger_that_cannot_be_opened_does_the_same(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    Path("folder").mkdir()
    paid, free = (
        fake_provider(provider="paid"),
        fake_provider(provider="free", price=fake_price(free=True, sku="free.vision.label")),
    )
    with Broker(adapters=[paid, free], provider="paid", ledger=SqliteLedger(path)) as broker:
        with pytest.raises(LedgerUnavailable, match=r"Paid calls stop|set ledger\.path"):
            broker.vision.label(PICTURE)
        assert broker.vision.label(PICTURE, provider="free").attempts[0].recorded is False
        with pytest.raises(LedgerUnavailable):
            broker.spend()
    assert seen(paid) == 0


def test_a_broker_over_a_broken_ledger_can_be_made_and_tells_at_the_first_paid_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("text.db").write_text("no database at all " * 100)
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", "text.db")
    adapter = fake_provider()
    with make(adapter) as broker, pytest.raises(LedgerUnavailable, match="no SQLite database"):
        broker.vision.label(PICTURE)
    assert seen(adapter) == 0


@pytest.mark.parametrize(
    "error",
    [
        LedgerUnavailable("the disk is full"),
        RuntimeError("a ledger of somebody's own"),
        sqlite3.OperationalError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_answer_that_cannot_be_settled_is_returned_and_its_row_stays_open(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with make(ledger=Broken("settle", error=error)) as broker:
        result = broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert [label.name for label in result.value.labels] == ["Cat", "Animal"]
    assert result.attempts[0].recorded is False
    assert (result.cost.amount, result.cost.upper_bound) == (None, Decimal("0.001"))
    assert (spent.open, spent.at_risk, spent.amount) == (1, Decimal("0.001"), 0)
    assert "stays open" in caplog.text
    assert rows()[0]["state"] == "open"


def test_a_failure_that_cannot_be_settled_is_still_the_failure() -> None:
    error = down(Outcome.REJECTED)
    with (
        make(fake_provider([error]), ledger=Broken("settle")) as broker,
        pytest.raises(Unavailable) as caught,
    ):
        broker.vision.label(PICTURE)
    assert caught.value is error


def test_a_busy_ledger_is_waited_for_on_the_runtime() -> None:
    runtime = VirtualRuntime()
    ledger = Broken("announce", "settle", error=LedgerBusy("busy"), times=9)
    with make(ledger=ledger, runtime=runtime) as broker:
        result = broker.vision.label(PICTURE)
    assert result.attempts[0].recorded
    assert len(runtime.slept) == 9
    assert max(runtime.slept) <= 0.1
    assert rows()[0]["state"] == "settled"


def test_a_ledger_that_stays_busy_stops_a_paid_call_at_its_deadline() -> None:
    runtime = VirtualRuntime()
    adapter = fake_provider()
    busy = Broken("announce", error=LedgerBusy("busy"))
    with (
        make(adapter, ledger=busy, runtime=runtime) as broker,
        pytest.raises(LedgerUnavailable, match="stayed so"),
    ):
        broker.vision.label(PICTURE, deadline=3)
    assert 3 <= runtime.monotonic() < 3.2
    assert seen(adapter) == 0


def test_a_ledger_that_stays_busy_does_not_use_up_a_free_calls_time(caplog: pytest.LogCaptureFixture) -> None:
    runtime = VirtualRuntime()
    adapter = fake_provider(price=FREE)
    with make(adapter, ledger=Broken("announce", error=LedgerBusy("busy")), runtime=runtime) as broker:
        result = broker.vision.label(PICTURE, deadline=30)
    assert result.attempts[0].recorded is False
    assert adapter.play.seen[0].remaining() > 28
    assert FREE_PATIENCE <= runtime.monotonic() < FREE_PATIENCE + 0.2


def test_a_settlement_waits_longer_than_the_call_may(caplog: pytest.LogCaptureFixture) -> None:
    runtime = VirtualRuntime()
    with make(ledger=Broken("settle", error=LedgerBusy("busy")), runtime=runtime) as broker:
        result = broker.vision.label(PICTURE, deadline=2)
    assert result.attempts[0].recorded is False
    assert LEDGER_PATIENCE <= runtime.monotonic() < LEDGER_PATIENCE + 0.2


class Freeing(VirtualRuntime):
    """Lets go of another connection's lock after some waits."""

    def __init__(self, other: sqlite3.Connection, after: int) -> None:
        super().__init__()
        self.other = other
        self.after = after

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if len(self.slept) == self.after:
            self.other.execute("ROLLBACK")


def locked(path: str = "ledger.db") -> sqlite3.Connection:
    with closing(SqliteLedger(path)) as ledger:
        ledger.spend(SpendQuery())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_call_goes_through_when_another_process_frees_the_ledger() -> None:
    with closing(locked()) as other, closing(SqliteLedger("ledger.db")) as ledger:
        ledger.spend(SpendQuery())
        runtime = Freeing(other, 5)
        adapter = fake_provider()
        with make(adapter, ledger=ledger, runtime=runtime) as broker:
            result = broker.vision.label(PICTURE)
        assert len(runtime.slept) == 5
        assert result.attempts[0].recorded


@pytest.mark.parametrize("opened", [True, False], ids=["open", "not-yet-open"])
def test_a_call_stops_at_its_deadline_when_another_process_keeps_the_ledger(opened: bool) -> None:
    with closing(locked()) as other, closing(SqliteLedger("ledger.db")) as ledger:
        if opened:
            ledger.spend(SpendQuery())
        else:
            other.execute("ROLLBACK")
            other.execute("PRAGMA locking_mode=EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            other.execute("CREATE TABLE x (y)")
        runtime = VirtualRuntime()
        adapter = fake_provider()
        with (
            make(adapter, ledger=ledger, runtime=runtime) as broker,
            pytest.raises(LedgerUnavailable, match="stayed so"),
        ):
            broker.vision.label(PICTURE, deadline=2)
        assert 2 <= runtime.monotonic() < 2.2
        assert seen(adapter) == 0


@pytest.mark.realtime
def test_waiting_for_the_ledger_does_not_hold_up_the_event_loop() -> None:
    adapter = fake_provider()

    async def main() -> int:
        ticks = 0
        async with AsyncBroker(adapters=[adapter], provider="fake") as broker:
            with closing(locked()) as other:
                task = asyncio.create_task(broker.vision.label(PICTURE))
                while ticks < 20:
                    await asyncio.sleep(0.005)
                    ticks += 1
                assert not task.done()
                other.execute("ROLLBACK")
            assert (await task).attempts[0].recorded
        return ticks

    assert asyncio.run(main()) == 20
    assert seen(adapter) == 1


@pytest.mark.realtime
def test_a_settlement_that_waits_is_finished_though_the_caller_is_cancelled() -> None:
    async def main() -> None:
        ledger: Any = Broken("settle", error=LedgerBusy("busy"), times=10**9)
        adapter = async_adapter(lambda request, context: labels("Cat"))
        async with AsyncBroker(adapters=[adapter], provider="fake", ledger=ledger) as broker:
            task = asyncio.create_task(broker.vision.label(PICTURE))
            assert await asyncio.to_thread(until, lambda: ledger.times < 10**9), "it is waiting now"
            task.cancel()
            await asyncio.sleep(0.05)
            assert not task.done()
            ledger.times = 0
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert [row["state"] for row in rows()] == ["settled"]


def async_adapter(label: Any) -> Any:
    class Own(fake_provider()):  # type: ignore[misc] # made at run time
        async def label(self, request: Any, context: Any) -> Any:
            return label(request, context)

    return Own


def test_two_brokers_on_one_ledger_see_each_other() -> None:
    with make() as one, make() as other:
        one.vision.label(PICTURE)
        other.vision.label(PICTURE)
        assert one.spend() == other.spend()
        assert one.spend()[0].attempts == 2


def test_a_ledger_of_the_programs_own_stays_open() -> None:
    with closing(SqliteLedger("own.db")) as ledger:
        with make(ledger=ledger) as broker:
            broker.vision.label(PICTURE)
        assert ledger._file.open is not None
    assert len(rows("own.db")) == 1
