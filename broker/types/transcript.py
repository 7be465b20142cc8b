"""transcription.transcribe: what was said, when, and by whom, as far as the provider tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from broker.types import subtitles
from broker.types.confidence import Confidence
from broker.types.spacing import spaced
from broker.types.speech import TranscribeRequest


class ConfidenceLevel(str, Enum):
    """Of what a provider says how sure it is."""

    NONE = "none"
    SEGMENT = "segment"
    """Of phrases only (Azure's fast transcription)."""
    WORD = "word"
    """Of words; segments may have one too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenWord:
    """One word, with the marks that the provider writes at it.

    :param start_ms: milliseconds from the beginning of the recording; None where the provider does not say.
    :param end_ms: the same; never before ``start_ms``.
    :param confidence: without a value where the provider gives none.
    :param speaker: the provider's own label of the speaker.
    """

    text: str
    start_ms: int | None
    end_ms: int | None
    confidence: Confidence
    speaker: str | None = None

    def __post_init__(self) -> None:
        _check_times(self.start_ms, self.end_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptSegment:
    """What the provider gives as one piece: a phrase, a sentence, or what stands between two pauses.

    :param start_ms: milliseconds from the beginning of the recording; None where the provider does not say.
    :param end_ms: the same; never before ``start_ms``.
    :param words: None where the provider gives no single words.
    :param confidence: of the whole; without a value where the provider gives none.
    :param speaker: the provider's own label of the one speaker; None: it does not say, or several speak.
    :param channel: counted from 0; None where channels were not transcribed by themselves.
    :param language: BCP-47 tag of what is spoken, where the provider says so for each segment.
    """

    text: str
    start_ms: int | None
    end_ms: int | None
    confidence: Confidence
    words: tuple[SpokenWord, ...] | None = None
    speaker: str | None = None
    channel: int | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        _check_times(self.start_ms, self.end_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenLanguage:
    """A language that the provider took the speech for.

    :param language: BCP-47 tag.
    :param confidence: without a value where the provider gives none, or was told the language.
    """

    language: str
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """What was said.

    :param text: everything, as the provider puts it together.
    :param segments: by the beginning, as far as it is known.
    :param languages: the likeliest first; empty where the provider does not say.
    :param duration_ms: of the recording, where the provider says so.
    :param confidence_level: what confidences are of.
    :param ignored: options of the request that the provider lacks, and that were left out as ``on_unsupported="ignore"`` wants.
    """

    text: str
    segments: tuple[TranscriptSegment, ...]
    languages: tuple[SpokenLanguage, ...] = ()
    duration_ms: int | None = None
    confidence_level: ConfidenceLevel = ConfidenceLevel.NONE
    ignored: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """All words, segment by segment; empty where the provider gives none."""
        return tuple(word for segment in self.segments for word in segment.words or ())

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers' labels, in the order in which they begin to speak."""
        labels = [
            label
            for each in self.segments
            for label in (each.speaker, *(w.speaker for w in each.words or ()))
        ]
        return tuple(dict.fromkeys(label for label in labels if label is not None))

    @property
    def channels(self) -> tuple[int, ...]:
        """The channels that were transcribed by themselves, in order."""
        return tuple(sorted({each.channel for each in self.segments if each.channel is not None}))

    def to_srt(self, *, speakers: bool = True, width: int = subtitles.WIDTH) -> str:
        """Subtitles as SubRip has them; write them in UTF-8.

        A segment with word times becomes cues of at most two lines and seven seconds; without them it is one cue, for
        nobody knows when its words are said. Of cues that overlap the earlier ends where the later begins, because players
        show one at a time; cues that begin together become one. Empty where nothing was said.

        :param speakers: begin a cue with who speaks, where that is known.
        :param width: characters a line.
        :raises BadInput: the provider gives no times.
        """
        return subtitles.srt(self._cues(width), speakers=speakers, width=width)

    def to_vtt(self, *, speakers: bool = True, width: int = subtitles.WIDTH) -> str:
        """Subtitles as WebVTT (W3C) has them: as :meth:`to_srt`, with speakers as voices, and overlaps kept."""
        return subtitles.vtt(self._cues(width), speakers=speakers, width=width)

    def to_text(self) -> str:
        """To be read: a paragraph for each turn, with who speaks (or the channel) before it where that is known."""
        turns: list[tuple[str | None, list[str]]] = []
        if not self.speakers and not self.channels:
            return self.text
        for segment in self.segments:
            for who, text in _turns(segment):
                if turns and turns[-1][0] == who:
                    turns[-1][1].append(text)
                else:
                    turns.append((who, [text]))
        return "\n\n".join(
            spaced(texts) if who is None else f"{who}: {spaced(texts)}" for who, texts in turns
        )

    def _cues(self, width: int) -> list[subtitles.Cue]:
        found: list[subtitles.Cue] = []
        for segment in self.segments:
            if not segment.text.strip():
                continue
            words = None
            if segment.words and all(w.start_ms is not None and w.end_ms is not None for w in segment.words):
                words = [
                    subtitles.Timed(w.text, w.start_ms or 0, w.end_ms or 0, w.speaker) for w in segment.words
                ]
            who = segment.speaker or _channel(segment)
            found.extend(subtitles.cues(segment.text, segment.start_ms, segment.end_ms, who, words, width))
        return sorted(found, key=lambda cue: (cue.start, cue.end))

    def select(self, request: TranscribeRequest) -> Transcript:  # noqa: ARG002 - nothing is filtered
        """As it is."""
        return self

    def ignoring(self, options: tuple[str, ...]) -> Transcript:
        """The same, saying which options were left out."""
        return replace(self, ignored=tuple(dict.fromkeys((*self.ignored, *options))))


def _turns(segment: TranscriptSegment) -> list[tuple[str | None, str]]:
    """Who says what; where several speak in one segment, by its words."""
    who = segment.speaker or _channel(segment)
    if segment.speaker is not None or not any(word.speaker for word in segment.words or ()):
        return [(who, segment.text.strip())]
    turns: list[tuple[str | None, str]] = []
    for word in segment.words or ():
        if turns and turns[-1][0] == (word.speaker or who):
            turns[-1] = (turns[-1][0], spaced((turns[-1][1], word.text)))
        else:
            turns.append((word.speaker or who, word.text))
    return turns


def _channel(segment: TranscriptSegment) -> str | None:
    return None if segment.channel is None else f"Channel {segment.channel + 1}"


def _check_times(start: int | None, end: int | None) -> None:
    """Raises ValueError, so that an adapter can call the reply malformed."""
    for each in (start, end):
        if each is not None and (isinstance(each, bool) or not isinstance(each, int) or each < 0):
            raise ValueError(f"{each!r} is no time in milliseconds")
    if start is not None and end is not None and end < start:
        raise ValueError(f"it ends at {end} ms, before it begins at {start} ms")
