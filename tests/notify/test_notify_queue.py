"""The queue behind ``send``: it never waits, never fails, ends with the program and is not inherited by a fork."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from notify_support import notice, threads, until, writing

from broker import AsyncBroker, Broker
from broker.notify import Notifier
from broker.testing import Answer, Fault, VendorStub
from broker.testing.fake import fake_provider


def test_sending_neither_waits_nor_starts_anything_without_a_way() -> None:
    notifier = Notifier()
    notifier.send(notice())
    assert (notifier.active, notifier.idle, threads()) == (False, True, [])
    notifier.close()


def test_sending_does_not_wait_for_a_receiver_that_hangs(vendor_stub: VendorStub) -> None:
    release = threading.Event()

    def wait(request: object) -> Answer:
        release.wait(60)
        return Answer()

    vendor_stub.script(wait)
    notifier = Notifier(webhook=vendor_stub.url, limit=60.0)
    began = time.monotonic()
    for _ in range(50):
        notifier.send(notice())
    assert time.monotonic() - began < 30
    assert len(threads()) == 1
    release.set()
    notifier.close(30)


def test_what_finds_no_room_is_dropped_counted_and_logged(
    vendor_stub: VendorStub, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def wait(request: object) -> Answer:
        release.wait(60)
        return Answer()

    vendor_stub.script(wait)
    notifier = Notifier(webhook=vendor_stub.url, room=3)
    notifier.send(notice("first"))
    assert vendor_stub.wait_for(1)  # it is under way and no longer waits
    for number in range(5):
        notifier.send(notice(str(number)))
    assert notifier.dropped == 2
    assert sum("is dropped" in each.getMessage() for each in caplog.records) == 2
    release.set()
    notifier.close(10)
    told = [each.json()["text"] for each in vendor_stub.requests]  # type: ignore[index, call-overload]
    assert told == ["first", "0", "1", "2"]


def test_the_thread_ends_when_nothing_is_left_and_comes_again(vendor_stub: VendorStub) -> None:
    vendor_stub.reply({})
    notifier = Notifier(webhook=vendor_stub.url)
    for number in range(3):
        notifier.send(notice())
        assert vendor_stub.wait_for(number + 1)
        assert until(lambda: threads() == [])
        assert until(lambda: vendor_stub.open_connections == 0)


def test_notices_of_many_threads_all_arrive(vendor_stub: VendorStub) -> None:
    vendor_stub.reply({})
    notifier = Notifier(webhook=vendor_stub.url)
    work = [threading.Thread(target=lambda: [notifier.send(notice()) for _ in range(10)]) for _ in range(8)]
    for each in work:
        each.start()
    for each in work:
        each.join()
    notifier.close(20)
    assert vendor_stub.count == 80
    assert threads() == []


def test_closing_is_bounded_and_says_what_was_not_delivered(
    vendor_stub: VendorStub, caplog: pytest.LogCaptureFixture
) -> None:
    vendor_stub.fault(Fault.hang())
    notifier = Notifier(webhook=vendor_stub.url, limit=5.0)
    for _ in range(4):
        notifier.send(notice())
    assert vendor_stub.wait_for(1)
    notifier.close(0.2)
    assert threads(), "it did not wait for the limit"
    assert any("not delivered before the end: 4" in each.getMessage() for each in caplog.records)
    assert notifier.idle
    assert until(lambda: threads() == []), "the request under way ends by its own limit"
    assert vendor_stub.count == 1


def test_closing_again_and_closing_nothing_take_no_time() -> None:
    notifier = Notifier(webhook="http://127.0.0.1:1/")
    began = time.monotonic()
    notifier.close(90)
    notifier.close(90)
    assert time.monotonic() - began < 30


def test_where_no_thread_can_be_had_closing_delivers(
    vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor_stub.reply({})
    notifier = Notifier(webhook=vendor_stub.url)
    start = threading.Thread.start

    def refuse(self: threading.Thread) -> None:
        if self.name.startswith("mlbroker notify"):
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    notifier.send(notice())
    notifier.send(notice())
    assert vendor_stub.count == 0
    notifier.close()
    assert vendor_stub.count == 2


def test_a_signals_handler_may_close_in_the_middle_of_sending(
    vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor_stub.reply({})
    notifier = Notifier(webhook=vendor_stub.url)
    start = threading.Thread.start

    def interrupted(self: threading.Thread) -> None:
        if self.name.startswith("mlbroker notify"):
            notifier.close()  # as the handler would, in the same thread
        start(self)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    sender = threading.Thread(target=notifier.send, args=(notice(),), daemon=True)
    sender.start()
    sender.join(60)
    assert not sender.is_alive(), "it waits for itself"
    assert vendor_stub.count == 1
    notifier.close()


def test_an_error_of_our_own_does_not_lose_the_next_notice(
    vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from broker.notify.webhook import Webhook

    vendor_stub.reply({})
    deliver, seen = Webhook.deliver, []

    def fail_once(self: Webhook, told: object, until: float) -> object:
        seen.append(told)
        if len(seen) == 1:
            raise LookupError("a bug")
        return deliver(self, told, until)  # type: ignore[arg-type]

    monkeypatch.setattr(Webhook, "deliver", fail_once)
    notifier = Notifier(webhook=vendor_stub.url)
    notifier.send(notice())
    notifier.send(notice())
    notifier.close(10)
    assert vendor_stub.count == 1
    assert "LookupError" in caplog.text


_FORK = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside a thread is what is tried here
sys.path.insert(0, sys.argv[3])
from notify_support import notice
from broker.notify import Notifier

notifier = Notifier(webhook=sys.argv[1])
notifier.send(notice("slow"))      # under way in the parent's thread
notifier.send(notice("waiting"))   # and one that waits
pid = os.fork()
if pid == 0:
    assert notifier.idle
    notifier.send(notice("child"))
    notifier.close(10)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
notifier.close(10)
"""
_EXIT = """
import sys, time
sys.path.insert(0, sys.argv[3])
from notify_support import notice
from broker.notify import Notifier

notifier = Notifier(webhook=sys.argv[1], limit=60.0)
notifier.send(notice("last words"))
"""


def run(script: str, url: str) -> float:
    began = time.monotonic()
    folder = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", script, url, "x", folder],
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
        env={**os.environ, "NO_PROXY": "*"},
    )
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def test_a_forked_child_does_not_deliver_what_waits_in_the_parent(vendor_stub: VendorStub) -> None:
    vendor_stub.script([Answer(delay=0.3)], default=Answer())
    run(_FORK, vendor_stub.url)
    told = sorted(each.json()["text"] for each in vendor_stub.requests)  # type: ignore[index, call-overload]
    assert told == ["child", "slow", "waiting"]


def test_what_was_sent_is_delivered_before_the_program_ends(vendor_stub: VendorStub) -> None:
    vendor_stub.script([Answer(delay=0.3)])
    run(_EXIT, vendor_stub.url)
    assert vendor_stub.count == 1


def test_the_end_of_the_program_is_bounded(vendor_stub: VendorStub) -> None:
    vendor_stub.fault(Fault.hang())
    assert run(_EXIT, vendor_stub.url) < 30, (
        "5 s for the notice, the rest for starting Python on a busy machine"
    )
    assert vendor_stub.count == 1


def test_a_broker_delivers_what_waits_when_it_closes(tmp_path: Path) -> None:
    file = tmp_path / "told"
    with Broker(adapters=[fake_provider()], provider="fake", notify={"command": writing(file)}) as broker:
        broker._core.services.notify(notice())
    assert "team-a" in file.read_text()
    assert threads() == []


def test_an_async_broker_does_so_without_holding_up_its_loop(tmp_path: Path) -> None:
    file = tmp_path / "told"

    async def work() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        broker = AsyncBroker(adapters=[fake_provider()], provider="fake", notify={"command": writing(file)})
        ticking = asyncio.create_task(tick())
        broker._core.services.notify(notice())
        await broker.aclose()
        ticking.cancel()
        return ticks

    assert asyncio.run(work()) > 0
    assert "team-a" in file.read_text()
