"""Azure Speech's fast transcription by REST: the request from ours, the answer as a transcript, and what was billed.

Source: Azure/azure-rest-api-specs, SpeechToText stable/2025-10-15 (Transcriptions_Transcribe), which azure-ai-transcription
1.0 speaks; MicrosoftDocs/azure-ai-docs, speech-service/includes/request-configuration-options.md. The first
published version, 2024-05-15-preview, has the same answer with ``duration`` and ``offset`` in place of
``durationMilliseconds`` and ``offsetMilliseconds``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

from broker.contract import HttpReply, Upload, given, needed
from broker.errors import BadInput, Unsupported
from broker.types import (
    Confidence,
    ConfidenceLevel,
    JsonValue,
    Profanity,
    SpokenLanguage,
    SpokenWord,
    TranscribeRequest,
    Transcript,
    TranscriptSegment,
    Unit,
    Usage,
    UsageSource,
)
from broker.types.money import EXACT
from broker_azure.speech_locales import FAST, locale_of

PATH = "/speechtotext/transcriptions:transcribe"
PARAMS = {"api-version": "2025-10-15"}
SKU = "azure.speech.fast"
MOST_SPEAKERS = 35
"""Of both ways: "must be greater than 1 and less than 36"."""
PROFANITY = {Profanity.KEEP: "None", Profanity.MASK: "Masked", Profanity.REMOVE: "Removed"}
_BILLED = "csp-billing-usage"
# As recorded for 2.029 s: CognitiveServices.SpeechServices.BatchSpeechtoTextSync=3; whole seconds, of all channels.
_SECONDS = re.compile(
    r"CognitiveServices\.SpeechServices\.BatchSpeechtoTextSync=(\d{1,9}(?:\.\d{1,6})?)(?![\d.])"
)


def definition_of(request: TranscribeRequest) -> dict[str, JsonValue]:
    """What is asked. Raises :class:`BadInput` or :class:`Unsupported` for what the service would refuse.

    Without a language the service finds out what is spoken, and follows changes of it (its multilingual model).
    """
    wanted: dict[str, JsonValue] = {}
    tags = (request.language,) if request.language is not None else request.candidates
    if tags:
        locales = [locale_of(tag) for tag in tags]
        later = [each for each in locales if each not in FAST]
        if later:
            raise Unsupported(
                f"{', '.join(later)}: batch transcription has it, fast transcription does not; use transcription.start"
            )
        wanted["locales"] = list(dict.fromkeys(locales))
    if request.diarize:
        wanted["diarization"] = diarization_of(request)
    if request.channels:
        wanted["channels"] = channels_of(request)
    if request.hints:
        wanted["phraseList"] = {"phrases": list(request.hints)}
    if request.profanity is not None:
        wanted["profanityFilterMode"] = PROFANITY[request.profanity]
    return wanted


def diarization_of(request: TranscribeRequest) -> dict[str, JsonValue]:
    """The same for both ways. Raises :class:`BadInput` beyond 2 to 35 speakers."""
    wanted: dict[str, JsonValue] = {"enabled": True}
    if request.max_speakers is not None:
        if not 2 <= request.max_speakers <= MOST_SPEAKERS:
            raise BadInput(
                f"max_speakers must be 2 to {MOST_SPEAKERS} here, not {request.max_speakers}; for one speaker leave diarize out"
            )
        wanted["maxSpeakers"] = request.max_speakers
    return wanted


def channels_of(request: TranscribeRequest) -> list[JsonValue]:
    """The same for both ways. Raises :class:`BadInput` for more than two, of which the others would be lost."""
    count = request.audio.channels
    if count > 2:
        raise BadInput(
            f"{request.audio.name} has {count} channels, and at most two can be transcribed by themselves here; cut them apart, "
            "as with ffmpeg -i IN -map_channel 0.0.0 ONE.flac"
        )
    return list(range(count))


def upload_of(request: TranscribeRequest) -> tuple[Upload, str]:
    """The form, read from disk while it is sent, and its media type. The file's own name is not told."""
    audio = request.audio
    definition = json.dumps(definition_of(request), ensure_ascii=False, separators=(",", ":")).encode()
    boundary = uuid4().hex
    before = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="audio"; filename="audio.{audio.format}"\r\n'
        f"Content-Type: {audio.mime_type}\r\n\r\n"
    )
    after = f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="definition"\r\nContent-Type: application/json\r\n\r\n'
    body = Upload(
        audio.open,
        audio.size,
        before=before.encode(),
        after=after.encode() + definition + f"\r\n--{boundary}--\r\n".encode(),
    )
    return body, f"multipart/form-data; boundary={boundary}"


def transcript_of(body: Mapping[str, Any], *, channels: bool) -> Transcript:
    """The answer. Phrases have a confidence, words have none; speakers may be missing though they were asked for.

    :param channels: several were asked for; else they are told only where there are several (Microsoft's example of speakers
        has a channel 0 although all were merged).
    """
    phrases = needed(body, "phrases", list)
    told = channels or len({given(item, "channel", int) for item in phrases}) > 1
    segments = in_order(_phrase(item, told=told) for item in phrases)
    texts = [needed(item, "text", str) for item in needed(body, "combinedPhrases", list)]
    if segments and not texts:
        raise ValueError("there are phrases and no combinedPhrases")
    return Transcript(
        text="\n".join(text for text in texts if text),
        segments=segments,
        languages=languages_of(segments),
        duration_ms=length_of(_milliseconds(body, "duration")),
        confidence_level=ConfidenceLevel.SEGMENT
        if any(each.confidence.raw is not None for each in segments)
        else ConfidenceLevel.NONE,
    )


def length_of(milliseconds: int | None) -> int | None:
    """A recording's length. Raises ValueError for one below nothing."""
    if milliseconds is not None and milliseconds < 0:
        raise ValueError(f"{milliseconds} ms is no length")
    return milliseconds


def in_order(segments: Iterable[TranscriptSegment]) -> tuple[TranscriptSegment, ...]:
    """By their beginning; Azure gives one channel after the other."""
    return tuple(sorted(segments, key=lambda each: (each.start_ms or 0, each.channel or 0)))


def languages_of(segments: Iterable[TranscriptSegment]) -> tuple[SpokenLanguage, ...]:
    """The languages that Azure names, the one that is spoken longest first; it says of none how sure it is."""
    spoken: dict[str, int] = {}
    for each in segments:
        if each.language is not None:
            length = (each.end_ms or 0) - (each.start_ms or 0)
            spoken[each.language] = spoken.get(each.language, 0) + max(length, 0)
    ordered = sorted(spoken, key=lambda language: -spoken[language])
    return tuple(SpokenLanguage(language=each, confidence=Confidence.unknown()) for each in ordered)


def usage_of(reply: HttpReply, transcript: Transcript, request: TranscribeRequest) -> tuple[Usage, ...]:
    """What the service says it billed: the header ``CSP-Billing-Usage``, else the length that it found."""
    found = _SECONDS.search(reply.headers.get(_BILLED, ""))
    if found is not None and Decimal(found.group(1)) > 0:  # what claims to be free is not believed
        return (_seconds(SKU, Decimal(found.group(1)), 1),)
    return billed(SKU, transcript.duration_ms or 0, request.audio.channels if request.channels else 1)


def billed(sku: str, milliseconds: int, channels: int) -> tuple[Usage, ...]:
    """A length that the service found; nothing where it found none, so that our own measure stands."""
    return (_seconds(sku, Decimal(milliseconds).scaleb(-3, EXACT), channels),) if milliseconds > 0 else ()


def _seconds(sku: str, quantity: Decimal, channels: int) -> Usage:
    return Usage(sku=sku, unit=Unit.SECOND, quantity=quantity, source=UsageSource.REPORTED, channels=channels)


def _phrase(item: Any, *, told: bool) -> TranscriptSegment:
    start, end = _times(item)
    words = given(item, "words", list)
    speaker = given(item, "speaker", int)
    who = None if speaker is None else str(speaker)
    return TranscriptSegment(
        text=needed(item, "text", str),
        start_ms=start,
        end_ms=end,
        confidence=Confidence.ratio(given(item, "confidence", float)),
        words=None if words is None else tuple(_word(each, who) for each in words),
        speaker=who,
        channel=given(item, "channel", int) if told else None,
        language=given(item, "locale", str) or None,
    )


def _word(item: Any, speaker: str | None) -> SpokenWord:
    start, end = _times(item)
    return SpokenWord(
        text=needed(item, "text", str),
        start_ms=start,
        end_ms=end,
        confidence=Confidence.unknown(),
        speaker=speaker,
    )


def _times(item: Any) -> tuple[int, int]:
    start = _milliseconds(item, "offset")
    return start, start + _milliseconds(item, "duration")


def _milliseconds(item: Any, name: str) -> int:
    found = given(item, f"{name}Milliseconds", int)
    return needed(item, name, int) if found is None else found
