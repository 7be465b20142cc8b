"""What Amazon Transcribe says of a job: where it stands, why it failed, where its result is.

Source: ``TranscriptionJob`` of the service model ``transcribe/2017-10-26`` of botocore. In JSON its times are seconds since 1970;
the guide's examples, made by the CLI, have them as ISO 8601.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from broker.contract import Phase, Progress, given, needed, redact
from broker.contract.loopback import is_loopback
from broker.errors import BadInput, MalformedReply, Outcome, ProviderError, ProviderFault
from broker.types import Confidence, SpokenLanguage
from broker_aws.s3 import Place

_PHASES = {
    "QUEUED": Phase.QUEUED,
    "IN_PROGRESS": Phase.RUNNING,
    "COMPLETED": Phase.SUCCEEDED,
    "FAILED": Phase.FAILED,
}
# FailureReason "contains one of the following values": there is no code beside it. The last two are not in the model, but in
# use. Each is told by its beginning.
_OF_THE_RECORDING = (
    "Unsupported media format",
    "The media format provided does not match",
    "Invalid sample rate for audio file",
    "The sample rate provided does not match",
    "Invalid file size",
    "Invalid number of channels",
    "Failed to parse audio file",
    "Your audio file must have a speech segment",
)
_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu")
_IN_THE_HOST = re.compile(r"(.+)\.s3[.-][a-z0-9.-]+")
"""``bucket.s3.us-east-1.amazonaws.com``; else the bucket is the path's first part."""
_SIGNATURES = frozenset({"X-Amz-Signature", "Signature"})


def created(job: Any) -> datetime | None:
    """When the service took it. Raises ValueError."""
    moment = job.get("CreationTime")
    if moment is None:
        return None
    if isinstance(moment, str):
        found = datetime.fromisoformat(moment)
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    if isinstance(moment, bool) or not isinstance(moment, (int, float)):
        raise ValueError(f"CreationTime is a {type(moment).__name__}")
    try:
        return datetime.fromtimestamp(moment, UTC)
    except OSError:
        raise ValueError("CreationTime is out of range") from None


def progress(job: Any, *, request_id: str | None) -> Progress:
    """Where it stands; of how far it is the service says nothing. Raises ValueError."""
    state = needed(job, "TranscriptionJobStatus", str)
    phase = _PHASES.get(state, Phase.RUNNING)
    why = failure(job, request_id=request_id) if phase is Phase.FAILED else None
    return Progress(phase=phase, state=redact(state, 60), error=why)


def failure(job: Any, *, request_id: str | None) -> ProviderError:
    """Why it failed. A failed job is not billed."""
    reason = given(job, "FailureReason", str) or "Amazon Transcribe gives no reason"
    if reason.startswith(_OF_THE_RECORDING):
        return BadInput(redact(reason), request_id=request_id)
    return ProviderFault(
        f"{redact(reason)}; the job failed, and was not billed",
        outcome=Outcome.REJECTED,
        request_id=request_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Where a result is: ``place``, to be read with our own rights, or ``link``, which the service has signed."""

    place: Place | None = None
    link: str | None = None


def result_of(job: Any, *, redacted: bool, local: bool) -> Result:
    """Where the result is that was asked for. Raises ValueError without one, :class:`MalformedReply` for no such address.

    :param redacted: personal data is to be left out: another text is not taken for it.
    :param local: the service is on this machine, and so may its links be.
    """
    transcript: Any = needed(job, "Transcript", dict)
    without = given(transcript, "RedactedTranscriptFileUri", str)
    whole = given(transcript, "TranscriptFileUri", str)
    uri = without if redacted or not whole else whole
    if not uri:
        raise ValueError("it has no redacted transcript" if redacted else "it has no transcript")
    return _located(uri, local=local)


def results_of(job: Any) -> tuple[Place, ...]:
    """All that the job says it has written into a bucket of the user's. Raises ValueError."""
    transcript: Any = given(job, "Transcript", dict) or {}
    uris = (given(transcript, name, str) for name in ("TranscriptFileUri", "RedactedTranscriptFileUri"))
    found: list[Place] = []
    for uri in uris:
        try:
            place = _located(uri, local=True).place if uri else None
        except MalformedReply:
            continue
        if place is not None:
            found.append(place)
    return tuple(found)


def languages_of(job: Any) -> tuple[SpokenLanguage, ...]:
    """What the job takes the speech for: as it was told, or as it has found out, then with a confidence. Raises ValueError."""
    several: list[Any] = given(job, "LanguageCodes", list) or []
    if several:
        several = sorted(several, key=lambda each: -(given(each, "DurationInSeconds", float) or 0.0))
        return tuple(
            SpokenLanguage(language=needed(each, "LanguageCode", str), confidence=Confidence.unknown())
            for each in several
        )
    code = given(job, "LanguageCode", str)
    if code is None:
        return ()
    identified = given(job, "IdentifyLanguage", bool)
    score = Confidence.ratio(job.get("IdentifiedLanguageScore")) if identified else Confidence.unknown()
    return (SpokenLanguage(language=code, confidence=score),)


def _located(uri: str, *, local: bool) -> Result:
    """No error repeats the address: a signed one opens the transcript to everyone."""
    wrong = MalformedReply("the address of the transcript is none of AWS's")
    try:
        parts = urlsplit(uri)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme == "s3":
        return Result(place=_place(host, parts.path, wrong))
    ours = parts.scheme == "https" and f".{host}".endswith(_AWS)
    if not (ours or (local and is_loopback(host))) or parts.username or not uri.isascii():
        raise wrong
    if _SIGNATURES.intersection(name for name, _ in parse_qsl(parts.query)):
        return Result(link=uri)
    named = _IN_THE_HOST.fullmatch(host)
    if ours and named is not None:
        return Result(place=_place(named[1], parts.path, wrong))
    bucket, _, key = parts.path.lstrip("/").partition("/")
    return Result(place=_place(bucket, f"/{key}", wrong))


def _place(bucket: str, path: str, wrong: MalformedReply) -> Place:
    try:
        return Place.of(f"s3://{bucket}/{unquote(path.removeprefix('/'))}")
    except BadInput:
        raise wrong from None
