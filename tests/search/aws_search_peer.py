"""Bedrock's knowledge bases and Kendra, kept in memory behind a loopback stub; botocore's models judge both directions."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_filter_reader import kendra_holds, retrieval_holds

from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub
from broker.testing.vendors import aws_error

KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "s" * 40}
BASE, SOURCE = "KB12345678", "DS12345678"
INDEX = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"


@cache
def _session() -> Any:
    import botocore.session

    return botocore.session.get_session()


def sent(service: str, operation: str, request: SeenRequest, **in_path: str) -> dict[str, Any]:
    """The arguments of a request, if the model takes them."""
    from botocore.validate import validate_parameters

    model = _session().get_service_model(service).operation_model(operation)
    assert request.method == model.http["method"]
    body: Any = request.json()
    found: dict[str, Any] = {**body, **in_path}
    for document in found.get("Documents", ()):
        document["Blob"] = base64.b64decode(document["Blob"], validate=True)
    unknown = set(found) - set(model.input_shape.members)
    assert not unknown
    validate_parameters(found, model.input_shape)
    return found


def given_back(service: str, operation: str, body: dict[str, Any], status: int = 200) -> Answer:
    """An answer, if the model knows it."""
    from botocore.validate import validate_parameters

    model = _session().get_service_model(service).operation_model(operation)
    validate_parameters(body, model.output_shape)
    assert status == model.http.get("responseCode", 200)
    return Answer(status, json=body, headers={"x-amzn-requestid": "r-1"})


class KnowledgeBase:
    """One knowledge base with one data source.

    :param later: questions after which a document is indexed, or gone.
    """

    def __init__(self, stub: VendorStub, later: int = 1) -> None:
        self.stub = stub
        self.later = later
        self.kept: dict[str, dict[str, Any]] = {}
        self.left: dict[str, int] = {}
        self.states: dict[str, str] = {}
        self.tokens: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.says: Callable[[str, dict[str, Any]], Answer | None] = lambda _operation, _body: None
        base, documents = f"/knowledgebases/{BASE}", f"/knowledgebases/{BASE}/datasources/{SOURCE}/documents"
        self._route(f"{base}/retrieve", "bedrock-agent-runtime", "Retrieve", self._retrieve)
        self._route(documents, "bedrock-agent", "IngestKnowledgeBaseDocuments", self._ingest, 202)
        self._route(
            f"{documents}/deleteDocuments", "bedrock-agent", "DeleteKnowledgeBaseDocuments", self._delete, 202
        )
        self._route(f"{documents}/getDocuments", "bedrock-agent", "GetKnowledgeBaseDocuments", self._get)
        stub.script(lambda _: aws_error("ResourceNotFoundException", "no such knowledge base", 404))

    def settings(self) -> dict[str, Any]:
        return {"endpoint": self.stub.url, "region": "us-east-1", "index": f"{BASE}/{SOURCE}", **KEYS}

    def _route(self, path: str, service: str, operation: str, answer: Any, status: int = 200) -> None:
        ids = {"knowledgeBaseId": BASE}
        if service == "bedrock-agent":
            ids["dataSourceId"] = SOURCE

        def serve(request: SeenRequest) -> Answer:
            body = sent(service, operation, request, **ids)
            self.asked.append((operation, body))
            own = self.says(operation, body)
            return own if own is not None else given_back(service, operation, answer(body), status)

        self.stub.on(path, serve)

    def _retrieve(self, body: dict[str, Any]) -> dict[str, Any]:
        (search,) = body["retrievalConfiguration"].values()
        words = body["retrievalQuery"]["text"].lower().split()
        found = []
        for key, document in self.kept.items():
            if self.states[key] != "INDEXED":
                continue
            if "filter" in search and not retrieval_holds(search["filter"], document["attributes"]):
                continue
            count = sum(document["text"].lower().count(word) for word in words)
            if count:
                found.append((count, key))
        found.sort(key=lambda each: (-each[0], each[1]))
        start = int(body.get("nextToken", "t0")[1:])
        most = search.get("rerankingConfiguration", {}).get("bedrockRerankingConfiguration", {})
        page = found[start : start + most.get("numberOfRerankedResults", search["numberOfResults"])]
        answer: dict[str, Any] = {
            "retrievalResults": [
                {
                    "content": {"type": "TEXT", "text": self.kept[key]["text"]},
                    "location": {"type": "CUSTOM", "customDocumentLocation": {"id": key}},
                    "score": count / 10,
                    "metadata": {
                        **self.kept[key]["attributes"],
                        "x-amz-bedrock-kb-source-uri": key,
                        "x-amz-bedrock-kb-chunk-id": f"1%3A0%3A{key}",
                        "x-amz-bedrock-kb-data-source-id": SOURCE,
                    },
                }
                for count, key in page
            ]
        }
        if start + len(page) < len(found):
            answer["nextToken"] = f"t{start + len(page)}"
        return answer

    def _ingest(self, body: dict[str, Any]) -> dict[str, Any]:
        self.tokens.append(body["clientToken"])
        details = []
        for each in body["documents"]:
            custom = each["content"]["custom"]
            key = custom["customDocumentIdentifier"]["id"]
            attributes = {}
            for attribute in each.get("metadata", {}).get("inlineAttributes", ()):
                (value,) = (part for name, part in attribute["value"].items() if name != "type")
                attributes[attribute["key"]] = value
            self.kept[key] = {
                "text": custom["inlineContent"]["textContent"]["data"],
                "attributes": attributes,
            }
            self.states[key], self.left[key] = "STARTING", self.later
            details.append(self._detail(key))
        return {"documentDetails": details[::-1]}  # matched by id, not by place

    def _delete(self, body: dict[str, Any]) -> dict[str, Any]:
        self.tokens.append(body["clientToken"])
        details = []
        for each in body["documentIdentifiers"]:
            key = each["custom"]["id"]
            if key in self.kept:
                self.states[key], self.left[key] = "DELETING", self.later
            details.append(self._detail(key))
        return {"documentDetails": details}

    def _get(self, body: dict[str, Any]) -> dict[str, Any]:
        details = []
        for each in body["documentIdentifiers"]:
            key = each["custom"]["id"]
            self._work(key)
            details.append(self._detail(key))
        return {"documentDetails": details}

    def _work(self, key: str) -> None:
        if key not in self.kept or self.states[key] not in ("STARTING", "DELETING"):
            return
        self.left[key] -= 1
        if self.left[key] > 0:
            return
        if self.states[key] == "STARTING":
            self.states[key] = "INDEXED"
        else:
            del self.kept[key], self.states[key]

    def _detail(self, key: str) -> dict[str, Any]:
        return {
            "knowledgeBaseId": BASE,
            "dataSourceId": SOURCE,
            "status": self.states.get(key, "NOT_FOUND"),
            "identifier": {"dataSourceType": "CUSTOM", "custom": {"id": key}},
            "updatedAt": "2026-11-21T17:00:00Z",
        }


class Kendra:
    """One index.

    :param later: questions after which a document is indexed, or gone.
    """

    def __init__(self, stub: VendorStub, later: int = 1) -> None:
        self.stub = stub
        self.later = later
        self.kept: dict[str, dict[str, Any]] = {}
        self.states: dict[str, str] = {}
        self.left: dict[str, int] = {}
        self.fails: dict[str, tuple[str, str]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.extra: dict[str, Any] = {}
        self.says: Callable[[str, dict[str, Any]], Answer | None] = lambda _operation, _body: None
        for operation, answer in (
            ("Query", self._query),
            ("Retrieve", self._retrieve),
            ("BatchPutDocument", self._put),
            ("BatchDeleteDocument", self._delete),
            ("BatchGetDocumentStatus", self._status),
            ("GetQuerySuggestions", self._suggest),
        ):
            self._route(operation, answer)

    def settings(self) -> dict[str, Any]:
        return {"endpoint": self.stub.url, "region": "us-east-1", "index": INDEX, **KEYS}

    def _route(self, operation: str, answer: Any) -> None:
        def serve(request: SeenRequest) -> Answer:
            body = sent("kendra", operation, request)
            self.asked.append((operation, body))
            own = self.says(operation, body)
            if own is not None:
                return own
            if body["IndexId"] != INDEX:
                return aws_error("ResourceNotFoundException", "no such index", 400)
            return given_back("kendra", operation, answer(body))

        self.stub.on(f"AWSKendraFrontendService.{operation}", serve)

    def _found(self, body: dict[str, Any]) -> list[str]:
        words = body["QueryText"].lower().split()
        found = []
        for key, document in self.kept.items():
            attributes = {each["Key"]: each["Value"] for each in document.get("Attributes", ())}
            if self.states[key] not in ("INDEXED", "UPDATED"):
                continue
            if "AttributeFilter" in body and not kendra_holds(body["AttributeFilter"], attributes):
                continue
            count = sum(document["Blob"].decode().lower().count(word) for word in words)
            if count:
                found.append((count, key))
        return [key for _, key in sorted(found, key=lambda each: (-each[0], each[1]))]

    def _page(self, body: dict[str, Any]) -> list[str]:
        size, number = body["PageSize"], body["PageNumber"]
        return self._found(body)[:100][(number - 1) * size : number * size]

    def _query(self, body: dict[str, Any]) -> dict[str, Any]:
        word = body["QueryText"].split()[0].lower()
        items = []
        for key in self._page(body):
            document = self.kept[key]
            text = document["Blob"].decode()
            at = text.lower().find(word)
            items.append(
                {
                    "Id": f"q-{key}",
                    "Type": "DOCUMENT",
                    "Format": "TEXT",
                    "DocumentId": key,
                    "DocumentTitle": {"Text": document.get("Title", ""), "Highlights": []},
                    "DocumentExcerpt": {
                        "Text": text,
                        "Highlights": [
                            {
                                "BeginOffset": at,
                                "EndOffset": at + len(word),
                                "TopAnswer": False,
                                "Type": "STANDARD",
                            }
                        ]
                        * (at >= 0),
                    },
                    "DocumentURI": self._address(document),
                    "DocumentAttributes": document.get("Attributes", []),
                    "ScoreAttributes": {"ScoreConfidence": "HIGH"},
                }
            )
        return {
            "QueryId": "q",
            "ResultItems": items,
            "TotalNumberOfResults": len(self._found(body)),
            "FacetResults": [
                self._facet(each["DocumentAttributeKey"], body) for each in body.get("Facets", ())
            ],
            **self.extra,
        }

    def _facet(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        counts: dict[str, tuple[dict[str, Any], int]] = {}
        for key in self._found(body):
            for each in self.kept[key].get("Attributes", ()):
                if each["Key"] == name:
                    counts[repr(each["Value"])] = (
                        each["Value"],
                        counts.get(repr(each["Value"]), ({}, 0))[1] + 1,
                    )
        return {
            "DocumentAttributeKey": name,
            "DocumentAttributeValueCountPairs": [
                {"DocumentAttributeValue": value, "Count": count}
                for value, count in sorted(counts.values(), key=lambda each: -each[1])
            ],
        }

    def _address(self, document: dict[str, Any]) -> str:
        known = {each["Key"]: each["Value"] for each in document.get("Attributes", ())}
        return str(known.get("_source_uri", {}).get("StringValue", ""))

    def _retrieve(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "QueryId": "q",
            "ResultItems": [
                {
                    "Id": f"q-{key}",
                    "DocumentId": key,
                    "DocumentTitle": self.kept[key].get("Title", ""),
                    "Content": self.kept[key]["Blob"].decode(),
                    "DocumentAttributes": self.kept[key].get("Attributes", []),
                    "ScoreAttributes": {"ScoreConfidence": "NOT_AVAILABLE"},
                }
                for key in self._page(body)
            ],
        }

    def _put(self, body: dict[str, Any]) -> dict[str, Any]:
        for document in body["Documents"]:
            key = document["Id"]
            if key not in self.fails:
                self.kept[key], self.states[key], self.left[key] = document, "PROCESSING", self.later
        return self._failures([each["Id"] for each in body["Documents"]])

    def _delete(self, body: dict[str, Any]) -> dict[str, Any]:
        for key in body["DocumentIdList"]:
            if key in self.kept and key not in self.fails:
                self.states[key], self.left[key] = "LEAVING", self.later
        return self._failures(body["DocumentIdList"])

    def _failures(self, keys: list[str]) -> dict[str, Any]:
        return {
            "FailedDocuments": [
                {"Id": key, "ErrorCode": self.fails[key][0], "ErrorMessage": self.fails[key][1]}
                for key in keys
                if key in self.fails
            ]
        }

    def _status(self, body: dict[str, Any]) -> dict[str, Any]:
        listed, errors = [], []
        for each in body["DocumentInfoList"]:
            key = each["DocumentId"]
            if key in self.fails:
                code, words = self.fails[key]
                errors.append({"DocumentId": key, "ErrorCode": code, "ErrorMessage": words})
                continue
            self._work(key)
            state = self.states.get(key, "NOT_FOUND")
            listed.append(
                {"DocumentId": key, "DocumentStatus": "PROCESSING" if state == "LEAVING" else state}
            )
        return {"DocumentStatusList": listed[::-1], "Errors": errors}

    def _work(self, key: str) -> None:
        if self.states.get(key) not in ("PROCESSING", "LEAVING"):
            return
        self.left[key] -= 1
        if self.left[key] > 0:
            return
        if self.states[key] == "PROCESSING":
            self.states[key] = "INDEXED"
        else:
            del self.kept[key], self.states[key]

    def _suggest(self, body: dict[str, Any]) -> dict[str, Any]:
        asked = ["storm warning", "storm damage", "stormy weather"]
        fitting = [each for each in asked if each.startswith(body["QueryText"])]
        return {
            "QuerySuggestionsId": "s",
            "Suggestions": [
                {
                    "Id": str(number),
                    "Value": {"Text": {"Text": each, "Highlights": [{"BeginOffset": 0, "EndOffset": 5}]}},
                }
                for number, each in enumerate(fitting[: body["MaxSuggestionsCount"]])
            ],
        }
