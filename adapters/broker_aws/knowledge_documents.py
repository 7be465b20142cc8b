"""Documents of a knowledge base: put into a data source of the type *custom*, taken out, asked about.

Source: botocore's service model ``bedrock-agent/2023-06-05``; the total of 6 MB is a quota of
docs.aws.amazon.com/general/latest/gr/bedrock.html. The user guide says 25 documents a request where the model says 10; ten
are taken by both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from broker.contract import Context, WriteLimits, needed, redact
from broker.contract import given as optional
from broker.errors import NotConfigured
from broker.types import (
    DeleteRequest,
    Document,
    DocumentState,
    DocumentStatus,
    MetadataValue,
    UpsertRequest,
    ValueKind,
    WriteReport,
    WriteRequest,
)
from broker_aws.knowledge import place_of
from broker_aws.knowledge_filter import fits
from broker_aws.settings import AwsSettings

SERVICE = "bedrock-agent"
ACCEPTED = (200, 202)
"""The model says 202 of what is only begun."""
_MOST_TEXT, _MOST_LIST, _MOST_ATTRIBUTES = 2048, 10, 50


class Meaning(NamedTuple):
    """What a status says of what was asked.

    :param why: where the vendor gives no reason.
    """

    state: DocumentState
    may_retry: bool = False
    why: str = ""


Meanings = Mapping[str, Meaning]

_DONE, _UNDER_WAY = Meaning(DocumentState.DONE), Meaning(DocumentState.ACCEPTED)
_IN_PART = Meaning(DocumentState.FAILED, True, "only a part of it was indexed")
_WENT_WRONG: Meanings = {
    "FAILED": Meaning(DocumentState.FAILED, False, "it could not be indexed"),
    "PARTIALLY_INDEXED": _IN_PART,
    "METADATA_PARTIALLY_INDEXED": _IN_PART,
    "METADATA_UPDATE_FAILED": Meaning(DocumentState.FAILED, True, "its metadata could not be updated"),
    "IGNORED": Meaning(DocumentState.FAILED, True, "Bedrock ignored it"),
}
_WORKED_ON: Meanings = dict.fromkeys(("STARTING", "PENDING", "IN_PROGRESS"), _UNDER_WAY)
_LEAVING = Meaning(DocumentState.FAILED, True, "it is being deleted")
INGESTED: Meanings = {
    **_WENT_WRONG,
    **_WORKED_ON,
    "INDEXED": _DONE,
    "NOT_FOUND": Meaning(DocumentState.FAILED, True, "Bedrock does not have it"),
    "DELETING": _LEAVING,
    "DELETE_IN_PROGRESS": _LEAVING,
}
DELETED: Meanings = {
    **_WENT_WRONG,
    **_WORKED_ON,
    "DELETING": _UNDER_WAY,
    "DELETE_IN_PROGRESS": _UNDER_WAY,
    "NOT_FOUND": _DONE,
    "INDEXED": Meaning(DocumentState.FAILED, True, "it is still indexed"),
}
FOUND: Meanings = {
    **_WENT_WRONG,
    **_WORKED_ON,
    "DELETING": _UNDER_WAY,
    "DELETE_IN_PROGRESS": _UNDER_WAY,
    "INDEXED": _DONE,
    "NOT_FOUND": Meaning(DocumentState.ABSENT),
}


def ingestion(request: UpsertRequest, settings: AwsSettings, context: Context) -> dict[str, Any]:
    """Arguments of ``ingest_knowledge_base_documents``. Raises :class:`NotConfigured`, :class:`BadInput`."""
    return {
        **_where(request, settings),
        "clientToken": _token(context, "put", [each.digest() for each in request.documents]),
        "documents": [_document(each) for each in request.documents],
    }


def deletion(request: DeleteRequest, settings: AwsSettings, context: Context) -> dict[str, Any]:
    """Arguments of ``delete_knowledge_base_documents``."""
    return {**question(request, settings), "clientToken": _token(context, "delete", request.ids)}


def question(request: DeleteRequest, settings: AwsSettings) -> dict[str, Any]:
    """Arguments of ``get_knowledge_base_documents``."""
    return {
        **_where(request, settings),
        "documentIdentifiers": [{"dataSourceType": "CUSTOM", "custom": {"id": each}} for each in request.ids],
    }


def _where(request: WriteRequest, settings: AwsSettings) -> dict[str, str]:
    place = place_of(settings, request.index)
    if not place.source:
        raise NotConfigured(
            "documents go into a data source of the knowledge base, of the type 'custom': write the index as "
            "KNOWLEDGEBASEID/DATASOURCEID"
        )
    return {"knowledgeBaseId": place.id, "dataSourceId": place.source}


def _token(context: Context, what: str, parts: Any) -> str:
    """Equal for all attempts of one request of a call, and of no other: Bedrock leaves out what it has seen.

    Were it made of the documents alone, putting an earlier state back would be left out too.
    """
    known = "\n".join([context.idempotency_key, what, *parts])
    return hashlib.sha256(known.encode()).hexdigest()


def _document(document: Document) -> dict[str, Any]:
    text = document.content if document.content.strip() else document.title
    content = {
        "dataSourceType": "CUSTOM",
        "custom": {
            "customDocumentIdentifier": {"id": document.id},
            "sourceType": "IN_LINE",
            "inlineContent": {"type": "TEXT", "textContent": {"data": text}},
        },
    }
    attributes = [{"key": name, "value": _value(value)} for name, value in _attributes(document).items()]
    if not attributes:
        return {"content": content}
    return {"content": content, "metadata": {"type": "IN_LINE_ATTRIBUTE", "inlineAttributes": attributes}}


def _attributes(document: Document) -> dict[str, MetadataValue]:
    """Metadata, with title and address under names that no metadata can have; an empty list is as if it were not there."""
    own = {"title": document.title, "url": document.url}
    named: dict[str, MetadataValue] = {name: value for name, value in own.items() if value}
    return {**{name: value for name, value in document.metadata.items() if value != ()}, **named}


def _value(value: MetadataValue) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"type": "BOOLEAN", "booleanValue": value}
    if isinstance(value, str):
        return {"type": "STRING", "stringValue": value}
    if isinstance(value, tuple):
        return {"type": "STRING_LIST", "stringListValue": list(value)}
    return {"type": "NUMBER", "numberValue": value}


def refuse(document: Document) -> str:
    """Why Bedrock cannot keep it; empty: it can."""
    attributes = _attributes(document)
    if len(attributes) > _MOST_ATTRIBUTES:
        return f"it has {len(attributes)} values with title and url, above the limit of {_MOST_ATTRIBUTES}"
    for name, value in attributes.items():
        if isinstance(value, tuple) and len(value) > _MOST_LIST:
            return f"{name} has {len(value)} texts, above the limit of {_MOST_LIST}"
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and not 1 <= len(text) <= _MOST_TEXT:
                return f"{name} has a text of {len(text):,} characters; it is 1 to {_MOST_TEXT:,}"
        if isinstance(value, int) and not fits(value):
            return f"{name} is a whole number that a double cannot hold; write it as a text"
    return ""


LIMITS = WriteLimits(
    max_items=10,
    max_bytes=5_000_000,
    kinds=frozenset(ValueKind) - {ValueKind.TIME},
    refuse=refuse,
    eventual=True,
    source="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent_IngestKnowledgeBaseDocuments.html",
)


def report_of(body: dict[str, Any], meanings: Meanings) -> WriteReport:
    """What the answer says of each document. Raises ValueError for an unusable one."""
    details: list[Any] = needed(body, "documentDetails", list)
    return WriteReport(statuses=tuple(_status(each, meanings) for each in details))


def _status(item: Any, meanings: Meanings) -> DocumentStatus:
    custom: dict[str, Any] = needed(needed(item, "identifier", dict), "custom", dict)
    word = needed(item, "status", str)
    told = redact(optional(item, "statusReason", str) or "", 500)
    meaning = meanings.get(word)
    if meaning is None:  # a word of a later Bedrock
        meaning = Meaning(DocumentState.UNKNOWN, True, f"its status is {redact(word, 100)}")
    settled = meaning.state in (DocumentState.DONE, DocumentState.ABSENT)
    return DocumentStatus(
        id=needed(custom, "id", str),
        state=meaning.state,
        reason=told or meaning.why,
        code=None if settled else redact(word, 100),
        may_retry=meaning.may_retry,
    )
