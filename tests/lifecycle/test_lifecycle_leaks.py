"""Many brokers, one after the other: file descriptors, threads and memory stay as they are."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
from collections.abc import Callable

import pytest
from lifecycle_support import FAMILIES, PICTURE, finish, open_files, options, start, until
from lifecycle_vendor import Vendor

from broker import AsyncBroker, Broker, _lazy
from broker.ledger import connection
from broker.runtime import forks

LEAKS = """
import asyncio, gc, os, resource, threading
from broker import AsyncBroker, Broker
def sync():
    with Broker(**options(sys.argv[1], sys.argv[2])) as broker:
        broker.vision.label(PICTURE)
async def asynchronous():
    async with AsyncBroker(**options(sys.argv[1], sys.argv[2])) as broker:
        await asyncio.gather(broker.vision.label(PICTURE), broker.vision.label(PICTURE))
def state():
    gc.collect()
    with open("/proc/self/statm") as file:
        resident = int(file.read().split()[1]) * resource.getpagesize()
    threads = [each for each in threading.enumerate() if "Dummy" not in each.name]  # names for gRPC's core's
    return len(open_files()), len(threads), len(os.listdir("/proc/self/task")), resident
def many(count):
    for number in range(count):
        sync()
        asyncio.run(asynchronous())
many(int(sys.argv[3]) // 4)
before = state()
many(int(sys.argv[3]))
for _ in range(40):  # what is ending needs its time
    time.sleep(0.5)
    after = state()
    if after[0] <= before[0] + 1 and after[1] <= before[1] and after[2] <= before[2] + 4:
        break
print(*before, *after)
"""


def own_threads() -> int:
    """Without those of the stubs, and without the names that Python gives to threads of gRPC's core."""
    return len([each for each in threading.enumerate() if not re.search("stub|Dummy|_serve", each.name)])


@pytest.mark.parametrize(("family", "brokers"), [("rest", 80), ("azure", 30), ("botocore", 24), ("grpc", 30)])
def test_brokers_made_used_and_closed_leave_nothing(vendor: Vendor, brokers: int) -> None:
    """Half of them synchronous, half asynchronous on a loop of their own."""
    vendor.answer()
    out = finish(start(LEAKS, vendor.family, vendor.address, brokers // 2))
    files, threads, tasks, resident, *after = map(int, out.split())
    files_after, threads_after, tasks_after, resident_after = after
    assert files_after <= files + 1
    assert threads_after <= threads
    assert tasks_after <= tasks + 4, "gRPC's own pool breathes"
    unsteady = 8_000_000  # caches of Python and the allocator, which a few brokers do not fill
    grown = max(0, resident_after - resident - unsteady) / (brokers // 2 * 2)
    allowed = {"botocore": 600_000}.get(
        vendor.family, 60_000
    )  # boto3 keeps something of each client's making
    assert grown < allowed, f"{grown:.0f} bytes a broker"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_closed_broker_can_be_collected_and_leaves_no_thread(vendor: Vendor, face: str) -> None:
    vendor.answer()

    def sync() -> None:
        with Broker(**options(vendor.family, vendor.address)) as broker:
            broker.vision.label(PICTURE)

    async def asynchronous() -> None:
        async with AsyncBroker(**options(vendor.family, vendor.address)) as broker:
            await broker.vision.label(PICTURE)

    run: Callable[[], object] = sync if face == "sync" else lambda: asyncio.run(asynchronous())
    run()
    gc.collect()
    listed = len(list(forks._renewables)), len(list(connection._connections))
    threads = own_threads()
    files = len(open_files())
    for _ in range(3):
        run()
    gc.collect()
    assert (len(list(forks._renewables)), len(list(connection._connections))) == listed
    assert until(lambda: own_threads() <= threads), threading.enumerate()
    assert until(lambda: len(open_files()) <= files)


CALLS = """
import asyncio, gc, tracemalloc
from broker import AsyncBroker, Broker
def grown(call):
    for _ in range(300):
        call()
    gc.collect()
    tracemalloc.start()
    rounds = []
    for _ in range(3):
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(300):
            call()
        gc.collect()
        rounds.append(tracemalloc.get_traced_memory()[0] - before)
    tracemalloc.stop()
    return min(rounds)
with Broker(**options(sys.argv[1], sys.argv[2])) as broker:
    print(grown(lambda: broker.vision.label(PICTURE)))
with asyncio.Runner() as runner:
    broker = AsyncBroker(**options(sys.argv[1], sys.argv[2]))
    print(grown(lambda: runner.run(broker.vision.label(PICTURE))))
    runner.run(broker.aclose())
"""


@pytest.mark.parametrize("family", ["rest"])
def test_calls_leave_no_memory_behind(vendor: Vendor) -> None:
    vendor.answer()
    for grown in map(int, finish(start(CALLS, vendor.family, vendor.address)).split()):
        assert grown < 300 * 100, "less than a hundred bytes a call"


def test_the_default_broker_is_made_once_by_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    from lifecycle_support import threads

    monkeypatch.setattr(_lazy, "_default", None)
    found: list[Broker] = []
    with threads(*[lambda: found.append(_lazy.default_broker())] * 8):
        pass
    assert len({id(each) for each in found}) == 1
    found[0].close()
