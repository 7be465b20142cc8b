"""Speech-to-Text v2: the adapter's operations on recordings.

Up to 60 s go with the request and are answered at once (``recognize``); what is longer, or in a bucket, is a job
(:mod:`broker_gcp.speech_jobs`).
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Generator

from broker.contract import Context, JobSteps, Reply, Sound, StreamEnd, given, json_object, reading
from broker.errors import MalformedReply, NotConfigured
from broker.types import Audio, JsonValue, TranscribeRequest, Transcript
from broker.types.stream import StreamEvent, StreamRequest
from broker_gcp.proto_json import spelled
from broker_gcp.rest import JSON, Rest
from broker_gcp.settings import SPEECH, GcpSettings, speech_location
from broker_gcp.speech_answer import billed_seconds, transcript
from broker_gcp.speech_jobs import SpeechJobs
from broker_gcp.speech_places import Places
from broker_gcp.speech_request import asked_of
from broker_gcp.speech_usage import reported
from broker_gcp.storage import Storage
from broker_gcp.streaming import Streaming
from broker_gcp.streaming_line import Line

_SMALL = 128 * 1024
"""Bytes of a recording in memory that are coded at once; it takes less than a change of threads."""


class SpeechOperations:
    """Speech-to-Text for one account, over REST."""

    def __init__(self, settings: GcpSettings) -> None:
        self._speech_settings = settings
        self._places = Places(settings)
        self._storage = Storage(settings)
        self._jobs = SpeechJobs(settings, self._places, self._storage)
        self._streaming = Streaming(settings)

    async def transcribe(self, request: TranscribeRequest, context: Context, /) -> Reply[Transcript]:
        """A short recording by ``recognize``.

        Raises :class:`NotConfigured`, :class:`BadInput`, :class:`Unsupported` for what the model of the place lacks, the
        mapped refusals of :mod:`broker_gcp.faults`, :class:`MalformedReply`, and what the transport raises.
        """
        location = speech_location(self._speech_settings)
        asked = asked_of(request, location)
        rest = self._places.at(location)
        parent = f"{await rest.project(context)}/locations/{location}"
        audio, config = request.audio, asked.config
        # Reading and coding some megabytes takes tens of milliseconds, for which nobody's event loop is to stand still.
        content = (
            _body(config, audio)
            if audio.data is not None and audio.size <= _SMALL
            else await context.http.run_blocking(lambda: _body(config, audio))
        )
        path = f"/v2/{parent}/recognizers/_:recognize"
        body = json_object(
            await rest.send("POST", path, context, headers=JSON, content=content), request_id=None
        )
        with reading("the answer"):
            results = given(body, "results", list)
            # Of silence there are no results, but what was billed is always told; {} is no answer.
            metadata = given(body, "metadata", dict)
            if results is None and metadata is None and not billed_seconds(body):
                raise MalformedReply("the answer has neither results nor metadata")
            request_id = given(metadata, spelled(metadata, "requestId"), str) if metadata else None
        billed = billed_seconds(metadata or body)
        found = transcript(results or [], channels=request.channels)
        return Reply(
            payload=found.ignoring(tuple(each.value for each in asked.ignored)) if asked.ignored else found,
            usage=reported(billed, model=asked.model.name, dynamic=False),
            request_id=request_id,
            model_version=asked.model.name,
            raw=body if request.raw else None,
        )

    def stream(
        self, request: StreamRequest, sound: Sound, context: Context, /
    ) -> Generator[StreamEvent, None, StreamEnd]:
        """What is said while it is being said, by ``StreamingRecognize``."""
        return self._streaming.stream(request, sound, context)

    @property
    def transcription_jobs(self) -> JobSteps:
        """The steps for long recordings."""
        return self._jobs

    def _speech_problems(self) -> dict[str, str]:
        """What stops Speech-to-Text, as far as it can be told without network."""
        try:
            rest: Rest = self._places.at(speech_location(self._speech_settings))
        except NotConfigured as error:
            return {SPEECH.name: str(error)}
        staged = self._speech_settings.staging is not None
        return {SPEECH.name: rest.problem(in_project=True) or (self._storage.problem() if staged else "")}

    def _renew_speech(self, context: Context) -> bool:
        """Whether whatever was refused has another credential now."""
        held: list[Rest | Line] = [*self._places.used, self._storage.rest, *self._streaming.lines.used]
        refused = [each for each in held if each.refused]
        renewed = [each.renew(context) for each in refused]  # all of them, also behind one that has no other
        return bool(renewed) and all(renewed)


def _body(config: dict[str, JsonValue], audio: Audio) -> bytes:
    """A RecognizeRequest as JSON; the recording is written into it as it is coded, not escaped letter by letter."""
    head = json.dumps({"config": config}, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join((head[:-1], b',"content":"', b64encode(audio.read()), b'"}'))
