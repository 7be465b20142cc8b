"""Answers that were kept as Google Vision sent them (JSON), read again: the readers of the live call, without the call."""

from __future__ import annotations

from typing import Any

from broker.errors import MalformedReply
from broker.types import JsonValue
from broker_gcp import vision_answer
from broker_gcp.vision import shapes

_READERS: dict[str, vision_answer.Reader[Any, Any]] = {
    "vision.label": vision_answer.labels_in,
    "vision.detect_objects": vision_answer.objects_in,
    "vision.detect_text": vision_answer.text_in,
    "vision.detect_faces": vision_answer.faces_in,
    "vision.moderate": vision_answer.harms_in,
}
READS = frozenset(_READERS)


def reread(operation: str, raw: JsonValue, request: Any) -> Any:
    """The result. Raises :class:`MalformedReply`, and the mapped error of a refusal inside the answer."""
    from google.protobuf.json_format import ParseDict, ParseError

    if not isinstance(raw, dict):
        raise MalformedReply(f"this is no kept answer of {operation}: it is no object")
    whole: Any = raw if "responses" in raw else {"responses": [raw]}
    try:
        message = ParseDict(whole, shapes().reply(), ignore_unknown_fields=True)
    except ParseError:
        raise MalformedReply(
            f"this is no kept answer of {operation}: it is no BatchAnnotateImagesResponse"
        ) from None
    return vision_answer.one_of(message.SerializeToString(), request, _READERS[operation]).payload
