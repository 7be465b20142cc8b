"""A data store of Vertex AI Search, kept in memory behind a loopback stub; Google's own types judge both directions."""

from __future__ import annotations

import base64
import html
import importlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from gcp_filter_reader import holds_there

from broker import Broker
from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub
from broker.testing.vendors import google_error

PROJECT, STORE, ENGINE = "my-project", "manuals", "manuals-app"
PARENT = f"projects/{PROJECT}/locations/global/collections/default_collection"
BRANCH = f"{PARENT}/dataStores/{STORE}/branches/default_branch"
NUMBERED = f"projects/42/locations/global/collections/default_collection/dataStores/{STORE}/branches/0"
"""As Google writes it in answers: with the project's number and the branch's own name."""
_METHODS = {
    "Search": ("search_service", "SearchRequest", "SearchResponse"),
    "CompleteQuery": ("completion_service", "CompleteQueryRequest", "CompleteQueryResponse"),
    "ImportDocuments": ("document_service", "ImportDocumentsRequest", None),
    "UpdateDocument": ("document_service", "UpdateDocumentRequest", "Document"),
    "DeleteDocument": ("document_service", "DeleteDocumentRequest", None),
    "GetDocument": ("document_service", "GetDocumentRequest", "Document"),
}


def typed(kind: str, body: Any) -> Any:
    """Google's message from its JSON; an unknown member, or one of another type, is an error."""
    from google.cloud import discoveryengine_v1
    from google.protobuf import json_format

    found = getattr(discoveryengine_v1, kind).pb()()
    json_format.ParseDict(body, found, ignore_unknown_fields=False)
    return found


@cache
def _rules(method: str) -> list[tuple[str, re.Pattern[str], str | None]]:
    """HTTP method, path and the member that the body is, as Google's own client has them."""
    service = _METHODS[method][0]
    module = importlib.import_module(
        f"google.cloud.discoveryengine_v1.services.{service}.transports.rest_base"
    )
    camel = "".join(word.capitalize() for word in service.split("_"))
    base = getattr(getattr(module, f"_Base{camel}RestTransport"), f"_Base{method}")
    return [
        (
            each["method"],
            re.compile(
                re.sub(
                    r"\\\{[a-z_.\\]+=(.*?)\\\}",
                    lambda found: found[1].replace(r"\*", "[^/]+"),
                    re.escape(each["uri"]),
                )
            ),
            each.get("body"),
        )
        for each in base._get_http_options()
    ]


def checked(method: str, request: SeenRequest) -> dict[str, Any]:
    """The body of a request, if Google's schema and client take it. Raises AssertionError."""
    bodies = [
        body
        for verb, path, body in _rules(method)
        if verb == request.method.lower() and path.fullmatch(request.path)
    ]
    assert bodies, f"{request.method} {request.path} is no address of {method}"
    sent: Any = request.json() if request.body else {}
    assert (bodies[0] is None) is (not request.body)
    kind = _METHODS[method][1]
    whole = sent if bodies[0] in ("*", None) else {bodies[0]: sent}
    query: dict[str, Any] = {
        name: value == "true" if value in ("true", "false") else value
        for name, value in request.params.items()
    }
    assert not set(query) & set(whole)
    typed(kind, {**whole, **query})
    result: dict[str, Any] = sent
    return result


class DataStore:
    """One data store, with an app before it.

    :param later: questions after which a document is indexed.
    :param standard: the app is of the Standard edition.
    """

    def __init__(self, stub: VendorStub, *, later: int = 1, standard: bool = False) -> None:
        self.stub = stub
        self.later = later
        self.standard = standard
        self.kept: dict[str, dict[str, Any]] = {}
        self.left: dict[str, int] = {}
        self.fails: dict[str, dict[str, Any]] = {}
        """What indexing a document ends with, by its id: a google.rpc.Status."""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.says: Callable[[str, dict[str, Any]], Answer | None] = lambda _method, _body: None
        """Answers in the data store's place."""
        stub.script(self._serve)

    def settings(self, **more: Any) -> dict[str, Any]:
        return {"endpoint": self.stub.url, "project": PROJECT, "index": STORE, **more}

    def _serve(self, request: SeenRequest) -> Answer:
        path = request.path.removeprefix("/v1/")
        method, act = self._method(request.method, path)
        if act is None:
            store = re.split("/(?:branches|servingConfigs)/|:", path)[0]
            return google_error("NOT_FOUND", f"DataStore {store} not found.", 404)
        body = checked(method, request)
        self.asked.append((method, {**body, **request.params}))
        own = self.says(method, body)
        if own is not None:
            return own
        found = act(path, body, request)
        kind = _METHODS[method][2]
        if kind is not None and found.status == 200:
            typed(kind, json.loads(found.payload))
        return found

    def _method(self, verb: str, path: str) -> tuple[str, Any]:
        if verb == "POST" and path in (
            f"{PARENT}/dataStores/{STORE}/servingConfigs/default_search:search",
            f"{PARENT}/engines/{ENGINE}/servingConfigs/default_search:search",
        ):
            return "Search", self._search
        if verb == "GET" and path == f"{PARENT}/dataStores/{STORE}:completeQuery":
            return "CompleteQuery", self._complete
        if verb == "POST" and path == f"{BRANCH}/documents:import":
            return "ImportDocuments", self._import
        if path.startswith(f"{BRANCH}/documents/"):
            return {
                "PATCH": ("UpdateDocument", self._update),
                "DELETE": ("DeleteDocument", self._delete),
                "GET": ("GetDocument", self._get),
            }.get(verb, ("", None))
        return "", None

    def _import(self, path: str, body: dict[str, Any], _: SeenRequest) -> Answer:
        assert body["reconciliationMode"] == "INCREMENTAL"
        documents = body["inlineSource"]["documents"]
        assert 0 < len(documents) <= 100
        for each in documents:
            self._put(each)
        operation = {
            "name": f"{path.removesuffix('/documents:import')}/operations/import-documents-1",
            "metadata": {
                "@type": "type.googleapis.com/google.cloud.discoveryengine.v1.ImportDocumentsMetadata",
                "createTime": "2026-11-21T17:00:00.123456Z",
            },
        }
        return Answer(json=operation)

    def _update(self, path: str, body: dict[str, Any], request: SeenRequest) -> Answer:
        key = path.rpartition("/")[2]
        assert request.params == {"allowMissing": "true"}
        assert body["id"] == key
        self._put(body)
        return Answer(json={**body, "name": f"{NUMBERED}/documents/{key}"})

    def _put(self, document: dict[str, Any]) -> None:
        self.kept[document["id"]], self.left[document["id"]] = document, self.later

    def _delete(self, path: str, _body: Any, _request: Any) -> Answer:
        key = path.rpartition("/")[2]
        if self.kept.pop(key, None) is None:
            return google_error("NOT_FOUND", f"Document {path} not found.", 404)
        return Answer(json={})

    def _get(self, path: str, _body: Any, _request: Any) -> Answer:
        key = path.rpartition("/")[2]
        document = self.kept.get(key)
        if document is None:
            return google_error("NOT_FOUND", f"Document {path} not found.", 404)
        self.left[key] -= 1
        found = {**document, "name": f"{NUMBERED}/documents/{key}", "schemaId": "default_schema"}
        if self.left[key] > 0:
            status: dict[str, Any] = {"pendingMessage": "The document is being indexed."}
        elif key in self.fails:
            status = {"errorSamples": [self.fails[key]]}
        else:
            status = {"indexTime": "2026-11-21T17:01:00Z"}
            found["indexTime"] = status["indexTime"]
        return Answer(json={**found, "indexStatus": status})

    def _complete(self, _path: str, _body: Any, request: SeenRequest) -> Answer:
        prefix = request.params["query"]
        titles = {each["structData"].get("title", "") for each in self.kept.values()}
        found = sorted(title.lower() for title in titles if title.lower().startswith(prefix.lower()))
        return Answer(json={"querySuggestions": [{"suggestion": each} for each in found]} if found else {})

    def _search(self, path: str, body: dict[str, Any], _: SeenRequest) -> Answer:
        wanted = body["contentSearchSpec"]
        if "extractiveContentSpec" in wanted and (self.standard or "/engines/" not in path):
            return google_error(
                "FAILED_PRECONDITION",
                "Cannot use enterprise edition features (website search, multi-modal search, extractive "
                "answers/segments, etc.) in a standard edition search engine.",
                400,
            )
        words = body["query"].lower().split()
        fitting = []
        for key, document in self.kept.items():
            if self.left[key] > 0 or key in self.fails:
                continue
            if "filter" in body and not holds_there(body["filter"], document["structData"]):
                continue
            text = self._text(document)
            count = sum(text.lower().count(word) for word in words)
            if count:
                fitting.append((count, key, text))
        fitting.sort(key=lambda each: (-each[0], each[1]))
        start = int(body.get("pageToken", "page-0").removeprefix("page-"))
        page = fitting[start : start + body["pageSize"]]
        answer: dict[str, Any] = {"attributionToken": "tok-1", "semanticState": "ENABLED", "summary": {}}
        if page:
            answer["results"] = [self._result(body, words, *each) for each in page]
            answer["totalSize"] = len(fitting)
        if start + len(page) < len(fitting):
            answer["nextPageToken"] = f"page-{start + len(page)}"
        if "facetSpecs" in body:
            answer["facets"] = [self._facet(each, fitting) for each in body["facetSpecs"]]
        return Answer(json=answer)

    @staticmethod
    def _text(document: dict[str, Any]) -> str:
        if "content" not in document:
            return str(document["structData"]["content"])
        assert document["content"]["mimeType"] == "text/plain"
        return base64.b64decode(document["content"]["rawBytes"], validate=True).decode()

    def _result(
        self, body: dict[str, Any], words: list[str], count: int, key: str, text: str
    ) -> dict[str, Any]:
        marked = html.escape(text)
        for word in words:
            marked = re.sub(f"(?i){re.escape(word)}", lambda found: f"<b>{found[0]}</b>", marked)
        derived: dict[str, Any] = {
            "snippets": [{"snippet": marked, "snippet_status": "SUCCESS"}],
            "can_fetch_raw_content": "true",
        }
        if "extractiveContentSpec" in body["contentSearchSpec"]:
            derived["extractive_answers"] = [{"content": text.partition(".")[0], "pageNumber": "1"}]
        return {
            "id": key,
            "document": {
                "name": f"{NUMBERED}/documents/{key}",
                "id": key,
                "structData": self.kept[key]["structData"],
                "derivedStructData": derived,
            },
            "modelScores": {"relevance_score": {"values": [count / 16]}},
            "rankSignals": {"keywordSimilarityScore": float(count), "defaultRank": 1},
        }

    def _facet(self, spec: dict[str, Any], fitting: list[Any]) -> dict[str, Any]:
        name = spec["facetKey"]["key"]
        found: dict[Any, int] = {}
        intervals = spec["facetKey"].get("intervals")
        for _, key, _text in fitting:
            value = self.kept[key]["structData"].get(name)
            for each in value if isinstance(value, list) else [value]:
                found[each] = found.get(each, 0) + 1
        found.pop(None, None)
        if intervals is None:
            assert not any(isinstance(each, (int, float)) for each in found), "numbers need intervals"
            values = [{"value": each, "count": str(n)} for each, n in found.items()]
            return {"key": name, "values": sorted(values, key=lambda each: -int(each["count"]))}
        return {
            "key": name,
            "values": [
                {
                    "interval": each,
                    "count": str(
                        sum(
                            n
                            for value, n in found.items()
                            if each["minimum"] <= value < each["exclusiveMaximum"]
                        )
                    ),
                }
                for each in intervals
            ],
        }


DOCUMENTS: list[dict[str, Any]] = [
    {
        "id": "doc-1",
        "title": "Weather & more",
        "content": "A storm is coming. Rain <b> and storm, too.",
        "url": "https://example.com/1",
        "metadata": {
            "lang": "en",
            "year": 2024,
            "share": 0.5,
            "draft": False,
            "tags": ["news", "weather"],
            "at": datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        },
    },
    {"id": "doc-2", "title": "Wetter", "content": "storm", "metadata": {"lang": "de", "year": 2020}},
    {"id": "doc_3", "title": "A storm of a title"},
]


def made(store: DataStore, **more: Any) -> Broker:
    return Broker(provider="gcp", providers={"gcp": store.settings(**more)}, max_attempts=1)


def filled(store: DataStore, broker: Broker) -> None:
    broker.search.upsert(DOCUMENTS)
    for key in store.left:
        store.left[key] = 0
    store.asked.clear()
