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
    plain,
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
    LabelRequest,
    LabelSet,
    ModerationSet,
    ObjectRequest,
    ObjectSet,
)
from broker_gcp import faults, vision, vision_answer, vision_request
from broker_gcp.channel import Line, Lines, Progress
from broker_gcp.manifest import MANIFEST
from broker_gcp.settings import DATA_USE, INSTALL, GcpSettings, credential_source, endpoint_of, price_region
from broker_gcp.text import TextOperations

R = TypeVar("R", bound=ImageRequest)
P = TypeVar("P")


class GcpAdapter(TextOperations):
    """Google Cloud for one account: Vision here, texts in :class:`TextOperations`."""

    manifest: ClassVar[Manifest] = MANIFEST
    Settings: ClassVar[type[AdapterSettings]] = GcpSettings

    def __init__(self, settings: GcpSettings, /) -> None:
        super().__init__(settings)
        self._settings = settings
        self._lines = Lines(settings)

    @property
    def region(self) -> str | None:
        """Where it is processed; prices may depend on it."""
        return price_region(self._settings)

    def close(self) -> None:
        """Close the channel."""
        self._lines.close()

    def setup(self) -> Setup:
        """How the adapter stands; looks at the environment and at file names, no network."""
        target, loopback = "", False
        credential, problem = credential_source(self._settings)
        try:
            endpoint = endpoint_of(self._settings)
            target, loopback = endpoint.target, endpoint.loopback
        except NotConfigured as error:
            problem = str(error)
        if loopback and not credential:
            credential, problem = "none is sent to a loopback endpoint", ""
        if not _installed():
            problem = INSTALL
        return Setup(
            configured=not problem,
            problem=problem,
            credential=credential,
            endpoint=redact(target),
            region=self.region,
            data_use=DATA_USE,
        )

    def renew(self, refused: AuthFailed, context: Context, /) -> bool:
        """Fetch another token, from a file read anew; an API key has no other."""
        if not faults.stale_token(refused):
            return False
        renewed = self._renew_text(context)
        return self._lines.line().authorization.renew(context) if renewed is None else renewed

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
        raise ours from _sanitised(error)
    except Exception as error:  # noqa: BLE001 # ValueError of a closed channel, and whatever else
        raise ProviderFault(f"gRPC failed: {type(error).__name__}: {redact(str(error))}") from None


def _sanitised(error: Any) -> BaseException:
    """The vendor's exception as a cause, without frames.

    It shows code, details and debug text and keeps no request and no sent metadata; should those texts
    hold what looks like a secret, a plain one with the redacted text takes its place.
    """
    import grpc

    shown = " ".join(str(text) for text in (error.details(), error.debug_error_string()) if text)
    if redact(shown, len(shown)) != plain(shown).strip():
        return grpc.RpcError(f"{error.code().name}: {redact(shown)}")
    error.__cause__ = error.__context__ = None
    kept: BaseException = error.with_traceback(None)
    return kept
