"""Speech-to-Text v2: an answer's ``results`` as a transcript.

Source: google/cloud/speech/v2/cloud_speech.proto. In proto3's JSON what is zero, empty or false is left out: the first word
has no ``startOffset``, a confidence that was not set is 0 or not there, and an answer to silence has no ``results``. The
results of v1 and v1p1beta1, whose members have other names and the same meaning (``startTime``, ``speakerTag``), are read as
well, also as Google's libraries print them (a time as ``{"seconds": "12", "nanos": 900000000}``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from broker.contract import given, reading
from broker.types import (
    Confidence,
    ConfidenceLevel,
    JsonValue,
    SpokenLanguage,
    SpokenWord,
    Transcript,
    TranscriptSegment,
)
from broker_gcp.proto_json import spelled
from broker_gcp.speech_languages import tag_of
from broker_gcp.speech_repeats import Told
from broker_gcp.speech_text import joined
from broker_gcp.speech_times import milliseconds, seconds

_UNKNOWN = Confidence.unknown()
_BILLED = ("totalBilledDuration", "totalBilledTime")


def transcript(results: list[JsonValue], *, channels: bool) -> Transcript:
    """The transcript. Raises :class:`MalformedReply`.

    :param channels: they were transcribed by themselves; Google numbers them from 1.
    """
    with reading("a result"):
        pieces = _pieces(results, channels=channels)
        begins = [segment.start_ms for _, segment in pieces]
        if (
            None not in begins
        ):  # else nothing is known of how they lie to each other, and Google's order stands
            pieces.sort(key=lambda each: each[1].start_ms or 0)
        segments = tuple(segment for _, segment in pieces)
        codes = [each.language for each in segments if each.language is not None]
        of_words = any(word.confidence.value is not None for each in segments for word in each.words or ())
        of_segments = any(each.confidence.value is not None for each in segments)
        return Transcript(
            text=joined((raw, segment.language) for raw, segment in pieces),
            segments=segments,
            languages=tuple(
                SpokenLanguage(language=each, confidence=_UNKNOWN)
                for each in sorted(dict.fromkeys(codes), key=codes.count, reverse=True)
            ),
            confidence_level=ConfidenceLevel.WORD
            if of_words
            else ConfidenceLevel.SEGMENT
            if of_segments
            else ConfidenceLevel.NONE,
        )


def billed_seconds(item: Any) -> Decimal | None:
    """What an answer or its metadata says was billed, in seconds; None where it does not say."""
    with reading("the billed duration"):
        name = _first(item, *_BILLED)
        value = item.get(name) if isinstance(item, Mapping) else None
        return None if value is None else seconds(value, name)


def best_of(item: JsonValue) -> Mapping[str, JsonValue] | None:
    """The likeliest alternative of a result, which Google puts first; None of a stretch in which nothing was understood."""
    alternatives = given(item, "alternatives", list)
    if not alternatives:
        return None
    best = alternatives[0]
    if not isinstance(best, Mapping):
        raise ValueError(f"an alternative is a {type(best).__name__}")
    return best


def words_of(best: Mapping[str, JsonValue]) -> list[SpokenWord]:
    """Its words, in Google's order. One without a text says nothing and is left out, as proto3 leaves out what is empty."""
    found = (_word(each) for each in given(best, "words", list) or ())
    return [each for each in found if each is not None]


def segment_of(
    item: Mapping[str, JsonValue],
    best: Mapping[str, JsonValue],
    text: str,
    words: list[SpokenWord],
    *,
    channels: bool = False,
) -> TranscriptSegment:
    """A result as a segment. Raises ValueError."""
    tag = given(item, spelled(item, "channelTag"), int) or 0
    code = given(item, spelled(item, "languageCode"), str)
    name = _first(item, "resultEndOffset", "resultEndTime")
    ends = [each.end_ms for each in words if each.end_ms is not None]
    if item.get(name) is not None:
        ends.append(milliseconds(item[name], name))
    start, end = words[0].start_ms if words else None, max(ends, default=None)
    if start is not None and end is not None and end < start:
        end = None
    return TranscriptSegment(
        text=text,
        start_ms=start,
        end_ms=end,
        confidence=confidence_of(best),
        words=tuple(words) or None,
        channel=tag - 1 if channels and tag > 0 else None,
        language=tag_of(code) if code else None,
    )


def confidence_of(item: JsonValue) -> Confidence:
    """ "The default of 0.0 is a sentinel value indicating confidence was not set.\""""
    value = given(item, "confidence", float)
    return Confidence.ratio(value) if value else _UNKNOWN


def with_speaker(segment: TranscriptSegment) -> TranscriptSegment:
    """Whose it is, where all its words are of one speaker."""
    speakers = {each.speaker for each in segment.words or ()}
    if len(speakers) != 1 or None in speakers:
        return segment
    return replace(segment, speaker=speakers.pop())


def _pieces(results: list[JsonValue], *, channels: bool) -> list[tuple[str, TranscriptSegment]]:
    """One for each result in which something was said that was not told before, with the text as it came."""
    segments: list[TranscriptSegment] = []
    raws: list[str] = []
    told: dict[int, Told] = {}
    for item in results:
        if not isinstance(item, Mapping):
            raise ValueError(f"it is a {type(item).__name__}")
        best = best_of(item)
        if best is None:
            continue
        channel = told.setdefault(given(item, spelled(item, "channelTag"), int) or 0, Told(segments))
        raw = given(best, "transcript", str) or ""
        text, words = channel.take(raw.strip(), words_of(best))
        if not text and not words:
            continue
        code = given(item, spelled(item, "languageCode"), str)
        text = text or joined((each.text, code) for each in words)
        raws.append(raw if raw.strip() else text)
        segments.append(segment_of(item, best, text, words, channels=channels))
        channel.add(len(segments) - 1)
    return [(raw, with_speaker(each)) for raw, each in zip(raws, segments, strict=True)]


def _word(item: JsonValue) -> SpokenWord | None:
    text = given(item, "word", str)
    if not text or not isinstance(item, Mapping):
        return None
    begin, end = _first(item, "startOffset", "startTime"), _first(item, "endOffset", "endTime")
    end_ms = None if item.get(end) is None else milliseconds(item[end], end)
    start_ms = (
        milliseconds(item[begin], begin)
        if item.get(begin) is not None
        else None
        if end_ms is None
        else 0  # a zero that proto3 leaves out: Google gives both times of a word or none
    )
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        end_ms = None
    return SpokenWord(
        text=text, start_ms=start_ms, end_ms=end_ms, confidence=confidence_of(item), speaker=_speaker(item)
    )


def _speaker(item: Mapping[str, JsonValue]) -> str | None:
    label = given(item, spelled(item, "speakerLabel"), str)
    if label:
        return label
    tag = given(item, spelled(item, "speakerTag"), int)
    return str(tag) if tag else None


def _first(item: Any, *names: str) -> str:
    """The name of the first member that is there; the first of all where none is."""
    for name in names:
        found = spelled(item, name)
        if isinstance(item, Mapping) and found in item:
            return found
    return names[0]
