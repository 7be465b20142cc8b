"""The suite that an adapter with ``transcription.stream`` must pass, shipped like :mod:`broker.testing.conformance`.

Subclass it, say which adapter, and give a stand-in for the vendor that plays three parts::

    class TestAcmeStreams(StreamConformance):
        adapter = AcmeAdapter

        @pytest.fixture
        def stage(self):
            with AcmeStage() as stage:
                yield stage

        def section(self, stage):
            return {"endpoint": stage.url, "key": self.secret}

Needs pytest and the fixtures of :mod:`broker.testing.pytest_plugin`.
"""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pytest

from broker.client import AsyncBroker, Broker
from broker.contract import Adapter, StreamLimits, Support
from broker.errors import BadInput, BrokerError
from broker.types.call import Result
from broker.types.money import Billed, Unit
from broker.types.stream import SoundFormat, StreamEvent, StreamRequest
from broker.types.transcript import Transcript

OPERATION = "transcription.stream"
RATE = 16_000
_PATIENCE = 30.0
"""Seconds that a stalled machine is given."""


class Stage(Protocol):
    """A stand-in for the vendor. Every part takes any number of streams.

    ``greets`` hears all the sound and then gives one final result. ``waits`` gives a partial result when the first sound has
    come, and hears on until the client goes. ``breaks`` gives a partial result when the first sound has come, hears a little
    more and breaks the connection.
    """

    part: str

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    @property
    def sounds(self) -> Sequence[bytes]:
        """What each stream has brought until now."""
        ...


class StreamConformance:
    """What every adapter that streams owes its users."""

    adapter: ClassVar[type[Adapter]]
    secret: ClassVar[str] = "canary-secret-2b1f9c"
    """Put it into the section wherever a credential goes; it must appear nowhere."""
    language: ClassVar[str | None] = "en-US"
    partials: ClassVar[bool] = True
    """Whether the stage gives partial results at all."""

    @pytest.fixture
    def stage(self) -> Stage:
        """The vendor's stand-in."""
        raise TypeError(f"{type(self).__name__} must give a fixture 'stage'")

    def section(self, stage: Stage) -> Mapping[str, Any]:
        """The provider's settings that lead to the stage."""
        return {"endpoint": stage.url}

    def options(self, stage: Stage, folder: Path) -> dict[str, Any]:
        """Of the broker."""
        provider = self.adapter.manifest.provider
        return {
            "adapters": [self.adapter],
            "provider": provider,
            "providers": {provider: dict(self.section(stage))},
            "ledger": {"path": str(folder / "streams.db")},
        }

    def streamed(
        self, face: str, stage: Stage, folder: Path, chunks: Iterable[bytes]
    ) -> tuple[list[StreamEvent], Result[Transcript]]:
        """A whole stream through the public client."""
        options = self.options(stage, folder)
        if face == "sync":
            with Broker(**options) as broker:
                stream = broker.transcription.stream(chunks, sample_rate=RATE, language=self.language)
                return list(stream), stream.result

        async def run() -> tuple[list[StreamEvent], Result[Transcript]]:
            async with AsyncBroker(**options) as other:
                one = other.transcription.stream(chunks, sample_rate=RATE, language=self.language)
                return [each async for each in one], one.result

        return asyncio.run(run())

    def test_its_cell_says_what_a_stream_needs(self) -> None:
        spec = self.adapter.manifest.by_name[OPERATION]
        assert spec.support is Support.YES
        assert isinstance(spec.limits, StreamLimits)
        assert not inspect.iscoroutinefunction(self.adapter.stream)  # type: ignore[attr-defined] # the cell says it is there
        for milliseconds in (1, 60_000, 61_234):
            request = StreamRequest(sound=SoundFormat(sample_rate=RATE), milliseconds=milliseconds)
            (use,) = spec.meter(request)
            assert (use.unit, use.quantity) == (Unit.SECOND, Decimal(milliseconds) / 1000)

    @pytest.mark.parametrize("face", ["sync", "async"])
    def test_all_sound_arrives_in_its_order_and_is_metered_once(
        self, face: str, stage: Stage, tmp_path: Path
    ) -> None:
        stage.part = "greets"
        said = bytes(number % 251 for number in range(38_400))  # 1.2 s
        chunks = [said[place : place + 5_001] for place in range(0, len(said), 5_001)]
        events, result = self.streamed(face, stage, tmp_path, chunks)
        assert list(stage.sounds) == [said]
        assert [each.final for each in events if each.final] == [True]
        assert result.value.segments == tuple(each.segment for each in events if each.final)
        assert result.provenance.provider == self.adapter.manifest.provider
        (attempt,) = result.attempts
        assert attempt.cost.billed is Billed.YES
        assert [row["state"] for row in _rows(tmp_path)] == ["settled"]
        assert result.cost.amount is not None or result.cost.unpriced

    def test_leaving_ends_it_and_settles_what_was_sent(self, stage: Stage, tmp_path: Path) -> None:
        stage.part = "waits"
        with Broker(**self.options(stage, tmp_path)) as broker:
            stream = broker.transcription.stream(_endless(), sample_rate=RATE, language=self.language)
            if not self.partials:
                threading.Thread(target=_when_sent, args=(stream,)).start()
            for _ in stream:
                break
            assert stream.milliseconds > 0
            assert [row["state"] for row in _rows(tmp_path)] != ["open"]
        until = time.monotonic() + _PATIENCE
        while any(each.name.startswith("mlbroker-stream") for each in threading.enumerate()):
            assert time.monotonic() < until, "its threads do not end"
            time.sleep(0.01)
        (sound,) = stage.sounds
        assert len(sound) <= stream.milliseconds * RATE * 2 // 1000, "more was sent than was metered"

    def test_finish_gives_the_last_results(self, stage: Stage, tmp_path: Path) -> None:
        stage.part = "greets"
        with Broker(**self.options(stage, tmp_path)) as broker:
            stream = broker.transcription.stream(_endless(), sample_rate=RATE, language=self.language)
            threading.Thread(target=_when_sent, args=(stream, stream.finish)).start()
            assert [each.final for each in stream if each.final] == [True]
            (sound,) = stage.sounds
            assert len(sound) == stream.milliseconds * RATE * 2 // 1000

    @pytest.mark.parametrize("face", ["sync", "async"])
    def test_a_broken_connection_is_at_risk_and_not_taken_up_again(
        self, face: str, stage: Stage, tmp_path: Path
    ) -> None:
        stage.part = "breaks"
        with pytest.raises(BrokerError) as caught:
            self.streamed(face, stage, tmp_path, _some(60))
        error = caught.value
        assert error.billed is None
        assert len(stage.sounds) == len(error.attempts) == 1
        (row,) = _rows(tmp_path)
        assert row["state"] == "unknown" or row["amount"] is None
        assert self.secret not in "".join(traceback.format_exception(error))
        assert self.secret.encode() not in (tmp_path / "streams.db").read_bytes()

    def test_streams_at_once_do_not_mix(self, stage: Stage, tmp_path: Path) -> None:
        stage.part = "greets"
        said = [bytes([number]) * 6_400 * number for number in (1, 2, 3)]
        with Broker(**self.options(stage, tmp_path)) as broker:

            def one(sound: bytes) -> None:
                list(broker.transcription.stream([sound], sample_rate=RATE, language=self.language))

            threads = [threading.Thread(target=one, args=(each,)) for each in said]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
        assert sorted(stage.sounds) == said

    def test_bad_input_reaches_nobody(self, stage: Stage, tmp_path: Path) -> None:
        stage.part = "greets"
        with Broker(**self.options(stage, tmp_path)) as broker:
            with pytest.raises(BadInput):
                broker.transcription.stream([], sample_rate=0)
            with pytest.raises(BrokerError):
                list(broker.transcription.stream(_some(1), sample_rate=RATE, language="xx-no-such"))
        assert list(stage.sounds) == []
        assert _rows(tmp_path) == []


def _endless() -> Iterator[bytes]:
    while True:
        yield bytes(3_200)


def _some(seconds: int) -> Iterator[bytes]:
    for _ in range(10 * seconds):
        yield bytes(3_200)


def _when_sent(stream: Any, then: Any = None) -> None:
    """Once a second of sound was sent."""
    until = time.monotonic() + _PATIENCE
    while stream.milliseconds < 1_000 and time.monotonic() < until:
        time.sleep(0.01)
    (stream.close if then is None else then)()


def _rows(folder: Path) -> list[sqlite3.Row]:
    path = folder / "streams.db"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM attempt ORDER BY seq").fetchall()
