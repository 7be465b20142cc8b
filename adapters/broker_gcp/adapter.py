"""The Google Cloud adapter: what it can do, how it stands, and one method for each operation."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, ClassVar

from broker.contract import (
    AdapterSettings,
    Context,
    ImageLimits,
    Manifest,
    OperationSpec,
    Reply,
    Setup,
    Support,
    plain,
    redact,
)
from broker.errors import AuthFailed, DeadlineExceeded, NotConfigured, ProviderFault
from broker.types import LabelRequest, LabelSet
from broker_gcp import faults, vision
from broker_gcp.channel import Line, Lines, Progress
from broker_gcp.settings import DATA_USE, INSTALL, GcpSettings, credential_source, endpoint_of, price_region

_LIMITS = ImageLimits(
    formats=("jpeg", "png", "gif", "bmp", "webp", "tiff", "ico"),
    max_bytes=20 * 1024 * 1024,
    source="https://cloud.google.com/vision/docs/supported-files and https://cloud.google.com/vision/quotas",
)


class GcpAdapter:
    """Google Cloud Vision for one account."""

    manifest: ClassVar[Manifest] = Manifest(
        provider="gcp",
        version="0.1.0",
        extra="mlbroker[gcp]",
        operations=(
            OperationSpec(
                operation="vision.label",
                service="vision",
                sku="gcp.vision.label",
                limits=_LIMITS,
                languages=("en",),
                extensions=vision.EXTENSIONS,
                notes="confidence is Vision's score, 0-1; labels in English; up to 100 a picture are asked for",
            ),
            OperationSpec(
                operation="vision.detect_text",
                service="vision",
                support=Support.NOTIMPL,
                reason="Vision TEXT_DETECTION and DOCUMENT_TEXT_DETECTION: comes with the full vision set",
            ),
            OperationSpec(
                operation="vision.detect_faces",
                service="vision",
                support=Support.NOTIMPL,
                reason="Vision FACE_DETECTION: comes with the full vision set",
            ),
        ),
    )
    Settings: ClassVar[type[AdapterSettings]] = GcpSettings

    def __init__(self, settings: GcpSettings, /) -> None:
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
        return faults.stale_token(refused) and self._lines.line().authorization.renew(context)

    def label(self, request: LabelRequest, context: Context, /) -> Reply[LabelSet]:
        """Labels by Vision LABEL_DETECTION.

        Raises :class:`NotConfigured`, :class:`BadInput`, :class:`DeadlineExceeded`, the mapped refusals
        of :mod:`broker_gcp.faults` and :class:`MalformedReply`.
        """
        line = self._lines.line()
        content = _send(line, vision.request_bytes(request), context)
        labels, raw = vision.labels_of(content, raw=request.raw)
        return Reply(payload=labels, raw=raw)


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
