"""Good answers of Vertex AI Search, about the one document of the suite."""

from __future__ import annotations

from typing import Any

from broker.testing.conformance import DOCUMENT
from broker.testing.peer import HttpPeer
from broker.testing.script import SeenRequest
from broker.types import Hit, JsonValue, Score, ScoreKind, ScoreScale, SearchMode, SearchResults, Snippet

PROJECT, STORE = "conformance", "docs"
_PARENT = f"projects/{PROJECT}/locations/global/collections/default_collection/dataStores/{STORE}"
_NAME = f"{_PARENT}/branches/0/documents/{DOCUMENT['id']}"
_ONE = f"/v1/{_PARENT}/branches/default_branch/documents/{DOCUMENT['id']}"
OPERATIONS = ("search.query", "search.suggest", "search.upsert", "search.delete", "search.status")


def _search(request: SeenRequest) -> JsonValue:
    """What is found depends on what is asked."""
    body: Any = request.json()
    document: dict[str, JsonValue] = {
        "name": _NAME,
        "id": DOCUMENT["id"],
        "structData": {"title": DOCUMENT["title"], "url": DOCUMENT["url"], **DOCUMENT["metadata"]},
        "derivedStructData": {"snippets": [{"snippet": f"{body['query']} is coming"}]},
    }
    return {
        "results": [
            {
                "id": DOCUMENT["id"],
                "document": document,
                "modelScores": {"relevance_score": {"values": [0.5]}},
            }
        ],
        "totalSize": 1,
        "attributionToken": "t",
        "semanticState": "ENABLED",
    }


def _document(request: SeenRequest) -> JsonValue:
    if request.method == "DELETE":
        return {}
    return {"name": _NAME, "id": DOCUMENT["id"], "indexTime": "2026-11-21T17:00:00Z"}


ANSWERS: dict[str, Any] = {
    "search.query": (f"/v1/{_PARENT}/servingConfigs/default_search:search", _search),
    "search.suggest": (f"/v1/{_PARENT}:completeQuery", {"querySuggestions": [{"suggestion": "storms"}]}),
    "search.upsert": (_ONE, _document),
    "search.delete": (_ONE, _document),
    "search.status": (_ONE, _document),
}


class SearchPeer(HttpPeer):
    """Nothing to suggest is an answer, and a deletion's has nothing in it."""

    def hollow(self, operation: str) -> bool:
        """See :class:`~broker.testing.peer.Peer`."""
        return super().hollow(operation) and operation not in ("search.suggest", "search.delete")


def variant(operation: str, number: int) -> tuple[Any, Any] | None:
    """Words told from others, and what is due for them."""
    if operation != "search.query":
        return None
    words = f"storm {number:03}"
    metadata = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in DOCUMENT["metadata"].items()
    }
    hit = Hit(
        id=DOCUMENT["id"],
        rank=1,
        score=Score(
            value=0.5,
            raw=0.5,
            scale=ScoreScale(name="gcp.agent_search.relevance_score", kind=ScoreKind.UNBOUNDED),
        ),
        title=DOCUMENT["title"],
        url=DOCUMENT["url"],
        snippets=(Snippet(text=f"{words} is coming", member="content"),),
        metadata=metadata,
    )
    return words, SearchResults(hits=(hit,), total=1, total_exact=False, mode=SearchMode.HYBRID)
