"""The Azure adapter: how it stands, and one method for each operation."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, TypeVar

from broker.contract import (
    AdapterSettings,
    Context,
    HttpReply,
    Manifest,
    Reply,
    Setup,
    Sound,
    StreamEnd,
    json_object,
    reading,
    redact,
)
from broker.errors import AuthFailed, NotConfigured
from broker.types import (
    AnalyzeRequest,
    CaptionRequest,
    CaptionSet,
    DetectedText,
    DetectTextRequest,
    ImageAnalysis,
    ImageModerationRequest,
    ImageRequest,
    JsonValue,
    LabelRequest,
    LabelSet,
    ModerationSet,
    ObjectRequest,
    ObjectSet,
    Request,
    TextModerationRequest,
    TranscribeRequest,
    Transcript,
)
from broker.types.stream import StreamEvent, StreamRequest
from broker_azure import content_safety, faults, language_methods, rereading, speech, vision, vision_reply
from broker_azure.blob import Blobs
from broker_azure.language_methods import INSTALL as TEXT_INSTALL
from broker_azure.language_methods import SERVICE, LanguageMethods
from broker_azure.manifest import MANIFEST
from broker_azure.rest import Resources, installed
from broker_azure.search import SearchMethods
from broker_azure.settings import (
    DATA_USE,
    INSTALL,
    SERVICES,
    AzureSettings,
    credential_source,
    price_region,
)
from broker_azure.speech_batch import BatchTranscription
from broker_azure.streaming import Streaming

P = TypeVar("P")
Reader = Callable[[Mapping[str, Any]], P]
"""From the whole answer to a payload; what it raises makes the answer a malformed one."""


class AzureAdapter(LanguageMethods, SearchMethods):
    """Azure AI Vision, Content Safety, Language and Speech: one resource for all of them, or one for each; and AI Search."""

    manifest: ClassVar[Manifest] = MANIFEST
    Settings: ClassVar[type[AdapterSettings]] = AzureSettings

    def __init__(self, settings: AzureSettings, /) -> None:
        super().__init__()
        self._settings = settings
        self._resources = Resources(settings)
        self._streaming = Streaming(self._resources)
        self._blobs = Blobs(settings)

    @property
    def region(self) -> str | None:
        """Where the resource is, as far as it is known; prices depend on it."""
        return price_region(self._settings)

    def close(self) -> None:
        """Release the credential and the client."""
        self._close_language()
        self._streaming.close()
        self._blobs.close()
        self._resources.close()

    def setup(self) -> Setup:
        """How the adapter stands; looks at the environment and at file names, no network.

        It is configured if every service that has an address could be called; without the SDK for texts, which nothing
        else needs, if there is another one.
        """
        services = self._settings.reachable
        credential, problem = credential_source(self._settings, services or SERVICES)
        bases: dict[str, None] = {}
        try:
            for service in services or SERVICES:
                bases[self._resources.endpoint_for(service).base] = None
        except NotConfigured as error:
            problem = str(error)
        if not installed() and any(self._resources.takes_token(service) for service in services or SERVICES):
            problem = INSTALL
        missing = SERVICE in (services or SERVICES) and not language_methods.installed()
        only_texts = missing and services == (SERVICE,)
        return Setup(
            configured=not problem and not only_texts,
            problem=problem or (f"for the text operations of Language: {TEXT_INSTALL}" if missing else ""),
            credential=credential,
            endpoint=redact(", ".join(bases)),
            region=self.region,
            data_use=DATA_USE,
        )

    def renew(self, refused: AuthFailed, context: Context, /) -> bool:
        """Fetch another token; a key has no other."""
        service = MANIFEST.by_name[context.operation].service
        return self._resources.renew(service, refused, context) or self._blobs.renew(refused, context)

    # ---- kept answers

    def rereads(self) -> frozenset[str]:
        """Operations whose kept answers it reads."""
        return rereading.READS

    def reread(self, operation: str, raw: JsonValue, request: Any, /) -> Any:
        """See :class:`~broker.contract.Rereads`."""
        return rereading.reread(operation, raw, request, shape=self._settings.shape_of)

    # ---- vision: Image Analysis 4.0

    # Each raises NotConfigured, BadInput, the mapped refusals of broker_azure.faults, MalformedReply, and what the
    # transport raises.

    async def label(self, request: LabelRequest, context: Context, /) -> Reply[LabelSet]:
        """Labels: feature tags."""
        return await self._look(request, context, vision_reply.labels_of, "tags")

    async def detect_objects(self, request: ObjectRequest, context: Context, /) -> Reply[ObjectSet]:
        """Objects: feature objects."""
        return await self._look(
            request, context, partial(vision_reply.objects_of, image=request.image), "objects"
        )

    async def detect_text(self, request: DetectTextRequest, context: Context, /) -> Reply[DetectedText]:
        """Lines and words: feature read, for both modes."""
        return await self._look(request, context, partial(vision_reply.text_of, image=request.image), "read")

    async def caption(self, request: CaptionRequest, context: Context, /) -> Reply[CaptionSet]:
        """Sentences: feature caption or denseCaptions."""
        reader = vision_reply.dense_captions_of if request.dense else vision_reply.caption_of
        feature = vision.caption_feature(request)
        return await self._look(request, context, partial(reader, image=request.image), feature)

    async def analyze(self, request: AnalyzeRequest, context: Context, /) -> Reply[ImageAnalysis]:
        """Several features in one request."""
        features = [vision.FEATURES[name] for name in request.operations]
        reader = partial(vision_reply.analysis_of, image=request.image, operations=request.operations)
        return await self._look(request, context, reader, *features)

    async def _look(
        self, request: ImageRequest, context: Context, reader: Reader[P], *features: str
    ) -> Reply[P]:
        params = vision.parameters(request, *features)
        reply = await self._resources.post(
            "vision", vision.PATH, context, params=params, content=request.image.data
        )
        made = _reply(reply, request, reader)
        usage = vision.usage_of(reply, *features)
        return replace(made, usage=usage) if usage else made

    # ---- moderation: Content Safety

    async def moderate_image(
        self, request: ImageModerationRequest, context: Context, /
    ) -> Reply[ModerationSet]:
        """Severities of a picture by image:analyze."""
        return await self._judge(
            request, context, content_safety.IMAGE_PATH, content_safety.image_body(request)
        )

    async def moderate_text(
        self, request: TextModerationRequest, context: Context, /
    ) -> Reply[ModerationSet]:
        """Severities of a text by text:analyze."""
        return await self._judge(
            request, context, content_safety.TEXT_PATH, content_safety.text_body(request)
        )

    async def _judge(
        self, request: Request, context: Context, path: str, body: dict[str, JsonValue]
    ) -> Reply[ModerationSet]:
        reply = await self._resources.post(
            "contentsafety", path, context, params=content_safety.PARAMS, body=body
        )
        return _reply(reply, request, content_safety.moderation_of)

    # ---- transcription: Speech

    async def transcribe(self, request: TranscribeRequest, context: Context, /) -> Reply[Transcript]:
        """A recording in one request: fast transcription."""
        content, kind = speech.upload_of(request)
        reply = await self._resources.send(
            "POST", "speech", speech.PATH, context, params=speech.PARAMS, content=content, kind=kind
        )
        several = request.channels and request.audio.channels > 1  # one by itself needs no number
        made = _reply(reply, request, partial(speech.transcript_of, channels=several))
        return replace(made, usage=speech.usage_of(reply, made.payload, request))

    @property
    def transcription_jobs(self) -> BatchTranscription:
        """The steps of a recording that one request does not take: batch transcription."""
        return BatchTranscription(self._resources, self._blobs)

    def stream(
        self, request: StreamRequest, sound: Sound, context: Context, /
    ) -> Generator[StreamEvent, None, StreamEnd]:
        """What is being said, by the Speech SDK."""
        return self._streaming.stream(request, sound, context)

    # ---- text: Language; documents: AI Search


def _reply(reply: HttpReply, request: Request, reader: Reader[P]) -> Reply[P]:
    """Our reply from a success; raises :class:`MalformedReply` for an answer that cannot be read."""
    request_id = faults.request_id(reply)
    body = json_object(reply, request_id=request_id)
    with reading("the answer", status=reply.status, request_id=request_id):
        payload = reader(body)
    version = body.get("modelVersion")
    return Reply(
        payload=payload,
        request_id=request_id,
        model_version=version if isinstance(version, str) else None,
        raw=body if request.raw else None,
    )
