"""What Vision answers: one response for each picture, each with its own error, inside an OK."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from broker.contract import Batch, Reply
from broker.errors import MalformedReply, ProviderError
from broker.types import AnalyzeRequest, ImageAnalysis, ImageRequest, JsonValue, LabelRequest, LabelSet
from broker_gcp.faults import refusal_in
from broker_gcp.vision import as_json, label_set, opened
from broker_gcp.vision_faces import faces_in
from broker_gcp.vision_text import text_in
from broker_gcp.vision_things import harms_in, objects_in

__all__ = [
    "Reader",
    "analysis_in",
    "each_of",
    "faces_in",
    "harms_in",
    "labels_in",
    "objects_in",
    "one_of",
    "text_in",
]

R = TypeVar("R", bound=ImageRequest)
P = TypeVar("P")
Reader: TypeAlias = Callable[[Any, R], P]
"""From an ``AnnotateImageResponse`` and what was asked. Raises :class:`MalformedReply`."""


def one_of(content: bytes, request: R, read: Reader[R, P]) -> Reply[P]:
    """The answer to one picture. Raises :class:`MalformedReply` and the mapped error of a refusal inside it."""
    batch = opened(content)
    if len(batch.responses) != 1:
        raise MalformedReply(f"the answer holds {len(batch.responses)} responses for one picture")
    return _reply(batch.responses[0], request, read)


def each_of(content: bytes, requests: Sequence[R], read: Reader[R, P]) -> Reply[Batch[P]]:
    """The answers to several pictures: for each its own, or its own error.

    Vision's responses have no index: they stand in the order of the requests. Where their number is another, nobody can
    say which is whose, and the whole is a :class:`MalformedReply`.
    """
    batch = opened(content)
    if len(batch.responses) != len(requests):
        raise MalformedReply(
            f"the answer holds {len(batch.responses)} responses for {len(requests)} pictures"
        )
    items: list[Reply[P] | ProviderError] = []
    for answer, request in zip(batch.responses, requests, strict=True):
        try:
            items.append(_reply(answer, request, read))
        except ProviderError as error:
            items.append(error)
    return Reply(payload=Batch(items=tuple(items)))


def _reply(answer: Any, request: R, read: Reader[R, P]) -> Reply[P]:
    if answer.HasField("error") and answer.error.code != 0:
        raise refusal_in(answer)
    payload = read(answer, request)
    raw: JsonValue = {"responses": [as_json(answer)]} if request.raw else None
    return Reply(payload=payload, raw=raw)


def labels_in(answer: Any, request: LabelRequest) -> LabelSet:  # noqa: ARG001 # as the other readers
    """The labels."""
    return label_set(answer)


_PARTS: dict[str, tuple[str, Reader[Any, Any]]] = {
    "label": ("labels", labels_in),
    "detect_objects": ("objects", objects_in),
    "detect_text": ("text", text_in),
    "detect_faces": ("faces", faces_in),
    "moderate": ("moderation", harms_in),
}


def analysis_in(answer: Any, request: AnalyzeRequest) -> ImageAnalysis:
    """Each operation's own result, as if it had been asked for alone."""
    found = {}
    for name in request.operations:
        field, read = _PARTS[name]
        found[field] = read(answer, request.part(name))
    return ImageAnalysis(**found)
