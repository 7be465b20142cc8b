"""Rekognition DetectFaces: where faces are and how they look.

Source: the service model ``rekognition/2016-06-27`` of botocore and
docs.aws.amazon.com/rekognition/latest/APIReference/API_FaceDetail.html.
"""

from __future__ import annotations

import re
from typing import Any

from broker.contract import given, needed
from broker.types import Confidence, Face, FaceAttribute, FaceSet, Image, Landmark, Point, Pose, Request
from broker_aws import options, places
from broker_aws.wire import NO_PICTURE

METHOD = "detect_faces"
EXTENSIONS = ("aws_attributes",)
ATTRIBUTES = (
    "DEFAULT",
    "ALL",
    "AGE_RANGE",
    "BEARD",
    "EMOTIONS",
    "EYE_DIRECTION",
    "EYEGLASSES",
    "EYES_OPEN",
    "GENDER",
    "MOUTH_OPEN",
    "MUSTACHE",
    "FACE_OCCLUDED",
    "SMILE",
    "SUNGLASSES",
)
_DECIDED = (
    "Smile",
    "Eyeglasses",
    "Sunglasses",
    "Gender",
    "Beard",
    "Mustache",
    "EyesOpen",
    "MouthOpen",
    "FaceOccluded",
)
"""Members that hold a decision and how sure it is."""
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def parameters(request: Request) -> dict[str, Any]:
    """Arguments of ``detect_faces``: all attributes, which cost no more. Raises :class:`BadInput`."""
    said = request.extensions
    wanted = ["ALL"]
    if "aws_attributes" in said:
        wanted = options.names(said, "aws_attributes", ATTRIBUTES)
    return {"Image": NO_PICTURE, "Attributes": wanted}


def faces_of(body: dict[str, Any], image: Image) -> FaceSet:
    """All faces, up to the 100 largest. Raises ValueError for an unusable answer."""
    items: list[Any] = needed(body, "FaceDetails", list)
    return FaceSet(faces=tuple(_face(each) for each in items), frame=places.frame(image, turned=True))


def _face(item: Any) -> Face:
    age: dict[str, Any] | None = given(item, "AgeRange", dict)
    measures: dict[str, Any] = given(item, "Quality", dict) or {}
    quality = [(name.lower(), given(measures, name, float)) for name in ("Brightness", "Sharpness")]
    gaze: dict[str, Any] | None = given(item, "EyeDirection", dict)
    emotions: list[Any] = given(item, "Emotions", list) or []
    landmarks: list[Any] = given(item, "Landmarks", list) or []
    return Face(
        region=places.box(item),
        confidence=Confidence.percent(item.get("Confidence")),
        landmarks=tuple(_landmark(each) for each in landmarks),
        pose=_pose(given(item, "Pose", dict)),
        age=None if age is None else (needed(age, "Low", int), needed(age, "High", int)),
        emotions=tuple(
            FaceAttribute(
                name=needed(each, "Type", str).lower(), confidence=Confidence.percent(each.get("Confidence"))
            )
            for each in emotions
        ),
        attributes=tuple(_attribute(name, item[name]) for name in _DECIDED if item.get(name) is not None),
        quality=tuple((name, value) for name, value in quality if value is not None),
        gaze=_pose(gaze),
        gaze_confidence=None if gaze is None else Confidence.percent(gaze.get("Confidence")),
    )


def _attribute(name: str, item: Any) -> FaceAttribute:
    value = needed(item, "Value", str) if name == "Gender" else needed(item, "Value", bool)
    return FaceAttribute(
        name=_snake(name), confidence=Confidence.percent(item.get("Confidence")), value=value
    )


def _landmark(item: Any) -> Landmark:
    return Landmark(
        name=_snake(needed(item, "Type", str)),
        point=Point(x=needed(item, "X", float), y=needed(item, "Y", float)),
    )


def _pose(item: dict[str, Any] | None) -> Pose | None:
    if item is None:
        return None
    return Pose(
        roll=given(item, "Roll", float), yaw=given(item, "Yaw", float), pitch=given(item, "Pitch", float)
    )


def _snake(name: str) -> str:
    """``leftEyeBrowUp`` as ``left_eye_brow_up``."""
    return _HUMP.sub("_", name).lower()
