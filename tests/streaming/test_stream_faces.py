"""transcription.stream through both faces: results as they come, one result at the end."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest
from stream_support import SECOND, event, price, sound_of, streaming_provider

from broker import AsyncBroker, BadInput, Broker, BrokerClosed, BrokerError, Unsupported
from broker.contract import Context, Sound
from broker.errors import Outcome
from broker.types import Result, Rounding, Transcript
from broker.types.stream import StreamEvent, StreamRequest


def test_results_come_in_order_and_the_result_is_all_finals() -> None:
    fake = streaming_provider()
    with Broker(adapters=[fake], provider="fake") as broker:
        stream = broker.transcription.stream(sound_of(12.5))
        events = list(stream)
        assert [each.final for each in events] == [False] * 9 + [True, False, False, True]
        assert [each.segment.text for each in events if each.final] == [
            "second 10",
            "the end after 400000 bytes",
        ]
        result = stream.result
        assert isinstance(result, Result)
        assert isinstance(result.value, Transcript)
        assert result.value == stream.transcript()
        assert result.value.text == "second 10 the end after 400000 bytes"
        assert result.provenance.provider == "fake"
        assert (result.provenance.request_id, result.provenance.model_version) == ("stream-1", "fake-1")
        assert stream.cost.amount == Decimal("0.013"), "12.5 s round up to 13"
        assert stream.milliseconds == 12_500
        (attempt,) = result.attempts
        assert attempt.outcome is Outcome.DONE
        assert attempt.recorded
        (row,) = broker.spend()
        assert (row.attempts, row.amount, row.at_risk) == (1, Decimal("0.013"), Decimal(0))


def test_the_async_face_says_the_same() -> None:
    async def source() -> AsyncIterator[bytes]:
        for chunk in sound_of(12.5):
            yield chunk

    async def run(*, asynchronous: bool) -> tuple[list[StreamEvent], Result[Transcript]]:
        async with AsyncBroker(adapters=[streaming_provider()], provider="fake") as broker:
            chunks = source() if asynchronous else sound_of(12.5)
            async with broker.transcription.stream(chunks) as stream:
                return [each async for each in stream], stream.result

    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream(sound_of(12.5))
        expected = list(stream), stream.result.value, stream.cost
    for asynchronous in (True, False):
        events, result = asyncio.run(run(asynchronous=asynchronous))
        assert (events, result.value, result.cost) == expected


def test_partial_results_can_be_left_out() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        assert all(each.final for each in broker.transcription.stream(sound_of(12.5), partials=False))


def test_a_result_comes_before_the_next_sound_is_there() -> None:
    """As in a conversation: what is said next depends on what was understood."""
    heard = threading.Event()

    def talker() -> Iterator[bytes]:
        yield b"\x00" * (10 * SECOND)
        assert heard.wait(30)
        yield b"\x00" * (10 * SECOND)

    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        finals = 0
        for each in broker.transcription.stream(talker()):
            if each.final:
                finals += 1
                heard.set()
        assert finals == 2


def test_pieces_are_whole_samples_of_a_tenth_of_a_second_whatever_the_chunks_are() -> None:
    sizes: list[int] = []
    got = bytearray()

    def act(_: StreamRequest, sound: Sound, __: Context) -> Iterator[StreamEvent]:
        for piece in sound:
            if piece:
                sizes.append(len(piece))
            got.extend(piece)
        yield event("done")

    said = bytes(range(256)) * 400
    for chunks in (
        [said],
        [said[n : n + 3333] for n in range(0, len(said), 3333)],
        [said[n : n + 1] for n in range(3000)] + [said[3000:]],
        [bytearray(said)],
        [memoryview(said).cast("h")],
    ):
        sizes.clear()
        got.clear()
        with Broker(adapters=[streaming_provider(act)], provider="fake") as broker:
            list(broker.transcription.stream(chunks))
        assert bytes(got) == said
        assert max(sizes) <= SECOND // 10
        assert not any(size % 2 for size in sizes)


def test_options_that_cannot_be_meant_are_refused_at_once() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream
        with pytest.raises(BadInput, match="sample_rate"):
            stream([], sample_rate=0)
        with pytest.raises(BadInput, match="did you mean 'language'"):
            stream([], langauge="en")  # type: ignore[call-arg]
        with pytest.raises(BadInput, match="only one of them"):
            stream([], language="en", candidates=["de"])
        with pytest.raises(BadInput, match="pass \\[sound\\]"):
            stream(b"\x00\x00")  # type: ignore[arg-type]
        with pytest.raises(BadInput, match="AsyncBroker"):
            stream(_nothing())  # type: ignore[arg-type]
        with pytest.raises(BadInput, match="raw"):
            stream([], raw=True)  # type: ignore[call-arg]
        with pytest.raises(BadInput, match="estimate"):
            stream([], milliseconds=10)  # type: ignore[call-arg]
        assert broker.spend() == []


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


def test_what_the_provider_lacks_is_refused_or_left_out_and_told() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        with pytest.raises(Unsupported, match="diarize"):
            list(broker.transcription.stream(sound_of(1), diarize=True))
        with pytest.raises(Unsupported, match="language 'fr'"):
            list(broker.transcription.stream(sound_of(1), language="fr"))
        stream = broker.transcription.stream(sound_of(1), diarize=True, on_unsupported="ignore")
        list(stream)
        assert stream.transcript().ignored == ("diarize",)


def test_what_is_no_sound_is_refused() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        for chunks, words in (
            ([b"RIFF\x00\x00\x00\x00WAVE"], "begins like a file"),
            (["text"], "not str"),
            ([memoryview(b"\x00" * 8).cast("f")], "not signed 16-bit"),
        ):
            with pytest.raises(BadInput, match=words):
                list(broker.transcription.stream(chunks))  # type: ignore[arg-type]
        assert all(row.amount == 0 for row in broker.spend())


def test_half_a_sample_at_the_end_is_told_behind_the_results() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream([b"\x00" * (2 * SECOND + 1)])
        seen: list[StreamEvent] = []
        with pytest.raises(BadInput, match="midst of a sample"):
            seen.extend(stream)
        assert stream.transcript().text == f"the end after {2 * SECOND} bytes"
        assert stream.cost.amount == Decimal("0.002")


def test_what_the_chunks_raise_comes_behind_the_results_of_what_was_sent() -> None:
    class MicrophoneGoneError(Exception):
        pass

    def source() -> Iterator[bytes]:
        yield b"\x00" * (3 * SECOND)
        raise MicrophoneGoneError

    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream(source())
        seen: list[StreamEvent] = []
        with pytest.raises(MicrophoneGoneError):
            seen.extend(stream)
        assert [each.final for each in seen] == [False, False, False, True]
        assert stream.cost.amount == Decimal("0.003")


def test_no_sound_costs_nothing() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream([])
        list(stream)
        assert stream.cost.amount == 0
        assert [row.amount for row in broker.spend()] == [Decimal(0)]


def test_a_stream_is_iterated_once() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream(sound_of(1))
        with pytest.raises(BrokerError, match="not over"):
            _ = stream.result
        list(stream)
        with pytest.raises(BrokerError, match="once"):
            list(stream)


def test_free_streams_have_one_row_and_unpriced_ones_a_reason() -> None:
    free = streaming_provider(row=price(sku="fake.stream", free=True))
    with Broker(adapters=[free], provider="fake") as broker:
        stream = broker.transcription.stream(sound_of(130))
        list(stream)
        assert len(stream.result.attempts) == 1
        assert stream.cost.amount == 0
    unpriced = streaming_provider(row=price(None, sku="fake.stream"))
    with Broker(adapters=[unpriced], provider="fake") as broker:
        stream = broker.transcription.stream(sound_of(130))
        list(stream)
        assert stream.cost.amount is None
        assert stream.cost.unpriced == "a test wants it so"


def test_two_streams_at_once_do_not_mix() -> None:
    def act(request: StreamRequest, sound: Sound, _: Context) -> Iterator[StreamEvent]:
        got = b"".join(sound)
        yield event(f"{request.language} {got[0]} {len(got)}")

    with Broker(adapters=[streaming_provider(act)], provider="fake") as broker:
        found: dict[str, str] = {}

        def one(language: str, byte: int, seconds: int) -> None:
            chunks = [bytes([byte]) * (SECOND // 5)] * 5 * seconds
            stream = broker.transcription.stream(chunks, language=language)
            list(stream)
            found[language] = stream.transcript().text

        threads = [threading.Thread(target=one, args=args) for args in (("en", 1, 3), ("de", 2, 5))]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert found == {"en": f"en 1 {3 * SECOND}", "de": f"de 2 {5 * SECOND}"}


def test_an_estimate_is_by_length() -> None:
    tiered = price(sku="fake.stream", rounding=Rounding(increment=Decimal(1), minimum=Decimal(15)))
    with Broker(adapters=[streaming_provider(row=tiered)], provider="fake") as broker:
        for seconds, due in ((3, "0.015"), (61.2, "0.062"), (7200, "7.2")):
            found = broker.estimate.transcription.stream(seconds)
            assert found.first is not None
            assert (found.first.amount, found.worst_case) == (Decimal(due), Decimal(due))
        stream = broker.transcription.stream(sound_of(61.2))
        list(stream)
        assert stream.cost.amount == Decimal("0.062")
        for bad in (-1, float("nan"), True, "60"):
            with pytest.raises(BadInput, match="by its length"):
                broker.estimate.transcription.stream(bad)  # type: ignore[arg-type]

    async def run() -> Decimal | None:
        async with AsyncBroker(adapters=[streaming_provider(row=tiered)], provider="fake") as other:
            return (await other.estimate.transcription.stream(3)).worst_case

    assert asyncio.run(run()) == Decimal("0.015")


def test_memory_is_flat_however_long_it_lasts() -> None:
    with Broker(
        adapters=[streaming_provider(row=price(sku="fake.stream", free=True))], provider="fake"
    ) as broker:
        used: list[int] = []
        tracemalloc.start()
        try:
            for number, each in enumerate(broker.transcription.stream(sound_of(1200))):
                if number in (120, 1190):
                    used.append(tracemalloc.get_traced_memory()[0])
                del each
        finally:
            tracemalloc.stop()
    early, late = used
    assert late - early < 300_000, "its final results, and no sound: that would be 34 MB"


def test_closing_an_async_broker_ends_its_streams_behind_their_results() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"\0" * (SECOND // 10)
            await asyncio.sleep(0)

    async def run() -> list[StreamEvent]:
        broker = AsyncBroker(adapters=[streaming_provider()], provider="fake")
        seen: list[StreamEvent] = []
        stream = broker.transcription.stream(endless())

        async def listen() -> None:
            async for each in stream:
                seen.append(each)

        task = asyncio.create_task(listen())
        while not seen:  # noqa: ASYNC110 - another task fills it
            await asyncio.sleep(0.005)
        await broker.aclose()
        with pytest.raises(BrokerClosed):
            await task
        assert stream.result.attempts[0].outcome is Outcome.DONE
        return seen

    assert asyncio.run(run())[-1].final
