"""The operations on pictures: what the models find, as the broker's payloads.

Places are of the picture as stored: where EXIF data says that it is to be turned, it is turned for the models, and
what they find is turned back. Each operation loads what it alone needs, so that a missing package stops no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from broker.contract import Reply
from broker.errors import Unsupported
from broker.types import (
    AnalyzeRequest,
    Confidence,
    DetectedObject,
    DetectedText,
    DetectTextRequest,
    Face,
    FaceRequest,
    FaceSet,
    Frame,
    Harm,
    Image,
    ImageAnalysis,
    ImageModerationRequest,
    LabelRequest,
    LabelSet,
    Landmark,
    ModerationLabel,
    ModerationSet,
    ObjectRequest,
    ObjectSet,
    Region,
    TextBlock,
    TextLine,
    Word,
)
from broker.types.analysis import FIELDS
from broker_local.languages import reads

if TYPE_CHECKING:
    from broker_local import text
    from broker_local.picture import Picture

Corners = Sequence[tuple[float, float]]


def label(request: LabelRequest) -> Reply[LabelSet]:
    """Words for what is in the picture."""
    from broker_local import labels

    return labels.label(request)


def detect_objects(request: ObjectRequest) -> Reply[ObjectSet]:
    """Things and their places, surest first. One place may be there twice, as things of two classes."""
    from broker_local import objects

    found = objects.find(request.image)
    things = tuple(
        DetectedObject(name=each.name, confidence=Confidence.ratio(each.score), region=each.region)
        for each in found
    )
    return Reply(
        payload=ObjectSet(objects=things, frame=_frame(request.image)),
        model_version=objects.VERSION,
        raw=[{"name": each.name, "score": each.score, "corners": each.region.raw} for each in found]
        if request.raw
        else None,
    )


def detect_text(request: DetectTextRequest) -> Reply[DetectedText]:
    """Lines of print, their words, and the blocks they stand in. Both modes are read alike."""
    if request.language is not None and not reads(request.language):
        raise Unsupported(
            f"the local provider does not read {request.language!r}; it reads Latin letters, Chinese and "
            "Japanese; leave language out, or use a cloud provider",
            provider="local",
            operation="vision.detect_text",
        )
    from broker_local import blocks, text

    picture, found = text.find(request.image)
    lines = {id(each): _line(each, picture) for each in found}
    return Reply(
        payload=DetectedText(
            lines=tuple(lines.values()),
            blocks=tuple(
                TextBlock(
                    lines=tuple(lines[id(line)] for line in each.lines),
                    confidence=Confidence.unknown(),
                    region=_region(each.corners, picture),
                )
                for each in blocks.grouped(found)
            ),
            frame=_frame(request.image),
        ),
        model_version=text.VERSION,
        raw=[_raw_line(each) for each in found] if request.raw else None,
    )


def detect_faces(request: FaceRequest) -> Reply[FaceSet]:
    """Faces with five points each, surest first."""
    from broker_local import yunet

    found = yunet.find(request.image)
    faces = tuple(
        Face(
            region=each.region,
            confidence=Confidence.ratio(each.score),
            landmarks=tuple(Landmark(name=name, point=point) for name, point in each.landmarks),
        )
        for each in found
    )
    return Reply(
        payload=FaceSet(faces=faces, frame=_frame(request.image)),
        model_version=yunet.VERSION,
        raw=[
            {
                "score": each.score,
                "corners": each.region.raw,
                "landmarks": {name: [point.x, point.y] for name, point in each.landmarks},
            }
            for each in found
        ]
        if request.raw
        else None,
    )


def moderate_image(request: ImageModerationRequest) -> Reply[ModerationSet]:
    """The one number there is, however low: what is too much is for the caller to say."""
    from broker_local import explicit

    score = explicit.judge(request.image).score
    one = ModerationLabel(harm=Harm.SEXUAL, name=explicit.CATEGORY, confidence=Confidence.ratio(score))
    return Reply(
        payload=ModerationSet(labels=(one,)),
        model_version=explicit.VERSION,
        raw={explicit.CATEGORY: score} if request.raw else None,
    )


ALONE: dict[str, Callable[[Any], Reply[Any]]] = {
    "label": label,
    "detect_objects": detect_objects,
    "detect_text": detect_text,
    "detect_faces": detect_faces,
    "moderate": moderate_image,
}
"""What can be asked for together: all there is."""


def analyze(request: AnalyzeRequest) -> Reply[ImageAnalysis]:
    """Several of these, one after the other."""
    found = {name: ALONE[name](replace(request.part(name), raw=request.raw)) for name in request.operations}
    parts = {FIELDS[name]: reply.payload for name, reply in found.items()}
    return Reply(
        payload=ImageAnalysis(**parts),
        model_version=", ".join(str(reply.model_version) for reply in found.values()),
        raw={name: reply.raw for name, reply in found.items()} if request.raw else None,
    )


def _frame(image: Image) -> Frame:
    return Frame(width=image.width, height=image.height, orientation=image.orientation, upright=False)


def _region(corners: Corners, picture: Picture) -> Region:
    """From corners in pixels of the upright picture."""
    stored = [picture.stored(x, y) for x, y in corners]
    return Region.from_pixels(stored, width=picture.width, height=picture.height)


def _line(found: text.Found, picture: Picture) -> TextLine:
    return TextLine(
        text=found.text,
        confidence=Confidence.ratio(min(1.0, found.score)),
        region=_region(found.corners, picture),
        words=tuple(
            Word(
                text=each.text,
                confidence=Confidence.ratio(min(1.0, each.score)),
                region=_region(each.corners, picture),
            )
            for each in found.words
        ),
    )


def _raw_line(found: text.Found) -> dict[str, Any]:
    return {
        "text": found.text,
        "score": found.score,
        "corners": found.corners,
        "words": [{"text": each.text, "score": each.score, "corners": each.corners} for each in found.words],
    }
