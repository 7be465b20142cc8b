"""Vertex AI Search: documents in, out, and where they stand. Pure.

Sources: Document, ImportDocumentsRequest, ImportDocumentsMetadata and IndexStatus of google/cloud/discoveryengine/v1, Operation
of google/longrunning/operations.proto. An import that is "done" without an error may have imported nothing: what failed is
counted in its metadata only, and some of it named in ``errorSamples``.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from broker.contract import HttpReply, WriteLimits, given, needed, redact
from broker.errors import Unavailable
from broker.types import Document, DocumentState, DocumentStatus, JsonValue, MetadataValue, WriteReport
from broker_gcp import faults
from broker_gcp.proto_json import spelled
from broker_gcp.search_answer import TITLE, URL, whole
from broker_gcp.search_filter import LARGEST_EXACT, instant
from broker_gcp.search_keys import id_of, id_problem, key_of
from broker_gcp.settings import DISCOVERY, GcpSettings

Json = Mapping[str, Any]
CONTENT = "content"
_SOURCE = "https://cloud.google.com/generative-ai-app-builder/docs/reference/rest/v1/projects.locations.collections.dataStores.branches.documents"
# Document.content.raw_bytes: 1,000,000 bytes. InlineSource: "Recommended max of 100 items". Of a request's bytes Google names
# no limit; base64 makes a third more of them.
_MOST_BYTES, _MOST_ITEM = 5_000_000, 900_000
_RESOURCE = re.compile(r"projects/[^\s'\"`\]]+")


def refused(document: Document) -> str:
    """Why a document cannot be kept; empty: it can."""
    problem = id_problem(document.id)
    if problem:
        return problem
    for name, value in document.metadata.items():
        if type(value) is int and abs(value) > LARGEST_EXACT:
            return f"the metadata {name} is a whole number beyond 53 bits, which would be rounded; write it as a text"
    return ""


UPSERT = WriteLimits(
    max_items=100,
    max_bytes=_MOST_BYTES,
    max_item=_MOST_ITEM,
    refuse=refused,
    eventual=True,
    source=f"{_SOURCE}/import",
)
ONE = WriteLimits(max_items=1, eventual=True, source=_SOURCE)
"""Deletions and questions go by one document each."""


def written(document: Document, settings: GcpSettings) -> dict[str, JsonValue]:
    """A document as Google takes it.

    Of an unstructured data store the text is the content, and all else is metadata; a structured one has data only.
    """
    known: dict[str, JsonValue] = {name: _value(value) for name, value in document.metadata.items()}
    if document.title is not None:
        known[TITLE] = document.title
    if document.url is not None:
        known[URL] = document.url
    made: dict[str, JsonValue] = {"id": key_of(document.id), "structData": known}
    if settings.search_store == "structured":
        known[CONTENT] = document.content
    else:
        # It must have a content: a document of a title only has that.
        text = document.content if document.content.strip() else document.title or ""
        made["content"] = {"mimeType": "text/plain", "rawBytes": base64.b64encode(text.encode()).decode()}
    return made


def _value(value: MetadataValue) -> JsonValue:
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, (str, int, float)) else instant(value)


def put(keys: Sequence[str], body: Json) -> WriteReport:
    """What became of one document that was put in by itself. Raises ValueError where the answer is of another."""
    _same(body, keys[0])
    return _all(keys, DocumentState.ACCEPTED)


def imported(keys: Sequence[str], body: Json) -> WriteReport:
    """What an import says of its documents, mostly that it has begun.

    Raises ValueError, and the mapped refusal where the import failed as a whole.
    """
    needed(body, "name", str)
    if not given(body, "done", bool):
        return _all(keys, DocumentState.ACCEPTED)
    error: dict[str, Any] | None = given(body, "error", dict)
    if error is not None:
        raise _status(error)
    response: dict[str, Any] = given(body, "response", dict) or {}
    samples = _objects(response, "errorSamples")
    failures = whole(given(body, "metadata", dict) or {}, "failureCount") or len(samples)
    if not failures:
        return _all(keys, DocumentState.ACCEPTED)
    named = {key: each for each in samples for key in _keys_in(each) if key in keys}
    reason = _reason(samples[0]) if samples else "Google counts a failure and names none"
    rest = DocumentState.ACCEPTED if len(named) >= failures else DocumentState.UNKNOWN
    if failures >= len(keys):
        rest = DocumentState.FAILED
    return WriteReport(
        statuses=tuple(
            _failed(key, named[key])
            if key in named
            else DocumentStatus(
                id=key,
                state=rest,
                reason="" if rest is DocumentState.ACCEPTED else f"{failures} of {len(keys)}: {reason}",
                may_retry=rest is DocumentState.UNKNOWN,
            )
            for key in keys
        )
    )


def stands(key: str, body: Json) -> DocumentStatus:
    """Where a document stands that is there. Raises ValueError where the answer is of another.

    "If document is indexed successfully, the index_time field is populated. Otherwise, if not indexed due to errors, the
    error_samples field is. Otherwise, if document's index is in progress, the pending_message field is."
    """
    _same(body, key)
    status: dict[str, Any] = given(body, spelled(body, "indexStatus"), dict) or {}
    samples = _objects(status, "errorSamples")
    if samples:
        return _failed(key, samples[0])
    pending = given(status, spelled(status, "pendingMessage"), str)
    if pending:
        return DocumentStatus(id=key, state=DocumentState.ACCEPTED, reason=redact(pending)[:500])
    indexed = given(status, spelled(status, "indexTime"), str) or given(body, spelled(body, "indexTime"), str)
    # "If this field is not populated, it means the document has never been indexed."
    return DocumentStatus(id=key, state=DocumentState.DONE if indexed else DocumentState.ACCEPTED)


def is_gone(reply: HttpReply, error: Mapping[str, Any]) -> bool:
    """Whether a 404 says that there is no such document: an empty one, or Google's, unless it names something else.

    What it names stands in its details, or in its words: of a data store that is not there Google says "DataStore
    projects/… not found", and no document of it may be called deleted. Only names of resources are looked for there.
    Other bodies come from other servers: an address that is wrong.
    """
    if not reply.content.strip():
        return True
    if error.get("status") != "NOT_FOUND":
        return False
    named = [
        each["resourceName"]
        for each in error.get("details") or ()
        if isinstance(each, Mapping) and isinstance(each.get("resourceName"), str)
    ]
    words = error.get("message")
    named = named or (_RESOURCE.findall(words) if isinstance(words, str) else [])
    return not named or any("/documents/" in each for each in named)


def _same(body: Json, key: str) -> None:
    """The answer is about this document."""
    name = given(body, "name", str)
    found = given(body, "id", str) or (name or "").rpartition("/documents/")[2]
    if not found:
        raise ValueError("it has neither id nor name")
    if id_of(found) != key:
        raise ValueError("it is of another document")


def _all(keys: Sequence[str], state: DocumentState) -> WriteReport:
    return WriteReport(statuses=tuple(DocumentStatus(id=key, state=state) for key in keys))


def _objects(item: Json, name: str) -> list[dict[str, Any]]:
    found: list[Any] = given(item, spelled(item, name), list) or []
    for each in found:
        if not isinstance(each, dict):
            raise ValueError(f"{name} holds a {type(each).__name__}")
    return found


def _keys_in(status: Json) -> list[str]:
    """Documents that a google.rpc.Status names, by whole resource names."""
    return [
        id_of(name.rpartition("/")[2])
        for each in _objects(status, "details")
        if isinstance(name := each.get("resourceName"), str) and "/documents/" in name
    ]


def _status(error: Json) -> Exception:
    """Our error for a google.rpc.Status in an operation."""
    number = given(error, "code", int) or 0
    name = faults.NAMES[number] if 0 <= number < len(faults.NAMES) else str(number)
    return faults.mapped(
        name, given(error, "message", str) or "", faults.json_details(error), {}, api=DISCOVERY.api
    )


def _reason(status: Json) -> str:
    return redact(given(status, "message", str) or "Google gave no reason")[:500]


def _failed(key: str, status: Json) -> DocumentStatus:
    number = given(status, "code", int) or 0
    error = _status(status)
    return DocumentStatus(
        id=key,
        state=DocumentState.FAILED,
        reason=_reason(status),
        code=faults.NAMES[number] if 0 < number < len(faults.NAMES) else None,
        may_retry=isinstance(error, Unavailable),
    )
