"""``broker.transcription``: thin typed methods; all they do is name the operation."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Unpack

from broker.contract.operations import TRANSCRIBE
from broker.facades.bulk import CONCURRENCY, many, many_async
from broker.facades.options import TranscribeOptions
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
    errors of :mod:`broker.errors`. A long recording takes longer than the settings' deadline allows: pass ``deadline``.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def transcribe(self, audio: AudioInput, /, **options: Unpack[TranscribeOptions]) -> Result[Transcript]:
        """What is said? See :class:`~broker.facades.options.TranscribeOptions`."""
        return drive(self._core.run(TRANSCRIBE, audio, dict(options)))

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

    async def transcribe(
        self, audio: AudioInput, /, **options: Unpack[TranscribeOptions]
    ) -> Result[Transcript]:
        """What is said? See :class:`~broker.facades.options.TranscribeOptions`."""
        return await self._core.run(TRANSCRIBE, audio, dict(options))

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


class AsyncTranscriptionEstimates:
    """The same for ``async`` code."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    async def transcribe(self, audio: AudioInput, /, **options: Unpack[TranscribeOptions]) -> Estimate:
        """What ``broker.transcription.transcribe`` would cost."""
        ahead = Ahead() if self._ahead is None else self._ahead
        return await self._core.estimate(TRANSCRIBE, audio, dict(options), ahead)
