"""Amazon Transcribe's transcript file: items with times in decimal strings, and what groups them.

There is no model of this file in botocore; its members are those of the developer guide's examples
(docs.aws.amazon.com/transcribe/latest/dg/how-input.html, diarization-output-batch.html, channel-id-output-batch.html,
pii-redaction-output.html, lang-id-batch.html) and of answers seen. Later files have more of them: the speaker at each item, its
``id``, and ``audio_segments``, which group items by their ids and have a text, times and a speaker of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from broker.contract import given, needed
from broker.types import (
    Confidence,
    ConfidenceLevel,
    SpokenLanguage,
    Transcript,
    TranscriptSegment,
)
from broker_aws.transcribe_words import Word, channel_of, milliseconds, segments_of, words_of

__all__ = ["milliseconds", "transcript_of"]


def transcript_of(body: Any, *, told: Sequence[SpokenLanguage] = ()) -> Transcript:
    """What a transcript file says. Raises ValueError for one that is not as Transcribe writes it.

    :param told: the languages that the job names; taken where the file names none.
    """
    results: Any = needed(body, "results", dict)
    texts = [needed(each, "transcript", str) for each in needed(results, "transcripts", list)]
    text = " ".join(each for each in texts if each)
    languages = _languages(results) or tuple(told)
    words = _words(results, texts, text, languages[0].language if len(languages) == 1 else None)
    segments = segments_of(results, words)
    if not segments and text.strip():
        segments = [TranscriptSegment(text=text, start_ms=None, end_ms=None, confidence=Confidence.unknown())]
    heard = any(word.confidence.value is not None for word in words)
    return Transcript(
        text=text,
        segments=tuple(segments),
        languages=languages,
        confidence_level=ConfidenceLevel.WORD if heard else ConfidenceLevel.NONE,
    )


def _words(results: Any, texts: list[str], text: str, language: str | None) -> list[Word]:
    """Channel by channel; where the file has no channels, of its one list."""
    labels = given(results, "channel_labels", dict)
    channels: list[Any] = (given(labels, "channels", list) or []) if labels is not None else []
    if not channels:
        return words_of(needed(results, "items", list), text, channel=None, language=language)
    found: list[Word] = []
    for number, each in enumerate(channels):
        found += words_of(
            needed(each, "items", list),
            # One text for all channels does not tell where another channel's words are put in.
            texts[number] if len(texts) == len(channels) else "",
            channel=channel_of(needed(each, "channel_label", str)),
            language=language,
        )
    return found


def _languages(results: Any) -> tuple[SpokenLanguage, ...]:
    scored = [
        SpokenLanguage(language=needed(each, "code", str), confidence=Confidence.ratio(each.get("score")))
        for each in given(results, "language_identification", list) or ()
    ]
    if scored:
        return tuple(sorted(scored, key=lambda each: -(each.confidence.value or 0.0)))
    several: list[Any] = given(results, "language_codes", list) or []
    if several:  # several are spoken: the longest first, and none has a score
        several = sorted(several, key=lambda each: -milliseconds(each.get("duration_in_seconds") or 0))
        return tuple(
            SpokenLanguage(language=needed(each, "language_code", str), confidence=Confidence.unknown())
            for each in several
        )
    one = given(results, "language_code", str)
    return () if one is None else (SpokenLanguage(language=one, confidence=Confidence.unknown()),)
