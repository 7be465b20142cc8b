"""Good answers of Google Vision, which depend on what they are sent."""

from __future__ import annotations

from typing import Any

from broker.types import (
    Confidence,
    DetectedObject,
    DetectedText,
    Face,
    FaceAttribute,
    FaceSet,
    Frame,
    Harm,
    Image,
    ImageAnalysis,
    JsonObject,
    Label,
    LabelSet,
    ModerationLabel,
    ModerationSet,
    ObjectSet,
    Pose,
    Region,
    TextLine,
    Word,
)

_CORNERS = [(32, 24), (96, 24), (96, 72), (32, 72)]
_PLACE: JsonObject = {"vertices": [{"x": x, "y": y} for x, y in _CORNERS]}
_REGION = Region.from_pixels(_CORNERS, width=320, height=240)
_FRAME = Frame(width=320, height=240, upright=True)
_LIKELIHOODS = ("UNKNOWN", "VERY_UNLIKELY", "UNLIKELY", "POSSIBLE", "LIKELY", "VERY_LIKELY")


def _number(data: bytes) -> int | None:
    """What :func:`marked` put behind a picture."""
    return int(data[-3:]) if data[-5:-3] == b"##" else None


def marked(picture: Image, number: int) -> Image:
    """The picture with a number behind its end, which readers of JPEG pass over."""
    return Image.from_bytes(picture.data + b"##%03d" % number)


def _one(request: Any) -> JsonObject:
    """Only the members that were asked for, as the service does."""
    number = _number(request.image.content)
    mark, count = "" if number is None else str(number), number or 0
    everything: dict[int, JsonObject] = {
        1: {"faceAnnotations": [{"boundingPoly": _PLACE, "rollAngle": float(count), "joyLikelihood": 5}]},
        4: {
            "labelAnnotations": [
                {"mid": "/m/0bt9lr", "description": f"Dog{mark}", "score": 0.75, "topicality": 0.5},
                {"mid": "/m/0187b2", "description": "Collie", "score": 0.5},
            ]
        },
        5: {
            "textAnnotations": [
                {"description": f"go{mark}", "locale": "en"},
                {"description": f"go{mark}", "boundingPoly": _PLACE},
            ]
        },
        6: {"safeSearchAnnotation": {"adult": count % 6, "racy": 1}},
        19: {
            "localizedObjectAnnotations": [{"name": f"dog{mark}", "score": 0.75, "boundingPoly": _PLACE}],
        },
    }
    found: dict[str, Any] = {}
    for feature in request.features:
        found.update(everything[feature.type_])
    return found


def answer(batch: Any) -> JsonObject:
    """To a ``BatchAnnotateImagesRequest``."""
    return {"responses": [_one(request) for request in batch.requests]}


OPERATIONS = (
    "vision.label",
    "vision.detect_objects",
    "vision.detect_text",
    "vision.detect_faces",
    "vision.moderate",
    "vision.caption",
    "vision.analyze",
)
ANSWERS = dict.fromkeys(OPERATIONS, answer)
NEEDED = ("vision.moderate", "vision.analyze")
"""Safe Search is a message: where it is asked for and missing, the answer is broken."""


def _due(number: int) -> dict[str, Any]:
    mark = str(number)
    word = Word(text=f"go{mark}", confidence=Confidence.unknown(), region=_REGION)
    line = TextLine(text=word.text, confidence=Confidence.unknown(), region=_REGION, words=(word,))
    said = {"adult": _LIKELIHOODS[number % 6], "racy": "VERY_UNLIKELY"}
    harms = {
        "adult": Harm.SEXUAL,
        "spoof": Harm.SPOOF,
        "medical": Harm.MEDICAL,
        "violence": Harm.VIOLENCE,
        "racy": Harm.SUGGESTIVE,
    }

    def judged(*names: str) -> tuple[FaceAttribute, ...]:
        return tuple(
            FaceAttribute(
                name=name, confidence=Confidence.likelihood("VERY_LIKELY" if name == "joy" else "UNKNOWN")
            )
            for name in names
        )

    return {
        "labels": LabelSet(
            labels=(
                Label(name=f"Dog{mark}", confidence=Confidence.ratio(0.75), id="/m/0bt9lr"),
                Label(name="Collie", confidence=Confidence.ratio(0.5), id="/m/0187b2"),
            )
        ),
        "objects": ObjectSet(
            objects=(DetectedObject(name=f"dog{mark}", confidence=Confidence.ratio(0.75), region=_REGION),),
            frame=_FRAME,
        ),
        "text": DetectedText(lines=(line,), languages=("en",), frame=_FRAME),
        "faces": FaceSet(
            faces=(
                Face(
                    region=_REGION,
                    confidence=Confidence.unknown(),
                    pose=Pose(roll=float(number), yaw=0.0, pitch=0.0),
                    emotions=judged("joy", "sorrow", "anger", "surprise"),
                    attributes=judged("under_exposed", "blurred", "headwear"),
                ),
            ),
            frame=_FRAME,
        ),
        "moderation": ModerationSet(
            labels=tuple(
                ModerationLabel(
                    harm=harm, name=name, confidence=Confidence.likelihood(said.get(name, "UNKNOWN"))
                )
                for name, harm in harms.items()
            )
        ),
    }


_FIELDS = {
    "vision.label": "labels",
    "vision.detect_objects": "objects",
    "vision.detect_text": "text",
    "vision.detect_faces": "faces",
    "vision.moderate": "moderation",
}


def variant(operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:
    """See :meth:`AdapterConformance.variant`."""
    due = _due(number)
    value = ImageAnalysis(**due) if operation == "vision.analyze" else due.get(_FIELDS.get(operation, ""))
    return None if value is None else (marked(picture, number), value)
