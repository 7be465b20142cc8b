"""Vision FACE_DETECTION: our faces from ``face_annotations``.

Source: FaceAnnotation in google/cloud/vision/v1/image_annotator.proto.
"""

from __future__ import annotations

from functools import cache
from math import isfinite
from typing import Any

from broker.contract import reading
from broker.types import (
    Confidence,
    Face,
    FaceAttribute,
    FaceRequest,
    FaceSet,
    Landmark,
    Point,
    Pose,
)
from broker_gcp.vision_boxes import region_of, seen_frame

_EMOTIONS = ("joy", "sorrow", "anger", "surprise")
_ATTRIBUTES = ("under_exposed", "blurred", "headwear")


def faces_in(answer: Any, request: FaceRequest) -> FaceSet:
    """The faces. Raises :class:`MalformedReply`.

    The place is ``bounding_poly``, the head as people would frame it; the tighter ``fd_bounding_poly`` (skin only)
    stands in where Vision gives no other, and is in the raw answer.
    """
    frame = seen_frame(request.image, answer)
    with reading("a face"):
        faces = tuple(_face(each, frame.width, frame.height) for each in answer.face_annotations)
    return FaceSet(faces=faces, frame=frame)


def _face(face: Any, width: int, height: int) -> Face:
    region = region_of(face.bounding_poly, width, height) or region_of(face.fd_bounding_poly, width, height)
    if region is None:
        raise ValueError("it has no place")
    sure = face.landmarking_confidence
    return Face(
        region=region,
        # proto3: 0 is not sent, so a confidence of 0 says nothing.
        confidence=Confidence.ratio(face.detection_confidence or None),
        landmarks=tuple(_landmark(each, width, height) for each in face.landmarks),
        landmark_confidence=Confidence.ratio(sure) if sure else None,
        # Here a number that was not sent is the angle 0: Vision gives all three of every face.
        pose=Pose(roll=_angle(face.roll_angle), yaw=_angle(face.pan_angle), pitch=_angle(face.tilt_angle)),
        emotions=tuple(_judged(face, name) for name in _EMOTIONS),
        attributes=tuple(_judged(face, name) for name in _ATTRIBUTES),
    )


def _landmark(landmark: Any, width: int, height: int) -> Landmark:
    if not landmark.HasField("position"):
        raise ValueError("a landmark has no position")
    at = landmark.position
    if not (isfinite(at.x) and isfinite(at.y) and isfinite(at.z)):
        raise ValueError("a landmark has no usable position")
    field, names = _kinds()
    kind = getattr(landmark, field)
    name = names.get(kind, str(kind))
    return Landmark(name=name, point=Point(x=at.x / width, y=at.y / height), depth=at.z)


@cache
def _kinds() -> tuple[str, dict[int, str]]:
    """The field that holds a landmark's type, and our name for each number. Unknown numbers stay numbers."""
    from google.cloud.vision_v1.types import image_annotator as types

    shape: Any = types.FaceAnnotation.Landmark
    fields = shape.pb().DESCRIPTOR.fields_by_name
    return "type_" if "type_" in fields else "type", {int(kind): kind.name.lower() for kind in shape.Type}


def _judged(face: Any, name: str) -> FaceAttribute:
    return FaceAttribute(name=name, confidence=Confidence.likelihood(getattr(face, f"{name}_likelihood")))


def _angle(degrees: float) -> float:
    if not isfinite(degrees):
        raise ValueError("an angle is no number")
    return degrees
