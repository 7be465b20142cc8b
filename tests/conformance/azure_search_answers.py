"""Good answers of Azure AI Search, about the document of the conformance suite."""

from __future__ import annotations

from typing import Any

from broker.testing.conformance import DOCUMENT
from broker.testing.script import SeenRequest
from broker.types import (
    Highlight,
    Hit,
    JsonValue,
    Score,
    ScoreKind,
    ScoreScale,
    SearchMode,
    SearchResults,
    Snippet,
)

INDEX = "main"
SECTION: dict[str, Any] = {"index": INDEX, "shape": {"suggester": "sg"}}
_DOCS = f"/indexes('{INDEX}')/docs"


def _found(request: SeenRequest) -> JsonValue:
    asked: Any = request.json()
    before, after = asked["highlightPreTag"], asked["highlightPostTag"]
    return {
        "@odata.count": 1,
        "value": [
            {
                "@search.score": 1.5,
                "@search.highlights": {"content": [f"A {before}{asked['search']}{after} is coming."]},
                "id": DOCUMENT["id"],
                "content": DOCUMENT["content"],
                "title": DOCUMENT["title"],
                "url": DOCUMENT["url"],
                "lang": "en",
                "year": 2024,
                "tags": ["weather", "news"],
            }
        ],
    }


def _done(request: SeenRequest) -> JsonValue:
    asked: Any = request.json()
    return {
        "value": [
            {"key": each["id"], "status": True, "errorMessage": None, "statusCode": 200}
            for each in asked["value"]
        ]
    }


_SUGGESTED: JsonValue = {"value": [{"@search.text": "A storm is coming.", "id": DOCUMENT["id"]}]}
_THERE: JsonValue = {"id": DOCUMENT["id"]}

ANSWERS: dict[str, Any] = {
    "search.query": (f"{_DOCS}/search.post.search", _found),
    "search.suggest": (f"{_DOCS}/search.post.suggest", _SUGGESTED),
    "search.upsert": (f"{_DOCS}/search.index", _done),
    "search.delete": (f"{_DOCS}/search.index", _done),
    "search.status": (f"{_DOCS}('{DOCUMENT['id']}')", _THERE),
}


def variant(operation: str, number: int) -> tuple[Any, Any] | None:
    """An input told from others, and what is due for it."""
    if operation != "search.query":
        return None
    word = f"storm{number}"
    scale = ScoreScale(name="azure.search.score", kind=ScoreKind.UNBOUNDED)
    hit = Hit(
        id=DOCUMENT["id"],
        rank=1,
        score=Score(value=1.5, raw=1.5, scale=scale),
        title=DOCUMENT["title"],
        url=DOCUMENT["url"],
        snippets=(
            Snippet(
                text=f"A {word} is coming.",
                highlights=(Highlight(begin=2, end=2 + len(word)),),
                member="content",
            ),
        ),
        metadata={"lang": "en", "year": 2024, "tags": ("weather", "news")},
    )
    return word, SearchResults(hits=(hit,), total=1, total_exact=False, mode=SearchMode.KEYWORD)
