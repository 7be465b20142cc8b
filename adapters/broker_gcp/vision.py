"""Vision LABEL_DETECTION as plain protobuf: the request from ours, our labels from the answer.

Source: google/cloud/vision/v1/image_annotator.proto, as generated into google-cloud-vision.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, NamedTuple

from broker.errors import MalformedReply
from broker.types import JsonValue, Label, LabelRequest, LabelSet
from broker_gcp.channel import MAX_REPLY
from broker_gcp.faults import refusal_in
from broker_gcp.framing import batch_of_one
from broker_gcp.vision_options import WIDEST_RESULTS, read_options


class Shapes(NamedTuple):
    """The protobuf classes beneath proto-plus, which costs as much CPU as the RPC itself."""

    request: Any
    reply: Any
    feature: dict[str, int]


@cache
def shapes() -> Shapes:
    """Imported on first use: Google's library takes a second to load."""
    from google.cloud.vision_v1.types import image_annotator as types

    # The generated classes avoid Python's words: the proto's field "type" is "type_" there.
    names = types.Feature.pb().DESCRIPTOR.fields_by_name
    kind = "type_" if "type_" in names else "type"
    return Shapes(
        types.AnnotateImageRequest.pb(),
        types.BatchAnnotateImagesResponse.pb(),
        {kind: int(types.Feature.Type.LABEL_DETECTION)},
    )


def request_bytes(request: LabelRequest) -> bytes:
    """The serialized request. Raises :class:`BadInput` for an option of the wrong type."""
    most, model = WIDEST_RESULTS, ""
    if request.extensions:
        options = read_options(request.extensions)
        most, model = options.max_results, options.model
    return batch_of_one(request.image.data, _wanted(most, model))


@lru_cache(maxsize=64)
def _wanted(most: int, model: str) -> bytes:
    one = shapes().request()
    one.features.add(**shapes().feature, max_results=most, model=model)
    content: bytes = one.SerializeToString()
    return content


def labels_of(content: bytes, *, raw: bool) -> tuple[LabelSet, JsonValue]:
    """Labels, and the whole answer if asked for.

    Raises :class:`MalformedReply` for an unusable answer and the mapped error of a refusal inside it.
    """
    batch = opened(content)
    if len(batch.responses) != 1:
        raise MalformedReply(f"the answer holds {len(batch.responses)} responses for one picture")
    answer = batch.responses[0]
    if answer.HasField("error") and answer.error.code != 0:
        raise refusal_in(answer)
    return label_set(answer), as_json(batch) if raw else None


def opened(content: bytes) -> Any:
    """The ``BatchAnnotateImagesResponse``. Raises :class:`MalformedReply`."""
    from google.protobuf.message import DecodeError

    if len(content) > MAX_REPLY:
        raise MalformedReply(f"the answer has {len(content)} bytes, above the limit of {MAX_REPLY}")
    try:
        return shapes().reply.FromString(content)
    except DecodeError:
        raise MalformedReply("the answer is not a BatchAnnotateImagesResponse") from None


def label_set(answer: Any) -> LabelSet:
    """The labels of an ``AnnotateImageResponse``. Raises :class:`MalformedReply`.

    An absent list and an empty one are the same in protobuf: no labels.
    """
    # proto3: a score that was not sent reads as 0, and Vision lists no label of score 0.
    rows = [(item.description, item.score or None, item.mid or None) for item in answer.label_annotations]
    for name, _, _ in rows:
        if not name:
            raise MalformedReply("a label has no description")
    return LabelSet(labels=Label.rated(rows))


def as_json(message: Any) -> JsonValue:
    """The raw answer. Raises :class:`MalformedReply`."""
    from google.protobuf.json_format import MessageToDict

    try:
        whole: JsonValue = MessageToDict(message)
    except (TypeError, ValueError):
        raise MalformedReply("the answer cannot be shown as JSON") from None
    return whole
