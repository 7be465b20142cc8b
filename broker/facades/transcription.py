"""``broker.transcription``: thin typed methods; all they do is name the operation."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Unpack

from broker.contract.operations import STREAM, TRANSCRIBE
from broker.facades.bulk import CONCURRENCY, many, many_async
from broker.facades.jobs import AsyncJob, Job
from broker.facades.options import StreamOptions, TranscribeOptions
from broker.facades.streaming import AsyncStream, SoundChunk, Stream, stream_options
from broker.job_core import JobCore
from broker.pipeline.ahead import Ahead
from broker.runtime.blocking import drive
from broker.types.audio import AudioInput
from broker.types.batch import Item
from broker.types.call import Result
from broker.types.estimate import Estimate
from broker.types.transcript import Transcript

if TYPE_CHECKING:
    from broker.core import Core


class Transcription:
    """Recordings in, transcripts out.

    A recording is a path, bytes, a binary file object or an :class:`~broker.types.audio.Audio`. Every method raises the
    errors of :mod:`broker.errors`. How it is asked depends on its length and size: in one request, or as a job in the
    provider's own store (see ``start``). Without ``deadline`` a call waits as long as a recording of its length may take.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._jobs = JobCore(core)

    def start(self, audio: AudioInput, /, **options: Unpack[TranscribeOptions]) -> Job:
        """Have a recording transcribed without waiting for it: it is staged and submitted when this returns.

        A job of the same recording, options and account that has not ended is taken up, not paid for again. ``deadline``
        is for staging and submitting.
        """
        return Job(self._jobs, drive(self._jobs.start(audio, dict(options))))

    def transcribe(self, audio: AudioInput, /, **options: Unpack[TranscribeOptions]) -> Result[Transcript]:
        """What is said? See :class:`~broker.facades.options.TranscribeOptions`."""
        return drive(self._core.run(TRANSCRIBE, audio, dict(options)))

    def stream(
        self,
        chunks: Iterable[SoundChunk],
        /,
        *,
        sample_rate: int = 16_000,
        **options: Unpack[StreamOptions],
    ) -> Stream:
        """What is being said? See :class:`~broker.facades.streaming.Stream`.

        :param chunks: sound as it comes, of any size: signed 16-bit little-endian samples of one channel. Taken in a thread
            of its own, no faster than the provider takes them.
        :param sample_rate: samples a second.
        """
        return Stream(self._core, chunks, sample_rate, dict(options))

    def transcribe_many(
        self,
        recordings: Iterable[AudioInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[TranscribeOptions],
    ) -> Iterator[Item[Transcript]]:
        """:meth:`transcribe` for many: in order, each with its own result or error; the deadline is each one's own."""
        return many(self._core, TRANSCRIBE, recordings, concurrency, dict(options))


class AsyncTranscription:
    """The same for ``async`` code."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._jobs = JobCore(core)

    async def start(self, audio: AudioInput, /, **options: Unpack[TranscribeOptions]) -> AsyncJob:
        """Have a recording transcribed without waiting for it: it is staged and submitted when this returns."""
        return AsyncJob(self._jobs, await self._jobs.start(audio, dict(options)))

    async def transcribe(
        self, audio: AudioInput, /, **options: Unpack[TranscribeOptions]
    ) -> Result[Transcript]:
        """What is said? See :class:`~broker.facades.options.TranscribeOptions`."""
        return await self._core.run(TRANSCRIBE, audio, dict(options))

    def stream(
        self,
        chunks: AsyncIterable[SoundChunk] | Iterable[SoundChunk],
        /,
        *,
        sample_rate: int = 16_000,
        **options: Unpack[StreamOptions],
    ) -> AsyncStream:
        """What is being said? See :class:`~broker.facades.streaming.AsyncStream`.

        :param chunks: as of :meth:`Transcription.stream`; taken by a task, or in a thread where it is no async iterable.
        """
        return AsyncStream(self._core, chunks, sample_rate, dict(options))

    def transcribe_many(
        self,
        recordings: Iterable[AudioInput] | AsyncIterable[AudioInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[TranscribeOptions],
    ) -> AsyncIterator[Item[Transcript]]:
        """:meth:`transcribe` for many."""
        return many_async(self._core, TRANSCRIBE, recordings, concurrency, dict(options))


class TranscriptionEstimates:
    """``broker.estimate.transcription``: what it would cost, by the length in the recording's header. Nothing is sent."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    def transcribe(self, audio: AudioInput, /, **options: Unpack[TranscribeOptions]) -> Estimate:
        """What ``broker.transcription.transcribe`` would cost. Bad input raises the errors of the real call."""
        ahead = Ahead() if self._ahead is None else self._ahead
        return drive(self._core.estimate(TRANSCRIBE, audio, dict(options), ahead))

    def stream(
        self, seconds: float, /, *, sample_rate: int = 16_000, **options: Unpack[StreamOptions]
    ) -> Estimate:
        """What a stream of so many seconds would cost; how long one will be nobody knows before."""
        ahead = Ahead() if self._ahead is None else self._ahead
        return drive(self._core.estimate(STREAM, sample_rate, stream_options(seconds, options), ahead))


class AsyncTranscriptionEstimates:
    """The same for ``async`` code."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    async def transcribe(self, audio: AudioInput, /, **options: Unpack[TranscribeOptions]) -> Estimate:
        """What ``broker.transcription.transcribe`` would cost."""
        ahead = Ahead() if self._ahead is None else self._ahead
        return await self._core.estimate(TRANSCRIBE, audio, dict(options), ahead)

    async def stream(
        self, seconds: float, /, *, sample_rate: int = 16_000, **options: Unpack[StreamOptions]
    ) -> Estimate:
        """What a stream of so many seconds would cost."""
        ahead = Ahead() if self._ahead is None else self._ahead
        return await self._core.estimate(STREAM, sample_rate, stream_options(seconds, options), ahead)
