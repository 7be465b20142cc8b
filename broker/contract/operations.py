"""The operations there are: name, adapter method, request, result. A new one is a row here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from broker.types.vision import (
    DetectedText,
    FaceRequest,
    FaceSet,
    ImageRequest,
    LabelRequest,
    LabelSet,
    TextRequest,
)

R = TypeVar("R", bound=ImageRequest)
P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[R, P]):
    """One thing that can be called.

    :param method: the adapter method that answers it.
    :param payload: the type its reply must carry; anything else is a ``MalformedReply``. It has
        ``select(request)``, the filter that is the same for every provider.
    """

    name: str
    method: str
    request: type[R]
    payload: type[P]


LABEL = Operation(name="vision.label", method="label", request=LabelRequest, payload=LabelSet)
DETECT_TEXT = Operation(
    name="vision.detect_text", method="detect_text", request=TextRequest, payload=DetectedText
)
DETECT_FACES = Operation(
    name="vision.detect_faces", method="detect_faces", request=FaceRequest, payload=FaceSet
)

OPERATIONS: dict[str, Operation[Any, Any]] = {each.name: each for each in (LABEL, DETECT_TEXT, DETECT_FACES)}
