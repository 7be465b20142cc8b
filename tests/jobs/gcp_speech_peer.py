"""Google's side of a long transcription: Cloud Storage and Speech-to-Text v2 with a memory, on one stub.

It takes uploads, makes an operation of each ``batchRecognize`` (of the same one twice, too: Google knows no key of ours),
lets it run for some polls, writes the result into the bucket or gives it with the operation, and lists, cancels and deletes.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from broker.testing.script import Answer, Fault, SeenRequest, Step
from broker.testing.stub import VendorStub

RESULTS: list[dict[str, Any]] = [
    {
        "alternatives": [
            {
                "transcript": "good morning",
                "confidence": 0.75,
                "words": [
                    {"endOffset": "0.400s", "word": "good", "confidence": 0.5},
                    {"startOffset": "0.400s", "endOffset": "1s", "word": "morning", "confidence": 0.875},
                ],
            }
        ],
        "resultEndOffset": "1.250s",
        "languageCode": "en-us",
    }
]
_OBJECT = re.compile(r"/storage/v1/b/([^/]+)/o/(.+)", re.DOTALL)
_OPERATION = re.compile(r"/v2/(projects/[^/]+/locations/[^/]+/operations/[^/:]+)(:cancel)?")
_PARENT = re.compile(r"/v2/(projects/[^/]+/locations/[^/]+)/(operations|recognizers/_:(?:batchR|r)ecognize)")
_KEY = re.compile(r"b1-[0-9a-z-]+")


@dataclass
class Operation:
    """One that was asked for.

    :param polls: how often it was asked how it stands.
    :param listed: how many lists came without it.
    """

    name: str
    request: dict[str, Any]
    created: str
    polls: int = 0
    listed: int = 0
    canceled: bool = False
    written: str = ""


@dataclass
class GcpSpeechPeer:
    """Sets up a stub; ``settings`` are those of an adapter that is to talk to it.

    :param polls: how often an operation is "not done" before it is.
    :param unlisted: how many lists do not show a new operation yet.
    :param lose: of the next submissions this many are taken, and their answers lost.
    :param results: what is found in every recording.
    :param error: of the one file (a google.rpc.Status), in place of results.
    :param billed: as Google tells it; empty: it does not.
    """

    stub: VendorStub
    polls: int = 2
    unlisted: int = 0
    lose: int = 0
    results: list[dict[str, Any]] = field(default_factory=lambda: [dict(each) for each in RESULTS])
    error: dict[str, Any] | None = None
    billed: str = "18s"
    page: int = 100
    staging: str | None = "gs://my-bucket/staged"
    objects: dict[str, bytes] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    submissions: Counter[str] = field(default_factory=Counter)
    """How many operations were made for a key (for a recording in a bucket of its own: for its address)."""
    uploads: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.stub.script(self._answer)

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = {"endpoint": self.stub.url, "project": "p"}
        return found if self.staging is None else {**found, "staging": self.staging}

    def _answer(self, seen: SeenRequest) -> Step:
        with self._lock:
            return self._storage(seen) if "/storage/v1/" in seen.path else self._speech(seen)

    # ------------------------------------------------------------------ Cloud Storage

    def _storage(self, seen: SeenRequest) -> Step:
        if seen.path.startswith("/upload/"):
            bucket, name = seen.path.split("/")[5], seen.params["name"]
            if seen.method != "POST" or seen.params.get("uploadType") != "media" or not name:
                return _refused(400, "INVALID_ARGUMENT", "no simple upload")
            self.objects[f"gs://{bucket}/{name}"] = seen.body
            self.uploads[f"gs://{bucket}/{name}"] += 1
            return Answer(json={"kind": "storage#object", "name": name, "size": str(len(seen.body))})
        one = _OBJECT.fullmatch(seen.path)
        if one is None:
            bucket = seen.path.split("/")[4]
            prefix = f"gs://{bucket}/{seen.params.get('prefix', '')}"
            names = [each.split("/", 3)[3] for each in sorted(self.objects) if each.startswith(prefix)]
            return Answer(json={"items": [{"name": each} for each in names]} if names else {})
        address = f"gs://{one[1]}/{one[2]}"
        if address not in self.objects:
            return Answer(404, json={"error": {"code": 404, "message": f"No such object: {one[2]}"}})
        if seen.method == "DELETE":
            del self.objects[address]
            return Answer(204)
        data = self.objects[address]
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", seen.headers.get("range", ""))
        if asked is None:
            return Answer(body=data)
        start, end = int(asked[1]), min(int(asked[2]), len(data) - 1)
        if start >= len(data):
            return Answer(416, headers={"content-range": f"bytes */{len(data)}"})
        return Answer(
            206, body=data[start : end + 1], headers={"content-range": f"bytes {start}-{end}/{len(data)}"}
        )

    # ------------------------------------------------------------------ Speech-to-Text

    def _speech(self, seen: SeenRequest) -> Step:
        one = _OPERATION.fullmatch(seen.path)
        if one is not None:
            return self._operation(seen, one[1], cancel=bool(one[2]))
        under = _PARENT.fullmatch(seen.path)
        if under is None:
            return _refused(404, "NOT_FOUND", "no such method")
        if under[2] == "operations":
            return self._list(seen, under[1])
        body: Any = seen.json()
        if under[2].endswith(":recognize"):
            metadata = {"requestId": "r-1", **({"totalBilledDuration": self.billed} if self.billed else {})}
            return Answer(json={"results": self.results, "metadata": metadata})
        return self._submitted(under[1], body)

    def _submitted(self, parent: str, body: dict[str, Any]) -> Step:
        number = len(self.operations) + 1
        operation = Operation(
            name=f"{parent}/operations/v2-{number:08x}-0000",
            request={"recognizer": f"{parent}/recognizers/_", **body},
            created=f"2026-11-21T10:00:{number:02d}.425813Z",
        )
        self.operations[operation.name] = operation
        uri = body["files"][0]["uri"]
        key = _KEY.search(json.dumps(body["recognitionOutputConfig"])) or _KEY.search(uri)
        self.submissions[key[0] if key else uri] += 1
        if self.lose > 0:
            self.lose -= 1
            return Fault.close_empty()
        return Answer(json=self._shown(operation))

    def _operation(self, seen: SeenRequest, name: str, *, cancel: bool) -> Step:
        operation = self.operations.get(name)
        if operation is None:
            return _refused(404, "NOT_FOUND", "no such operation")
        if cancel:
            operation.canceled = not self._done(operation)
            return Answer(json={})
        if seen.method == "DELETE":
            del self.operations[name]
            return Answer(json={})
        operation.polls += 1
        return Answer(json=self._shown(operation))

    def _list(self, seen: SeenRequest, parent: str) -> Step:
        mine = [each for each in self.operations.values() if each.name.startswith(f"{parent}/")]
        shown = []
        for each in reversed(mine):  # the newest first
            if each.listed >= self.unlisted:
                shown.append({k: v for k, v in self._shown(each).items() if k != "response"})
            each.listed += 1
        begin = int(seen.params.get("pageToken", "0"))
        end = begin + min(self.page, int(seen.params.get("pageSize", "100")))
        more = {"nextPageToken": str(end)} if end < len(shown) else {}
        return Answer(json={"operations": shown[begin:end], **more} if shown[begin:end] else more)

    def _done(self, operation: Operation) -> bool:
        return operation.canceled or operation.polls > self.polls

    def _shown(self, operation: Operation) -> dict[str, Any]:
        done = self._done(operation)
        percent = 100 if done else min(99, 100 * operation.polls // (self.polls + 1))
        found: dict[str, Any] = {
            "name": operation.name,
            "metadata": {
                "@type": "type.googleapis.com/google.cloud.speech.v2.OperationMetadata",
                "createTime": operation.created,
                "updateTime": operation.created,
                "resource": operation.request["recognizer"],
                "method": "google.cloud.speech.v2.Speech.BatchRecognize",
                "batchRecognizeRequest": operation.request,
                **({"progressPercent": percent} if percent else {}),
            },
        }
        if not done:
            return found
        if operation.canceled:
            return {**found, "done": True, "error": {"code": 1, "message": "The operation was cancelled."}}
        result: dict[str, Any]
        billed = {"totalBilledDuration": self.billed} if self.billed else {}
        if self.error is not None:
            result, billed = {"error": self.error}, {"totalBilledDuration": "0s"} if self.billed else {}
        else:
            result = self._result(operation, billed)
        response = {
            "@type": "type.googleapis.com/google.cloud.speech.v2.BatchRecognizeResponse",
            "results": {operation.request["files"][0]["uri"]: result},
            **billed,
        }
        return {**found, "done": True, "response": response}

    def _result(self, operation: Operation, billed: dict[str, str]) -> dict[str, Any]:
        whole = {"results": self.results} if self.results else {}
        output = operation.request["recognitionOutputConfig"].get("gcsOutputConfig")
        if output is None:
            return {"metadata": billed, "transcript": whole, "inlineResult": {"transcript": whole}}
        if not operation.written:
            uri = operation.request["files"][0]["uri"]
            name = uri.rpartition("/")[2].partition(".")[0]
            operation.written = f"{output['uri']}/{name}_transcript_{operation.name[-13:]}.json"
            self.objects[operation.written] = json.dumps({**whole, "metadata": billed}).encode()
        return {
            "metadata": billed,
            "uri": operation.written,
            "cloudStorageResult": {"uri": operation.written},
        }


def _refused(code: int, status: str, message: str) -> Answer:
    return Answer(code, json={"error": {"code": code, "message": message, "status": status}})
