"""``*_many`` with inputs that come slowly or break, and programs that fork or are interrupted in the middle."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from echo_support import echo

from broker import AsyncBroker, Broker


@pytest.mark.parametrize("concurrency", [1, 3])
def test_what_was_answered_comes_before_the_error_of_the_inputs(concurrency: int) -> None:
    def failing() -> Iterator[str]:
        yield from ["positive"] * 5
        raise RuntimeError("the source broke")

    seen: list[int] = []

    def look() -> None:
        for item in broker.text.sentiment_many(failing(), concurrency=concurrency):
            seen.append(item.index)

    adapter = echo()
    with Broker(adapters=[adapter], provider="echo") as broker, pytest.raises(RuntimeError, match="broke"):
        look()
    assert seen == list(range(5))
    assert len(adapter.requests) == 5


def test_what_was_answered_comes_before_the_error_of_asynchronous_inputs() -> None:
    async def failing() -> AsyncIterator[str]:
        for _ in range(5):
            yield "positive"
        raise RuntimeError("the source broke")

    async def run() -> list[int]:
        seen: list[int] = []
        async with AsyncBroker(adapters=[echo()], provider="echo") as broker:
            try:
                async for item in broker.text.sentiment_many(failing(), concurrency=2):
                    seen.append(item.index)
            except RuntimeError as error:
                assert "broke" in str(error)  # noqa: PT017 - the loop's items are the matter
                seen.append(-1)
        return seen

    assert asyncio.run(run()) == [*range(5), -1]


def test_a_result_does_not_wait_for_the_next_input() -> None:
    async def run() -> list[int]:
        answered: list[int] = []
        more = asyncio.Event()

        async def told() -> AsyncIterator[str]:
            yield "positive"
            await asyncio.wait_for(more.wait(), 60.0)  # comes only once the first result was seen
            yield "negative"

        async with AsyncBroker(adapters=[echo()], provider="echo") as broker:
            async for item in broker.text.sentiment_many(told()):
                answered.append(item.index)
                more.set()
        return answered

    assert asyncio.run(run()) == [0, 1]


def test_a_forked_child_does_not_wait_for_its_parents_threads() -> None:
    with Broker(adapters=[echo()], provider="echo") as broker:
        items = broker.text.sentiment_many(["positive"] * 40, concurrency=2)
        next(items)
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            signal.alarm(90)
            try:
                list(items)
            except Exception as error:
                os._exit(7 if "forked" in str(error) else 8)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert len(list(items)) == 39


def test_an_interruption_settles_what_was_sent_and_sends_nothing_more(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import os, signal, threading, time
        from echo_support import echo
        from broker import Broker

        interrupted = threading.Event()

        def interrupt(*_):
            interrupted.set()
            raise KeyboardInterrupt

        def slow(text):
            os.write(1, b"sent\\n")  # whole: two threads say it
            interrupted.wait(60)
            time.sleep(0.2)

        signal.signal(signal.SIGINT, interrupt)

        with Broker(adapters=[echo(hook=slow)], provider="echo", ledger={"path": "interrupted.db"}) as broker:
            try:
                for _ in broker.text.sentiment_many(["positive"] * 1000, concurrency=2):
                    pass
            except KeyboardInterrupt:
                (row,) = broker.spend()
                print("left", row.attempts, row.open, flush=True)
        """
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "sent\n"
        running.send_signal(signal.SIGINT)
        told = running.stdout.read().split()
        assert running.wait(90) == 0
    sent, attempts, still_open = told.count("sent") + 1, int(told[-2]), int(told[-1])
    assert (attempts, still_open) == (sent, 0)
    assert sent <= 4
