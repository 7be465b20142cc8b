"""transcription.transcribe: what is asked of a recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, ClassVar

from broker.errors import BadInput
from broker.types.audio import Audio
from broker.types.request import Request


class Profanity(str, Enum):
    """What becomes of rude words."""

    KEEP = "keep"
    MASK = "mask"
    """Their letters are replaced, mostly by asterisks; how is the provider's way."""
    REMOVE = "remove"


class SpeechOption(str, Enum):
    """What providers have or lack; a manifest names what it has."""

    CANDIDATES = "candidates"
    """To be told several languages of which one is spoken."""
    DIARIZE = "diarize"
    MIN_SPEAKERS = "min_speakers"
    MAX_SPEAKERS = "max_speakers"
    CHANNELS = "channels"
    HINTS = "hints"
    MASK_PROFANITY = "profanity=mask"
    REMOVE_PROFANITY = "profanity=remove"
    REDACT = "redact"


MOST_HINTS = 1000
"""More than any provider of ours takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscribeRequest(Request):
    """What is said in this recording?

    :param language: BCP-47 tag of what is spoken.
    :param candidates: tags of which one is spoken, the likeliest first; not together with ``language``.
    :param diarize: tell speakers apart.
    :param min_speakers: at least so many; with ``diarize``.
    :param max_speakers: at most so many; with ``diarize``.
    :param channels: transcribe each channel by itself; not together with ``diarize``.
    :param hints: words and phrases that are likely to be said.
    :param profanity: keep rude words (what providers do by themselves differs: None leaves it to them), mask or remove them.
    :param redact: leave out personal data.
    :param on_unsupported: ``"raise"``: an option that the provider lacks is refused; ``"ignore"``: it is left out, and the
        transcript's ``ignored`` names it. A language is never left out.
    """

    SUBJECT: ClassVar[str] = "audio"

    audio: Audio
    candidates: tuple[str, ...] = ()
    diarize: bool = False
    min_speakers: int | None = None
    max_speakers: int | None = None
    channels: bool = False
    hints: tuple[str, ...] = ()
    profanity: Profanity | None = None
    redact: bool = False
    on_unsupported: str = "raise"

    def __post_init__(self) -> None:
        for name in ("candidates", "hints"):
            object.__setattr__(self, name, texts(name, getattr(self, name)))
        for name in ("diarize", "channels", "redact"):
            if not isinstance(getattr(self, name), bool):
                raise BadInput(f"{name} must be True or False, not {type(getattr(self, name)).__name__}")
        object.__setattr__(self, "profanity", profanity_of(self.profanity))
        check_unsupported(self.on_unsupported)
        check_languages(self.language, self.candidates)
        check_hints(self.hints)
        self._check_speakers()

    def _check_speakers(self) -> None:
        for name in ("min_speakers", "max_speakers"):
            number = getattr(self, name)
            if number is None:
                continue
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise BadInput(f"{name} must be a whole number of 1 or more, not {number!r:.80}")
            if not self.diarize:
                raise BadInput(f"{name} is for telling speakers apart; pass diarize=True too")
        if (
            self.min_speakers is not None
            and self.max_speakers is not None
            and self.min_speakers > self.max_speakers
        ):
            raise BadInput(f"min_speakers {self.min_speakers} is above max_speakers {self.max_speakers}")
        if self.channels and self.diarize:
            # Amazon Transcribe refuses both together; where every speaker has a channel there is nothing to tell apart.
            raise BadInput(
                "channels and diarize cannot be had together; where each speaker has a channel, channels is enough"
            )

    def asked(self) -> dict[SpeechOption, str]:
        """The options that are used, each with the field it comes from."""
        used = {
            SpeechOption.CANDIDATES: ("candidates", bool(self.candidates)),
            SpeechOption.DIARIZE: ("diarize", self.diarize),
            SpeechOption.MIN_SPEAKERS: ("min_speakers", self.min_speakers is not None),
            SpeechOption.MAX_SPEAKERS: ("max_speakers", self.max_speakers is not None),
            SpeechOption.CHANNELS: ("channels", self.channels),
            SpeechOption.HINTS: ("hints", bool(self.hints)),
            SpeechOption.MASK_PROFANITY: ("profanity", self.profanity is Profanity.MASK),
            SpeechOption.REMOVE_PROFANITY: ("profanity", self.profanity is Profanity.REMOVE),
            SpeechOption.REDACT: ("redact", self.redact),
        }
        return {option: name for option, (name, is_used) in used.items() if is_used}

    def without(self, options: tuple[SpeechOption, ...]) -> TranscribeRequest:
        """The same request with these options not asked for."""
        asked = self.asked()
        names = {asked[option] for option in options if option in asked}
        if "diarize" in names:  # limits of what is not done
            names |= {"min_speakers", "max_speakers"}
        changes: dict[str, Any] = {name: _DEFAULTS[name] for name in names}
        return replace(self, **changes) if changes else self


_DEFAULTS: dict[str, Any] = {
    "candidates": (),
    "diarize": False,
    "min_speakers": None,
    "max_speakers": None,
    "channels": False,
    "hints": (),
    "profanity": None,
    "redact": False,
}


def profanity_of(given: Any) -> Profanity | None:
    """The choice, also from its name. Raises :class:`BadInput`."""
    if given is None:
        return None
    try:
        return Profanity(given)
    except ValueError:
        raise BadInput(f"profanity must be keep, mask or remove, not {given!r:.80}") from None


def check_unsupported(given: Any) -> None:
    """Raises :class:`BadInput`."""
    if given not in ("raise", "ignore"):
        raise BadInput(f'on_unsupported must be "raise" or "ignore", not {given!r:.80}')


def check_languages(language: str | None, candidates: tuple[str, ...]) -> None:
    """Raises :class:`BadInput`."""
    if candidates and language is not None:
        raise BadInput("language says what is spoken and candidates leave it open; pass only one of them")


def check_hints(hints: tuple[str, ...]) -> None:
    """Raises :class:`BadInput`."""
    if len(hints) > MOST_HINTS:
        raise BadInput(
            f"{len(hints):,} hints are more than any provider takes; pass the {MOST_HINTS} likeliest"
        )


def texts(name: str, given: Any) -> tuple[str, ...]:
    """A list of texts. Raises :class:`BadInput`."""
    if isinstance(given, str):
        raise BadInput(f"{name} must be a list of texts, not one text: pass [{name[:-1]!r}, …]")
    try:
        found = tuple(given)
    except TypeError:
        raise BadInput(f"{name} must be a list of texts, not {type(given).__name__}") from None
    if not all(isinstance(each, str) and each.strip() for each in found):
        raise BadInput(f"{name} must hold texts that are not empty")
    return found
