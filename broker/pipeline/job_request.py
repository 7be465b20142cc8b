"""A long recording's request as the ledger keeps it, so that another process can go on: options and header, no content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from broker.errors import LedgerUnavailable
from broker.pipeline.call import Target
from broker.types.audio import Audio
from broker.types.json import JsonValue
from broker.types.speech import Profanity, TranscribeRequest

_HEADER = ("format", "codec", "milliseconds", "sample_rate", "channels", "size", "name", "uri")
_OPTIONS = (
    "language",
    "candidates",
    "diarize",
    "min_speakers",
    "max_speakers",
    "channels",
    "profanity",
    "redact",
    "raw",
)


def key_of(request: TranscribeRequest, target: Target, digest: str, apart: str = "") -> str:
    """The same for the same recording, options and account, in every process: it names the job at the provider.

    :param digest: of the recording; of one in a store, of what was read of it.
    :param apart: see :class:`~broker.pipeline.call.Call`.
    """
    asked = {name: getattr(request, name) for name in (*_OPTIONS, "hints") if name != "raw"}
    candidate = target.candidate
    told = [candidate.provider, candidate.profile, target.region, target.spec.service, target.spec.operation]
    what = digest if request.audio.uri is None else [request.audio.uri, request.audio.size, digest]
    text = _text([*told, what, asked, request.extensions, *([apart] if apart else [])])
    return f"b1-{sha256(text.encode()).hexdigest()[:32]}"


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def facts_of(request: TranscribeRequest, ignored: tuple[str, ...]) -> Mapping[str, JsonValue]:
    """What is kept. Hints are not: they may be names of people, and are only needed while the recording is at hand."""
    options: dict[str, JsonValue] = {}
    for name in _OPTIONS:
        value = getattr(request, name)
        options[name] = list(value) if isinstance(value, tuple) else value
    return {
        "audio": {name: getattr(request.audio, name) for name in _HEADER},
        "options": options,
        "extensions": json.loads(_text(request.extensions)),
        "hints": len(request.hints),
        "ignored": list(ignored),
    }


def whole(request: TranscribeRequest, facts: Mapping[str, JsonValue]) -> bool:
    """Whether a request has the hints it was made with, which are not kept."""
    return facts.get("hints", 0) == len(request.hints)


def request_of(facts: Mapping[str, JsonValue]) -> TranscribeRequest:
    """The request again, with a recording that cannot be opened here. Raises :class:`LedgerUnavailable`."""
    audio, options = facts.get("audio"), facts.get("options")
    if not isinstance(audio, dict) or not isinstance(options, dict):
        raise LedgerUnavailable("the job's row in the ledger does not tell what was asked for")
    header: dict[str, Any] = dict(audio)
    if header.get("uri") is None:
        header["path"] = ""  # no file: it cannot be opened by mistake
    given: dict[str, Any] = dict(options)
    given["candidates"] = tuple(given.get("candidates") or ())
    if given.get("profanity") is not None:
        given["profanity"] = Profanity(given["profanity"])
    extensions = facts.get("extensions")
    given["extensions"] = extensions if isinstance(extensions, dict) else {}
    return TranscribeRequest(audio=Audio(**header), **given)


def ignored_of(facts: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Options that were left out because the provider lacks them."""
    found = facts.get("ignored")
    return tuple(str(each) for each in found) if isinstance(found, list) else ()
