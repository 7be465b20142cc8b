"""Good answers of Rekognition and Comprehend, which depend on what they are sent."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from broker.testing.conformance import TEXT
from broker.testing.script import SeenRequest
from broker.types import (
    Confidence,
    DetectedLanguage,
    DocumentSentiment,
    Harm,
    Image,
    JsonValue,
    Label,
    LabelSet,
    LanguageSet,
    ModerationLabel,
    ModerationSet,
    Polarity,
    Sentiment,
)

_BOX: JsonValue = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
_CORNERS: JsonValue = [{"X": x, "Y": y} for x, y in ((0.1, 0.2), (0.4, 0.2), (0.4, 0.6), (0.1, 0.6))]


def _mark(request: SeenRequest) -> str:
    """What :func:`marked` put behind a picture, or :func:`variant` behind a text."""
    body: Any = request.json()
    if "Image" in body:
        data = b64decode(body["Image"]["Bytes"])
        return data[-5:].decode() if data[-5:-3] == b"##" else ""
    text: str = body["Text"] if "Text" in body else body["TextSegments"][0]["Text"]
    return "".join(text.partition("##")[1:])


def _labels(request: SeenRequest) -> JsonValue:
    dog: JsonValue = {
        "Name": f"Dog{_mark(request)}",
        "Confidence": 98.2,
        "Parents": [{"Name": "Animal"}],
        "Instances": [{"BoundingBox": _BOX, "Confidence": 97.5}],
    }
    return {"Labels": [dog, {"Name": "Collie", "Confidence": 77.0}], "LabelModelVersion": "3.0"}


def _moderation(request: SeenRequest) -> JsonValue:
    said: JsonValue = {"Name": f"Violence{_mark(request)}", "ParentName": "", "Confidence": 91.0}
    return {"ModerationLabels": [said], "ModerationModelVersion": "7.0"}


def _sentiment(request: SeenRequest) -> JsonValue:
    return {"Sentiment": f"POSITIVE{_mark(request)}"}


def _language(request: SeenRequest) -> JsonValue:
    return {"Languages": [{"LanguageCode": f"en{_mark(request)}", "Score": 0.75}]}


def _toxicity(request: SeenRequest) -> JsonValue:
    return {"ResultList": [{"Labels": [{"Name": f"INSULT{_mark(request)}", "Score": 0.25}]}]}


_LINE: JsonValue = {
    "Type": "LINE",
    "Id": 0,
    "DetectedText": "go",
    "Confidence": 99.0,
    "Geometry": {"Polygon": _CORNERS},
}
_WORD: JsonValue = {"Type": "WORD", "Id": 1, "ParentId": 0, "DetectedText": "go", "Confidence": 99.0}
_FACE: JsonValue = {
    "BoundingBox": _BOX,
    "Confidence": 99.9,
    "Smile": {"Value": True, "Confidence": 88.0},
    "Emotions": [{"Type": "HAPPY", "Confidence": 95.0}],
}


def _mention(text: str, kind: str) -> JsonValue:
    begin = TEXT.index(text)
    return {"Type": kind, "Text": text, "Score": 0.9, "BeginOffset": begin, "EndOffset": begin + len(text)}


_PII: JsonValue = {"Entities": [_mention("Anna Smith", "NAME"), _mention("anna@example.com", "EMAIL")]}
_COMPREHEND = "Comprehend_20171127."
ANSWERS: dict[str, Any] = {
    **{
        f"vision.{name}": ("RekognitionService.DetectLabels", _labels)
        for name in ("label", "detect_objects", "analyze")
    },
    "vision.detect_text": ("RekognitionService.DetectText", {"TextDetections": [_LINE, _WORD]}),
    "vision.detect_faces": ("RekognitionService.DetectFaces", {"FaceDetails": [_FACE]}),
    "vision.moderate": ("RekognitionService.DetectModerationLabels", _moderation),
    "text.sentiment": (f"{_COMPREHEND}DetectSentiment", _sentiment),
    "text.entities": (f"{_COMPREHEND}DetectEntities", {"Entities": [_mention("Paris", "LOCATION")]}),
    "text.key_phrases": (f"{_COMPREHEND}DetectKeyPhrases", {"KeyPhrases": [_mention("Monday", "")]}),
    "text.detect_language": (f"{_COMPREHEND}DetectDominantLanguage", _language),
    "text.detect_pii": (f"{_COMPREHEND}DetectPiiEntities", _PII),
    "text.redact": (f"{_COMPREHEND}DetectPiiEntities", _PII),
    "text.moderate": (f"{_COMPREHEND}DetectToxicContent", _toxicity),
}


def marked(picture: Image, number: int) -> Image:
    """The picture with a number behind its end, which readers of JPEG pass over."""
    return Image.from_bytes(picture.data + b"##%03d" % number)


def variant(operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:
    """An input told from others, and what is due for it."""
    mark = f"##{number:03}"
    due: dict[str, Any] = {
        "vision.label": LabelSet(
            labels=(
                Label(name=f"Dog{mark}", confidence=Confidence.percent(98.2), parents=("Animal",)),
                Label(name="Collie", confidence=Confidence.percent(77.0)),
            )
        ),
        "vision.moderate": _one(f"Violence{mark}", Confidence.percent(91.0)),
        "text.moderate": _one(f"INSULT{mark}", Confidence.ratio(0.25)),
        "text.sentiment": DocumentSentiment(
            document=Sentiment(label=Polarity.OTHER, name=f"POSITIVE{mark}", confidence=Confidence.unknown())
        ),
        "text.detect_language": LanguageSet(
            languages=(
                DetectedLanguage(language=f"en{mark}", code=f"en{mark}", confidence=Confidence.ratio(0.75)),
            )
        ),
    }
    if operation not in due:
        return None
    source = marked(picture, number) if operation.startswith("vision.") else f"{TEXT}{mark}"
    return source, due[operation]


def _one(name: str, confidence: Confidence) -> ModerationSet:
    return ModerationSet(labels=(ModerationLabel(harm=Harm.OTHER, name=name, confidence=confidence),))
