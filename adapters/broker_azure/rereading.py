"""Answers that were kept as Image Analysis 4.0 sent them, read again: the readers of the live call, without the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.contract import reading
from broker.errors import MalformedReply
from broker.types import JsonValue
from broker_azure import vision_reply

_READERS: dict[str, tuple[str, Callable[[dict[str, Any], Any], Any]]] = {
    "vision.label": ("tagsResult", lambda body, _: vision_reply.labels_of(body)),
    "vision.detect_objects": (
        "objectsResult",
        lambda body, asked: vision_reply.objects_of(body, asked.image),
    ),
    "vision.detect_text": ("readResult", lambda body, asked: vision_reply.text_of(body, asked.image)),
    "vision.caption": ("captionResult", lambda body, asked: vision_reply.caption_of(body, asked.image)),
}
"""The member that an answer has, and its reader."""
READS = frozenset(_READERS)


def reread(operation: str, raw: JsonValue, request: Any) -> Any:
    """The result. Raises :class:`MalformedReply`."""
    member, read = _READERS[operation]
    if not isinstance(raw, dict) or member not in raw:
        raise MalformedReply(f"this is no kept answer of {operation} by API version 4.0: it has no {member}")
    with reading("a kept answer"):
        return read(raw, request)
