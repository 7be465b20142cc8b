"""A stand-in for Azure Speech and a Blob container that keeps its state, as their references describe them.

Blobs are at ``/devstore/<container>/<folder>/…``, as with the storage emulator. It is the stub's only script, so one stub
stands for both services, and for the place where results are kept.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

from broker.testing.script import Answer, Fault, SeenRequest, Step
from broker.testing.stub import VendorStub

KEY = "peer-key-that-is-sent-as-it-is-0001"
SAS = "sv=2023-11-03&sr=c&sp=rcwd&se=2030-01-01T00%3A00%3A00Z&sig=peersignature%2Fof%2Bthe%2Bcontainer%3D"
CONTAINER = "/devstore/recordings"
API = "/speechtotext/transcriptions"
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_FILTER = re.compile(r"displayName eq '([^']*)'")


def result_file(text: str = "Hello there.", milliseconds: int = 2580) -> dict[str, Any]:
    """A result with one phrase of the words of the text, a third of a second each."""
    words = text.split()
    heard = [
        {
            "word": word.strip(".,").lower(),
            "offsetInTicks": 7_600_000.0 + number * 3_300_000.0,
            "durationInTicks": 3_300_000.0,
            "confidence": 0.9,
        }
        for number, word in enumerate(words)
    ]
    shown = [
        {
            "displayText": word,
            "offsetInTicks": each["offsetInTicks"],
            "durationInTicks": each["durationInTicks"],
        }
        for word, each in zip(words, heard, strict=True)
    ]
    best = {
        "confidence": 0.87,
        "lexical": text.lower(),
        "display": text,
        "words": heard,
        "displayWords": shown,
    }
    phrase = {
        "recognitionStatus": "Success",
        "channel": 0,
        "locale": "en-US",
        "offsetInTicks": 7_600_000.0,
        "durationInTicks": 3_300_000.0 * len(words),
        "nBest": [best],
    }
    return {
        "timestamp": "2026-11-21T13:37:05Z",
        "durationInTicks": milliseconds * 10_000,
        "durationMilliseconds": milliseconds,
        "duration": f"PT{milliseconds / 1000}S",
        "combinedRecognizedPhrases": [{"channel": 0, "lexical": text.lower(), "display": text}],
        "recognizedPhrases": [phrase],
    }


@dataclass
class Job:
    """A transcription at the peer."""

    id: str
    name: str
    body: dict[str, Any]
    polls: int = 0
    status: str = "NotStarted"
    made: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class AzureSpeechPeer:
    """Speech and Blob on a stub.

    :param polls: how often a job is asked for before it is done.
    :param lose: so many submissions are taken and their answers lost.
    :param fail: a job ends as failed, with this error.
    :param failed_after: milliseconds that a failed job says it has transcribed.
    :param report: the report of a job that has no result, failed or not.
    :param size: what the list says of each file's size; None: the true one.
    :param deletable: a job that is not done can be deleted.
    :param page: transcriptions and files on one page of a list.
    :param hidden: so many lists do not show the latest job yet.
    """

    stub: VendorStub
    polls: int = 2
    lose: int = 0
    fail: dict[str, str] | None = None
    failed_after: int = 0
    report: dict[str, Any] | None = None
    size: int | None = None
    deletable: bool = False
    page: int = 2
    hidden: int = 0
    result: dict[str, Any] = field(default_factory=result_file)
    sas: str | None = SAS
    jobs: dict[str, Job] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    submissions: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.stub.script(self._answer)

    @property
    def settings(self) -> dict[str, Any]:
        """The section of provider azure that calls it."""
        made = {
            "endpoint": self.stub.url,
            "key": KEY,
            "region": "eastus",
            "staging": f"{self.stub.url}{CONTAINER}/jobs",
        }
        return made if self.sas is None else {**made, "staging_sas": self.sas}

    def _answer(self, request: SeenRequest) -> Step:
        with self._lock:
            if request.path.startswith("/devstore/"):
                return self._blob(request)
            if request.path.startswith("/results/"):
                return self._file(request)
            return self._speech(request)

    # ---- Blob

    def _blob(self, request: SeenRequest) -> Step:
        signed = self.sas is not None and request.query == self.sas
        bearer = request.headers.get("authorization", "").startswith("Bearer ")
        if not signed and not bearer:
            return _stored_error(403, "AuthenticationFailed", "Server failed to authenticate the request.")
        if "x-ms-version" not in request.headers or "ocp-apim-subscription-key" in request.headers:
            return _stored_error(400, "InvalidHeaderValue", "A header is wrong.")
        if not request.path.startswith(f"{CONTAINER}/"):
            return _stored_error(404, "ContainerNotFound", "The specified container does not exist.")
        if request.method == "PUT":
            if request.headers.get("x-ms-blob-type") != "BlockBlob":
                return _stored_error(400, "InvalidBlobType", "The blob type is invalid.")
            self.blobs[request.path] = request.body
            return Answer(201, headers={"x-ms-request-id": "put-1"})
        if request.path not in self.blobs:
            return _stored_error(404, "BlobNotFound", "The specified blob does not exist.")
        if request.method == "DELETE":
            del self.blobs[request.path]
            return Answer(202)
        return Answer(405)

    def _file(self, request: SeenRequest) -> Step:
        secret = {"ocp-apim-subscription-key", "authorization"} & set(request.headers)
        if secret or "sig=" not in request.query:
            return _stored_error(403, "AuthenticationFailed", "Only the link authorizes here.")
        _, _, job_id, name = request.path.split("/")
        if job_id not in self.jobs:
            return _stored_error(404, "BlobNotFound", "The specified blob does not exist.")
        if name == "report.json":
            return Answer(json=self.report or {"successfulTranscriptionsCount": 1, "details": []})
        whole = self._result(self.jobs[job_id])
        asked = _RANGE.fullmatch(request.headers.get("range", ""))
        if asked is None:
            return Answer(body=whole)
        first, last = int(asked.group(1)), min(int(asked.group(2)), len(whole) - 1)
        return Answer(
            206, body=whole[first : last + 1], headers={"Content-Range": f"bytes {first}-{last}/{len(whole)}"}
        )

    def _result(self, job: Job) -> bytes:
        return json.dumps({"source": job.body["contentUrls"][0], **self.result}, indent=2).encode()

    # ---- Speech

    def _speech(self, request: SeenRequest) -> Step:
        if request.headers.get("ocp-apim-subscription-key") != KEY:
            return _error(401, "Unauthorized", "Access denied due to invalid subscription key.")
        if request.params.get("api-version") != "2025-10-15":
            return _error(400, "InvalidRequest", "The api-version is not known.", "InvalidParameterValue")
        if (request.method, request.path) == ("POST", f"{API}:submit"):
            return self._submit(request)
        if (request.method, request.path) == ("GET", API):
            return self._list(request)
        parts = request.path.removeprefix(f"{API}/").split("/")
        job = self.jobs.get(parts[0])
        if request.method == "DELETE" and len(parts) == 1:
            return self._delete(job)
        if job is None:
            return _error(404, "NotFound", "The specified entity cannot be found.")
        if parts[1:] == ["files"]:
            return self._files(request, job)
        return Answer(json=self._polled(job), headers={"Retry-After": "1"})

    def _submit(self, request: SeenRequest) -> Step:
        body: Any = json.loads(request.body)
        urls = body["contentUrls"]
        properties = body["properties"]
        if not body["displayName"] or not body["locale"] or "timeToLiveHours" not in properties:
            return _error(400, "InvalidArgument", "A required member is missing.", "InvalidPayload")
        for url in urls:
            address = urlsplit(url)
            if address.path not in self.blobs or (self.sas is not None and address.query != self.sas):
                return _error(400, "InvalidArgument", "The recording cannot be read.", "InvalidRecordingsUri")
        name = body["displayName"]
        self.submissions[name] = self.submissions.get(name, 0) + 1
        job = Job(id=str(UUID(int=sum(self.submissions.values()))), name=name, body=body)
        self.jobs[job.id] = job
        if self.lose > 0:
            self.lose -= 1
            return Fault.close_empty()
        return Answer(201, json=self._shown(job), headers={"Location": self._self(job)})

    def _list(self, request: SeenRequest) -> Step:
        found = _FILTER.fullmatch(request.params.get("filter", ""))
        jobs = [job for job in self.jobs.values() if found is None or job.name == found.group(1)]
        if self.hidden > 0:
            self.hidden -= 1
            jobs = jobs[:-1]
        return Answer(json=self._paged(request, [self._shown(job) for job in jobs]))

    def _files(self, request: SeenRequest, job: Job) -> Step:
        names = [("report.json", "TranscriptionReport")]
        if job.status == "Succeeded" and self.report is None:
            names.append(("contenturl_0.json", "Transcription"))
        files = [
            {
                "self": f"{self._self(job)}/files/{name}",
                "name": name,
                "kind": kind,
                "links": {"contentUrl": f"{self.stub.url}/results/{job.id}/{name}?sp=r&sig=linksignature%3D"},
                "properties": {"size": len(self._result(job)) if self.size is None else self.size},
            }
            for name, kind in names
        ]
        return Answer(json=self._paged(request, files))

    def _paged(self, request: SeenRequest, items: list[dict[str, Any]]) -> dict[str, Any]:
        skip = int(request.params.get("skip", "0"))
        shown: dict[str, Any] = {"values": items[skip : skip + self.page]}
        if skip + self.page < len(items):
            kept = "&".join(f"{name}={value}" for name, value in parse_qsl(request.query) if name != "skip")
            # The regional name of the service, whatever name it was called by.
            shown["@nextLink"] = (
                f"https://eastus.api.cognitive.microsoft.com{request.path}?skip={skip + self.page}&{kept}"
            )
        return shown

    def _polled(self, job: Job) -> dict[str, Any]:
        job.polls += 1
        if job.polls > self.polls:
            job.status = "Succeeded" if self.fail is None else "Failed"
        elif job.polls > 1:
            job.status = "Running"
        return self._shown(job)

    def _delete(self, job: Job | None) -> Step:
        if job is not None:
            if job.status in ("NotStarted", "Running") and not self.deletable:
                return _error(
                    409, "Conflict", "The transcription task hasn't finished yet.", "DeleteNotAllowed"
                )
            del self.jobs[job.id]
        return Answer(204)

    def _self(self, job: Job) -> str:
        return f"https://eastus.api.cognitive.microsoft.com{API}/{job.id}"

    def _shown(self, job: Job) -> dict[str, Any]:
        properties = dict(job.body["properties"])
        if job.status == "Failed":
            properties["error"] = self.fail
            properties["durationMilliseconds"] = self.failed_after
        return {
            "self": f"{self._self(job)}?api-version=2025-10-15",
            "displayName": job.name,
            "locale": job.body["locale"],
            "createdDateTime": f"{job.made:%Y-%m-%dT%H:%M:%SZ}",
            "lastActionDateTime": f"{job.made:%Y-%m-%dT%H:%M:%SZ}",
            "links": {"files": f"{self._self(job)}/files?api-version=2025-10-15"},
            "properties": properties,
            "status": job.status,
        }


def _error(status: int, code: str, message: str, inner: str = "") -> Answer:
    """Speech's: without ``error`` around it."""
    body: dict[str, Any] = {"code": code, "message": message}
    if inner:
        body["innerError"] = {"code": inner, "message": message}
    return Answer(status, json=body)


def _stored_error(status: int, code: str, message: str) -> Answer:
    text = f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}\nRequestId:r\nTime:t</Message></Error>'
    headers = {"x-ms-error-code": code, "Content-Type": "application/xml", "x-ms-request-id": "blob-1"}
    return Answer(status, body=text.encode(), headers=headers)
