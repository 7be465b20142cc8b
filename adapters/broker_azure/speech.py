"""Azure AI Speech by REST: fast transcription, the whole recording in one request.

Source: the models of azure-ai-transcription 1.0 (API version 2025-10-15), and
learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from broker.contract import HttpReply, Upload, given, needed
from broker.errors import BadInput
from broker.types import (
    Audio,
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

PATH = "/speechtotext/transcriptions:transcribe"
PARAMS = {"api-version": "2025-10-15"}
SKU = "azure.speech.fast"
MOST_CHANNELS = 2
FEWEST_SPEAKERS, MOST_SPEAKERS = 2, 35
"""``maxSpeakers`` "must be greater than 1 and less than 36"."""
_BOUNDARY = "mlbroker-b1d4c4f6a5c94f3f"
_PROFANITY = {Profanity.KEEP: "None", Profanity.MASK: "Masked", Profanity.REMOVE: "Removed"}
_BILLED = "csp-billing-usage"
# As recorded: 3 for 2.029 s of sound, so these are seconds, rounded up.
_SECONDS = re.compile(r"CognitiveServices\.SpeechServices\.BatchSpeechtoTextSync=(\d{1,6})(?:\D|$)")

CONTENT_TYPE = f"multipart/form-data; boundary={_BOUNDARY}"


def definition(request: TranscribeRequest) -> dict[str, JsonValue]:
    """What is asked for. Raises :class:`BadInput` for what the service would refuse.

    Without a language the service's multilingual model is asked, which finds it out for itself.
    """
    wanted: dict[str, JsonValue] = {}
    if request.language is not None:
        wanted["locales"] = [request.language]
    elif request.candidates:
        wanted["locales"] = list(request.candidates)
    if request.diarize:
        wanted["diarization"] = _speakers(request.max_speakers)
    if request.channels:
        wanted["channels"] = list(range(_channels(request.audio)))
    if request.hints:
        wanted["phraseList"] = {"phrases": list(request.hints)}
    if request.profanity is not None:
        wanted["profanityFilterMode"] = _PROFANITY[request.profanity]
    return wanted


def body(request: TranscribeRequest) -> Upload:
    """The multipart body; the recording is read from its file while it is sent. The file's own name stays here."""
    audio = request.audio
    asked = json.dumps(definition(request), ensure_ascii=False, separators=(",", ":"))
    before = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="definition"\r\n'
        f"Content-Type: application/json\r\n\r\n{asked}\r\n"
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="audio.{audio.format}"\r\n'
        f"Content-Type: {audio.mime_type}\r\n\r\n"
    )
    return Upload(
        audio.open, audio.size, before=before.encode(), after=f"\r\n--{_BOUNDARY}--\r\n".encode("ascii")
    )


def transcript_of(answer: Mapping[str, Any], *, channels: bool = False) -> Transcript:
    """Phrases by their beginning, each with its words' times and a confidence of the whole; words have none.

    A speaker may be missing although speakers were asked for: that is kept.

    :param channels: several were asked for one by one.
    """
    segments = sorted(
        (_segment(each) for each in needed(answer, "phrases", list)), key=lambda each: each.start_ms or 0
    )
    texts = [
        (given(each, "channel", int) or 0, needed(each, "text", str))
        for each in needed(answer, "combinedPhrases", list)
    ]
    if segments and not texts:
        raise ValueError("there are phrases and no combinedPhrases")
    length = needed(answer, "durationMilliseconds", int)
    if length < 0:
        raise ValueError("the recording's length is negative")
    if channels and any(each.channel is None for each in segments):
        raise ValueError("a phrase does not say its channel")
    return Transcript(
        text="\n".join(text for _, text in sorted(texts) if text),
        segments=tuple(segments),
        languages=_languages(segments),
        duration_ms=length,
        confidence_level=ConfidenceLevel.SEGMENT,
    )


def usage_of(reply: HttpReply, transcript: Transcript, request: TranscribeRequest) -> tuple[Usage, ...]:
    """The seconds that the service says it billed, else the length that it found."""
    found = _SECONDS.search(reply.headers.get(_BILLED, ""))
    billed = Decimal(found.group(1)) if found is not None else Decimal(0)
    if not billed:  # an answered call that claims to be free is not believed
        billed = Decimal(transcript.duration_ms or 0).scaleb(-3)
    if not billed:
        return ()
    channels = request.audio.channels if request.channels else 1
    return (
        Usage(sku=SKU, unit=Unit.SECOND, quantity=billed, source=UsageSource.REPORTED, channels=channels),
    )


def _segment(item: Any) -> TranscriptSegment:
    start = needed(item, "offsetMilliseconds", int)
    speaker = given(item, "speaker", int)
    label = None if speaker is None else str(speaker)
    words = given(item, "words", list)
    return TranscriptSegment(
        text=needed(item, "text", str),
        start_ms=start,
        end_ms=start + needed(item, "durationMilliseconds", int),
        confidence=Confidence.ratio(needed(item, "confidence", float)),
        words=None if words is None else tuple(_word(each, label) for each in words),
        speaker=label,
        channel=given(item, "channel", int),
        language=given(item, "locale", str),
    )


def _word(item: Any, speaker: str | None) -> SpokenWord:
    start = needed(item, "offsetMilliseconds", int)
    return SpokenWord(
        text=needed(item, "text", str),
        start_ms=start,
        end_ms=start + needed(item, "durationMilliseconds", int),
        confidence=Confidence.unknown(),
        speaker=speaker,
    )


def _languages(segments: list[TranscriptSegment]) -> tuple[SpokenLanguage, ...]:
    """The one that most of the sound is in first."""
    spoken: dict[str, int] = {}
    for each in segments:
        if each.language:
            spoken[each.language] = spoken.get(each.language, 0) + (each.end_ms or 0) - (each.start_ms or 0)
    longest = sorted(spoken, key=lambda tag: -spoken[tag])
    return tuple(SpokenLanguage(language=tag, confidence=Confidence.unknown()) for tag in longest)


def _speakers(most: int | None) -> dict[str, JsonValue]:
    if most is None:
        return {"enabled": True}
    if not FEWEST_SPEAKERS <= most <= MOST_SPEAKERS:
        raise BadInput(
            f"azure tells {FEWEST_SPEAKERS} to {MOST_SPEAKERS} speakers apart, not {most}; leave diarize out where one speaks"
        )
    return {"enabled": True, "maxSpeakers": most}


def _channels(audio: Audio) -> int:
    if audio.channels > MOST_CHANNELS:
        raise BadInput(
            f"{audio.name} has {audio.channels} channels, and azure transcribes at most {MOST_CHANNELS} by themselves; "
            "leave channels out, or cut it into files of two channels"
        )
    return audio.channels
