"""Many calls at once through the guard: providers, facades and cancellations do not stand in each other's way."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from guard_support import (
    GOOD,
    PICTURE,
    soon,
)

from broker import AsyncBroker, Broker, DeadlineExceeded
from broker.errors import Outcome
from broker.guard.breaker import State
from broker.testing.fake import fake_provider


def test_a_hanging_provider_takes_no_threads_from_another() -> None:
    release, began = threading.Event(), threading.Semaphore(0)

    def hang(*_: object) -> Any:
        began.release()
        assert release.wait(90)
        return GOOD

    hanging, good = fake_provider(hang, provider="hanging"), fake_provider(provider="good")
    sections = {"hanging": {"max_concurrency": 3}}
    with Broker(adapters=[hanging, good], provider="good", providers=sections) as broker:
        ended: list[str] = []

        def call() -> None:
            try:
                broker.vision.label(PICTURE, provider="hanging", deadline=90)
                ended.append("answered")
            except DeadlineExceeded as error:
                ended.append(str(error))

        threads = [threading.Thread(target=call) for _ in range(8)]
        for each in threads:
            each.start()
        for _ in range(3):
            assert began.acquire(timeout=90)
        with pytest.raises(DeadlineExceeded, match=r"all 3 requests .* max_concurrency") as caught:
            broker.vision.label(PICTURE, provider="hanging", deadline=0.5)
        assert caught.value.outcome is Outcome.NOT_SENT
        for _ in range(20):
            broker.vision.label(PICTURE)
        seen = {each.target.account: each for each in broker.health.targets()}
        assert (seen["hanging"].in_flight, seen["good"].in_flight) == (3, 0)
        assert len(hanging.play.seen) == 3, "those that wait were not sent"
        release.set()
        for each in threads:
            each.join(90)
        assert ended == ["answered"] * 8
        assert {each.in_flight for each in broker.health.targets()} == {0}


def test_the_asynchronous_broker_keeps_the_same_limits() -> None:
    inside, most = 0, 0
    lock = threading.Lock()
    pause = threading.Event()

    def answer(*_: object) -> Any:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        pause.wait(0.002)
        with lock:
            inside -= 1
        return GOOD

    async def scene() -> None:
        adapter = fake_provider(answer)
        async with AsyncBroker(
            adapters=[adapter], provider="fake", providers={"fake": {"max_concurrency": 3}}
        ) as broker:
            await asyncio.gather(*[broker.vision.label(PICTURE) for _ in range(60)])
            (found,) = broker.health.targets()
            assert (found.calls, found.in_flight, found.waiting) == (60, 0, 0)

    asyncio.run(scene())
    assert most == 3


def test_cancelled_calls_leave_no_seat_and_are_not_the_vendors_failures() -> None:
    release = threading.Event()

    def answer(*_: object) -> Any:
        release.wait(90)
        return GOOD

    async def scene() -> None:
        adapter = fake_provider(answer)
        async with AsyncBroker(
            adapters=[adapter], provider="fake", providers={"fake": {"max_concurrency": 4}}
        ) as broker:
            tasks = [asyncio.ensure_future(broker.vision.label(PICTURE)) for _ in range(20)]
            await soon(lambda: len(adapter.play.seen) == 4)
            for each in tasks:
                each.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in ended)
            (found,) = broker.health.targets()
            assert (found.in_flight, found.waiting) == (4, 0), "the threads still run"
            assert (found.state, found.failures) == (State.CLOSED, 0)
            release.set()
            await soon(lambda: broker.health.targets()[0].in_flight == 0)
            await broker.vision.label(PICTURE)
        assert len(adapter.play.seen) == 5

    asyncio.run(asyncio.wait_for(scene(), 90))
