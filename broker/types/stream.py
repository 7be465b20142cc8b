"""transcription.stream: what is said while it is being said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from broker.errors import BadInput
from broker.types.request import Request
from broker.types.speech import (
    Profanity,
    SpeechOption,
    check_hints,
    check_languages,
    check_unsupported,
    profanity_of,
    texts,
)
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
    :param on_unsupported: as of a :class:`~broker.types.speech.TranscribeRequest`.
    :param milliseconds: of sound that meters count: the broker sets it to what was sent; of an estimate it is the length.
    """

    SUBJECT: ClassVar[str] = "sound"

    sound: SoundFormat
    candidates: tuple[str, ...] = ()
    diarize: bool = False
    hints: tuple[str, ...] = ()
    profanity: Profanity | None = None
    partials: bool = True
    on_unsupported: str = "raise"
    milliseconds: int = 60_000

    def __post_init__(self) -> None:
        for name in ("candidates", "hints"):
            object.__setattr__(self, name, texts(name, getattr(self, name)))
        for name in ("diarize", "partials"):
            if not isinstance(getattr(self, name), bool):
                raise BadInput(f"{name} must be True or False, not {type(getattr(self, name)).__name__}")
        object.__setattr__(self, "profanity", profanity_of(self.profanity))
        check_unsupported(self.on_unsupported)
        check_languages(self.language, self.candidates)
        check_hints(self.hints)
        if self.raw:
            raise BadInput("a stream's raw answers are not kept: they have no end; leave raw out")
        if (
            isinstance(self.milliseconds, bool)
            or not isinstance(self.milliseconds, int)
            or self.milliseconds < 0
        ):
            raise BadInput(f"milliseconds must be a whole number of 0 or more, not {self.milliseconds!r:.80}")

    def asked(self) -> dict[SpeechOption, str]:
        """The options that are used, each with the field it comes from."""
        used = {
            SpeechOption.CANDIDATES: ("candidates", bool(self.candidates)),
            SpeechOption.DIARIZE: ("diarize", self.diarize),
            SpeechOption.HINTS: ("hints", bool(self.hints)),
            SpeechOption.MASK_PROFANITY: ("profanity", self.profanity is Profanity.MASK),
            SpeechOption.REMOVE_PROFANITY: ("profanity", self.profanity is Profanity.REMOVE),
        }
        return {option: name for option, (name, is_used) in used.items() if is_used}

    def without(self, options: tuple[SpeechOption, ...]) -> StreamRequest:
        """The same request with these options not asked for."""
        asked = self.asked()
        changes: dict[str, Any] = {asked[each]: _DEFAULTS[asked[each]] for each in options if each in asked}
        return replace(self, **changes) if changes else self


_DEFAULTS: dict[str, Any] = {"candidates": (), "diarize": False, "hints": (), "profanity": None}


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
