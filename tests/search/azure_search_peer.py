"""Azure AI Search kept in memory behind a loopback stub: one index, its filters read by the vendor's grammar, and what is
sent and answered judged by the models of Microsoft's own client where that is installed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import odata_reader

from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub

INDEX = "hotels"
KEY = "search-key-of-a-test-7c1d"
SECTION: dict[str, Any] = {
    "keys": {"search": KEY},
    "index": INDEX,
    "shape": {"suggester": "sg", "vector_fields": ["vector"], "times": ["day"]},
}
_KEY = re.compile(r"[A-Za-z0-9=-][A-Za-z0-9_=-]{0,1023}", re.ASCII)
_LOOKUP = re.compile(r"/indexes\('([^']*)'\)/docs\('([^']*)'\)")
_POST = re.compile(
    r"/indexes\('([^']*)'\)/docs/search\.(post\.search|post\.suggest|post\.autocomplete|index)"
)
_VERSION = "2026-04-01"
Fields = dict[str, Any]


def members(model: str) -> dict[str, Any] | None:
    """The members of one of the client's models by their names on the wire; None without the client."""
    if find_spec("azure.search") is None:
        return None
    found = getattr(import_module("azure.search.documents.models._models"), model)
    made = found({})
    return {each._rest_name: each for each in made._attr_to_rest_field.values()}


def judged(model: str, body: Fields, own: tuple[str, ...] = ()) -> Fields:
    """The body, if the model knows all its members."""
    known = members(model)
    if known is not None:
        unknown = set(body) - set(known) - set(own)
        assert not unknown, unknown
    return body


class AzureSearchPeer:
    """One search service with one index.

    :param fields: the index's fields, its key first; a document with others is refused, with its whole batch.
    :param later: probes that do not see what was written; then all do.
    :param broken: status for a key, as the service answers for single documents.
    :param most: hits of one page, whatever was asked for.
    """

    def __init__(
        self,
        stub: VendorStub,
        *,
        fields: tuple[str, ...] = ("id", "content", "title", "url", "year", "lang", "tags", "day", "draft"),
        later: int = 0,
    ) -> None:
        self.stub = stub
        self.fields = fields
        self.later = later
        self.kept: dict[str, Fields] = {}
        self.broken: dict[str, int] = {}
        self.most = 1000
        self.coverage: float | None = None
        self.answers: list[Fields] | None = None
        self.change: Callable[[Fields], Fields] = lambda body: body
        self.bodies: list[Any] = []
        self.actions: list[Fields] = []
        stub.script(self._answer)

    @property
    def section(self) -> dict[str, Any]:
        """The provider's settings."""
        return {"endpoints": {"search": self.stub.url}, **SECTION}

    def _answer(self, request: SeenRequest) -> Answer:
        assert request.params["api-version"] == _VERSION
        assert request.headers["accept"] == "application/json;odata.metadata=none"
        if request.headers.get("api-key") != KEY:
            return Answer(403)
        looked = _LOOKUP.fullmatch(request.path)
        posted = _POST.fullmatch(request.path)
        index = looked or posted
        assert index is not None, request.path
        if index.group(1) != INDEX:
            return self._refused(
                404, f"The index '{index.group(1)}' for service 'mine' was not found.", code=""
            )
        if looked:
            assert request.method == "GET"
            return self._look_up(looked.group(2), request.params["$select"].split(","))
        assert posted is not None
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/json"
        body: Any = request.json()
        self.bodies.append(body)
        called = {
            "post.search": self._search,
            "post.suggest": self._suggest,
            "post.autocomplete": self._autocomplete,
            "index": self._index,
        }[posted.group(2)]
        return called(body)

    def _refused(self, status: int, message: str, code: str = "InvalidRequestParameter") -> Answer:
        return Answer(status, json={"error": {"code": code, "message": message}})

    def _visible(self) -> dict[str, Fields]:
        if self.later > 0:
            self.later -= 1
            return {}
        return self.kept

    def _look_up(self, key: str, select: list[str]) -> Answer:
        found = self._visible().get(key)
        if found is None:
            return Answer(404)
        return Answer(json={name: found.get(name) for name in select})

    def _search(self, body: Fields) -> Answer:
        judged("SearchRequest", body)
        for vector in body.get("vectorQueries", ()):
            judged("VectorizableTextQuery", vector)
            assert vector["kind"] == "text"
        words = [word.replace("\\", "").lower() for word in (body.get("search") or "*").split()]
        semantic = body.get("queryType") == "semantic" or "semanticQuery" in body
        try:
            holds = odata_reader.read(body["filter"]).holds if "filter" in body else lambda _: True
        except odata_reader.NotOData as error:
            return self._refused(400, f"Invalid expression: {error}")
        found = []
        for key, fields in self._visible().items():
            score = sum(str(fields.get("content", "")).lower().count(word) for word in words)
            if words == ["*"] or score or "vectorQueries" in body:
                given = {name: tuple(v) if isinstance(v, list) else v for name, v in fields.items()}
                given = {name: _value(name, v) for name, v in given.items()}
                if holds(given):
                    found.append((score or 1, key, fields))
        found.sort(key=lambda one: (-one[0], one[1]))
        start, top = body.get("skip", 0), body.get("top", 50)
        page = found[start : start + min(top, self.most)]
        hits = [self._hit(score, fields, body, words, semantic=semantic) for score, _, fields in page]
        answer: Fields = {"value": hits}
        if body.get("count"):
            answer["@odata.count"] = len(found)
        if self.coverage is not None:
            answer["@search.coverage"] = self.coverage
        if body.get("facets"):
            answer["@search.facets"] = {
                name: _facet([fields for _, _, fields in found], name)
                for name in (each.split(",")[0] for each in body["facets"])
            }
        if semantic and self.answers is not None:
            answer["@search.answers"] = self.answers
        if len(page) < top and start + len(page) < len(found):
            answer["@search.nextPageParameters"] = {**body, "skip": start + len(page), "top": top - len(page)}
            answer["@odata.nextLink"] = (
                f"https://mine.search.windows.net/indexes('{INDEX}')/docs/search.post.search"
            )
        partial = "@search.semanticPartialResponseType" in (answer := self.change(answer))
        return Answer(206 if partial else 200, json=judged("SearchDocumentsResult", answer))

    def _hit(self, score: int, fields: Fields, body: Fields, words: list[str], *, semantic: bool) -> Fields:
        select = body.get("select")
        shown = fields if select is None else {name: fields.get(name) for name in select.split(",")}
        hit: Fields = {"@search.score": score / 2, **shown}
        content = str(fields.get("content") or "")
        marked = content
        for word in words:
            if word != "*" and "highlightPreTag" in body:
                marked = re.sub(
                    f"(?i){re.escape(word)}",
                    lambda found: body["highlightPreTag"] + found.group() + body["highlightPostTag"],
                    marked,
                )
        if "content" in body.get("highlight", "").split(",") and marked != content:
            hit["@search.highlights"] = {"content": [marked]}
        if semantic:
            hit["@search.rerankerScore"] = 2.5
            if body.get("captions"):
                hit["@search.captions"] = [{"text": content, "highlights": marked}]
        return judged("SearchResult", hit, self.fields)

    def _suggest(self, body: Fields) -> Answer:
        assert set(body) <= {"search", "suggesterName", "top", "select", "fuzzy"}
        assert body["suggesterName"] == "sg"
        found = [
            {"@search.text": fields["content"], body["select"]: key}
            for key, fields in self._visible().items()
            if body["search"].lower() in fields["content"].lower()
        ]
        return Answer(json={"value": found[: body["top"]]})

    def _autocomplete(self, body: Fields) -> Answer:
        assert set(body) <= {"search", "suggesterName", "top", "autocompleteMode", "fuzzy"}
        words = sorted({word for each in self._visible().values() for word in each["content"].split()})
        found = [{"text": word, "queryPlusText": word} for word in words if word.startswith(body["search"])]
        return Answer(json={"value": found[: body["top"]]})

    def _index(self, body: Fields) -> Answer:
        judged("IndexDocumentsBatch", body)
        actions = body["value"]
        if not 1 <= len(actions) <= 1000:
            return self._refused(400, "The items collection must have from 1 to 1000 valid items.", code="")
        key_field = self.fields[0]
        for each in actions:
            unknown = set(each) - {"@search.action", *self.fields}
            if unknown:
                name = min(unknown)
                return self._refused(
                    400, f"The property '{name}' does not exist on type 'search.documentFields'.", code=""
                )
            if not _KEY.fullmatch(each[key_field]):
                return self._refused(400, "Invalid document key. Keys can only contain letters, digits, …")
        self.actions += actions
        said = [self._act(each, each[key_field]) for each in actions]
        good = all(each["status"] for each in said)
        return Answer(200 if good else 207, json={"value": list(reversed(said))})

    def _act(self, action: Fields, key: str) -> Fields:
        status = self.broken.get(key, 200)
        if status != 200:
            return {"key": key, "status": False, "errorMessage": f"It said {status}.", "statusCode": status}
        fields = {name: value for name, value in action.items() if name != "@search.action"}
        kind = action["@search.action"]
        new = key not in self.kept
        if kind == "delete":
            self.kept.pop(key, None)
            new = False
        elif kind == "upload":
            self.kept[key] = {name: fields.get(name, _nothing(name)) for name in self.fields}
        else:
            assert kind == "mergeOrUpload"
            self.kept.setdefault(key, {name: _nothing(name) for name in self.fields}).update(fields)
        return {"key": key, "status": True, "errorMessage": None, "statusCode": 201 if new else 200}


def _nothing(name: str) -> Any:
    return [] if name == "tags" else None


def _value(name: str, value: Any) -> Any:
    if name == "day" and isinstance(value, str):
        return odata_reader.datetime.fromisoformat(value)
    return value


def _facet(found: list[Fields], name: str) -> list[Fields]:
    counts: dict[Any, int] = {}
    for fields in found:
        values = fields.get(name)
        for value in values if isinstance(values, list) else [values]:
            if value is not None:
                counts[value] = counts.get(value, 0) + 1
    return [
        {"value": value, "count": count} for value, count in sorted(counts.items(), key=lambda one: -one[1])
    ]
