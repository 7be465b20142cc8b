"""The files of a batch transcription at Speech: what is in the list of them, and how one is fetched.

Source: Azure/azure-rest-api-specs, SpeechToText stable/2025-10-15 (Transcriptions_ListFiles, File, FileKind);
MicrosoftDocs/azure-ai-docs, speech-service/batch-transcription-get.md (transcription report file).

A file is fetched by a link that Speech signs: our credential is not sent there, and the link is told to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from broker.contract import Context, HttpReply, given, needed
from broker.contract.loopback import is_loopback
from broker.errors import AuthFailed, MalformedReply
from broker.types import JsonValue
from broker_azure import faults

RESULT = "Transcription"
REPORT = "TranscriptionReport"
PIECE = 16 * 1024 * 1024
"""A larger file is fetched in pieces of this size, for an answer of more than 32 MB is not read: an hour of speech comes to 20 MB
where each phrase has five versions with the times of their words.
"""
MOST = 512 * 1024 * 1024
"""More than the longest recording that Speech takes can come to, and as much as may be held in memory."""
_WHOLE, _PART = 200, 206
_SUCCEEDED = "Succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFile:
    """A file of a job.

    :param link: its address with a signature: a secret.
    :param size: in bytes, where Speech says so.
    """

    kind: str
    link: str = field(repr=False)
    size: int = 0


def file_of(item: Any) -> JobFile | None:
    """A member of the list; None for one of a kind that is not read. Raises ValueError."""
    kind = needed(item, "kind", str)
    if kind not in (RESULT, REPORT):
        return None
    link = needed(needed(item, "links", dict), "contentUrl", str)
    size = given(given(item, "properties", dict) or {}, "size", int)
    return JobFile(kind=kind, link=link, size=size or 0)


async def fetched(file: JobFile, context: Context, *, local: bool) -> HttpReply:
    """The file, without our credential; no error repeats the link.

    :param local: Speech is on this machine, and so may be its files.
    """
    _check(file.link, local=local)
    if file.size <= PIECE:
        return await _get(file.link, context, {})
    if file.size > MOST:
        raise MalformedReply(
            f"the job's file has {file.size:,} bytes, more than can be read here; Azure keeps it for some days"
        )
    data = bytearray()
    while True:
        last = min(len(data) + PIECE, file.size) - 1
        reply = await _get(file.link, context, {"Range": f"bytes={len(data)}-{last}"})
        if reply.status == _WHOLE and not data:
            return reply
        data += reply.content
        if reply.status != _PART or not reply.content or len(data) > last + 1:
            raise MalformedReply(
                "the job's file came in other pieces than were asked for", status=reply.status
            )
        if len(data) == file.size:
            return replace(reply, status=_WHOLE, content=bytes(data))


def reason_in(report: Mapping[str, Any]) -> dict[str, JsonValue] | None:
    """Why the recording was not transcribed, as code and message; None where the report does not say. Raises ValueError."""
    for item in needed(report, "details", list):
        kind, text = given(item, "errorKind", str), given(item, "errorMessage", str)
        if given(item, "status", str) != _SUCCEEDED and (kind or text):
            return {"code": kind or "Failed", "message": text or ""}
    return None


def _check(link: str, *, local: bool) -> None:
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        raise MalformedReply("the link to the job's file is malformed") from None
    if local and parts.scheme == "http" and is_loopback(host):
        return
    if parts.scheme != "https" or not host or parts.username:
        raise MalformedReply("the link to the job's file is no https address")


async def _get(link: str, context: Context, headers: Mapping[str, str]) -> HttpReply:
    reply = await context.http.send("GET", link, headers={"Accept": "application/json", **headers})
    if 200 <= reply.status < 300:
        return reply
    error = faults.refusal(reply)
    if isinstance(error, AuthFailed):
        # The reference of Transcriptions_ListFiles: with the customer's own storage links are not signed.
        raise AuthFailed(
            "the link to the job's file was refused: it has expired, or this Speech resource keeps results in storage of "
            "its own (BYOS), which is not read here; fetch again, or use a resource without it",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
        )
    raise error
