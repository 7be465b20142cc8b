"""Answers that were kept as Rekognition and Textract sent them, read again: the readers of the live call, without the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.contract import reading
from broker.errors import MalformedReply
from broker.types import JsonValue
from broker_aws import faces, labels, moderation, written

_READERS: dict[str, tuple[str, Callable[[dict[str, Any], Any], Any]]] = {
    "vision.label": ("Labels", lambda body, _: labels.labels_of(body)),
    "vision.detect_objects": ("Labels", lambda body, request: labels.objects_of(body, request.image)),
    "vision.detect_faces": ("FaceDetails", lambda body, request: faces.faces_of(body, request.image)),
    "vision.moderate": ("ModerationLabels", lambda body, _: moderation.moderation_of(body)),
    "vision.detect_text": ("TextDetections", lambda body, request: written.scene_of(body, request.image)),
}
"""The member that an answer has, and its reader."""
READS = frozenset(_READERS)


def reread(operation: str, raw: JsonValue, request: Any) -> Any:
    """The result. Raises :class:`MalformedReply`."""
    member, read = _READERS[operation]
    if isinstance(raw, dict) and operation == "vision.detect_text" and "Blocks" in raw:  # Textract's
        member, read = "Blocks", lambda body, asked: written.document_of(body, asked.image)
    if not isinstance(raw, dict) or member not in raw:
        raise MalformedReply(f"this is no kept answer of {operation}: it has no {member}")
    with reading("a kept answer"):
        return read(raw, request)
