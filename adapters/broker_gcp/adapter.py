"""The Google Cloud adapter: what it can do, how it stands, and one method for each operation."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, ClassVar, TypeVar

from broker.contract import (
    AdapterSettings,
    Batch,
    Context,
    Manifest,
    Reply,
    Setup,
    redact,
)
from broker.errors import AuthFailed, DeadlineExceeded, NotConfigured, ProviderFault
from broker.types import (
    AnalyzeRequest,
    BatchRequest,
    DetectedText,
    DetectTextRequest,
    FaceRequest,
    FaceSet,
    ImageAnalysis,
    ImageModerationRequest,
    ImageRequest,
    JsonValue,
    LabelRequest,
    LabelSet,
    ModerationSet,
    ObjectRequest,
    ObjectSet,
)
from broker_gcp import faults, rereading, vision, vision_answer, vision_request
from broker_gcp.channel import Line, Lines, Progress, sanitised
from broker_gcp.manifest import MANIFEST
from broker_gcp.search import SearchOperations
from broker_gcp.settings import (
    DATA_USE,
    INSTALL,
    GcpSettings,
    credential_problem,
    credential_source,
    endpoint_of,
    price_region,
    region_of,
    services_of,
    speech_location,
)
from broker_gcp.speech import SpeechOperations
from broker_gcp.text import TextOperations

R = TypeVar("R", bound=ImageRequest)
P = TypeVar("P")


class GcpAdapter(TextOperations, SpeechOperations, SearchOperations):
    """Google Cloud for one account: Vision here, the others in :class:`TextOperations`, :class:`SpeechOperations` and
    :class:`SearchOperations`.
    """

    manifest: ClassVar[Manifest] = MANIFEST
    Settings: ClassVar[type[AdapterSettings]] = GcpSettings

    def __init__(self, settings: GcpSettings, /) -> None:
        TextOperations.__init__(self, settings)
        SpeechOperations.__init__(self, settings)
        SearchOperations.__init__(self, settings)
        self._settings = settings
        self._lines = Lines(settings)

    @property
    def region(self) -> str | None:
        """Where it is processed, but for recordings; prices may depend on it."""
        return price_region(self._settings)

    def region_of(self, operation: str, /) -> str | None:
        """Where it is processed: recordings where ``speech_location`` says."""
        return region_of(self._settings, operation)

    def close(self) -> None:
        """Close the channels."""
        self._lines.close()
        self._streaming.close()

    def setup(self) -> Setup:
        """How the adapter stands; looks at the environment and at file names, no network.

        It is configured if some of its services could be called; what stops the others is told by their names.
        """
        target, _ = _vision_target(self._settings)
        credential, _ = credential_source(self._settings)
        stopped, services = self._stopped(), services_of(self._settings)
        if not credential and len(stopped) < len(services):
            credential = "none is sent to a loopback endpoint"
        return Setup(
            configured=len(stopped) < len(services),
            problem=_told(stopped, services),
            credential=credential,
            endpoint=redact(target),
            region=self.region,
            data_use=DATA_USE,
        )

    def _stopped(self) -> dict[str, str]:
        """The services that could not be called, and what to do about it."""
        _, problem = _vision_target(self._settings)
        if not problem and not _installed():
            problem = INSTALL
        found = {
            "vision": problem,
            **self._text_problems(),
            **self._speech_problems(),
            **self._search_problems(),
        }
        return {name: found[name] for name in services_of(self._settings) if found[name]}

    def renew(self, refused: AuthFailed, context: Context, /) -> bool:
        """Fetch another token, from a file read anew; an API key has no other."""
        if not faults.stale_token(refused):
            return False
        if context.operation.startswith("transcription."):
            return self._renew_speech(context)
        if context.operation.startswith("search."):
            return self._renew_search(context)
        renewed = self._renew_text(context)
        return self._lines.line().authorization.renew(context) if renewed is None else renewed

    def rereads(self) -> frozenset[str]:
        """Operations whose kept answers it reads."""
        return rereading.READS

    def reread(self, operation: str, raw: JsonValue, request: Any, /) -> Any:
        """See :class:`~broker.contract.Rereads`."""
        return rereading.reread(operation, raw, request, location=speech_location(self._settings))

    def label(self, request: LabelRequest, context: Context, /) -> Reply[LabelSet]:
        """Labels by Vision LABEL_DETECTION.

        Raises :class:`NotConfigured`, :class:`BadInput`, :class:`DeadlineExceeded`, the mapped refusals
        of :mod:`broker_gcp.faults` and :class:`MalformedReply`.
        """
        line = self._lines.line()
        content = _send(line, vision.request_bytes(request), context)
        labels, raw = vision.labels_of(content, raw=request.raw)
        return Reply(payload=labels, raw=raw)

    def label_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[LabelSet]]:
        """As :meth:`label`, for up to 16 pictures; so are all the batches below."""
        return self._together(request, context, vision_answer.labels_in)

    def detect_objects(self, request: ObjectRequest, context: Context, /) -> Reply[ObjectSet]:
        """Objects by Vision OBJECT_LOCALIZATION. Raises what :meth:`label` does."""
        return self._alone(request, context, vision_answer.objects_in)

    def detect_objects_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[ObjectSet]]:
        """Several pictures."""
        return self._together(request, context, vision_answer.objects_in)

    def detect_text(self, request: DetectTextRequest, context: Context, /) -> Reply[DetectedText]:
        """Text by Vision TEXT_DETECTION or DOCUMENT_TEXT_DETECTION. Raises what :meth:`label` does."""
        return self._alone(request, context, vision_answer.text_in)

    def detect_text_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[DetectedText]]:
        """Several pictures."""
        return self._together(request, context, vision_answer.text_in)

    def detect_faces(self, request: FaceRequest, context: Context, /) -> Reply[FaceSet]:
        """Faces by Vision FACE_DETECTION. Raises what :meth:`label` does."""
        return self._alone(request, context, vision_answer.faces_in)

    def detect_faces_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[FaceSet]]:
        """Several pictures."""
        return self._together(request, context, vision_answer.faces_in)

    def moderate_image(self, request: ImageModerationRequest, context: Context, /) -> Reply[ModerationSet]:
        """Harms by Vision SAFE_SEARCH_DETECTION. Raises what :meth:`label` does."""
        return self._alone(request, context, vision_answer.harms_in)

    def moderate_image_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[ModerationSet]]:
        """Several pictures."""
        return self._together(request, context, vision_answer.harms_in)

    def analyze(self, request: AnalyzeRequest, context: Context, /) -> Reply[ImageAnalysis]:
        """Several features of one picture by one request. Raises what :meth:`label` does."""
        return self._alone(request, context, vision_answer.analysis_in)

    def analyze_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[ImageAnalysis]]:
        """Several pictures."""
        return self._together(request, context, vision_answer.analysis_in)

    def _alone(self, request: R, context: Context, read: vision_answer.Reader[R, P]) -> Reply[P]:
        content = _send(self._lines.line(), vision_request.request_bytes((request,)), context)
        return vision_answer.one_of(content, request, read)

    def _together(
        self, request: BatchRequest, context: Context, read: vision_answer.Reader[Any, P]
    ) -> Reply[Batch[P]]:
        content = _send(self._lines.line(), vision_request.request_bytes(request.items), context)
        return vision_answer.each_of(content, request.items, read)


def _vision_target(settings: GcpSettings) -> tuple[str, str]:
    """Where Vision is, and what stops a call to it but for Google's libraries."""
    try:
        endpoint = endpoint_of(settings)
    except NotConfigured as error:
        return "", str(error)
    return endpoint.target, credential_problem(settings, endpoint)


def _told(stopped: dict[str, str], services: tuple[str, ...]) -> str:
    """One text for all services that are stopped by the same; names only where others are not."""
    by_text: dict[str, list[str]] = {}
    for name, text in stopped.items():
        by_text.setdefault(text, []).append(name)
    if len(stopped) == len(services) and len(by_text) == 1:
        return next(iter(by_text))
    parts = [f"{', '.join(names)}: {text}" for text, names in by_text.items()]
    working = [name for name in services if name not in stopped]
    return "; ".join([*parts, *([f"{', '.join(working)}: can be called"] if parts and working else [])])


def _installed() -> bool:
    try:
        return find_spec("grpc") is not None and find_spec("google.cloud.vision_v1") is not None
    except ImportError:
        return False


def _send(line: Line, content: bytes, context: Context) -> bytes:
    """One RPC; whatever fails comes out as ours."""
    import grpc

    if context.remaining() <= 0.0:
        raise DeadlineExceeded("the deadline passed before Google Vision was asked")
    authorization = line.authorization.metadata(context)
    progress = Progress()
    try:
        return line.send(content, authorization, context, progress)
    except grpc.RpcError as error:
        ours = faults.rpc_error(error, progress.reached)
        if faults.stale_token(ours):
            line.authorization.refuse(authorization)
        raise ours from sanitised(error)
    except Exception as error:  # noqa: BLE001 # ValueError of a closed channel, and whatever else
        raise ProviderFault(f"gRPC failed: {type(error).__name__}: {redact(str(error))}") from None
