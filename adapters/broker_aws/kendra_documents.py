"""Documents of a Kendra index: put in, taken out, asked about, ten at a time.

Source: botocore's service model ``kendra/2019-02-03`` and its documentation. "5 MB total size for inline documents" and as
much of extracted text is what docs.aws.amazon.com/kendra/latest/dg/API_BatchPutDocument.html says.
"""

from __future__ import annotations

from typing import Any

from broker.contract import IndexSettings, WriteLimits, given, needed, redact
from broker.types import (
    DeleteRequest,
    Document,
    DocumentState,
    DocumentStatus,
    MetadataValue,
    StatusRequest,
    UpsertRequest,
    ValueKind,
    WriteReport,
    WriteRequest,
)
from broker_aws.kendra import index_of
from broker_aws.kendra_values import language_code, problem, value_of

_STATES = {
    "NOT_FOUND": DocumentState.ABSENT,
    "PROCESSING": DocumentState.ACCEPTED,
    "INDEXED": DocumentState.DONE,
    "UPDATED": DocumentState.DONE,
    "FAILED": DocumentState.FAILED,
    "UPDATE_FAILED": DocumentState.FAILED,
}
_PASSING = "InternalError"
"""The one of its two codes that says nothing against the document."""
_LANGUAGE, _ADDRESS = "_language_code", "_source_uri"


def additions(request: UpsertRequest, settings: IndexSettings) -> dict[str, Any]:
    """Arguments of ``batch_put_document``. Raises :class:`NotConfigured`, :class:`BadInput`."""
    return {
        "IndexId": index_of(settings, request.index),
        "Documents": [_document(each, request.language) for each in request.documents],
    }


def deletion(request: DeleteRequest, settings: IndexSettings) -> dict[str, Any]:
    """Arguments of ``batch_delete_document``."""
    return {"IndexId": index_of(settings, request.index), "DocumentIdList": list(request.ids)}


def question(request: StatusRequest, settings: IndexSettings) -> dict[str, Any]:
    """Arguments of ``batch_get_document_status``."""
    return {
        "IndexId": index_of(settings, request.index),
        "DocumentInfoList": [{"DocumentId": each} for each in request.ids],
    }


def _document(document: Document, language: str | None) -> dict[str, Any]:
    text = document.content if document.content.strip() else document.title or ""
    made: dict[str, Any] = {"Id": document.id, "Blob": text.encode(), "ContentType": "PLAIN_TEXT"}
    if document.title:
        made["Title"] = document.title
    attributes = _attributes(document)
    if language is not None:
        attributes.setdefault(_LANGUAGE, language_code(language))
    if attributes:
        made["Attributes"] = [{"Key": name, "Value": value_of(each)} for name, each in attributes.items()]
    return made


def _attributes(document: Document) -> dict[str, MetadataValue]:
    """Metadata, and the address under Kendra's name for it; an empty list is as if it were not there."""
    found = {name: value for name, value in document.metadata.items() if value != ()}
    if document.url:
        found[_ADDRESS] = document.url
    return found


def refuse(document: Document) -> str:
    """Why Kendra cannot keep it; empty: it can."""
    for name, value in _attributes(document).items():
        why = problem(value)
        if why:
            return f"{'url' if name == _ADDRESS and document.url else name}: {why}"
    return ""


LIMITS = WriteLimits(
    max_items=10,
    max_bytes=5_000_000,
    kinds=frozenset(ValueKind) - {ValueKind.BOOLEAN},
    refuse=refuse,
    eventual=True,
    source="https://docs.aws.amazon.com/kendra/latest/APIReference/API_BatchPutDocument.html",
)


def begun_of(body: dict[str, Any], request: WriteRequest) -> WriteReport:
    """What became of documents put in or taken out: Kendra names those that failed, and works on the others.

    Raises ValueError for a failure that is nobody's.
    """
    failed: dict[str, DocumentStatus] = {}
    for each in given(body, "FailedDocuments", list) or []:
        key = needed(each, "Id", str)
        if key in failed:
            raise ValueError("a document has failed twice")
        failed[key] = _failed(key, each, DocumentState.FAILED)
    if failed.keys() - set(request.keys):
        raise ValueError("a document has failed that was not sent")
    return WriteReport(
        statuses=tuple(
            failed.get(key) or DocumentStatus(id=key, state=DocumentState.ACCEPTED) for key in request.keys
        )
    )


def standing_of(body: dict[str, Any]) -> WriteReport:
    """Where documents stand; those that Kendra could not tell of are unknown."""
    found = [_standing(each) for each in given(body, "DocumentStatusList", list) or []]
    errors: list[Any] = given(body, "Errors", list) or []
    found += [_failed(needed(each, "DocumentId", str), each, DocumentState.UNKNOWN) for each in errors]
    return WriteReport(statuses=tuple(found))


def _standing(item: Any) -> DocumentStatus:
    word = needed(item, "DocumentStatus", str)
    state = _STATES.get(word, DocumentState.UNKNOWN)
    bad = state in (DocumentState.FAILED, DocumentState.UNKNOWN)
    reason = redact(given(item, "FailureReason", str) or "", 500)
    if bad and not reason:
        reason = f"its status is {redact(word, 100)}"
    return DocumentStatus(
        id=needed(item, "DocumentId", str),
        state=state,
        reason=reason,
        code=redact(given(item, "FailureCode", str) or word, 100) if bad else None,
        may_retry=state is DocumentState.UNKNOWN,
    )


def _failed(key: str, item: Any, state: DocumentState) -> DocumentStatus:
    code = given(item, "ErrorCode", str)
    return DocumentStatus(
        id=key,
        state=state,
        reason=redact(given(item, "ErrorMessage", str) or "Kendra gave no reason", 500),
        code=None if code is None else redact(code, 100),
        may_retry=code == _PASSING,
    )
