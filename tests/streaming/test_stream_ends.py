"""How streams end before their sound does: their user leaves, their provider breaks, their time is up."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from stream_support import SECOND, endless, event, sound_of, streaming_provider, threads_end

from broker import (
    AsyncBroker,
    Broker,
    BrokerClosed,
    BrokerError,
    DeadlineExceeded,
)
from broker.contract import TICK, Context, Sound
from broker.errors import Outcome
from broker.types.money import Billed
from broker.types.stream import StreamEvent, StreamRequest

Act = Callable[[StreamRequest, Sound, Context], Iterator[StreamEvent]]


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    threads_end()


def waiting(context: Context, reached: threading.Event) -> None:
    """What an adapter does that waits for its vendor."""
    reached.set()
    while context.remaining() > 0.0:
        time.sleep(TICK / 20)
    raise DeadlineExceeded("nobody answered", outcome=Outcome.AMBIGUOUS)


# ---------------------------------------------------------------- the states in which a user may leave

CONNECTING, SENDING, ANSWERED, ENDING = "connecting", "sending", "answered", "ending"
STATES = {
    CONNECTING: Outcome.NOT_SENT,
    SENDING: Outcome.AMBIGUOUS,
    ANSWERED: Outcome.DONE,
    ENDING: Outcome.AMBIGUOUS,
}


def act_of(state: str, reached: threading.Event) -> Act:
    def act(_: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
        if state == CONNECTING:
            waiting(context, reached)
        taken = 0
        for piece in sound:
            taken += len(piece)
            if state == ANSWERED and taken == SECOND:
                yield event("so far", final=False)
            if state != ENDING and taken >= 2 * SECOND:
                reached.set()
        waiting(context, reached)

    return act


@pytest.mark.parametrize("state", STATES)
def test_leaving_in_any_state_ends_it_and_settles_what_was_sent(state: str) -> None:
    reached = threading.Event()
    chunks = sound_of(2) if state == ENDING else endless()
    with Broker(adapters=[streaming_provider(act_of(state, reached))], provider="fake") as broker:
        stream = broker.transcription.stream(chunks)

        def leave() -> None:
            assert reached.wait(30)
            stream.close()

        leaving = threading.Thread(target=leave)
        leaving.start()
        list(stream)  # ends, and raises nothing: the user has left
        leaving.join()
        threads_end()
        (attempt, *_) = stream.result.attempts
        assert attempt.outcome is STATES[state]
        assert (
            stream.cost.billed
            is {
                Outcome.NOT_SENT: Billed.NO,
                Outcome.AMBIGUOUS: Billed.UNKNOWN,
                Outcome.DONE: Billed.YES,
            }[attempt.outcome]
        )
        assert sum(row.open for row in broker.spend()) == 0
        if state != CONNECTING:
            assert stream.milliseconds >= 2000
            assert sum(use.quantity for use in attempt.usage) <= Decimal(stream.milliseconds) / 1000
        (target,) = broker.health.targets()
        assert target.failures == 0, "a user who leaves tells nothing of the provider"


@pytest.mark.parametrize("state", STATES)
def test_cancelling_in_any_state_does_the_same_for_async(state: str) -> None:
    reached = threading.Event()

    async def run() -> None:
        chunks = sound_of(2) if state == ENDING else endless()
        async with AsyncBroker(
            adapters=[streaming_provider(act_of(state, reached))], provider="fake"
        ) as broker:
            stream = broker.transcription.stream(chunks)

            async def listen() -> None:
                async with stream:
                    async for _ in stream:
                        pass

            task = asyncio.create_task(listen())
            while not reached.is_set():  # noqa: ASYNC110 - a thread of the adapter's sets it
                await asyncio.sleep(0.005)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            (attempt, *_) = stream.result.attempts
            assert attempt.outcome is STATES[state]
            assert sum(row.open for row in broker.spend()) == 0

    asyncio.run(run())


def test_a_loop_that_is_left_closes_the_stream() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream(endless())
        for each in stream:
            if each.final:
                break
        threads_end()
        # What was recognised between the leaving and the end counts too, for it was sent: all of it, and nothing else.
        finals = len(stream.transcript().segments)
        assert 1 <= finals <= stream.milliseconds // 10_000
        assert stream.transcript().text == " ".join(f"second {10 * each}" for each in range(1, finals + 1))
        assert stream.cost.billed is Billed.YES
        assert stream.cost.amount is not None
        assert stream.cost.amount >= Decimal("0.010")


def test_what_the_loop_raises_closes_it_too() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream(endless())

        def use() -> None:
            with stream:
                for _ in stream:
                    raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            use()
        threads_end()
        assert stream.result.attempts[0].outcome is Outcome.DONE


def test_finish_ends_the_sound_and_gives_the_last_results() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream(endless())
        seen = []
        for each in stream:
            seen.append(each.segment.text)
            if len(seen) == 3:
                stream.finish()
        assert seen[-1].startswith("the end after")
        assert stream.result.attempts[0].outcome is Outcome.DONE


def test_an_adapter_that_waits_is_interrupted() -> None:
    """One that cannot look at the clock, as it waits in a library of its vendor's."""
    shut, reached = threading.Event(), threading.Event()

    def act(_: StreamRequest, sound: Sound, __: Context) -> Iterator[StreamEvent]:
        sound.when_left(shut.set)
        next(sound)
        reached.set()
        assert shut.wait(60)
        raise ConnectionError("the line was shut down")
        yield event("never")

    with Broker(adapters=[streaming_provider(act)], provider="fake") as broker:
        stream = broker.transcription.stream(endless())
        threading.Thread(target=lambda: reached.wait(30) and stream.close()).start()
        list(stream)
        assert stream.result.attempts[0].outcome is Outcome.AMBIGUOUS


def test_an_iterator_that_is_let_go_of_closes_the_stream() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        results: Any = iter(broker.transcription.stream(endless()))
        next(results)
        del results
        gc.collect()
        threads_end()
        (row,) = broker.spend()
        assert (row.open, row.attempts, row.unknown) == (0, 1, 0)
        assert row.amount > 0


def test_a_stream_that_nobody_can_close_any_more_warns_and_ends() -> None:
    """Its event loop was closed in the midst of it, and nobody holds it."""
    loop = asyncio.new_event_loop()
    broker = AsyncBroker(adapters=[streaming_provider()], provider="fake")

    async def begin(broker: AsyncBroker) -> Any:
        results = broker.transcription.stream(endless()).__aiter__()
        await results.__anext__()
        return results

    results: Any = loop.run_until_complete(begin(broker))
    loop.close()  # with what goes on in it
    held = [results]
    del results
    with pytest.warns(ResourceWarning, match="let go of"):
        held.clear()
    threads_end()
    del broker  # and with it the task that cannot go on: it settles what was sent
    gc.collect()
    with Broker() as other:
        assert [(row.attempts, row.open) for row in other.spend()] == [(1, 0)]


async def _begun_and_left(broker: AsyncBroker) -> None:
    stream = broker.transcription.stream(endless())
    async for _ in stream:
        break


def test_an_async_loop_that_is_left_is_closed_by_its_event_loop() -> None:
    async def run() -> None:
        async with AsyncBroker(adapters=[streaming_provider()], provider="fake") as broker:
            await _begun_and_left(broker)
            while sum(row.open for row in broker.spend()):  # noqa: ASYNC110 - the loop's own closing is waited for
                await asyncio.sleep(0.005)
            (row,) = broker.spend()
            assert row.amount > 0

    asyncio.run(run())


def test_the_event_loops_end_ends_it() -> None:
    found: list[Any] = []

    async def run() -> None:
        broker = AsyncBroker(adapters=[streaming_provider()], provider="fake")
        stream = broker.transcription.stream(endless())
        found.extend((broker, stream))
        results = stream.__aiter__()
        await results.__anext__()
        found.append(results)

    asyncio.run(run())
    threads_end()
    assert sum(row.open for row in found[0].spend()) == 0


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_slow_consumer_holds_the_source_back(asynchronous: bool) -> None:
    """Whoever takes no results is sent no more sound: some seconds are on their way, whatever the source has."""
    taken = 0

    def source() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"\x00" * (SECOND // 10)

    async def gen() -> AsyncIterator[bytes]:
        for each in source():
            yield each

    def settled() -> None:
        """Wait until nothing moves."""
        before = -1
        while before != taken:
            before = taken
            time.sleep(0.5)

    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        if not asynchronous:
            for _ in broker.transcription.stream(source()):
                settled()
                break
        else:

            async def run() -> None:
                async with (
                    AsyncBroker(adapters=[streaming_provider()], provider="fake") as other,
                    other.transcription.stream(gen()) as stream,
                ):
                    async for _ in stream:
                        while True:
                            before = taken
                            await asyncio.sleep(0.5)
                            if before == taken:
                                break
                        break

            asyncio.run(run())
    # 64 results, one a second, wait to be taken; a second of sound waits to be sent.
    assert 600 <= taken <= 10 * (64 + 1 + 1 + 2)


# ---------------------------------------------------------------- the broker's and the process' own ends


def test_closing_the_broker_ends_its_streams_behind_their_results() -> None:
    broker = Broker(adapters=[streaming_provider()], provider="fake")
    stream = broker.transcription.stream(endless())
    seen: list[StreamEvent] = []
    begun = threading.Event()

    def hear() -> None:
        for each in stream:
            seen.append(each)
            begun.set()

    def listen() -> None:
        with pytest.raises(BrokerClosed):
            hear()

    listener = threading.Thread(target=listen)
    listener.start()
    assert begun.wait(30)
    broker.close()
    listener.join()
    assert seen[-1].final
    assert stream.result.attempts[0].outcome is Outcome.DONE
    with pytest.raises(BrokerClosed):
        list(broker.transcription.stream(sound_of(1)))


@pytest.mark.realtime
def test_closing_the_broker_ends_streams_that_nobody_listens_to() -> None:
    broker = Broker(adapters=[streaming_provider()], provider="fake")
    stream = broker.transcription.stream(endless())
    results = iter(stream)
    next(results)
    broker.close(timeout=0.2)
    threads_end()
    with Broker() as other:
        assert [(row.attempts, row.open) for row in other.spend()] == [(1, 0)]
    with pytest.raises(BrokerClosed):
        list(results)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_neither_sends_nor_settles(tmp_path: Any) -> None:
    sent = tmp_path / "sent"

    def act(request: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
        for piece in sound:
            with sent.open("a") as file:
                file.write(f"{os.getpid()} {len(piece)}\n")
            yield event("heard", final=False)
        yield event("end")

    gate = threading.Event()

    def source() -> Iterator[bytes]:
        yield b"\x00" * SECOND
        assert gate.wait(30)
        yield b"\x00" * SECOND

    with Broker(adapters=[streaming_provider(act)], provider="fake") as broker:
        stream = broker.transcription.stream(source())
        results = iter(stream)
        next(results)
        child = os.fork()
        if child == 0:
            code = 1
            with suppress(BaseException):
                try:
                    next(results)
                except BrokerError as error:
                    code = 0 if "forked" in str(error) else 2
                stream.close()
                stream.finish()
                del results, stream
                gc.collect()
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        gate.set()
        list(results)
        assert stream.result.attempts[0].outcome is Outcome.DONE
        assert stream.cost.amount == Decimal("0.002")
        assert [row.open for row in broker.spend()] == [0]
    assert {line.split()[0] for line in sent.read_text().splitlines()} == {str(os.getpid())}
