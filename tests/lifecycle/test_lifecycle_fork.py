"""Forks at any moment: parent and child work on, on connections of their own, and no lock is held for ever."""

from __future__ import annotations

import pytest
from lifecycle_support import FAMILIES, Line, finish, rows, start, until
from lifecycle_vendor import Vendor

every = pytest.mark.parametrize("family", FAMILIES)
HEAD = """
import asyncio, os, signal, threading, warnings
warnings.filterwarnings("ignore", "This process.*multi-threaded", DeprecationWarning)  # Python 3.12 and later
signal.alarm(140)  # whoever hangs is killed, and the test fails
from broker import AsyncBroker, Broker
def made(kind=Broker, **more):
    return kind(**options(sys.argv[1], sys.argv[2], deadline=60.0, **more))
def child(work):
    pid = os.fork()
    if pid == 0:
        signal.alarm(100)
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            os._exit(status)
    return pid
def wait(pid):
    assert os.waitpid(pid, 0)[1] == 0
"""


def settled(count: int) -> None:
    found = rows()
    assert len(found) == count
    assert {(row["state"], row["outcome"]) for row in found} == {("settled", "done")}


USED = (
    HEAD
    + """
broker = made()
for _ in range(2):
    broker.vision.label(marked(b"parent"))
inherited = own_sockets()
def work():
    if sys.argv[1] != "grpc":
        assert not inherited & own_sockets(), "a socket of the parent's is open in the child"
    for _ in range(2):
        broker.vision.label(marked(b"child"))
    broker.close()
pid = child(work)
wait(pid)
broker.vision.label(marked(b"parent"))
pid = child(work)
broker.vision.label(marked(b"parent"))
wait(pid)
broker.close()
"""
)


@every
def test_a_broker_in_use_serves_parent_and_child(vendor: Vendor) -> None:
    vendor.answer()
    finish(start(USED, vendor.family, vendor.address))
    assert vendor.count == 8
    settled(8)


def test_no_connection_is_shared(line: Line) -> None:
    finish(start(USED, "rest", line.url))
    assert len(line.ports(b"parent")) == 1, "the parent keeps the one it had"
    assert len(line.ports(b"child")) == 2, "each child makes its own"
    assert not line.ports(b"parent") & line.ports(b"child")
    settled(8)


def test_a_connection_ends_when_the_parent_ends_it_though_the_child_lives(line: Line) -> None:
    code = (
        HEAD
        + """
broker = made()
broker.vision.label(PICTURE)
release, hold = os.pipe()
pid = child(lambda: (os.close(hold), os.read(release, 1)))
broker.close()
print("closed", flush=True)
sys.stdin.readline()
os.close(hold)
wait(pid)
"""
    )
    process = start(code, "rest", line.url)
    assert process.stdout is not None
    assert process.stdout.readline() == "closed\n"
    assert until(lambda: line.open == 0), "the child holds it open"
    finish(process)


UNDER_FIRE = (
    HEAD
    + """
broker = made()
stop = threading.Event()
counts = [0, 0, 0]
def churn(number):
    while not stop.is_set():
        broker.vision.label(PICTURE)
        counts[number] += 1
threads = [threading.Thread(target=churn, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
def work():
    broker.vision.label(PICTURE)
    broker.close()
forks = int(sys.argv[3])
for _ in range(forks):
    wait(child(work))
stop.set()
for thread in threads:
    thread.join()
broker.close()
print(sum(counts) + forks)
"""
)


@pytest.mark.parametrize(("family", "forks"), [("rest", 200), ("azure", 20), ("botocore", 8), ("grpc", 20)])
def test_forks_while_other_threads_are_in_the_middle_of_calls(vendor: Vendor, forks: int) -> None:
    """From the very first calls on, which import and set up what is needed."""
    vendor.answer()
    out = finish(start(UNDER_FIRE, vendor.family, vendor.address, forks))
    assert int(out) == vendor.count
    settled(int(out))


FROM_A_THREAD = (
    HEAD
    + """
broker = made()
broker.vision.label(PICTURE)
pids = []
barrier = threading.Barrier(2)
def fork():
    barrier.wait()
    for _ in range(20):
        pids.append(child(lambda: broker.vision.label(PICTURE)))
        broker.vision.label(PICTURE)
threads = [threading.Thread(target=fork) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for pid in pids:
    wait(pid)
assert len(pids) == 40
broker.close()
"""
)


def test_two_threads_that_fork_at_once_neither_hang_nor_lose_a_row(vendor_stub: object) -> None:
    line = Line()
    finish(start(FROM_A_THREAD, "rest", line.url))
    assert len(line.seen) == 81
    settled(81)
    line.close()


LOOPS = (
    HEAD
    + """
broker = made(AsyncBroker)
async def several():
    await asyncio.gather(*[broker.vision.label(marked(b"parent")) for _ in range(3)])
async def in_child():
    await asyncio.gather(*[broker.vision.label(marked(b"child")) for _ in range(3)])
    await broker.aclose()
asyncio.run(several())
wait(child(lambda: asyncio.run(in_child())))
async def main():
    await several()
    inherited = own_sockets()
    def work():
        assert sys.argv[1] != "rest" or len(inherited & own_sockets()) <= 2, "more than the loop's own pair"
        asyncio.run(in_child())
    pid = child(work)       # in the midst of a running loop
    await several()
    await asyncio.to_thread(wait, pid)
    await several()
    await broker.aclose()
asyncio.run(main())
"""
)


@pytest.mark.parametrize("family", ["rest", "azure", "botocore"])
def test_an_async_broker_serves_parent_and_child_also_from_within_a_loop(vendor: Vendor) -> None:
    vendor.answer()
    finish(start(LOOPS, vendor.family, vendor.address))
    assert vendor.count == 18
    settled(18)


def test_async_connections_are_not_shared_either(line: Line) -> None:
    finish(start(LOOPS, "rest", line.url))
    assert line.ports(b"parent")
    assert line.ports(b"child")
    assert not line.ports(b"parent") & line.ports(b"child")


HELD = (
    HEAD
    + """
from broker import _lazy
from broker.testing.fake import fake_provider
held, release = threading.Event(), threading.Event()
class Slow(fake_provider(provider="slow")):
    def __init__(self, settings):
        if threading.current_thread() is not threading.main_thread():
            held.set()
            release.wait()
        super().__init__(settings)
found = options(sys.argv[1], sys.argv[2])
found["adapters"] = [*found.get("adapters", ()), Slow]
broker = Broker(**found)
locks = [broker.registry._lock, broker._runtime._making, _lazy._lock, broker.ledger._file.lock]
if sys.argv[3] == "adapter":
    def hold():
        broker.vision.label(PICTURE, provider="slow")
else:
    def hold():
        with broker._runtime._making, _lazy._lock:
            held.set()
            release.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
def work():
    with _lazy._lock:
        pass
    broker.vision.label(PICTURE)
    broker.vision.label(PICTURE, provider="slow")
    broker.close()
wait(child(work))
release.set()
thread.join()
broker.vision.label(PICTURE)
broker.close()
"""
)


@pytest.mark.parametrize("held", ["adapter", "locks"])
def test_a_lock_held_by_another_thread_at_the_fork_is_free_in_the_child(held: str, line: Line) -> None:
    finish(start(HELD, "rest", line.url, held))
    assert {row["state"] for row in rows()} == {"settled"}
    assert len(rows()) == (4 if held == "adapter" else 3)


POOLS = """
import multiprocessing, signal, warnings
warnings.filterwarnings("ignore", "This process.*multi-threaded", DeprecationWarning)
from lifecycle_processes import begin, call
if __name__ == "__main__":
    signal.alarm(140)
    begin(sys.argv[1], sys.argv[2])
    call(0)
    with multiprocessing.get_context(sys.argv[3]).Pool(2, begin, (sys.argv[1], sys.argv[2])) as pool:
        assert pool.map(call, range(1, 7)) == ["Dog"] * 6
        pool.close()
        pool.join()
    call(7)
"""


@pytest.mark.parametrize(
    ("family", "method"),
    [("rest", "fork"), ("rest", "forkserver"), ("rest", "spawn"), ("botocore", "fork"), ("grpc", "fork")],
)
def test_the_pools_of_multiprocessing(vendor: Vendor, method: str) -> None:
    vendor.answer()
    finish(
        start(POOLS, vendor.family, vendor.address, method, python=("-W", "ignore"))
    )  # nobody closes there
    assert vendor.count == 8
    settled(8)
