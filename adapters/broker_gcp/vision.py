"""Vision LABEL_DETECTION as plain protobuf: the request from ours, our labels from the answer.

Source: google/cloud/vision/v1/image_annotator.proto, as generated into google-cloud-vision.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from broker.errors import BadInput, MalformedReply
from broker.types import Confidence, JsonValue, Label, LabelRequest, LabelSet
from broker_gcp.channel import MAX_REPLY
from broker_gcp.faults import item_error

EXTENSIONS = ("gcp_max_results", "gcp_model")
WIDEST_RESULTS = 100
_MODELS = ("builtin/stable", "builtin/latest")
_INT32 = 2**31


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
        types.BatchAnnotateImagesRequest.pb(),
        types.BatchAnnotateImagesResponse.pb(),
        {kind: int(types.Feature.Type.LABEL_DETECTION)},
    )


def request_bytes(request: LabelRequest) -> bytes:
    """The serialized request. Raises :class:`BadInput` for an option of the wrong type."""
    most, model = WIDEST_RESULTS, ""
    if request.extensions:
        most, model = _options(request.extensions)
    batch = shapes().request()
    one = batch.requests.add()
    one.image.content = request.image.data
    one.features.add(**shapes().feature, max_results=most, model=model)
    content: bytes = batch.SerializeToString()
    return content


def _options(options: dict[str, JsonValue]) -> tuple[int, str]:
    most = options.get("gcp_max_results", WIDEST_RESULTS)
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most < _INT32:
        raise BadInput(f"gcp_max_results must be a whole number from 1, not {most!r:.80}")
    model = options.get("gcp_model", "")
    if not isinstance(model, str):
        raise BadInput(f"gcp_model must be one of {', '.join(_MODELS)}, not {model!r:.80}")
    return most, model


def labels_of(content: bytes, *, raw: bool) -> tuple[LabelSet, JsonValue]:
    """Labels, and the whole answer if asked for.

    Raises :class:`MalformedReply` for an unusable answer and the mapped error of a refusal inside it.
    An absent list and an empty one are the same in protobuf: no labels.
    """
    from google.protobuf.message import DecodeError

    if len(content) > MAX_REPLY:
        raise MalformedReply(f"the answer has {len(content)} bytes, above the limit of {MAX_REPLY}")
    try:
        batch = shapes().reply.FromString(content)
    except DecodeError:
        raise MalformedReply("the answer is not a BatchAnnotateImagesResponse") from None
    if len(batch.responses) != 1:
        raise MalformedReply(f"the answer holds {len(batch.responses)} responses for one picture")
    answer = batch.responses[0]
    if answer.HasField("error") and answer.error.code != 0:
        raise item_error(answer.error)
    ratio = Confidence.ratio
    # proto3: a score that was not sent reads as 0, and Vision lists no label of score 0.
    labels = [
        Label(name=item.description, confidence=ratio(item.score or None), id=item.mid or None)
        for item in answer.label_annotations
    ]
    if not all(label.name for label in labels):
        raise MalformedReply("a label has no description")
    return LabelSet(labels=tuple(labels)), _json(batch) if raw else None


def _json(message: Any) -> JsonValue:
    from google.protobuf.json_format import MessageToDict

    try:
        whole: JsonValue = MessageToDict(message)
    except (TypeError, ValueError):
        raise MalformedReply("the answer cannot be shown as JSON") from None
    return whole
