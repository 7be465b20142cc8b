"""Good answers of Bedrock's knowledge bases and of Kendra, about the suite's document."""

from __future__ import annotations

from typing import Any

from broker.testing.conformance import DOCUMENT, QUERY
from broker.testing.script import SeenRequest
from broker.types import Hit, JsonValue, Score, SearchResults, Snippet, Suggestion, SuggestionSet
from broker_aws import kendra, knowledge

BASE, SOURCE = "KB12345678", "DS12345678"
INDEX = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"
_KEY, _TITLE, _TEXT = DOCUMENT["id"], DOCUMENT["title"], DOCUMENT["content"]
_BASE = f"/knowledgebases/{BASE}"
_DOCUMENTS = f"{_BASE}/datasources/{SOURCE}/documents"


def _mark(text: str) -> str:
    """What a variant put behind the query."""
    return "".join(text.partition("##")[1:])


def _retrieved(request: SeenRequest) -> JsonValue:
    body: Any = request.json()
    return {
        "retrievalResults": [
            {
                "content": {"type": "TEXT", "text": _TEXT + _mark(body["retrievalQuery"]["text"])},
                "location": {"type": "CUSTOM", "customDocumentLocation": {"id": _KEY}},
                "score": 0.5,
                "metadata": {"title": _TITLE, "year": 2024},
            }
        ]
    }


def _detailed(status: str) -> JsonValue:
    detail: JsonValue = {
        "knowledgeBaseId": BASE,
        "dataSourceId": SOURCE,
        "status": status,
        "identifier": {"dataSourceType": "CUSTOM", "custom": {"id": _KEY}},
    }
    return {"documentDetails": [detail]}


KNOWLEDGE_BASE: dict[str, Any] = {
    "search.query": (f"{_BASE}/retrieve", _retrieved),
    "search.upsert": (_DOCUMENTS, _detailed("STARTING")),
    "search.delete": (f"{_DOCUMENTS}/deleteDocuments", _detailed("DELETING")),
    "search.status": (f"{_DOCUMENTS}/getDocuments", _detailed("INDEXED")),
}


def _queried(request: SeenRequest) -> JsonValue:
    body: Any = request.json()
    item: JsonValue = {
        "Id": "q-1",
        "Type": "DOCUMENT",
        "DocumentId": _KEY,
        "DocumentTitle": {"Text": _TITLE, "Highlights": []},
        "DocumentExcerpt": {"Text": _TEXT + _mark(body["QueryText"]), "Highlights": []},
        "DocumentURI": DOCUMENT["url"],
        "DocumentAttributes": [{"Key": "year", "Value": {"LongValue": 2024}}],
        "ScoreAttributes": {"ScoreConfidence": "HIGH"},
    }
    return {"ResultItems": [item], "TotalNumberOfResults": 1}


def _suggested(request: SeenRequest) -> JsonValue:
    body: Any = request.json()
    return {"Suggestions": [{"Id": "1", "Value": {"Text": {"Text": f"{body['QueryText']} warning"}}}]}


_TARGET = "AWSKendraFrontendService."
_STANDING: JsonValue = {
    "DocumentStatusList": [{"DocumentId": _KEY, "DocumentStatus": "INDEXED"}],
    "Errors": [],
}
KENDRA: dict[str, Any] = {
    "search.query": (f"{_TARGET}Query", _queried),
    "search.suggest": (f"{_TARGET}GetQuerySuggestions", _suggested),
    "search.upsert": (f"{_TARGET}BatchPutDocument", {"FailedDocuments": []}),
    "search.delete": (f"{_TARGET}BatchDeleteDocument", {"FailedDocuments": []}),
    "search.status": (f"{_TARGET}BatchGetDocumentStatus", _STANDING),
}


def _text(number: int) -> str:
    return f"{QUERY}##{number:03}"


def knowledge_variant(operation: str, number: int) -> tuple[Any, Any] | None:
    """A query told from others, and what is due for it."""
    if operation != "search.query":
        return None
    hit = Hit(
        id=_KEY,
        rank=1,
        score=Score(value=0.5, raw=0.5, scale=knowledge.RELEVANCE),
        title=_TITLE,
        snippets=(Snippet(text=f"{_TEXT}##{number:03}", member="content"),),
        metadata={"year": 2024},
    )
    return _text(number), SearchResults(hits=(hit,))


def kendra_variant(operation: str, number: int) -> tuple[Any, Any] | None:
    """The same of Kendra."""
    if operation == "search.suggest":
        return _text(number), SuggestionSet(suggestions=(Suggestion(text=f"{_text(number)} warning"),))
    if operation != "search.query":
        return None
    hit = Hit(
        id=_KEY,
        rank=1,
        score=Score(value=None, raw="HIGH", scale=kendra.SCALE),
        title=_TITLE,
        url=DOCUMENT["url"],
        snippets=(Snippet(text=f"{_TEXT}##{number:03}", member="content"),),
        metadata={"year": 2024},
    )
    return _text(number), SearchResults(hits=(hit,), total=1)
