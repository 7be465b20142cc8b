"""Good answers of Azure's Image Analysis and Content Safety, which depend on what they are sent."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from broker.testing.script import SeenRequest
from broker.types import (
    Confidence,
    Harm,
    Image,
    JsonValue,
    Label,
    LabelSet,
    ModerationLabel,
    ModerationSet,
)

ROUTE = "/computervision/imageanalysis:analyze"
_BOX: JsonValue = {"x": 32, "y": 24, "w": 64, "h": 48}
_POLYGON: JsonValue = [{"x": 32, "y": 24}, {"x": 96, "y": 24}, {"x": 96, "y": 72}, {"x": 32, "y": 72}]
_SAFE = ("SelfHarm", "Sexual", "Violence")


def _mark(data: bytes) -> str:
    """What :func:`marked` put behind a picture."""
    return data[-5:].decode() if data[-5:-3] == b"##" else ""


def marked(picture: Image, number: int) -> Image:
    """The picture with a number behind its end, which readers of JPEG pass over."""
    return Image.from_bytes(picture.data + b"##%03d" % number)


def _seen(request: SeenRequest) -> JsonValue:
    """Only the members that were asked for, as the service does."""
    mark = _mark(request.body)
    first: JsonValue = {"name": f"dog{mark}", "confidence": 0.99}
    word: JsonValue = {"text": "go", "boundingPolygon": _POLYGON, "confidence": 0.9}
    line: JsonValue = {"text": "go", "boundingPolygon": _POLYGON, "words": [word]}
    everything: dict[str, JsonValue] = {
        "tags": {"values": [first, {"name": "mammal", "confidence": 0.97}]},
        "objects": {"values": [{"boundingBox": _BOX, "tags": [{"name": "dog", "confidence": 0.8}]}]},
        "read": {"blocks": [{"lines": [line]}]},
        "caption": {"text": "a dog", "confidence": 0.7},
    }
    return {
        "modelVersion": "2023-10-01",
        "metadata": {"width": 320, "height": 240},
        **{f"{name}Result": everything[name] for name in request.params["features"].split(",")},
    }


def _judged(category: str) -> JsonValue:
    others: list[JsonValue] = [{"category": name, "severity": 0} for name in _SAFE]
    return {"categoriesAnalysis": [{"category": category, "severity": 2}, *others]}


def _judged_image(request: SeenRequest) -> JsonValue:
    body: Any = request.json()
    return _judged(f"Hate{_mark(b64decode(body['image']['content']))}")


def _judged_text(request: SeenRequest) -> JsonValue:
    body: Any = request.json()
    return _judged(f"Hate{body['text'].partition('##')[2]}")


_HEARD: JsonValue = {
    "durationMilliseconds": 1000,
    "combinedPhrases": [{"text": "Hello."}],
    "phrases": [
        {"offsetMilliseconds": 40, "durationMilliseconds": 900, "text": "Hello.", "confidence": 0.9},
    ],
}

ANSWERS: dict[str, Any] = {
    "transcription.transcribe": ("/speechtotext/transcriptions:transcribe", _HEARD),
    **{
        f"vision.{name}": (ROUTE, _seen)
        for name in ("label", "detect_objects", "detect_text", "caption", "analyze")
    },
    "vision.moderate": ("/contentsafety/image:analyze", _judged_image),
    "text.moderate": ("/contentsafety/text:analyze", _judged_text),
}


def variant(operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:
    """An input told from others, and what is due for it."""
    labels = LabelSet(
        labels=(
            Label(name=f"dog##{number:03}", confidence=Confidence.ratio(0.99)),
            Label(name="mammal", confidence=Confidence.ratio(0.97)),
        )
    )
    if operation == "vision.label":
        return marked(picture, number), labels
    if operation == "vision.moderate":
        return marked(picture, number), _moderation(f"Hate##{number:03}")
    if operation == "text.moderate":
        return f"a text##{number:03}", _moderation(f"Hate{number:03}")
    return None


def _moderation(category: str) -> ModerationSet:
    found = [ModerationLabel(harm=Harm.OTHER, name=category, confidence=Confidence.severity(2))]
    harms = (Harm.SELF_HARM, Harm.SEXUAL, Harm.VIOLENCE)
    found += [
        ModerationLabel(harm=harm, name=name, confidence=Confidence.severity(0))
        for harm, name in zip(harms, _SAFE, strict=True)
    ]
    return ModerationSet(labels=tuple(found))
