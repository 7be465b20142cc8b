"""One stream while it lasts: what its user's side and its provider's side both hold."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import suppress
from typing import Any

from broker.errors import BadInput, BrokerError
from broker.runtime.base import Runtime
from broker.runtime.pipe import ItemPipe, SoundPipe
from broker.types.confidence import Confidence
from broker.types.stream import SoundFormat, StreamEvent
from broker.types.transcript import ConfidenceLevel, SpokenLanguage, Transcript, TranscriptSegment

WAITING_SECONDS = 1.0
"""Of sound that wait to be sent; then whoever gives it waits."""
WAITING_EVENTS = 64
"""Results that wait to be taken; then the provider is not listened to, and no sound is sent."""
_LOOK = 0.25
"""Seconds between two looks whether the broker is still there, while a result waits to be taken."""
_FILES = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"\x1aE\xdf\xa3")
"""How files of recordings begin; streams carry bare samples."""


class Left(Exception):
    """Raised beneath an adapter when the user left before the end."""


class Live:
    """Safe for threads. Holds nothing of the user's side, so that letting go of that ends the stream.

    :ivar sent: bytes of sound that were handed to the adapter.
    :ivar failure: what ended it, once results were given or sound was sent.
    :ivar left: the user went before the end.
    :ivar finished: the user wants no more sound to be taken.
    """

    def __init__(self, sound: SoundFormat) -> None:
        self.format = sound
        self.sound = SoundPipe(int(WAITING_SECONDS * sound.bytes_per_second))
        self.events: ItemPipe[StreamEvent] = ItemPipe(WAITING_EVENTS)
        self.sent = 0
        self.answered = False
        self.left = self.finished = False
        self.failure: BrokerError | None = None
        self._finals: list[TranscriptSegment] = []
        self._interrupts: list[Callable[[], object]] = []
        self._lock = threading.RLock()

    # ---- the user's side

    def finish(self) -> None:
        """No more sound; what came until now is still sent, and its results are given."""
        self.finished = True
        self.sound.end()

    def leave(self) -> None:
        """End it now. From any thread; does not wait."""
        with self._lock:
            self.left = True
            interrupts, self._interrupts = self._interrupts, []
        self.sound.shut()
        self.events.shut()
        for interrupt in interrupts:
            with suppress(Exception):  # an adapter's own; the others are to be told all the same
                interrupt()

    def feed(self, chunks: Iterable[Any]) -> None:
        """Give the user's sound, in a thread of its own: he may be waited for, and wait for results himself."""
        error: BaseException | None = None
        try:
            begun = False
            for chunk in chunks:
                if not self.sound.put(samples(chunk, begun=begun)):
                    return
                begun = begun or memoryview(chunk).nbytes > 0
        except BaseException as raised:  # noqa: BLE001 - raised again where the results are taken
            error = raised
        finally:
            self.sound.end(error)

    async def feed_async(self, chunks: AsyncIterable[Any], runtime: Runtime) -> None:
        """The same for a task."""
        error: BaseException | None = None
        try:
            begun = False
            async for chunk in chunks:
                if not await self.sound.put_async(samples(chunk, begun=begun), runtime.bell):
                    return
                begun = begun or memoryview(chunk).nbytes > 0
        except Exception as raised:  # noqa: BLE001 - raised again where the results are taken
            error = raised
        except BaseException as interruption:
            error = interruption
            raise
        finally:
            self.sound.end(error)
            del chunks, error  # what is raised holds this frame, which is not to hold the source

    # ---- the provider's side

    def when_left(self, interrupt: Callable[[], object]) -> None:
        """See :class:`~broker.contract.streams.Sound`."""
        with self._lock:
            if not self.left:
                self._interrupts.append(interrupt)
                return
        interrupt()

    def check(self) -> None:
        """Raises :class:`Left` where the user has left."""
        if self.left:
            raise Left

    def give(self, event: StreamEvent, look: Callable[[], object]) -> None:
        """Hand a result to the user, waiting while he has enough. Raises :class:`Left`.

        :param look: called now and then while it waits; may raise.
        """
        with self._lock:
            self.check()
            if event.final:
                self._finals.append(event.segment)
            self.answered = True
        while not self.events.put(event, _LOOK):
            self.check()
            look()

    @property
    def milliseconds(self) -> int:
        """Of sound that were sent, rounded up."""
        return -(-self.sent * 1000 // self.format.bytes_per_second)

    def transcript(self) -> Transcript:
        """Of the final results until now."""
        with self._lock:
            finals = tuple(self._finals)
        if all(each.start_ms is not None for each in finals):
            finals = tuple(sorted(finals, key=lambda each: each.start_ms or 0))
        languages = dict.fromkeys(each.language for each in finals if each.language is not None)
        return Transcript(
            text=joined([each.text.strip() for each in finals]),
            segments=finals,
            languages=tuple(
                SpokenLanguage(language=each, confidence=Confidence.unknown()) for each in languages
            ),
            confidence_level=_level(finals),
        )


def samples(chunk: Any, *, begun: bool) -> memoryview:
    """A chunk as bytes. Raises :class:`BadInput`."""
    try:
        view = memoryview(chunk)
        if view.format not in ("B", "b", "c", "h", "<h", "@h", "=h"):
            raise BadInput(
                f"a chunk of sound holds {view.format!r}, not signed 16-bit samples; convert it, as with "
                "(samples * 32767).astype('<i2').tobytes()"
            )
        if (
            sum(each > 1 for each in view.shape or ()) > 1
        ):  # interleaved, it would be heard and billed as one of all
            raise BadInput(
                f"a chunk of sound has the shape {view.shape}, and a stream carries one channel; pass one of them, as with "
                "samples[:, 0].copy()"
            )
        view = view.cast("B")
    except TypeError:
        raise BadInput(
            f"a chunk of sound must be bytes (signed 16-bit little-endian PCM, one channel), not {type(chunk).__name__}"
        ) from None
    if not begun and bytes(view[:4]).startswith(_FILES):
        raise BadInput(
            "the sound begins like a file, and a stream carries bare samples (signed 16-bit little-endian PCM, one "
            "channel); decode it first, as with ffmpeg -i FILE -f s16le -ac 1 -ar 16000 -, or use transcribe"
        )
    return view


def joined(texts: list[str]) -> str:
    """One text of several, with a space where the writing has them."""
    out = ""
    for text in texts:
        if out and text and not (_unspaced(out[-1]) and _unspaced(text[0])):
            out += " "
        out += text
    return out


def _unspaced(character: str) -> bool:
    """Of a writing without spaces between words: Thai, Lao, Khmer, kana, Chinese characters and their marks."""
    number = ord(character)
    return (
        0x0E00 <= number <= 0x0EFF
        or 0x1780 <= number <= 0x17FF
        or 0x3000 <= number <= 0x30FF
        or 0x3400 <= number <= 0x9FFF
        or 0xFF00 <= number <= 0xFFEF
    )


def _level(segments: tuple[TranscriptSegment, ...]) -> ConfidenceLevel:
    if any(word.confidence.value is not None for each in segments for word in each.words or ()):
        return ConfidenceLevel.WORD
    if any(each.confidence.value is not None for each in segments):
        return ConfidenceLevel.SEGMENT
    return ConfidenceLevel.NONE
