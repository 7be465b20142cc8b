"""A stand-in for Amazon Transcribe and S3 that keeps its state, as their service models and references describe them.

Buckets are in the path, ``/<bucket>/<key>``, as botocore has it for an address of one's own. It is the stub's only script, so one
stub stands for both services, and for the place where the service keeps results. Signatures are checked by botocore's own code.
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ParamValidationError
from botocore.validate import validate_parameters

from broker.testing.script import Answer, Fault, SeenRequest, Step
from broker.testing.stub import VendorStub

KEY_ID, SECRET, TOKEN = (
    "AKIAIOSFODNN7EXAMPLE",
    "peer-secret-that-signs-and-is-never-sent",
    "peer-session-token-0001",
)
BUCKET, FOLDER = "my-recordings", "mlbroker/jobs"
SERVICE_BUCKET = "aws-transcribe-us-east-1-prod"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([a-z0-9-]+)/(\w+)/aws4_request, SignedHeaders=([a-z0-9;-]+), "
    r"Signature=([0-9a-f]{64})"
)
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_MODEL = botocore.session.get_session().get_service_model("transcribe")


def result_file(text: str = "Hello there.", speaker: str | None = None) -> dict[str, Any]:
    """A transcript file of the words of the text, a third of a second each, from 0.76 s on."""
    items: list[dict[str, Any]] = []
    for number, word in enumerate(text.split()):
        spoken = word.rstrip(".,?!")
        start = 760 + 330 * number
        items.append(
            {
                "id": len(items),
                "type": "pronunciation",
                "alternatives": [{"confidence": "0.9", "content": spoken}],
                "start_time": f"{start / 1000}",
                "end_time": f"{(start + 330) / 1000}",
                **({} if speaker is None else {"speaker_label": speaker}),
            }
        )
        if spoken != word:
            mark = {"confidence": "0.0", "content": word[len(spoken) :]}
            items.append({"id": len(items), "type": "punctuation", "alternatives": [mark]})
    return {"transcripts": [{"transcript": text}], "items": items}


@dataclass
class Job:
    """A transcription job at the peer."""

    name: str
    asked: dict[str, Any]
    status: str
    created: float
    polls: int = 0
    reason: str | None = None


@dataclass
class AwsTranscribePeer:
    """Transcribe and S3 on a stub.

    :param polls: how often a job is asked for before it is done.
    :param queued: the first of these states is QUEUED.
    :param lose: so many submissions are taken and their answers lost.
    :param fail: a job ends as failed, with this reason.
    :param deletable: a job that is not done can be deleted.
    :param missing: the code for a job that is not there.
    :param elsewhere: the bucket is in this region.
    :param results: what a finished job writes, its ``results``.
    :param file: the whole file that it writes, in place of one with ``results``.
    """

    stub: VendorStub
    polls: int = 2
    queued: bool = True
    lose: int = 0
    fail: str | None = None
    deletable: bool = False
    missing: str = "BadRequestException"
    elsewhere: str | None = None
    results: dict[str, Any] = field(default_factory=result_file)
    file: dict[str, Any] | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    submissions: dict[str, int] = field(default_factory=dict)
    conflicts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self.stub.script(self._answer)

    @property
    def settings(self) -> dict[str, Any]:
        """The section of provider aws that calls it."""
        return {
            "endpoint": self.stub.url,
            "region": "us-east-1",
            "access_key_id": KEY_ID,
            "secret_access_key": SECRET,
            "session_token": TOKEN,
            "staging": f"s3://{BUCKET}/{FOLDER}",
        }

    def _answer(self, request: SeenRequest) -> Step:
        with self._lock:
            target = request.headers.get("x-amz-target", "")
            if target:
                return self._transcribe(request, target)
            if request.path.startswith(f"/{SERVICE_BUCKET}/"):
                return self._link(request)
            return self._s3(request)

    # ---- S3

    def _s3(self, request: SeenRequest) -> Step:
        if not signed(request, self.stub.url, "s3"):
            return _xml(403, "SignatureDoesNotMatch", "The signature does not match.")
        _, bucket, _ = request.path.split("/", 2)
        if bucket != BUCKET:
            return _xml(404, "NoSuchBucket", "The specified bucket does not exist")
        if self.elsewhere is not None:
            body = f"<Endpoint>{BUCKET}.s3.{self.elsewhere}.amazonaws.com</Endpoint>"
            headers = {"x-amz-bucket-region": self.elsewhere, "Location": f"{self.stub.url}/elsewhere"}
            return _xml(301, "PermanentRedirect", "Use the endpoint.", body, headers)
        if request.method == "PUT":
            if int(request.headers.get("content-length", "-1")) != len(request.body):
                return _xml(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
            if {"transfer-encoding", "expect", "x-amz-acl"} & set(request.headers):
                return _xml(501, "NotImplemented", "A header you provided implies what is not implemented.")
            self.objects[request.path] = request.body
            return Answer(200, headers={"ETag": '"0123456789abcdef"', "x-amz-request-id": "put-1"})
        if request.method == "DELETE":
            self.objects.pop(request.path, None)
            return Answer(204)
        data = self.objects.get(request.path)
        if data is None:
            return _xml(404, "NoSuchKey", "The specified key does not exist.")
        return _ranged(request, data)

    def _link(self, request: SeenRequest) -> Step:
        """The service's own bucket, which only its links open."""
        if "authorization" in request.headers or request.params.get("X-Amz-Signature") != "0" * 64:
            return _xml(403, "AccessDenied", "Request has expired")
        data = self.objects.get(request.path)
        return _xml(404, "NoSuchKey", "no") if data is None else Answer(body=data)

    # ---- Transcribe

    def _transcribe(self, request: SeenRequest, target: str) -> Step:
        if not signed(request, self.stub.url, "transcribe"):
            return _error("InvalidSignatureException", "The request signature does not match.", 403)
        service, _, operation = target.partition(".")
        asked: Any = request.json()
        try:
            shape: Any = _MODEL.operation_model(operation).input_shape
            validate_parameters(asked, shape)
        except ParamValidationError as error:
            return _error("BadRequestException", str(error))
        if service != "Transcribe" or request.headers["content-type"] != "application/x-amz-json-1.1":
            return _error("UnknownOperationException", "")
        name = asked["TranscriptionJobName"]
        if operation == "StartTranscriptionJob":
            return self._start(name, asked)
        job = self.jobs.get(name)
        if job is None:
            words = "The requested job couldn't be found. Check the job name and try your request again."
            return _error(self.missing if operation.startswith("Get") else "BadRequestException", words)
        if operation == "DeleteTranscriptionJob":
            if job.status not in ("COMPLETED", "FAILED") and not self.deletable:
                return _error(
                    "BadRequestException", "The requested job couldn't be deleted. It is in progress."
                )
            del self.jobs[name]
            return Answer(200)
        return Answer(json={"TranscriptionJob": self._polled(job)})

    def _start(self, name: str, asked: dict[str, Any]) -> Step:
        if name in self.jobs:
            self.conflicts[name] = self.conflicts.get(name, 0) + 1
            return _error(
                "ConflictException", "The requested job name already exists. Use a different job name."
            )
        media = "/" + asked["Media"]["MediaFileUri"].removeprefix("s3://")
        if media not in self.objects:
            return _error("BadRequestException", "The S3 URI that you provided can't be accessed.")
        if (
            sum(key in asked for key in ("LanguageCode", "IdentifyLanguage", "IdentifyMultipleLanguages"))
            != 1
        ):
            return _error("BadRequestException", "Specify one of LanguageCode and IdentifyLanguage.")
        if asked.get("OutputBucketName", BUCKET) != BUCKET:
            return _error("BadRequestException", "The specified S3 bucket doesn't exist.")
        self.submissions[name] = self.submissions.get(name, 0) + 1
        status, now = "QUEUED" if self.queued else "IN_PROGRESS", round(time.time(), 3)
        self.jobs[name] = job = Job(name=name, asked=asked, status=status, created=now)
        if self.lose > 0:
            self.lose -= 1
            return Fault.close_empty()
        return Answer(json={"TranscriptionJob": self._shown(job)})

    def _polled(self, job: Job) -> dict[str, Any]:
        if job.status in ("QUEUED", "IN_PROGRESS"):
            if job.polls >= self.polls:
                job.status, job.reason = ("COMPLETED", None) if self.fail is None else ("FAILED", self.fail)
                if self.fail is None:
                    self.objects[self._result_path(job)] = json.dumps(self._result(job)).encode()
            elif job.polls:
                job.status = "IN_PROGRESS"
            job.polls += 1
        return self._shown(job)

    def _result(self, job: Job) -> dict[str, Any]:
        if self.file is not None:
            return self.file
        redacted = {"isRedacted": True} if "ContentRedaction" in job.asked else {}
        made = {"jobName": job.name, "accountId": "111122223333", **redacted, "results": self.results}
        return {**made, "status": "COMPLETED"}

    def _result_path(self, job: Job) -> str:
        bucket = job.asked.get("OutputBucketName", SERVICE_BUCKET)
        folder, _, name = job.asked.get("OutputKey", f"111122223333/{job.name}.json").rpartition("/")
        prefix = "redacted-" if "ContentRedaction" in job.asked else ""
        return f"/{bucket}/{folder}/{prefix}{name}"

    def _shown(self, job: Job) -> dict[str, Any]:
        said: dict[str, Any] = {
            "TranscriptionJobName": job.name,
            "TranscriptionJobStatus": job.status,
            "CreationTime": job.created,
            "StartTime": job.created + 0.02,
            **{
                name: job.asked[name]
                for name in ("LanguageCode", "IdentifyLanguage", "Media", "Settings")
                if name in job.asked
            },
        }
        if job.status == "FAILED":
            said["FailureReason"] = job.reason
        if job.status == "COMPLETED":
            path = self._result_path(job)
            own = "OutputBucketName" in job.asked
            uri = (
                f"https://s3.us-east-1.amazonaws.com{path}"
                if own
                else f"{self.stub.url}{path}?X-Amz-Expires=900&X-Amz-Signature={'0' * 64}"
            )
            name = "RedactedTranscriptFileUri" if "ContentRedaction" in job.asked else "TranscriptFileUri"
            said["Transcript"] = {name: uri}
            said["CompletionTime"] = job.created + 60
            if "IdentifyLanguage" in job.asked:
                said |= {"LanguageCode": "en-US", "IdentifiedLanguageScore": 0.8672199249267578}
        return said


def signed(request: SeenRequest, base: str, service: str) -> bool:
    """Whether what arrived is signed with the peer's keys, by botocore's own reckoning."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        return False
    key_id, _, region, named, headers, signature = found.groups()
    if (key_id, named, region) != (KEY_ID, service, "us-east-1") or request.headers["host"] not in base:
        return False
    from urllib.parse import quote

    url = f"{base}{quote(request.path)}" + (f"?{request.query}" if request.query else "")
    sent = {name: request.headers[name] for name in headers.split(";")}
    copy = AWSRequest(method=request.method, url=url, headers=sent, data=request.body)
    copy.context["timestamp"] = request.headers["x-amz-date"]
    maker = S3SigV4Auth if service == "s3" else SigV4Auth
    auth: Any = maker(Credentials(KEY_ID, SECRET, TOKEN), service, region)
    due = auth.signature(auth.string_to_sign(copy, auth.canonical_request(copy)), copy)
    return bool(due == signature) and request.headers.get("x-amz-security-token") == TOKEN


def _ranged(request: SeenRequest, data: bytes) -> Step:
    wanted = _RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None:
        return Answer(body=data)
    start, end = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
    if start >= len(data):
        size = f"<ActualObjectSize>{len(data)}</ActualObjectSize>"
        return _xml(416, "InvalidRange", "The requested range is not satisfiable", size)
    return Answer(
        206, body=data[start : end + 1], headers={"Content-Range": f"bytes {start}-{end}/{len(data)}"}
    )


def _error(code: str, message: str, status: int = 400) -> Answer:
    return Answer(status, json={"__type": code, "Message": message})


def _xml(
    status: int, code: str, message: str, more: str = "", headers: dict[str, str] | None = None
) -> Answer:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>{more}'
        "<RequestId>s3-1</RequestId></Error>"
    )
    sent = {"Content-Type": "application/xml", "x-amz-request-id": "s3-1", **(headers or {})}
    return Answer(status, body=body.encode(), headers=sent)
