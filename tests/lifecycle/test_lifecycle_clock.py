"""The wall clock jumps (NTP, a suspended laptop, summer time): deadlines, waits and rows do not care."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from typing import Any

import pytest
from lifecycle_support import PICTURE, options, rows
from lifecycle_vendor import Vendor

from broker import AsyncBroker, Broker, BrokerError, DeadlineExceeded
from broker.errors import Outcome, Unavailable
from broker.ledger import SqliteLedger
from broker.runtime.asynchronous import AsyncRuntime
from broker.runtime.blocking import BlockingRuntime
from broker.runtime.virtual import VirtualRuntime
from broker.testing.deadlines import ended_by_deadline
from broker.testing.fake import fake_provider, labels

JUMPS = (timedelta(0), timedelta(days=400), timedelta(days=-30), timedelta(hours=1), timedelta(hours=-1))


class JumpingRuntime(VirtualRuntime):
    """Its wall clock jumps with every look at it; its monotonic clock goes on as always."""

    def __init__(self) -> None:
        super().__init__()
        self._jumps = cycle(JUMPS)

    def now(self) -> datetime:
        return super().now() + next(self._jumps)


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """``time.time`` and the runtimes' ``now`` jump by years, there and back."""
    with closing(SqliteLedger("ledger.db")) as ledger:
        ledger.recover()  # made before: an empty file of another year is refused as a truncated one
    real, turn = time.time, count()
    monkeypatch.setattr(time, "time", lambda: real() + (-1) ** next(turn) * 4e7)

    def now(_: Any) -> datetime:
        return datetime.now(UTC) + timedelta(days=(-1) ** next(turn) * 400)

    for kind in (BlockingRuntime, AsyncRuntime):
        monkeypatch.setattr(kind, "now", now)


def test_retries_and_their_waits_end_at_the_same_deadline_whatever_the_wall_clock_says() -> None:
    def down(*_: object) -> Any:
        runtime.advance(1.0)
        raise Unavailable("down", outcome=Outcome.SERVER)

    runtime = JumpingRuntime()
    adapter = fake_provider(down)
    with (
        Broker(
            adapters=[adapter], provider="fake", runtime=runtime, max_attempts=10, deadline=20.0
        ) as broker,
        pytest.raises(BrokerError),
    ):
        broker.vision.label(PICTURE)
    assert 2 <= len(adapter.play.seen) <= 10
    assert runtime.monotonic() <= 21.0
    assert len(rows()) == len(adapter.play.seen)


def test_latencies_are_those_of_the_monotonic_clock() -> None:
    def slow(*_: object) -> Any:
        runtime.advance(1.5)
        return labels("Cat")

    runtime = JumpingRuntime()
    with Broker(adapters=[fake_provider(slow)], provider="fake", runtime=runtime) as broker:
        results = [broker.vision.label(PICTURE) for _ in range(6)]
        assert {result.latency for result in results} == {1.5}
        assert {result.attempts[0].latency for result in results} == {1.5}
        assert sum(row.attempts for row in broker.spend()) == 6
    assert len({row["day"] for row in rows()}) > 1, "rows bear the day that the clock showed"
    assert {row["state"] for row in rows()} == {"settled"}


@pytest.mark.realtime
@pytest.mark.parametrize("family", ["rest", "botocore", "azure"])
@pytest.mark.parametrize("face", ["sync", "async"])
def test_the_transports_keep_their_deadline_while_the_wall_clock_jumps(
    vendor: Vendor, face: str, jumping: None
) -> None:
    """Without gRPC: it makes a wall-clock instant of its timeout and at once a monotonic one again, with the
    kernel's clock, which no test can set."""
    found = options(vendor.family, vendor.address)
    started: list[float] = []  # each time behind a good call, which makes the vendor's client

    def begin() -> None:
        vendor.hang()
        started.append(time.monotonic())

    def sync(seconds: float) -> None:
        with Broker(**found) as broker:
            broker.vision.label(PICTURE)
            begin()
            broker.vision.label(PICTURE, deadline=seconds)

    async def asynchronous(seconds: float) -> None:
        async with AsyncBroker(**found) as broker:
            await broker.vision.label(PICTURE)
            begin()
            await broker.vision.label(PICTURE, deadline=seconds)

    def call(seconds: float) -> None:
        vendor.answer()
        try:
            sync(seconds) if face == "sync" else asyncio.run(asynchronous(seconds))
        finally:
            assert time.monotonic() - started[-1] > seconds * 0.8, "it ended before its time"

    error = ended_by_deadline(call, lambda: vendor.count - len(started), (1.2, 5.0, 25.0))
    assert type(error) is DeadlineExceeded
    assert error.outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("family", ["rest"])
def test_idle_connections_are_kept_by_the_monotonic_clock(vendor: Vendor, jumping: None) -> None:
    vendor.answer()
    with Broker(**options(vendor.family, vendor.address)) as broker:
        for _ in range(5):
            broker.vision.label(PICTURE)
        assert vendor.connections == 1
    assert vendor.count == 5
