"""Good answers of Google's text services, which depend on the texts they are sent."""

from __future__ import annotations

from typing import Any

from broker.testing.script import SeenRequest
from broker.types import (
    Confidence,
    DetectedLanguage,
    DocumentSentiment,
    Entity,
    EntityKind,
    EntitySet,
    Harm,
    JsonValue,
    LanguageSet,
    ModerationLabel,
    ModerationSet,
    PiiEntity,
    PiiKind,
    PiiSet,
    Polarity,
    RedactedText,
    Scale,
    SentenceSentiment,
    Sentiment,
)

PROJECT = "conformance"
OPERATIONS = (
    "text.sentiment",
    "text.entities",
    "text.key_phrases",
    "text.detect_language",
    "text.detect_pii",
    "text.redact",
    "text.moderate",
)


def _text(request: SeenRequest) -> str:
    """What was asked about, wherever the service wants it."""
    body: Any = request.json()
    if "document" in body:
        found = body["document"]["content"]
    else:
        found = body["item"]["value"] if "item" in body else body["q"][0]
    return str(found)


def _share(text: str) -> float:
    """A number that depends on the text, exact in binary; a text without one has a half."""
    return int(text[-3:]) / 1024 if text[-3:].isdigit() else 0.5


def _sentiment(request: SeenRequest) -> JsonValue:
    text = _text(request)
    judged: JsonValue = {"magnitude": _share(text), "score": _share(text)}
    return {
        "documentSentiment": judged,
        "languageCode": "en",
        "sentences": [{"text": {"content": text, "beginOffset": 0}, "sentiment": judged}],
        "languageSupported": True,
    }


def _entities(request: SeenRequest) -> JsonValue:
    text = _text(request)
    mention: JsonValue = {"text": {"content": text, "beginOffset": 0}, "type": "PROPER", "probability": 0.5}
    return {
        "entities": [{"name": text, "type": "PERSON", "metadata": {}, "mentions": [mention]}],
        "languageCode": "en",
        "languageSupported": True,
    }


def _moderation(request: SeenRequest) -> JsonValue:
    share = _share(_text(request))
    return {
        "moderationCategories": [{"name": "Toxic", "confidence": share, "severity": 0.5}],
        "languageCode": "en",
        "languageSupported": True,
    }


def _language(request: SeenRequest) -> JsonValue:
    found: JsonValue = {"language": "en", "isReliable": False, "confidence": _share(_text(request))}
    return {"data": {"detections": [[found]]}}


def _finds(request: SeenRequest) -> JsonValue:
    text = _text(request)
    place: JsonValue = {"codepointRange": {"start": "0", "end": str(len(text))}}
    find: JsonValue = {
        "quote": text,
        "infoType": {"name": "PERSON_NAME"},
        "likelihood": "LIKELY",
        "location": place,
    }
    return {"result": {"findings": [find]}}


_INSPECT = f"/v2/projects/{PROJECT}/locations/global/content:inspect"
ANSWERS: dict[str, Any] = {
    "text.sentiment": ("/v2/documents:analyzeSentiment", _sentiment),
    "text.entities": ("/v2/documents:analyzeEntities", _entities),
    "text.moderate": ("/v2/documents:moderateText", _moderation),
    "text.detect_language": ("/language/translate/v2/detect", _language),
    "text.detect_pii": (_INSPECT, _finds),
    "text.redact": (_INSPECT, _finds),
}


def variant(operation: str, number: int) -> tuple[Any, Any] | None:
    """A text told from others, and what is due for it."""
    text = f"number {number:03}"
    share = number / 1024
    place: dict[str, Any] = {"text": text, "begin": 0, "end": len(text), "offset_ok": True}
    judged = Sentiment(
        label=Polarity.NEUTRAL,
        confidence=Confidence.unknown(),
        score=share,
        magnitude=share,
        derived=True,
        rule="gcp-sentiment-1",
    )
    person = PiiEntity(
        kind=PiiKind.PERSON, category="PERSON_NAME", confidence=Confidence.likelihood("LIKELY"), **place
    )
    entity = Entity(
        kind=EntityKind.PERSON,
        category="PERSON",
        confidence=Confidence.ratio(0.5),
        name=text,
        mention="PROPER",
        group=0,
        **place,
    )
    toxic = ModerationLabel(
        harm=Harm.TOXIC,
        name="Toxic",
        confidence=Confidence.ratio(share),
        severity=Confidence(value=None, raw=0.5, scale=Scale.SEVERITY),
    )
    due: dict[str, Any] = {
        "text.sentiment": DocumentSentiment(
            document=judged, sentences=(SentenceSentiment(sentiment=judged, **place),), language="en"
        ),
        "text.entities": EntitySet(entities=(entity,), language="en"),
        "text.moderate": ModerationSet(labels=(toxic,)),
        "text.detect_language": LanguageSet(
            languages=(DetectedLanguage(language="en", code="en", confidence=Confidence.ratio(share)),)
        ),
        "text.detect_pii": PiiSet(entities=(person,)),
        "text.redact": RedactedText(text="*" * len(text), entities=(person,)),
    }
    return (text, due[operation]) if operation in due else None
