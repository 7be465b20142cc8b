"""An asynchronous source that waits for ever is let go of when its stream is over, however that came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from stream_support import each_second, streaming_provider, threads_end

from broker import AsyncBroker, BrokerError
from broker.contract import Context, Sound
from broker.errors import Outcome, Unavailable
from broker.types.stream import StreamEvent, StreamRequest


def breaks(request: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
    for event in each_second(request, sound, context):
        yield event
        raise Unavailable("the line broke", outcome=Outcome.AMBIGUOUS)


@pytest.mark.parametrize("how", ["leave", "break", "finish", "deadline"])
def test_a_source_that_waits_ends_with_its_stream(how: str) -> None:
    async def run() -> None:
        never, closed = asyncio.Event(), asyncio.Event()

        async def source() -> AsyncIterator[bytes]:
            try:
                for _ in range(30):
                    yield b"\x00" * 3200
                await never.wait()
            finally:
                closed.set()

        kind = streaming_provider(breaks if how == "break" else each_second)
        async with AsyncBroker(adapters=[kind], provider="fake") as broker:
            stream = broker.transcription.stream(source(), deadline=2 if how == "deadline" else None)

            async def listen() -> None:
                async with stream:
                    async for _ in stream:
                        if how == "leave":
                            break
                        if how == "finish":
                            stream.finish()

            if how in ("break", "deadline"):
                with pytest.raises(BrokerError):
                    await listen()
            else:
                await listen()
            await asyncio.wait_for(closed.wait(), 60)
            while [each for each in asyncio.all_tasks() if each.get_name().startswith("mlbroker")]:  # noqa: ASYNC110 - the tasks are the broker's
                await asyncio.sleep(0.005)
            assert sum(row.open for row in broker.spend()) == 0

    asyncio.run(asyncio.wait_for(run(), 120))
    threads_end()
