"""Azure Speech's batch transcription by REST: the steps of a job.

Source: Azure/azure-rest-api-specs, SpeechToText stable/2025-10-15 (Transcriptions_Submit, _List, _Get, _ListFiles, _Delete);
MicrosoftDocs/azure-ai-docs, speech-service/batch-transcription-*.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from broker.contract import (
    Context,
    HttpReply,
    Phase,
    Piece,
    Progress,
    Reply,
    Submission,
    check_answered,
    given,
    json_object,
    needed,
    reading,
)
from broker.contract.loopback import is_loopback
from broker.errors import BrokerError, MalformedReply, Outcome, ProviderError, Unsupported
from broker.types import JsonValue, TranscribeRequest, Transcript
from broker_azure import faults, speech_files, speech_job, speech_result
from broker_azure.blob import Blobs
from broker_azure.rest import Resources
from broker_azure.speech import PARAMS, billed
from broker_azure.speech_files import JobFile

LIST = "/speechtotext/transcriptions"
SUBMIT = f"{LIST}:submit"
SERVICE = "speech"
SKU = "azure.speech.batch"
_MOST_PAGES = 50
_PAGE = 100
_LARGE = 500_000
"""Bytes of a result that takes more than a few milliseconds to be read: an event loop must not wait for it."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_OF_GATEWAYS = (None, "404", "ResourceNotFound")
_NOT_ALLOWED = ("DeleteNotAllowed", "NotAllowed", "Conflict", "InUseViolation")


class BatchTranscription:
    """The steps, see :class:`broker.contract.JobSteps`. A job's id is the transcription's, a GUID."""

    def __init__(self, resources: Resources, blobs: Blobs) -> None:
        self._resources = resources
        self._blobs = blobs

    async def stage(self, request: TranscribeRequest, key: str, context: Context, /) -> str:
        """Put the recording into the staging folder. What the service would refuse of the request is refused before."""
        speech_job.properties_of(request)
        return await self._blobs.put(request.audio, key, context)

    async def submit(
        self, request: TranscribeRequest, key: str, place: str, context: Context, /
    ) -> Submission:
        """Ask for the job, with the key as its display name. The service takes one name any number of times."""
        url = self._blobs.readable(self._blobs.staging.owned(place))
        body = speech_job.body_of(request, key, url)
        try:
            reply = await self._resources.send(
                "POST",
                SERVICE,
                SUBMIT,
                context,
                params=PARAMS,
                content=speech_job.encoded(body),
                kind="application/json",
            )
        except ProviderError as error:
            if error.outcome in (Outcome.SERVER, Outcome.UNKNOWN) and error.status is not None:
                # The job may have been made: it is looked for before it is made again.
                error.outcome = Outcome.AMBIGUOUS
            raise
        request_id = faults.request_id(reply)
        try:
            check_answered(reply, request_id=request_id, accepted=(200, 201))
            with reading("the job", status=reply.status, request_id=request_id):
                return speech_job.created_by(reply, request_id=request_id)
        except MalformedReply as error:  # the job is made: it is looked for, not given up
            error.outcome = Outcome.AMBIGUOUS
            raise

    async def find(
        self,
        request: TranscribeRequest,  # noqa: ARG002 - the key says it all
        key: str,
        place: str,  # noqa: ARG002
        context: Context,
        /,
    ) -> Submission | None:
        """The latest job of this name that has not failed, else the latest."""
        found: list[tuple[bool, datetime, Submission]] = []
        params = {**PARAMS, "filter": f"displayName eq '{key}'", "top": str(_PAGE)}
        for item, reply in await self._pages(LIST, params, context):
            request_id = faults.request_id(reply)
            with reading("a job of the list", status=reply.status, request_id=request_id):
                if given(item, "displayName", str) != key:
                    continue
                mine = speech_job.submission_of(item, request_id=request_id, adopted=True)
                failed = given(item, "status", str) == speech_job.FAILED
                found.append((not failed, mine.created or _LONG_AGO, mine))
        return max(found, key=lambda each: each[:2])[2] if found else None

    async def poll(self, job_id: str, context: Context, /) -> Progress:
        """Where it stands; of how far it is the service says nothing. Of a failed job the report is asked too."""
        try:
            reply = await self._get(speech_job.path_of(LIST, job_id), PARAMS, context)
        except ProviderError as error:
            if not _gone(error):
                raise
            return Progress(phase=Phase.GONE, state=error.code or "")
        request_id = faults.request_id(reply)
        body = json_object(reply, request_id=request_id)
        with reading("the job's state", status=reply.status, request_id=request_id):
            state = needed(body, "status", str)
        phase = speech_job.PHASES.get(state, Phase.RUNNING)
        if phase is not Phase.FAILED:
            return Progress(phase=phase, state=state)
        report = await self._reason(job_id, context)
        why = speech_job.failure_of(body, report, status=reply.status, request_id=request_id)
        return Progress(phase=phase, state=state, error=why)

    async def fetch(self, request: TranscribeRequest, job_id: str, context: Context, /) -> Reply[Transcript]:
        """The result file; where there is none, the reason from the report as an error."""
        files = await self._files(job_id, context)
        results = [each for each in files if each.kind == speech_files.RESULT]
        if len(results) > 1:
            raise MalformedReply(f"the job has {len(results)} results for one recording")
        if not results:
            raise await self._unheard(files, context)
        reply = await self._fetched(results[0], context)
        if len(reply.content) < _LARGE:
            return _read(reply, request)
        return await context.http.run_blocking(partial(_read, reply, request))

    async def cancel(self, job_id: str, context: Context, /) -> bool:
        """Delete the job. Azure has no way to stop one, and may refuse to delete one that runs; then it goes on and is billed."""
        try:
            await self._delete(job_id, context)
        except ProviderError as error:
            if error.status == 409 or error.code in _NOT_ALLOWED:
                return False
            raise
        return True

    async def remove_recording(self, place: str, context: Context, /) -> None:
        """Delete what :meth:`stage` put there."""
        await self._blobs.delete(place, context)

    async def remove_job(self, job_id: str, context: Context, /) -> None:
        """Delete the job and its files at Speech."""
        await self._delete(job_id, context)

    async def read(self, place: str, start: int, length: int, context: Context, /) -> Piece:  # noqa: ARG002
        """Never asked for: Speech is given no addresses but those of the staging folder."""
        raise Unsupported("recordings at an address are not taken here; download it and pass its path")

    async def _get(self, path: str, params: Mapping[str, str], context: Context) -> HttpReply:
        return await self._resources.send("GET", SERVICE, path, context, params=params)

    async def _delete(self, job_id: str, context: Context) -> None:
        """ "Successfully deleted or did not exist": 204."""
        try:
            await self._resources.send(
                "DELETE", SERVICE, speech_job.path_of(LIST, job_id), context, params=PARAMS
            )
        except ProviderError as error:
            if not _gone(error):
                raise

    async def _pages(
        self, path: str, params: Mapping[str, str], context: Context
    ) -> list[tuple[Any, HttpReply]]:
        """The members of a list, each with its page. Of a link to the next page only the query is followed, so that our credential
        goes nowhere else.
        """
        found: list[tuple[Any, HttpReply]] = []
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            reply = await self._get(path, params, context)
            request_id = faults.request_id(reply)
            body = json_object(reply, request_id=request_id)
            with reading("the list", status=reply.status, request_id=request_id):
                values = needed(body, "values", list)
                following = given(body, "@nextLink", str)
                query = urlsplit(following).query if following else ""
            found.extend((item, reply) for item in values)
            if not following:
                return found
            if not query or query in seen:  # what is behind it is not known: no job may be taken for missing
                break
            seen.add(query)
            params = {**PARAMS, **dict(parse_qsl(query))}
        raise MalformedReply("the list has no end")

    async def _files(self, job_id: str, context: Context) -> list[JobFile]:
        found: list[JobFile] = []
        path = f"{speech_job.path_of(LIST, job_id)}/files"
        for item, reply in await self._pages(path, {**PARAMS, "top": str(_PAGE)}, context):
            with reading("a file of the job", status=reply.status, request_id=faults.request_id(reply)):
                file = speech_files.file_of(item)
            if file is not None:
                found.append(file)
        return found

    async def _fetched(self, file: JobFile, context: Context) -> HttpReply:
        ours = urlsplit(self._resources.endpoint_for(SERVICE).base).hostname or ""
        return await speech_files.fetched(file, context, local=is_loopback(ours))

    async def _reason(self, job_id: str, context: Context) -> dict[str, JsonValue] | None:
        """What the report of a failed job says, if it can be had: the job's own words are "The recordings URI contains invalid
        data." for much (Azure-Samples/cognitive-services-speech-sdk, issue 1340).
        """
        try:
            for file in await self._files(job_id, context):
                if file.kind == speech_files.REPORT:
                    return (await self._report(file, context))[0]
        except BrokerError:
            pass  # the job failed all the same, and says something itself
        return None

    async def _report(
        self, file: JobFile, context: Context
    ) -> tuple[dict[str, JsonValue] | None, str | None]:
        reply = await self._fetched(file, context)
        request_id = faults.request_id(reply)
        body = json_object(reply, request_id=request_id)
        with reading("the report", status=reply.status, request_id=request_id):
            return speech_files.reason_in(body), request_id

    async def _unheard(self, files: list[JobFile], context: Context) -> ProviderError:
        """Why a job that succeeded has no result."""
        reports = [each for each in files if each.kind == speech_files.REPORT]
        if not reports:
            return MalformedReply("the job has neither a result nor a report")
        said, request_id = await self._report(reports[0], context)
        error = faults.item_error(said, status=200, request_id=request_id)
        if error is None:
            return MalformedReply(
                "the job has no result, and its report gives no reason", request_id=request_id
            )
        error.outcome = Outcome.BAD_REPLY  # it was done, says Speech, and asking again gives no other answer
        return error


def _read(reply: HttpReply, request: TranscribeRequest) -> Reply[Transcript]:
    """The result file. Raises :class:`MalformedReply`."""
    request_id = faults.request_id(reply)
    body = json_object(reply, request_id=request_id)
    with reading("the result", status=reply.status, request_id=request_id):
        transcript = speech_result.transcript_of(body, request)
        count = len(speech_result.channels_in(body)) or 1
    return Reply(
        payload=transcript,
        usage=billed(SKU, transcript.duration_ms or 0, count),
        request_id=request_id,
        raw=speech_job.without_signature(body) if request.raw else None,
    )


def _gone(error: ProviderError) -> bool:
    """Whether Speech does not know the job. A gateway's 404 says nothing of jobs: the endpoint is another's, or wrong."""
    return error.status == 404 and error.code not in _OF_GATEWAYS
