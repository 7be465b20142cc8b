"""A batch transcription as JSON: what is asked, what a job says of itself. No network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from broker.contract import HttpReply, Phase, Submission, given, needed
from broker.errors import BadInput, MalformedReply, Outcome, ProviderError, ProviderFault
from broker.types import JsonValue, TranscribeRequest
from broker_azure import faults
from broker_azure.speech import PROFANITY, channels_of, diarization_of
from broker_azure.speech_locales import locale_of

KEPT_HOURS = 48
"""Azure deletes a finished job and its result by then: what it recommends, and long enough to come back for it."""
FAILED = "Failed"
PHASES = {
    "NotStarted": Phase.QUEUED,
    "Running": Phase.RUNNING,
    "Succeeded": Phase.SUCCEEDED,
    FAILED: Phase.FAILED,
}
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NAME = re.compile(r"[0-9a-z-]{1,64}")


def body_of(request: TranscribeRequest, key: str, url: str) -> dict[str, JsonValue]:
    """The job. Raises :class:`BadInput` and :class:`~broker.errors.Unsupported` as :func:`properties_of`.

    :param url: where Speech reads the recording; it may hold a signature.
    """
    if not _NAME.fullmatch(key):
        raise BadInput("a job's key must be of 0-9, a-z and -")
    locale, properties = properties_of(request)
    return {"displayName": key, "locale": locale, "contentUrls": [url], "properties": properties}


def properties_of(request: TranscribeRequest) -> tuple[str, dict[str, JsonValue]]:
    """The locale, and how it is to be done. Raises :class:`BadInput` for what the service would refuse, or do in part."""
    tags = (request.language,) if request.language is not None else request.candidates
    if not tags:
        raise BadInput(
            "batch transcription must be told the language; pass language, or candidates of which one is spoken"
        )
    locales = list(dict.fromkeys(locale_of(tag) for tag in tags))
    properties: dict[str, JsonValue] = {
        "timeToLiveHours": KEPT_HOURS,
        # Words as they are to be read have times only, and words as they were heard a confidence too.
        "wordLevelTimestampsEnabled": True,
        "displayFormWordLevelTimestampsEnabled": True,
        "punctuationMode": "DictatedAndAutomatic",
    }
    if len(locales) > 1:
        # One language is spoken: "Single", of any number of candidates. The other mode, "Continuous", looks for a change of
        # language all the time, takes ten, and falls back to the locale.
        properties["languageIdentification"] = {"candidateLocales": list(locales), "mode": "Single"}
    if request.diarize:
        _check_diarized(request)
        properties["diarization"] = diarization_of(request)
    if request.channels:
        properties["channels"] = channels_of(request)
    elif request.audio.channels > 2:
        raise BadInput(
            f"{request.audio.name} has {request.audio.channels} channels, of which only the first two would be heard; mix them, as "
            "with ffmpeg -i IN -ac 1 OUT.flac"
        )
    if request.profanity is not None:
        properties["profanityFilterMode"] = PROFANITY[request.profanity]
    return locales[0], properties


def _check_diarized(request: TranscribeRequest) -> None:
    audio = request.audio
    if audio.channels > 1:
        raise BadInput(
            f"{audio.name} has {audio.channels} channels, and batch transcription tells speakers apart in one only; mix them, as "
            "with ffmpeg -i IN -ac 1 OUT.flac, or pass channels=True in place of diarize"
        )


def encoded(body: Mapping[str, JsonValue]) -> bytes:
    """As it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def path_of(base: str, job_id: str) -> str:
    """The job's path. Raises :class:`BadInput` for what is no id of Azure's: it would lead elsewhere."""
    if not _GUID.fullmatch(job_id):
        raise BadInput("this is no id of an Azure transcription, which is a GUID")
    return f"{base}/{job_id}"


def created_by(reply: HttpReply, *, request_id: str | None) -> Submission:
    """The job that was made, by the answer's body or, where that is unusable, by its header Location. Raises ValueError."""
    try:
        return submission_of(reply.json(), request_id=request_id)
    except (MalformedReply, ValueError):
        if "location" not in reply.headers:
            raise ValueError("it tells of no job, neither in its body nor in its header Location") from None
    return submission_of({"self": reply.headers["location"]}, request_id=request_id)


def submission_of(body: Any, *, request_id: str | None, adopted: bool = False) -> Submission:
    """The job that an answer or a list tells of. Raises ValueError."""
    found = urlsplit(needed(body, "self", str)).path.rpartition("/")[2]
    if not _GUID.fullmatch(found):
        raise ValueError("self does not end with an id")
    created = given(body, "createdDateTime", str)
    return Submission(
        job_id=found.lower(),
        adopted=adopted,
        created=_instant(created),
        request_id=request_id,
    )


def failure_of(
    body: Mapping[str, Any], report: Mapping[str, JsonValue] | None, *, status: int, request_id: str | None
) -> ProviderError:
    """Why a job failed, in Azure's words; whatever it says, it failed.

    No page says what of a failed job is billed. One that could not be begun, for its recording cannot be read, is not; one of
    which Azure says that it transcribed some length may be.

    :param report: what the job's report says of the recording, which is finer than the job's own words.
    """
    properties = body.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    own = properties.get("error")
    said: dict[str, JsonValue] = dict(own) if isinstance(own, Mapping) else {}
    if report is not None:
        said = {**said, "innererror": dict(report)} if said else dict(report)
    error = faults.item_error(said, status=status, request_id=request_id)
    if error is None:
        error = ProviderFault(
            "the job failed, and Azure gives no reason", status=status, request_id=request_id
        )
    length = properties.get("durationMilliseconds")
    if error.outcome is Outcome.REJECTED and isinstance(length, (int, float)) and length > 0:
        error.outcome = Outcome.UNKNOWN
    return error


def without_signature(body: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The result without the query of the recording's address, which may be a signature."""
    source = body.get("source")
    return {**body, "source": source.partition("?")[0]} if isinstance(source, str) else body


def _instant(text: str | None) -> datetime | None:
    """None for what is no instant: a job that was made is not lost for it."""
    try:
        found = datetime.fromisoformat(text or "")
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
