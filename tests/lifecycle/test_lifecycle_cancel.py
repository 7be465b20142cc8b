"""Cancelling at any point leaves exactly the right row: none, free because never sent, or possibly billed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

import anyio
import pytest
from lifecycle_support import FAMILIES, PICTURE, options, rows, until
from lifecycle_vendor import Vendor

from broker import AsyncBroker, Broker, BrokerError, DeadlineExceeded
from broker.errors import Outcome
from broker.runtime import home as home_module
from broker.runtime.exchange import unsent
from broker.testing.fake import fake_provider, labels

every = pytest.mark.parametrize("family", FAMILIES)


class CancelledAt:
    """Awaits a coroutine and cancels its task where it suspends for the n-th time; counts where n is 0."""

    def __init__(self, work: Coroutine[Any, Any, Any], at: int) -> None:
        self._work = work
        self._at = at
        self.suspended = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        step: Callable[[], Any] = partial(self._work.send, None)
        while True:
            try:
                waiting = step()
            except StopIteration as end:
                return end.value
            self.suspended += 1
            if self.suspended == self._at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                sent = yield waiting
            except BaseException as error:
                step = partial(self._work.throw, error)
            else:
                step = partial(self._work.send, sent)


async def wrapped(call: CancelledAt) -> Any:
    return await call


async def cancelled_at(vendor: Vendor, at: int) -> tuple[int, bool]:
    """One call on a new broker; how often it suspended and whether it was cancelled."""
    async with AsyncBroker(**options(vendor.family, vendor.address, deadline=60.0)) as broker:
        call = CancelledAt(broker.vision.label(PICTURE), at)
        (result,) = await asyncio.gather(asyncio.ensure_future(wrapped(call)), return_exceptions=True)
        if isinstance(result, asyncio.CancelledError):
            return call.suspended, True
        assert not isinstance(result, BaseException), result
        return call.suspended, False


@every
def test_a_call_cancelled_at_any_of_its_suspensions_leaves_the_truth(vendor: Vendor) -> None:
    vendor.answer(delay=0.02)
    count, _ = asyncio.run(cancelled_at(vendor, 0))
    assert count >= 2
    seen = set()
    for at in range(1, count + 1):
        vendor.reset()
        vendor.answer(delay=0.02)
        before = len(rows())
        _, cancelled = asyncio.run(cancelled_at(vendor, at))
        found = rows()[before:]
        assert len(found) <= 1
        if not found:
            assert cancelled
            assert vendor.count == 0, f"unannounced at suspension {at}"
            continue
        (row,) = found
        assert row["state"] == "settled"
        seen.add(row["outcome"])
        if row["outcome"] == "not_sent":
            assert (row["billed"], vendor.count) == ("no", 0), f"at suspension {at}"
        elif row["outcome"] == "done":
            assert (row["billed"], vendor.count) == ("yes", 1)
        else:
            assert (row["outcome"], row["billed"]) == ("ambiguous", "unknown")
    if vendor.family in ("rest", "azure"):
        assert seen >= {"ambiguous", "not_sent"}, "the latter while it was connecting"
    else:
        assert "not_sent" in seen, "before the thread had begun"


@every
@pytest.mark.parametrize("way", ["task", "timeout", "wait_for", "group", "scope", "move_on"])
def test_every_way_to_cancel_a_call_in_flight_books_it_as_possibly_billed(vendor: Vendor, way: str) -> None:
    async def sent() -> None:
        assert await asyncio.to_thread(vendor.wait_for, 2)

    async def when_sent(then: Callable[[], object]) -> None:
        await sent()
        then()

    async def run() -> None:
        now = asyncio.get_running_loop().time
        later: list[asyncio.Task[None]] = []
        async with AsyncBroker(**options(vendor.family, vendor.address, deadline=60.0)) as broker:
            call = partial(broker.vision.label, PICTURE)
            vendor.answer()
            await call()
            vendor.hang()
            started = time.monotonic()
            if way == "task":
                task = asyncio.create_task(call())
                await sent()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            elif way == "timeout":

                async def limited() -> None:
                    async with asyncio.timeout(60) as limit:
                        later.append(asyncio.create_task(when_sent(lambda: limit.reschedule(now()))))
                        await call()

                with pytest.raises(TimeoutError):
                    await limited()
            elif way == "wait_for":
                task = asyncio.create_task(call())
                await sent()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(task, 0.1)
            elif way == "group":

                async def group_that_fails() -> None:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(call())
                        await sent()
                        raise ZeroDivisionError

                with pytest.raises(ExceptionGroup) as caught:
                    await group_that_fails()
                assert [type(each) for each in caught.value.exceptions] == [ZeroDivisionError]
            elif way == "scope":
                async with anyio.create_task_group() as scope:
                    scope.start_soon(call)
                    await sent()
                    scope.cancel_scope.cancel()
            else:
                with anyio.move_on_after(60) as left:
                    later.append(asyncio.create_task(when_sent(lambda: setattr(left, "deadline", now()))))
                    await call()
                assert left.cancelled_caught
            await asyncio.gather(*later)
            assert time.monotonic() - started < 30, "freed at once, not at the deadline"
            found = rows()[1:]
            assert [(row["state"], row["outcome"], row["billed"]) for row in found] == [
                ("settled", "ambiguous", "unknown")
            ]
            vendor.answer()
            await call()

    asyncio.run(run())
    assert vendor.count == len(rows()) == 3


def blocked(price: str = "0.001") -> tuple[type[Any], threading.Event, threading.Event]:
    """An adapter that blocks its thread until the event is set; and an event that tells it has begun."""
    free, begun = threading.Event(), threading.Event()

    def answer(*_: object) -> Any:
        begun.set()
        free.wait(90)
        return labels("Cat")

    return fake_provider(answer), free, begun


def fake(adapter: type[Any], **more: Any) -> dict[str, Any]:
    return {"adapters": [adapter], "provider": "fake", "max_attempts": 1, **more}


def test_cancelled_while_waiting_for_a_thread_it_was_never_sent_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(home_module, "WORKERS", 1)
    adapter, free, begun = blocked()

    async def run() -> None:
        async with AsyncBroker(**fake(adapter, deadline=60.0)) as broker:
            first = asyncio.create_task(broker.vision.label(PICTURE))
            assert await asyncio.to_thread(begun.wait, 30)
            second = asyncio.create_task(broker.vision.label(PICTURE))
            assert await asyncio.to_thread(until, lambda: len(rows()) == 2), (
                "it is announced and waits for the one thread"
            )
            second.cancel()
            await asyncio.wait([second])
            assert second.cancelled()
            assert [row["outcome"] for row in rows() if row["state"] == "settled"] == ["not_sent"]
            free.set()
            await first

    asyncio.run(run())
    assert [(row["outcome"], row["billed"]) for row in rows()] == [("done", "yes"), ("not_sent", "no")]
    assert len(adapter.play.seen) == 1


def test_a_deadline_that_passes_while_waiting_for_a_thread_costs_nothing_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(home_module, "WORKERS", 1)
    adapter, free, begun = blocked()

    async def run() -> None:
        async with AsyncBroker(**fake(adapter)) as broker:
            first = asyncio.create_task(broker.vision.label(PICTURE, deadline=60.0))
            assert await asyncio.to_thread(begun.wait, 30)
            with pytest.raises(DeadlineExceeded) as caught:
                await broker.vision.label(PICTURE, deadline=2.5)
            assert caught.value.outcome is Outcome.NOT_SENT
            free.set()
            await first

    asyncio.run(run())
    assert [row["billed"] for row in rows()] == ["yes", "no"]
    assert len(adapter.play.seen) == 1


def test_a_thread_that_was_left_behind_keeps_its_place_until_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(home_module, "WORKERS", 1)
    adapter, free, begun = blocked()

    async def run() -> None:
        async with AsyncBroker(**fake(adapter, deadline=60.0)) as broker:
            first = asyncio.create_task(broker.vision.label(PICTURE))
            assert await asyncio.to_thread(begun.wait, 30)
            first.cancel()
            await asyncio.wait([first])
            assert first.cancelled()
            assert [row["outcome"] for row in rows()] == ["ambiguous"]
            second = asyncio.create_task(broker.vision.label(PICTURE))
            await asyncio.sleep(0.1)
            assert not second.done()
            assert len(adapter.play.seen) == 1, "the thread is still taken"
            free.set()
            await asyncio.wait_for(second, 60)

    asyncio.run(run())
    assert [row["outcome"] for row in rows()] == ["ambiguous", "done"]


def test_an_exit_waits_for_a_thread_that_was_left_behind_and_its_place_dies_with_the_loop() -> None:
    """The loop is closed while the thread still runs; what it reports then goes nowhere, quietly."""
    adapter, free, begun = blocked()
    broker = AsyncBroker(**fake(adapter, deadline=60.0))

    async def run() -> None:
        call = asyncio.create_task(broker.vision.label(PICTURE))
        assert await asyncio.to_thread(begun.wait, 30)
        call.cancel()
        await asyncio.wait([call])

    before = threading.active_count()
    asyncio.run(run())
    assert begun.is_set()
    free.set()
    assert until(lambda: threading.active_count() == before)
    asyncio.run(broker.aclose(timeout=0.1))


@pytest.mark.parametrize("again", [1, 3])
def test_cancelling_during_the_settlement_waits_for_it(again: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process holds the ledger just then; the row is written all the same, and the cancellation is not lost."""
    adapter = fake_provider()
    other = sqlite3.connect("ledger.db", isolation_level=None, check_same_thread=False)

    def answer(*_: object) -> Any:
        other.execute("BEGIN IMMEDIATE")
        return labels("Cat")

    adapter.play._script = answer

    async def run() -> None:
        async with AsyncBroker(**fake(adapter, deadline=60.0)) as broker:
            call = asyncio.create_task(broker.vision.label(PICTURE))
            assert await asyncio.to_thread(until, lambda: other.in_transaction)
            await asyncio.sleep(0.05)
            for _ in range(again):
                call.cancel()
                await asyncio.sleep(0.02)
            assert not call.done()
            other.execute("ROLLBACK")
            await asyncio.wait([call], timeout=150)
            assert call.cancelled()

    asyncio.run(run())
    other.close()
    assert [(row["state"], row["outcome"], row["billed"]) for row in rows()] == [("settled", "done", "yes")]


def test_a_cancelled_scope_does_not_spin_while_the_settlement_waits() -> None:
    adapter = fake_provider()
    other = sqlite3.connect("ledger.db", isolation_level=None, check_same_thread=False)

    def answer(*_: object) -> Any:
        other.execute("BEGIN IMMEDIATE")
        return labels("Cat")

    adapter.play._script = answer

    spent = 0.0

    async def run() -> None:
        nonlocal spent
        async with AsyncBroker(**fake(adapter, deadline=60.0)) as broker, anyio.create_task_group() as group:
            group.start_soon(partial(broker.vision.label, PICTURE))
            assert await asyncio.to_thread(until, lambda: other.in_transaction)
            group.cancel_scope.cancel()
            before = time.process_time()
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.5)
            spent = time.process_time() - before
            other.execute("ROLLBACK")

    asyncio.run(run())
    other.close()
    assert spent < 0.25, "half a second of waiting is not half a second of work"
    assert [row["state"] for row in rows()] == ["settled"]


@pytest.mark.parametrize("family", ["rest", "botocore"])
def test_an_interrupted_synchronous_call_is_booked_by_how_far_it_came(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpcore

    vendor.answer()

    def interrupted(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    with Broker(**options(vendor.family, vendor.address)) as broker:
        broker.vision.label(PICTURE)
        with monkeypatch.context() as patch:
            patch.setattr(httpcore._backends.sync.SyncStream, "read", interrupted)  # type: ignore[attr-defined] # Ctrl-C in recv()
            with pytest.raises(KeyboardInterrupt):
                broker.vision.label(PICTURE)
        with monkeypatch.context() as patch:
            patch.setattr(httpcore._backends.sync.SyncStream, "write", interrupted)  # type: ignore[attr-defined] # and in send()
            with pytest.raises(KeyboardInterrupt):
                broker.vision.label(PICTURE)
    with Broker(**options(vendor.family, vendor.address)) as broker, monkeypatch.context() as patch:
        patch.setattr(httpcore.SyncBackend, "connect_tcp", interrupted)
        with pytest.raises(KeyboardInterrupt):
            broker.vision.label(PICTURE)
    outcomes = [row["outcome"] for row in rows()]
    assert outcomes[:3] == ["done", "ambiguous", "ambiguous"], "a write that began may have gone out"
    assert outcomes[3] == ("not_sent" if vendor.family == "rest" else outcomes[3])


def test_only_an_interruption_before_the_first_write_is_marked() -> None:
    error = KeyboardInterrupt()
    unsent(error)
    assert error.outcome is Outcome.NOT_SENT  # type: ignore[attr-defined] # that is the mark
    assert not isinstance(error, BrokerError)
