"""transcription.stream on this machine: each phrase is recognised when it is at its end, and now and then before."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

import numpy as np

from broker.contract import Context, Sound, StreamEnd
from broker.types import Confidence, TranscriptSegment
from broker.types.stream import StreamEvent, StreamRequest
from broker_local import moonshine
from broker_local.phrasing import Phrases
from broker_local.sound import resampled

if TYPE_CHECKING:
    from broker_local.pauses import Piece

PARTIAL_SECONDS = 1.0
"""Between two partial results, of sound and of time; after a slow one twice what it took."""
_WORDLESS = re.compile(r"[\W_]*")


def listen(
    request: StreamRequest,
    sound: Sound,
    context: Context,  # noqa: ARG001 - nothing is waited for but the sound
    clock: Callable[[], float] = time.monotonic,
) -> Generator[StreamEvent, None, StreamEnd]:
    """Phrases between pauses, with when their sound begins and ends, and what is understood of them so far.

    No confidence, and no times of words: the model has neither. The sound is taken as fast as it is recognised.
    """
    rate = request.sound.sample_rate
    phrases, due = Phrases(rate), _Due(clock, rate)
    for piece in sound:
        if piece:
            for phrase in phrases.hear(np.frombuffer(piece, dtype="<i2").astype(np.float32) / 32768.0):
                yield from _said(phrase, rate, final=True)
                due.begin()
        if request.partials and due.now(phrases.spoken) and (present := phrases.present()) is not None:
            begun = clock()
            yield from _said(present, rate, final=False)
            due.done(phrases.spoken, clock() - begun)
    for phrase in phrases.rest():
        yield from _said(phrase, rate, final=True)
    return StreamEnd(model_version=moonshine.VERSION)


class _Due:
    """When the next partial result is due."""

    def __init__(self, clock: Callable[[], float], rate: int) -> None:
        self._clock = clock
        self._every = int(PARTIAL_SECONDS * rate)
        self._told = 0
        self._time = clock() + PARTIAL_SECONDS

    def now(self, spoken: int) -> bool:
        """With so many samples of the phrase."""
        return spoken >= self._told + self._every and self._clock() >= self._time

    def begin(self) -> None:
        """The next phrase."""
        self._told = 0

    def done(self, spoken: int, took: float) -> None:
        """One was given."""
        self._told = spoken
        self._time = self._clock() + max(PARTIAL_SECONDS, 2.0 * took)


def _said(phrase: Piece, rate: int, *, final: bool) -> Iterator[StreamEvent]:
    text = moonshine.recognize(resampled(phrase.samples, rate, moonshine.RATE))
    if _WORDLESS.fullmatch(text):  # dots and dashes for what is no speech
        return
    yield StreamEvent(
        final=final,
        segment=TranscriptSegment(
            text=text,
            start_ms=phrase.begin * 1000 // rate,
            end_ms=phrase.end * 1000 // rate,
            confidence=Confidence.unknown(),
        ),
    )
