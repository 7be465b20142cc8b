"""Speech-to-Text v2, long recordings: ``batchRecognize`` of one file, step by step.

The recording is staged under ``<staging>/<key>.<format>``, the result is written below ``<staging>/<key>/``. Google knows no
name of ours for an operation; but it lists operations with their requests, and the place of the result, made from the key, is
in them. Without ``staging`` (the recording is in the user's own bucket) the result comes with the operation, and a lost
submission is told by file and configuration.

Sources: google/cloud/speech/v2/cloud_speech.proto and google/longrunning/operations.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from broker.contract import (
    Context,
    Phase,
    Piece,
    Progress,
    Reply,
    Submission,
    given,
    json_object,
    needed,
    reading,
)
from broker.errors import BadInput, MalformedReply, NotConfigured, Outcome
from broker.types import JsonValue, TranscribeRequest, Transcript
from broker_gcp import speech_operation
from broker_gcp.proto_json import spelled
from broker_gcp.rest import Rest
from broker_gcp.settings import GcpSettings, speech_location
from broker_gcp.speech_answer import billed_seconds, transcript
from broker_gcp.speech_models import model_for
from broker_gcp.speech_places import Places
from broker_gcp.speech_request import Asked, asked_of, dynamic, ignored_in, model_name
from broker_gcp.speech_usage import reported
from broker_gcp.storage import Place, Storage

_NO_STAGING = (
    "a job, and any recording above 60 s, goes to Google through Cloud Storage; set staging in the settings of provider gcp "
    "to a private bucket and a folder in it (MLBROKER_PROVIDERS__GCP__STAGING=gs://my-bucket/mlbroker)"
)
MOST_PAGES = 200


class SpeechJobs:
    """The steps, for one account; see :class:`broker.contract.JobSteps`.

    Every method raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of :mod:`broker_gcp.faults`,
    :class:`MalformedReply`, and what the transport raises.
    """

    def __init__(self, settings: GcpSettings, places: Places, storage: Storage) -> None:
        self._settings = settings
        self._places = places
        self._storage = storage

    async def stage(self, request: TranscribeRequest, key: str, context: Context, /) -> str:
        """One upload, streamed from the disk; after a look at what will be asked, which would be in vain if that is refused."""
        if self._settings.staging is None:
            raise NotConfigured(_NO_STAGING)
        _asked(request, speech_location(self._settings))
        place = Place.of(f"{self._settings.staging}/{key}.{request.audio.format}")
        await self._storage.put(place, request.audio, context)
        return str(place)

    async def submit(
        self, request: TranscribeRequest, key: str, place: str, context: Context, /
    ) -> Submission:
        """``batchRecognize`` of one file."""
        location = speech_location(self._settings)
        asked = _asked(request, location)
        rest = self._places.at(location)
        parent = f"{await rest.project(context)}/locations/{location}"
        body: dict[str, JsonValue] = {
            "config": asked.config,
            "files": [{"uri": str(Place.of(place))}],
            "recognitionOutputConfig": self._output(key),
        }
        if dynamic(request):
            body["processingStrategy"] = "DYNAMIC_BATCHING"
        answer = await rest.post(f"/v2/{parent}/recognizers/_:batchRecognize", body, context)
        with reading("the operation"):
            return Submission(job_id=_name(answer), created=_created(answer))

    async def find(
        self, request: TranscribeRequest, key: str, place: str, context: Context, /
    ) -> Submission | None:
        """The newest operation of this key that has not failed and whose result is still there."""
        location = speech_location(self._settings)
        rest = self._places.at(location)
        parent = f"{await rest.project(context)}/locations/{location}"
        wanted = speech_operation.Wanted(
            file=place,
            config=_asked(request, location).config,
            output=self._output(key),
            dynamic=dynamic(request),
        )
        found: list[Submission] = []
        token = ""
        for _ in range(MOST_PAGES):
            # Without the results, which come with the operations where no bucket was named and may be large.
            params = {"pageSize": "100", "fields": "operations(name,done,error,metadata),nextPageToken"}
            reply = await rest.send(
                "GET",
                f"/v2/{parent}/operations",
                context,
                params={**params, "pageToken": token} if token else params,
            )
            body = json_object(reply, request_id=None)
            with reading("the list of operations"):
                found += [
                    Submission(job_id=_name(each), adopted=True, created=_created(each))
                    for each in given(body, "operations", list) or ()
                    if speech_operation.is_of(each, wanted) and await self._is_there(each, context)
                ]
                token = given(body, spelled(body, "nextPageToken"), str) or ""
            if not token:
                return max(found, key=_age, default=None)
        raise MalformedReply("Google's list of operations does not end")

    async def poll(self, job_id: str, context: Context, /) -> Progress:
        """``operations.get``."""
        operation = await self._operation(job_id, context)
        if operation is None:
            return Progress(phase=Phase.GONE, state="not found")
        with reading("the operation"):
            return speech_operation.progress(operation)

    async def fetch(self, request: TranscribeRequest, job_id: str, context: Context, /) -> Reply[Transcript]:
        """The result out of the operation, or from where the operation says that it is."""
        operation = await self._operation(job_id, context)
        if operation is None:
            raise BadInput(
                f"Google no longer knows the operation {_shown(job_id)}; its result is lost, and it may have been billed",
                outcome=Outcome.AMBIGUOUS,
            )
        with reading("the operation"):
            failed = speech_operation.failure(operation)
            if failed is not None:
                raise failed
            response = needed(operation, "response", dict)
            result = speech_operation.the_file(response)
            whole = speech_operation.inline(result)
            stored = None if whole is not None else speech_operation.address(result)
        raw: JsonValue = operation
        if whole is None:
            whole = await self._stored(stored or "", context)
            raw = {"operation": operation, "result": whole}
        with reading("the result"):
            results = speech_operation.results_in(whole)
            metadata = given(result, "metadata", dict)
            usage = next(
                (
                    seconds
                    for each in (response, metadata, given(whole, "metadata", dict))
                    if each is not None and (seconds := billed_seconds(each)) is not None
                ),
                None,
            )
            request_id = given(metadata, spelled(metadata, "requestId"), str) if metadata else None
            model, slow = speech_operation.ran_as(operation)
        # Off the event loop: eight hours are 70,000 words, and a second's work.
        found = await context.http.run_blocking(lambda: transcript(results, channels=request.channels))
        # What was asked is not judged again: what a model takes may be known better now than when the job was submitted.
        at = _place_of(job_id)
        ignored = ignored_in(request, at)
        model = model or model_for(at, model_name(request)).name
        return Reply(
            payload=found.ignoring(tuple(each.value for each in ignored)) if ignored else found,
            usage=reported(
                usage,
                model=model,
                dynamic=dynamic(request) if slow is None else slow,
            ),
            request_id=request_id,
            model_version=model,
            raw=raw if request.raw else None,
        )

    async def cancel(self, job_id: str, context: Context, /) -> bool:
        """``operations.cancel``: Google does its best, and :meth:`poll` tells."""
        reply = await self._rest(job_id).send(
            "POST", f"/v2/{job_id}:cancel", context, accepted=(404, 501), content=b"{}"
        )
        return reply.status != 501

    async def remove_recording(self, place: str, context: Context, /) -> None:
        """Delete the staged recording."""
        await self._storage.delete(Place.of(place), context)

    async def remove_job(self, job_id: str, context: Context, /) -> None:
        """Delete what was written below our staging folder. The operation itself Google forgets by and by."""
        operation = await self._operation(job_id, context)
        if operation is None or self._settings.staging is None:
            return
        with reading("the operation"):
            output = speech_operation.output_of(operation)
        if output is None or not output.startswith(f"{self._settings.staging}/"):
            return
        for each in await self._storage.names(Place.of(output), context):
            await self._storage.delete(each, context)

    async def read(self, place: str, start: int, length: int, context: Context, /) -> Piece:
        """Some bytes of a recording in Cloud Storage."""
        return await self._storage.piece(Place.of(place), start, length, context)

    async def _stored(self, address: str, context: Context) -> dict[str, JsonValue]:
        try:
            return await self._storage.get(Place.of(address), context)
        except BadInput as error:
            if error.status != 404:
                raise
            raise BadInput(
                "the job is done, and its result is not where Google wrote it; was it removed, or does the bucket's lifecycle "
                "rule delete too soon? What was transcribed has been billed",
                status=404,
                code=error.code,
                outcome=Outcome.BAD_REPLY,
            ) from None

    def _output(self, key: str) -> dict[str, JsonValue]:
        if self._settings.staging is None:
            return {"inlineResponseConfig": {}}
        return {"gcsOutputConfig": {"uri": f"{self._settings.staging}/{key}/transcript"}}

    async def _is_there(self, operation: Mapping[str, JsonValue], context: Context) -> bool:
        """Whether a finished operation's result was not removed: an earlier job of the same key, fetched long ago."""
        output = speech_operation.output_of(operation)
        if output is None or not given(operation, "done", bool):
            return True
        return bool(await self._storage.names(Place.of(output), context))

    async def _operation(self, job_id: str, context: Context) -> dict[str, JsonValue] | None:
        reply = await self._rest(job_id).send("GET", f"/v2/{job_id}", context, accepted=(404,))
        return None if reply.status == 404 else json_object(reply, request_id=None)

    def _rest(self, job_id: str) -> Rest:
        """The service of the operation's own place, which may no longer be that of the settings."""
        return self._places.at(_place_of(job_id))


def _asked(request: TranscribeRequest, location: str) -> Asked:
    """For a job. Raises :class:`BadInput` for a recording that is too long for the model."""
    asked = asked_of(request, location)
    if request.audio.milliseconds > asked.model.longest_ms:
        raise BadInput(
            f"{request.audio.name}: {request.audio.milliseconds / 1000:,.0f} s is above the "
            f"{asked.model.longest_ms // 1000:,} s that Google's model {asked.model.name} takes; name another by the extension "
            "gcp_model (long), set speech_location of provider gcp, or cut it into parts"
        )
    return asked


def _name(operation: Mapping[str, JsonValue]) -> str:
    """Raises ValueError for what is no name of an operation in a place."""
    name = needed(operation, "name", str)
    _location_in(name)
    return name


def _location_in(name: str) -> str:
    parts = name.split("/")
    if len(parts) != 6 or parts[::2] != ["projects", "locations", "operations"] or not all(parts):
        raise ValueError("the name of an operation is projects/…/locations/…/operations/…")
    if not all(
        each.replace("-", "").replace("_", "").replace(":", "").replace(".", "").isalnum() for each in parts
    ):
        raise ValueError("the name of an operation has no such characters")
    return parts[3]


def _place_of(job_id: str) -> str:
    try:
        return _location_in(job_id)
    except ValueError as error:
        raise BadInput(f"this is no job of Google's: {error}") from None


def _created(operation: Mapping[str, JsonValue]) -> datetime | None:
    metadata = given(operation, "metadata", dict)
    text = given(metadata, spelled(metadata, "createTime"), str) if metadata else None
    try:
        found = None if text is None else datetime.fromisoformat(text)
    except ValueError:  # a job is not lost for a time that cannot be read
        return None
    return None if found is None or found.tzinfo is None else found


def _age(submission: Submission) -> float:
    return 0.0 if submission.created is None else submission.created.timestamp()


def _shown(job_id: str) -> str:
    return job_id.rpartition("/")[2][:60]
