"""Answers that were kept as Google sent them (JSON), read again: the readers of the live call, without the call.

Vision, Natural Language, Cloud Translation, Sensitive Data Protection, Speech-to-Text and Vertex AI Search.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.contract import given, needed, reading
from broker.errors import MalformedReply
from broker.types import JsonValue, LanguageSet, TranscribeRequest, Transcript, redacted
from broker_gcp import (
    dlp,
    language,
    search_answer,
    speech_operation,
    translate,
    vision_answer,
)
from broker_gcp.speech_answer import billed_seconds, transcript
from broker_gcp.speech_request import ignored_in
from broker_gcp.vision import shapes

Body = dict[str, JsonValue]
_PICTURES: dict[str, vision_answer.Reader[Any, Any]] = {
    "vision.label": vision_answer.labels_in,
    "vision.detect_objects": vision_answer.objects_in,
    "vision.detect_text": vision_answer.text_in,
    "vision.detect_faces": vision_answer.faces_in,
    "vision.moderate": vision_answer.harms_in,
}
_OTHERS: dict[str, Callable[[Body, Any], Any]] = {
    "text.sentiment": lambda body, asked: language.sentiment_of(body, asked.text),
    "text.entities": lambda body, asked: language.entities_of(body, asked.text),
    "text.moderate": lambda body, _: language.moderation_of(body),
    "text.detect_language": lambda body, _: _languages(body),
    "text.detect_pii": lambda body, asked: dlp.findings_of(body, asked.text),
    "text.redact": lambda body, asked: redacted(asked, dlp.findings_of(body, asked.text)),
    "search.query": search_answer.results_of,
    "search.suggest": lambda body, _: search_answer.suggestions_of(body),
}
_SPEECH = "transcription.transcribe"
READS = frozenset({*_PICTURES, *_OTHERS, _SPEECH})


def reread(operation: str, raw: JsonValue, request: Any, *, location: str) -> Any:
    """The result. Raises :class:`MalformedReply`, and the mapped error of a refusal inside the answer.

    :param location: of Speech-to-Text, where the answer names none: which of a call's options a place takes differs.
    """
    if not isinstance(raw, dict):
        raise MalformedReply(f"this is no kept answer of {operation}: it is no object")
    if operation in _PICTURES:
        return _seen(operation, raw, request)
    if "error" in raw and operation != _SPEECH:
        raise MalformedReply(f"this is no kept answer of {operation}: it is a refusal")
    with reading("a kept answer"):
        return _heard(raw, request, location) if operation == _SPEECH else _OTHERS[operation](raw, request)


def _seen(operation: str, raw: Body, request: Any) -> Any:
    from google.protobuf.json_format import ParseDict, ParseError

    whole: Any = raw if "responses" in raw else {"responses": [raw]}
    try:
        message = ParseDict(whole, shapes().reply(), ignore_unknown_fields=True)
    except ParseError:
        raise MalformedReply(
            f"this is no kept answer of {operation}: it is no BatchAnnotateImagesResponse"
        ) from None
    return vision_answer.one_of(message.SerializeToString(), request, _PICTURES[operation]).payload


def _languages(body: Body) -> LanguageSet:
    """Of v3, or of v2, whose answers lie in ``data``."""
    return translate.basic_languages_of(body) if "data" in body else translate.languages_of(body)


def _heard(raw: Body, request: TranscribeRequest, location: str) -> Transcript:
    """Of ``recognize``; of a job its operation with the result inside, or beside it as jobs of ours keep the two; or the
    result's file alone. Raises ValueError for none of these, and the mapped error of an operation that failed.
    """
    operation = given(raw, "operation", dict) or (raw if {"response", "done", "error"} & raw.keys() else None)
    results = _results(raw) if operation is None else _results_of_job(operation, given(raw, "result", dict))
    name = None if operation is None else given(operation, "name", str)
    said = transcript(results, channels=request.channels)
    ignored = ignored_in(request, _location_of(name) or location)
    return said.ignoring(tuple(each.value for each in ignored)) if ignored else said


def _results_of_job(operation: Body, beside: Body | None) -> list[JsonValue]:
    failed = speech_operation.failure(operation)
    if failed is not None:
        raise failed
    own = speech_operation.inline(speech_operation.the_file(needed(operation, "response", dict)))
    found = beside if own is None else own
    if found is None:
        raise ValueError("the operation names a file that its result was written to; keep that one")
    return speech_operation.results_in(found)


def _results(raw: Body) -> list[JsonValue]:
    """Of RecognizeResponse and BatchRecognizeResults; of BatchRecognizeResponse with the one file's result in it."""
    if isinstance(raw.get("results"), dict):
        own = speech_operation.inline(speech_operation.the_file(raw))
        if own is None:
            raise ValueError("the result of the file is not in it")
        return speech_operation.results_in(own)
    results = given(raw, "results", list)
    # Of silence there are no results, but what was billed is always told; {} is no answer.
    if results is None and given(raw, "metadata", dict) is None and not billed_seconds(raw):
        raise ValueError("it has neither results nor metadata")
    return results or []


def _location_of(name: str | None) -> str | None:
    parts = (name or "").split("/")
    return parts[3] if len(parts) == 6 and parts[2] == "locations" else None
