"""Closing a broker: nobody comes in, who is inside gets time, then is cut; no row is lost."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from lifecycle_support import FAMILIES, HTTP_FAMILIES, PICTURE, open_files, options, rows, threads, until
from lifecycle_vendor import Vendor

import broker as package
from broker import AsyncBroker, Broker, BrokerClosed
from broker.errors import BrokerError, Outcome, Unavailable
from broker.ledger import SqliteLedger, connection
from broker.testing.fake import fake_provider, labels
from broker.testing.script import Answer
from broker.testing.stub import VendorStub

every = pytest.mark.parametrize("family", FAMILIES)
rest = pytest.mark.parametrize("family", ["rest"])


def fake(**more: Any) -> dict[str, Any]:
    return {"adapters": [fake_provider(**more)], "provider": "fake", "max_attempts": 1}


def test_a_closed_broker_refuses_at_once_and_says_what_to_do() -> None:
    broker = Broker(**fake())
    broker.vision.label(PICTURE)
    broker.close()
    for call in (
        partial(broker.vision.label, PICTURE),
        partial(broker.estimate.vision.label, PICTURE),
        broker.spend,
    ):
        with pytest.raises(BrokerClosed, match="make a new one") as caught:
            call()
        assert caught.value.outcome is Outcome.NOT_SENT
    broker.close()
    assert len(rows()) == 1
    assert not any("ledger.db" in name for name in open_files()), "nothing was opened again"


def test_a_closed_async_broker_refuses_at_once() -> None:
    async def run() -> None:
        broker = AsyncBroker(**fake())
        await broker.vision.label(PICTURE)
        await broker.aclose()
        with pytest.raises(BrokerClosed, match="make a new one"):
            await broker.vision.label(PICTURE)
        await broker.aclose()

    asyncio.run(run())
    assert len(rows()) == 1
    assert not any("ledger.db" in name for name in open_files())


def test_with_closes_on_an_exception_too() -> None:
    with pytest.raises(ZeroDivisionError), Broker(**fake()) as broker:
        raise ZeroDivisionError
    with pytest.raises(BrokerClosed):
        broker.vision.label(PICTURE)


@every
def test_calls_in_other_threads_are_waited_for(vendor: Vendor) -> None:
    vendor.answer(delay=0.4)
    with Broker(**options(vendor.family, vendor.address)) as broker:
        with threads(*[partial(broker.vision.label, PICTURE)] * 3) as raised:
            assert vendor.wait_for(3)
            broker.close()
            assert [row["outcome"] for row in rows()] == ["done"] * 3, "close() returned behind their end"
        assert raised == [None] * 3


@every
def test_what_does_not_end_in_time_is_cut_and_booked_as_possibly_billed(vendor: Vendor) -> None:
    vendor.hang()
    broker = Broker(**options(vendor.family, vendor.address, deadline=60.0))
    with threads(*[partial(broker.vision.label, PICTURE)] * 3) as raised:
        assert vendor.wait_for(3)
        started = time.monotonic()
        broker.close(timeout=0.2)
        took = time.monotonic() - started
        found = rows()
    assert 0.2 <= took < 30
    assert [(row["state"], row["outcome"], row["billed"]) for row in found] == [
        ("settled", "ambiguous", "unknown")
    ] * 3
    for error in raised:
        assert isinstance(error, BrokerError)
        assert error.outcome is Outcome.AMBIGUOUS
        assert error.billed is None
    assert vendor.count == 3
    assert not any("ledger.db" in name for name in open_files())


@every
def test_tasks_in_flight_are_cut_too(vendor: Vendor) -> None:
    vendor.hang()

    async def run() -> tuple[list[Any], float]:
        broker = AsyncBroker(**options(vendor.family, vendor.address, deadline=60.0))
        tasks = [asyncio.create_task(broker.vision.label(PICTURE)) for _ in range(3)]
        assert await asyncio.to_thread(vendor.wait_for, 3)
        started = time.monotonic()
        await broker.aclose(timeout=0.2)
        took = time.monotonic() - started
        assert len(rows()) == 3
        return await asyncio.gather(*tasks, return_exceptions=True), took

    errors, took = asyncio.run(run())
    assert 0.2 <= took < 30
    assert [error.outcome for error in errors] == [Outcome.AMBIGUOUS] * 3
    assert [row["outcome"] for row in rows()] == ["ambiguous"] * 3
    assert vendor.count == 3


@rest
def test_a_call_that_waits_to_be_repeated_is_not_sent_again_after_the_cut(vendor: Vendor) -> None:
    broker = Broker(
        **options(vendor.family, vendor.address, deadline=60.0, retry_ambiguous=True, max_attempts=3)
    )
    vendor.hang()
    with threads(partial(broker.vision.label, PICTURE)) as raised:
        assert vendor.wait_for(1)
        broker.close(timeout=0.1)
    (error,) = raised
    assert isinstance(error, BrokerClosed)
    assert len(error.attempts) == len(rows()) == vendor.count == 1


@pytest.mark.parametrize("family", HTTP_FAMILIES)
def test_no_connection_is_left_open(vendor: Vendor) -> None:
    vendor.answer()
    broker = Broker(**options(vendor.family, vendor.address))
    with threads(*[partial(broker.vision.label, PICTURE)] * 4):
        pass
    broker.close()
    assert until(lambda: vendor.connections == 0)


def test_a_broker_closed_from_inside_its_own_call_does_not_wait_for_itself() -> None:
    """As a signal handler that closes does."""
    brokers: list[Broker] = []

    def answer(*_: object) -> Any:
        brokers[0].close(timeout=90)
        return labels("Cat")

    brokers.append(Broker(**fake(script=answer)))
    started = time.monotonic()
    assert brokers[0].vision.label(PICTURE).attempts[0].recorded
    assert time.monotonic() - started < 30
    assert [row["outcome"] for row in rows()] == ["done"]
    assert not any("ledger.db" in name for name in open_files()), "the last call closed what it opened again"


def test_an_adapter_that_nothing_can_cut_is_left_behind_and_still_booked() -> None:
    free = threading.Event()

    def answer(*_: object) -> Any:
        free.wait(90)
        return labels("Cat")

    broker = Broker(**fake(script=answer))
    with threads(partial(broker.vision.label, PICTURE)) as raised:
        assert until(lambda: os.path.exists("ledger.db") and len(rows()) == 1)
        started = time.monotonic()
        broker.close(timeout=0.1)
        assert time.monotonic() - started < 30
        assert [row["state"] for row in rows()] == ["open"]
        free.set()
    assert raised == [None]
    assert [(row["state"], row["outcome"]) for row in rows()] == [("settled", "done")]
    assert not any("ledger.db" in name for name in open_files()), "the last one turned off the light"


def test_closing_from_many_threads_at_once_does_no_harm(vendor_stub: VendorStub) -> None:
    broker = Broker(**fake())
    broker.vision.label(PICTURE)
    with threads(*[broker.close] * 8) as raised:
        pass
    assert raised == [None] * 8


@rest
def test_a_call_that_is_connecting_when_all_is_cut_sends_nothing(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpcore

    entered, go_on = threading.Event(), threading.Event()
    real: Callable[..., Any] = httpcore.SyncBackend.connect_tcp

    def slow(*arguments: Any, **more: Any) -> Any:
        stream = real(*arguments, **more)
        entered.set()
        go_on.wait(60)
        return stream

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", slow)
    vendor.answer()
    broker = Broker(**options(vendor.family, vendor.address))
    with threads(partial(broker.vision.label, PICTURE)) as raised:
        assert entered.wait(60)
        broker.close(timeout=0.05)
        go_on.set()
    (error,) = raised
    assert isinstance(error, Unavailable)
    assert error.outcome is Outcome.NOT_SENT
    assert vendor.count == 0
    assert until(lambda: vendor.connections == 0)


def test_the_default_broker_refuses_too_once_it_is_closed(
    vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from broker import _lazy

    monkeypatch.setattr(_lazy, "_default", None)
    vendor_stub.on("/v1/labels", default=Answer())
    default = _lazy.default_broker()
    assert package.vision is default.vision
    default.close()
    with pytest.raises(BrokerClosed):
        package.vision.label(PICTURE)


def test_closing_in_the_midst_of_the_own_threads_transaction_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a signal handler that closes may: the lock it waits for is held by the thread it interrupted."""
    monkeypatch.setattr(connection, "CLOSE_PATIENCE", 0.1)
    broker = Broker(**fake())
    broker.vision.label(PICTURE)
    assert isinstance(broker.ledger, SqliteLedger)
    broker.ledger._file.run(lambda _: broker.close(), begin="BEGIN")
    broker.ledger.close()
    assert [row["state"] for row in rows()] == ["settled"]
