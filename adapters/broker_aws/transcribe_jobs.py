"""Amazon Transcribe's jobs: the steps of a recording that is stored, transcribed, read and deleted again.

A job's name is the key. The recording is put to ``<staging>/<key>.<format>``, the result is written to ``<staging>/<key>.json``
(or ``redacted-<key>.json``) and read with our own rights. Without ``staging``, where the recording is the user's own in S3, the
service keeps the result and signs a link to it: our credential is not sent there, and the link is told to nobody.

Sources: the service model ``transcribe/2017-10-26`` of botocore and docs.aws.amazon.com/transcribe/latest/APIReference.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from broker.contract import (
    Context,
    HttpReply,
    Phase,
    Piece,
    Progress,
    Reply,
    Submission,
    json_object,
    needed,
    reading,
)
from broker.contract.loopback import is_loopback
from broker.errors import (
    BadInput,
    MalformedReply,
    NotConfigured,
    Outcome,
    ProviderError,
    Throttled,
    Unavailable,
)
from broker.types import JsonValue, TranscribeRequest, Transcript
from broker_aws import faults, transcribe_answer, transcribe_job
from broker_aws.asking import ask
from broker_aws.clients import Account, Clients
from broker_aws.s3 import Place, Store
from broker_aws.settings import AwsSettings
from broker_aws.transcribe_request import asked_of, parameters
from broker_aws.transcribe_spec import SERVICE
from broker_aws.wire import Exchange

_NO_STAGING = (
    "Amazon Transcribe reads recordings from S3 only; set staging in the settings of provider aws to a private bucket of the same "
    "region and a folder in it (MLBROKER_PROVIDERS__AWS__STAGING=s3://my-bucket/mlbroker), or pass a recording that is there "
    "already (s3://…)"
)
_NAME = re.compile(r"[0-9a-zA-Z._-]{1,200}")
_EXISTS = "ConflictException"
_TOO_MANY = "LimitExceededException"
_REFUSED = "BadRequestException"
_NOT_FOUND = "NotFoundException"
_NOT_FOUND_WORDS = "be found"
"""What the service says with a BadRequestException where the reference promises a NotFoundException."""


class AwsTranscription:
    """The steps, for one account; see :class:`broker.contract.JobSteps`.

    Every method raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of :mod:`broker_aws.faults` and
    :mod:`broker_aws.s3`, :class:`MalformedReply`, and what the transport raises.
    """

    def __init__(self, settings: AwsSettings, clients: Clients) -> None:
        self._settings = settings
        self._clients = clients
        self._store = Store(clients)

    def stage(self, request: TranscribeRequest, key: str, context: Context, /) -> str:
        """One upload, streamed from the disk. What the service would refuse of the request is refused before."""
        asked_of(request)
        place = self._staged(f"{_checked(key)}.{request.audio.format}")
        if place is None:
            raise NotConfigured(_NO_STAGING)
        self._store.put(place, request.audio, context)
        return str(place)

    def submit(self, request: TranscribeRequest, key: str, place: str, context: Context, /) -> Submission:
        """``StartTranscriptionJob``. A job of this name is adopted; when it was made is then asked for."""
        wanted = parameters(request, _checked(key), place, self._staged(f"{key}.json"))
        try:
            reply = self._ask("start_transcription_job", wanted, context)
        except ProviderError as error:
            if error.code == _EXISTS:
                return self._adopted(key, context) or Submission(job_id=key, adopted=True)
            if error.outcome is Outcome.SERVER or isinstance(error, MalformedReply):
                # The job may have been made: it is looked for before it is made again.
                error.outcome = Outcome.AMBIGUOUS
            raise
        request_id = faults.request_id(reply)
        try:
            job = _job_in(reply)
            with reading("the job", status=reply.status, request_id=request_id):
                if needed(job, "TranscriptionJobName", str) != key:
                    raise ValueError("it has another name than was asked for")
                return Submission(job_id=key, created=transcribe_job.created(job), request_id=request_id)
        except MalformedReply as error:
            error.outcome = Outcome.AMBIGUOUS
            raise

    def find(
        self,
        request: TranscribeRequest,  # noqa: ARG002 - the key says it all
        key: str,
        place: str,  # noqa: ARG002
        context: Context,
        /,
    ) -> Submission | None:
        """``GetTranscriptionJob`` of this name."""
        return self._adopted(_checked(key), context)

    def poll(self, job_id: str, context: Context, /) -> Progress:
        """``GetTranscriptionJob``."""
        reply = self._get(job_id, context)
        if reply is None:
            return Progress(phase=Phase.GONE, state="not found")
        request_id = faults.request_id(reply)
        job = _job_in(reply)
        with reading("the job", status=reply.status, request_id=request_id):
            return transcribe_job.progress(job, request_id=request_id)

    def fetch(self, request: TranscribeRequest, job_id: str, context: Context, /) -> Reply[Transcript]:
        """The result, from where the job says that it is."""
        reply = self._get(job_id, context)
        if reply is None:
            raise BadInput(f"Amazon Transcribe no longer knows the job {job_id}; its result is lost")
        request_id = faults.request_id(reply)
        job = _job_in(reply)
        with reading("the job", status=reply.status, request_id=request_id):
            now = transcribe_job.progress(job, request_id=request_id)
            if now.error is not None:
                raise now.error
            if now.phase is not Phase.SUCCEEDED:
                raise Unavailable(
                    f"the job is not done yet ({now.state}); ask again later", outcome=Outcome.NOT_SENT
                )
            found = transcribe_job.result_of(job, redacted=request.redact, local=self._is_local())
        body = self._read(found, context)
        with reading("the transcript", request_id=request_id):
            transcript = transcribe_answer.transcript_of(body, told=transcribe_job.languages_of(job))
        return Reply(payload=transcript, request_id=request_id, raw=body if request.raw else None)

    def cancel(self, job_id: str, context: Context, /) -> bool:
        """Delete the job: Transcribe has no way to stop one, and refuses to delete one that runs; it goes on and is billed."""
        return self._delete(job_id, context) is None

    def remove_recording(self, place: str, context: Context, /) -> None:
        """Delete what :meth:`stage` put there."""
        if not self._is_ours(Place.of(place)):
            raise NotConfigured(
                "the recording is not below the folder that staging names in the settings of provider aws, so it is not deleted; "
                "set staging as it was when it was put there, or delete it by hand"
            )
        self._store.delete(Place.of(place), context)

    def remove_job(self, job_id: str, context: Context, /) -> None:
        """Delete its result below our folder, and then the job."""
        reply = self._get(job_id, context)
        if reply is None:  # it may have been deleted, or forgotten after 90 days, before its result was
            for name in (f"{job_id}.json", f"redacted-{job_id}.json"):
                place = self._staged(name)
                if place is not None:
                    self._store.delete(place, context)
            return
        job = _job_in(reply)
        with reading("the job", status=reply.status, request_id=faults.request_id(reply)):
            places = transcribe_job.results_of(job)
        for place in places:
            if self._is_ours(place):
                self._store.delete(place, context)
        refused = self._delete(job_id, context)
        if refused is not None:
            raise refused

    def read(self, place: str, start: int, length: int, context: Context, /) -> Piece:
        """Some bytes of a recording in S3."""
        return self._store.piece(Place.of(place), start, length, context)

    # ------------------------------------------------------------------ asking

    def _staged(self, name: str) -> Place | None:
        return None if self._settings.staging is None else Place.of(f"{self._settings.staging}/{name}")

    def _is_ours(self, place: Place) -> bool:
        """In our folder itself, where we put things: nothing else is deleted."""
        folder = f"{self._settings.staging or ''}/"
        return str(place).startswith(folder) and "/" not in str(place).removeprefix(folder)

    def _adopted(self, key: str, context: Context) -> Submission | None:
        reply = self._get(key, context)
        if reply is None:
            return None
        request_id = faults.request_id(reply)
        job = _job_in(reply)
        with reading("the job", status=reply.status, request_id=request_id):
            return Submission(
                job_id=key, adopted=True, created=transcribe_job.created(job), request_id=request_id
            )

    def _get(self, job_id: str, context: Context) -> HttpReply | None:
        """The answer about a job; None where there is no such one."""
        wanted = {"TranscriptionJobName": _checked(job_id)}
        try:
            return self._ask("get_transcription_job", wanted, context)
        except ProviderError as error:
            if error.code == _NOT_FOUND or (error.code == _REFUSED and _NOT_FOUND_WORDS in str(error)):
                return None
            raise

    def _delete(self, job_id: str, context: Context) -> ProviderError | None:
        """None: there is no such job any more; else why it is not deleted."""
        try:
            self._ask("delete_transcription_job", {"TranscriptionJobName": _checked(job_id)}, context)
        except ProviderError as error:
            if error.code not in (_REFUSED, _NOT_FOUND):
                raise
            # One code for both: it runs, or it is not there.
            return error if self._get(job_id, context) is not None else None
        return None

    def _ask(self, method: str, wanted: dict[str, Any], context: Context) -> HttpReply:
        try:
            return ask(self._account(), method, wanted, Exchange(context))
        except ProviderError as error:
            if error.code == _TOO_MANY:
                # "too many requests, or your input file is too long": its length has been looked at before.
                raise Throttled(
                    "Amazon Transcribe takes no more requests or jobs of this account now; wait, send less, or raise the quota "
                    "in the Service Quotas console",
                    retry_after=error.retry_after,
                    retry_at=error.retry_at,
                    request_id=error.request_id,
                    status=error.status,
                    code=error.code,
                ) from error.__cause__
            raise

    def _read(self, result: transcribe_job.Result, context: Context) -> dict[str, JsonValue]:
        if result.place is not None:
            return self._store.get(result.place, context)
        reply = context.http.send_blocking("GET", result.link or "", headers={"Accept": "application/json"})
        if reply.status >= 300:
            raise Unavailable(
                "the link to the transcript was refused: it may have expired after its 15 minutes; fetch again",
                status=reply.status,
                request_id=faults.request_id(reply),
            )
        return json_object(reply, request_id=faults.request_id(reply))

    def _account(self) -> Account:
        return self._clients.of(SERVICE)

    def _is_local(self) -> bool:
        return is_loopback(urlsplit(self._account().client.meta.endpoint_url).hostname or "")


def _job_in(reply: HttpReply) -> dict[str, Any]:
    request_id = faults.request_id(reply)
    body = json_object(reply, request_id=request_id)
    with reading("the answer about a job", status=reply.status, request_id=request_id):
        return needed(body, "TranscriptionJob", dict)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadInput(
            "the name of a job at Amazon Transcribe is up to 200 of [0-9a-zA-Z._-]; this one is none"
        )
    return name
