"""Vision OBJECT_LOCALIZATION and SAFE_SEARCH_DETECTION: our objects and harms from the answer.

Source: LocalizedObjectAnnotation and SafeSearchAnnotation in google/cloud/vision/v1/image_annotator.proto.
"""

from __future__ import annotations

from typing import Any

from broker.contract import reading
from broker.errors import MalformedReply
from broker.types import (
    Confidence,
    DetectedObject,
    Harm,
    ImageModerationRequest,
    ModerationLabel,
    ModerationSet,
    ObjectRequest,
    ObjectSet,
)
from broker_gcp.vision_boxes import region_of, seen_frame

HARMS = {
    "adult": Harm.SEXUAL,
    "spoof": Harm.SPOOF,
    "medical": Harm.MEDICAL,
    "violence": Harm.VIOLENCE,
    "racy": Harm.SUGGESTIVE,
}


def objects_in(answer: Any, request: ObjectRequest) -> ObjectSet:
    """The objects; none is an answer too. Raises :class:`MalformedReply`."""
    frame = seen_frame(request.image, answer)
    found: list[DetectedObject] = []
    with reading("an object"):
        for each in answer.localized_object_annotations:
            region = region_of(each.bounding_poly, frame.width, frame.height)
            if region is None or not each.name:
                raise ValueError("it has no place" if region is None else "it has no name")
            # proto3: 0 is not sent, so a score of 0 says nothing.
            sure = Confidence.ratio(each.score or None)
            found.append(DetectedObject(name=each.name, confidence=sure, region=region, id=each.mid or None))
    return ObjectSet(objects=tuple(found), frame=frame)


def harms_in(answer: Any, request: ImageModerationRequest) -> ModerationSet:  # noqa: ARG001 # as the other readers
    """All five, always: VERY_UNLIKELY says that it is not there, UNKNOWN that Vision does not say.

    Raises :class:`MalformedReply` where the message is missing: Vision gives it of every picture.
    """
    if not answer.HasField("safe_search_annotation"):
        raise MalformedReply("the answer holds no safe_search_annotation")
    said = answer.safe_search_annotation
    return ModerationSet(
        labels=tuple(
            ModerationLabel(harm=harm, name=name, confidence=Confidence.likelihood(getattr(said, name)))
            for name, harm in HARMS.items()
        )
    )
