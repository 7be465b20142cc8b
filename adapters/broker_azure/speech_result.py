"""The result file of a batch transcription as a transcript.

Source: MicrosoftDocs/azure-ai-docs, speech-service/batch-transcription-get.md (transcription result file), faq-stt.yml ("always
take the first result"); Azure-Samples/cognitive-services-speech-sdk, samples/batch/transcriptionresult_v3.schema.json. Times are
told up to three times: in ticks of 100 ns (with a fraction of zero), in milliseconds, and as ISO 8601 durations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from broker.contract import given, needed
from broker.types import (
    Confidence,
    ConfidenceLevel,
    Profanity,
    SpokenWord,
    TranscribeRequest,
    Transcript,
    TranscriptSegment,
)
from broker.types.money import EXACT
from broker_azure.speech import in_order, languages_of, length_of

_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_SECONDS = (86_400, 3_600, 60, 1)
_TICKS_A_MS = Decimal(10_000)
_SUCCESS, _FAILURE = "Success", "Failure"
_FORMS = ("display", "maskedITN", "itn", "lexical")
"""Of a text, the nicest to read first; the last two hold rude words as they were heard."""
_CLEAN = frozenset({Profanity.MASK, Profanity.REMOVE})


def transcript_of(body: Mapping[str, Any], request: TranscribeRequest) -> Transcript:
    """The whole file.

    Channels are told where several were asked for, and where there are several, because the service transcribes the two of a
    stereo recording by themselves, asked or not.
    """
    combined = needed(body, "combinedRecognizedPhrases", list)
    told = (request.channels and request.audio.channels > 1) or len(channels_in(body)) > 1
    clean = request.profanity in _CLEAN
    read = (_phrase(item, told=told, clean=clean) for item in needed(body, "recognizedPhrases", list))
    segments = in_order(each for each in read if each is not None)
    texts = [_text(item, clean=clean) for item in combined]
    if segments and not texts:
        raise ValueError("there are recognizedPhrases and no combinedRecognizedPhrases")
    level = ConfidenceLevel.NONE
    if any(each.confidence.raw is not None for each in segments):
        level = ConfidenceLevel.SEGMENT
    if any(word.confidence.raw is not None for each in segments for word in each.words or ()):
        level = ConfidenceLevel.WORD
    return Transcript(
        text="\n".join(text for text in texts if text),
        segments=segments,
        languages=languages_of(segments),
        duration_ms=length_of(_rounded(_time(body, "duration"))),
        confidence_level=level,
    )


def channels_in(body: Mapping[str, Any]) -> frozenset[int]:
    """The channels that were transcribed. Raises ValueError."""
    items = [*needed(body, "combinedRecognizedPhrases", list), *needed(body, "recognizedPhrases", list)]
    return frozenset(channel for item in items if (channel := given(item, "channel", int)) is not None)


def _phrase(item: Any, *, told: bool, clean: bool) -> TranscriptSegment | None:
    """None where nothing was heard: a failure, another status without a version, no version, an empty one."""
    status = needed(item, "recognitionStatus", str)
    versions = needed(item, "nBest", list) if status == _SUCCESS else given(item, "nBest", list)
    if not versions or status == _FAILURE:
        return None
    best = versions[0]  # the likeliest, also where another has a higher confidence
    text = _text(best, clean=clean)
    speaker = given(item, "speaker", int)
    if speaker is None:
        speaker = given(best, "speaker", int)  # where 3.0 has it
    who = None if speaker is None else str(speaker)
    words = _words(best, who, clean=clean)
    if not text and not words:
        return None
    start, end = _span(item)
    return TranscriptSegment(
        text=text,
        start_ms=start,
        end_ms=end,
        confidence=Confidence.ratio(given(best, "confidence", float)),
        words=words,
        speaker=who,
        channel=given(item, "channel", int) if told else None,
        language=given(item, "locale", str) or None,
    )


def _text(item: Any, *, clean: bool) -> str:
    """As it is to be read; some models write it only one way.

    :param clean: rude words were to be masked or removed, so what holds them all is no way out.
    """
    forms = [given(item, name, str) for name in _FORMS]
    if all(form is None for form in forms):
        raise ValueError("it has neither display nor lexical")
    return next((form for form in (forms[:2] if clean else forms) if form), "")


def _words(best: Any, who: str | None, *, clean: bool) -> tuple[SpokenWord, ...] | None:
    """As they are to be read where the service says so, else as they were heard, unless those hold what was to be left out.

    Only words as they were heard have a confidence. One as it is to be read that takes exactly the same time is the same
    word, and has it too; others (fourteen: 14) have none.
    """
    heard = given(best, "words", list)
    shown = given(best, "displayWords", list)
    if not shown and clean:
        return None
    if not shown:
        return None if heard is None else tuple(_word(each, "word", _sure(each), who) for each in heard)
    sure: dict[tuple[Decimal | None, Decimal | None], float | None] = {}
    for each in heard or ():
        span = _exact(each)
        # Of two at once nobody knows which it is.
        sure[span] = None if span in sure else given(each, "confidence", float)
    return tuple(_word(each, "displayText", sure.get(_exact(each)), who) for each in shown)


def _sure(item: Any) -> float | None:
    return given(item, "confidence", float)


def _word(item: Any, name: str, confidence: float | None, who: str | None) -> SpokenWord:
    start, end = _span(item)
    return SpokenWord(
        text=needed(item, name, str),
        start_ms=start,
        end_ms=end,
        confidence=Confidence.ratio(confidence),
        speaker=who,
    )


def _exact(item: Any) -> tuple[Decimal | None, Decimal | None]:
    return _time(item, "offset"), _time(item, "duration")


def _span(item: Any) -> tuple[int | None, int | None]:
    start, length = _exact(item)
    if start is None or length is None:
        return _rounded(start), None
    return _rounded(start), _rounded(EXACT.add(start, length))


def _time(item: Any, name: str) -> Decimal | None:
    """Milliseconds, exactly as told; None where it is not told. Raises ValueError."""
    ticks = given(item, f"{name}InTicks", float)
    if ticks is not None:
        return EXACT.divide(_whole(ticks), _TICKS_A_MS)
    milliseconds = given(item, f"{name}Milliseconds", float)
    if milliseconds is not None:
        return _whole(milliseconds)
    text = given(item, name, str)
    if text is None:
        return None
    found = _ISO.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(f"{name} is no duration")
    total = Decimal(0)
    for part, seconds in zip(found.groups(), _SECONDS, strict=True):
        total = EXACT.add(total, EXACT.multiply(Decimal(part or 0), Decimal(seconds)))
    return total.scaleb(3, EXACT)


def _whole(number: float) -> Decimal:
    """JSON's number as it was written: Azure writes 1700000.0."""
    if not -1e18 < number < 1e18:
        raise ValueError("a time is no number")
    return Decimal(repr(number))


def _rounded(milliseconds: Decimal | None) -> int | None:
    return None if milliseconds is None else int(milliseconds.to_integral_value(ROUND_HALF_EVEN))
