"""transcription.stream: what is said while it is being said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from broker.errors import BadInput
from broker.types.request import Request
from broker.types.speech import Profanity
from broker.types.transcript import TranscriptSegment

LOWEST_RATE, HIGHEST_RATE = 8_000, 48_000
"""Hz; what the vendors' streaming services take."""
SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFormat:
    """How the bytes of a stream are to be read: signed 16-bit little-endian PCM, one channel.

    :param sample_rate: in Hz.
    """

    sample_rate: int = 16_000

    def __post_init__(self) -> None:
        rate = self.sample_rate
        if isinstance(rate, bool) or not isinstance(rate, int) or not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise BadInput(
                f"sample_rate must be a whole number of Hz from {LOWEST_RATE:,} to {HIGHEST_RATE:,}, not {rate!r:.80}"
            )

    @property
    def bytes_per_second(self) -> int:
        """Of sound."""
        return SAMPLE_BYTES * self.sample_rate


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest(Request):
    """What is being said?

    :param sound: how the bytes are to be read.
    :param candidates: tags of which one is spoken; not together with ``language``.
    :param diarize: tell speakers apart.
    :param hints: words and phrases that are likely to be said.
    :param partials: give what was understood so far before it is final.
    """

    SUBJECT: ClassVar[str] = "sound"

    sound: SoundFormat
    candidates: tuple[str, ...] = ()
    diarize: bool = False
    hints: tuple[str, ...] = ()
    profanity: Profanity | None = None
    partials: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """A piece of what is said.

    :param final: it will not change; else the next event replaces it.
    :param segment: times count from the stream's beginning.
    :param stability: how likely a partial result is to stay, between 0 and 1, where the provider says so.
    """

    final: bool
    segment: TranscriptSegment
    stability: float | None = None
