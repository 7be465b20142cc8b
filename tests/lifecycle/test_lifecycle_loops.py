"""One AsyncBroker over several event loops, one after the other and at once: nothing leaks, nothing mixes."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any

import anyio
import pytest
from lifecycle_support import FAMILIES, HTTP_FAMILIES, PICTURE, options, own_sockets, rows, threads, until
from lifecycle_vendor import Vendor

from broker import AsyncBroker, NotConfigured
from broker.errors import Outcome
from broker.testing.fake import fake_provider

every = pytest.mark.parametrize("family", FAMILIES)
http = pytest.mark.parametrize("family", HTTP_FAMILIES)


@pytest.fixture(autouse=True)
def _nothing_is_found_unclosed() -> Iterator[None]:
    """A ResourceWarning in a destructor fails the test: pytest turns it into an error."""
    gc.collect()
    yield
    gc.collect()


async def several(broker: AsyncBroker, count: int = 3) -> None:
    await asyncio.gather(*[broker.vision.label(PICTURE) for _ in range(count)])


@every
def test_one_broker_serves_several_runs_in_a_row(vendor: Vendor) -> None:
    vendor.answer()
    broker = AsyncBroker(**options(vendor.family, vendor.address))
    for turn in range(1, 5):
        asyncio.run(several(broker))
        assert vendor.count == 3 * turn
        gc.collect()
    asyncio.run(broker.aclose())
    assert [row["outcome"] for row in rows()] == ["done"] * 12


@pytest.mark.parametrize("family", ["rest", "azure"])
def test_the_end_of_a_loop_closes_its_connections(vendor: Vendor) -> None:
    vendor.answer()
    broker = AsyncBroker(**options(vendor.family, vendor.address))
    before = own_sockets()
    asyncio.run(several(broker))
    assert until(lambda: vendor.connections == 0)
    assert own_sockets() == before
    anyio.run(several, broker)
    assert until(lambda: vendor.connections == 0)
    asyncio.run(broker.aclose())


@pytest.mark.parametrize("family", ["rest", "azure"])
@pytest.mark.parametrize("how", ["next use", "aclose"])
def test_a_loop_that_was_closed_without_ceremony_is_tidied_up(vendor: Vendor, how: str) -> None:
    vendor.answer()
    broker = AsyncBroker(**options(vendor.family, vendor.address))
    before = own_sockets()
    for _ in range(2):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(several(broker))
        loop.close()
        del loop
        gc.collect()
    if how == "next use":
        assert 1 <= vendor.connections <= 3, "those of the first loop went at the second's first use"
        asyncio.run(several(broker, 1))
        assert until(lambda: vendor.connections == 0)
    asyncio.run(broker.aclose())
    assert until(lambda: vendor.connections == 0)
    assert own_sockets() == before


@every
def test_several_loops_at_once_keep_apart(vendor: Vendor) -> None:
    vendor.answer(delay=0.02)
    broker = AsyncBroker(**options(vendor.family, vendor.address))

    async def use() -> None:
        for _ in range(3):
            await several(broker)

    with threads(*[lambda: asyncio.run(use())] * 5) as raised:
        pass
    assert raised == [None] * 5
    assert vendor.count == len(rows()) == 45
    asyncio.run(broker.aclose())
    if vendor.family != "grpc":
        assert until(lambda: vendor.connections == 0)


@http
def test_closing_on_one_loop_closes_the_connections_of_another_that_runs(vendor: Vendor) -> None:
    vendor.answer()
    broker = AsyncBroker(**options(vendor.family, vendor.address))
    used, stop = threading.Event(), threading.Event()

    async def elsewhere() -> None:
        await several(broker)
        used.set()
        await asyncio.to_thread(stop.wait, 90)

    with threads(partial(asyncio.run, elsewhere())) as raised:
        assert used.wait(60)
        asyncio.run(several(broker))
        asyncio.run(broker.aclose())
        assert until(lambda: vendor.connections == 0)
        stop.set()
    assert raised == [None]


@pytest.mark.parametrize("family", ["rest"])
def test_calls_on_another_loop_are_waited_for_and_then_cut(vendor: Vendor) -> None:
    vendor.hang()
    broker = AsyncBroker(**options(vendor.family, vendor.address, deadline=60.0))
    with threads(lambda: asyncio.run(several(broker, 1))) as raised:
        assert vendor.wait_for(1)
        asyncio.run(broker.aclose(timeout=0.1))
    assert getattr(raised[0], "outcome", None) is Outcome.AMBIGUOUS
    assert [row["outcome"] for row in rows()] == ["ambiguous"]
    assert until(lambda: vendor.connections == 0)


def test_without_asyncio_the_first_call_says_so_and_nothing_is_announced() -> None:
    """As under trio: its loop is none of asyncio's."""
    broker = AsyncBroker(adapters=[fake_provider()], provider="fake")
    call: Coroutine[Any, Any, object] = broker.vision.label(PICTURE)
    with pytest.raises(NotConfigured, match="trio"):
        call.send(None)
    asyncio.run(broker.aclose())
    assert rows() == []


@pytest.mark.parametrize("family", ["rest"])
def test_a_broker_that_is_dropped_unclosed_leaves_no_socket_on_a_loop_that_goes_on(vendor: Vendor) -> None:
    vendor.answer()
    before = own_sockets()

    async def careless() -> None:
        await several(AsyncBroker(**options(vendor.family, vendor.address)))

    async def server() -> None:
        await careless()
        gc.collect()
        for _ in range(3000):
            if vendor.connections == 0:
                return
            await asyncio.sleep(0.01)

    asyncio.run(server())
    assert vendor.connections == 0
    assert own_sockets() == before
