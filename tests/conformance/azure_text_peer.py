"""Good answers of Azure Language, which depend on the texts they are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.testing.script import SeenRequest
from broker.types import (
    Confidence,
    DetectedLanguage,
    DocumentSentiment,
    Entity,
    EntityKind,
    EntitySet,
    JsonValue,
    KeyPhrase,
    KeyPhraseSet,
    LanguageSet,
    PiiEntity,
    PiiKind,
    PiiSet,
    Polarity,
    Probabilities,
    RedactedText,
    SentenceSentiment,
    Sentiment,
)

ROUTE = "/language/:analyze-text"
_SCORES: JsonValue = {"positive": 0.75, "neutral": 0.25, "negative": 0.0}


def _answer(of: Callable[[str], dict[str, JsonValue]]) -> Callable[[SeenRequest], JsonValue]:
    def answer(request: SeenRequest) -> JsonValue:
        body: Any = request.json()
        documents = body["analysisInput"]["documents"]
        said: JsonValue = [{"id": each["id"], "warnings": [], **of(each["text"])} for each in documents]
        return {
            "kind": body["kind"],
            "results": {"documents": said, "errors": [], "modelVersion": "2022-11-01"},
        }

    return answer


def _sentiment(text: str) -> dict[str, JsonValue]:
    judged: dict[str, JsonValue] = {"sentiment": "positive", "confidenceScores": _SCORES}
    return {**judged, "sentences": [{**judged, "offset": 0, "length": len(text), "text": text}]}


def _person(text: str) -> dict[str, JsonValue]:
    found: JsonValue = {"text": text, "category": "Person", "offset": 0, "length": len(text)}
    return {"entities": [{**found, "confidenceScore": 0.5}]}  # type: ignore[dict-item]


ANSWERS: dict[str, Any] = {
    "text.sentiment": (ROUTE, _answer(_sentiment)),
    "text.entities": (ROUTE, _answer(_person)),
    "text.key_phrases": (ROUTE, _answer(lambda text: {"keyPhrases": [text]})),
    "text.detect_language": (
        ROUTE,
        _answer(
            lambda text: {
                "detectedLanguage": {"name": text, "iso6391Name": "en", "confidenceScore": 1.0},
            }
        ),
    ),
    "text.detect_pii": (ROUTE, _answer(lambda text: {**_person(text), "redactedText": "*" * len(text)})),
    "text.redact": (ROUTE, _answer(lambda text: {**_person(text), "redactedText": "*" * len(text)})),
}


def variant(operation: str, number: int) -> tuple[Any, Any] | None:
    """A text told from others, and what is due for it."""
    text = f"number {number:03}"
    half = Confidence.ratio(0.5)
    place: dict[str, Any] = {"text": text, "begin": 0, "end": len(text), "offset_ok": True}
    judged = Sentiment(
        label=Polarity.POSITIVE,
        name="positive",
        confidence=Confidence.ratio(0.75),
        probabilities=Probabilities(positive=0.75, neutral=0.25, negative=0.0),
    )
    person = PiiEntity(kind=PiiKind.PERSON, category="Person", confidence=half, **place)
    due: dict[str, Any] = {
        "text.sentiment": DocumentSentiment(
            document=judged, sentences=(SentenceSentiment(sentiment=judged, **place),)
        ),
        "text.entities": EntitySet(
            entities=(Entity(kind=EntityKind.PERSON, category="Person", confidence=half, **place),)
        ),
        "text.key_phrases": KeyPhraseSet(phrases=(KeyPhrase(text=text, confidence=Confidence.unknown()),)),
        "text.detect_language": LanguageSet(
            languages=(
                DetectedLanguage(language="en", code="en", name=text, confidence=Confidence.ratio(1.0)),
            )
        ),
        "text.detect_pii": PiiSet(entities=(person,)),
        "text.redact": RedactedText(text="*" * len(text), entities=(person,), vendor_text="*" * len(text)),
    }
    return (text, due[operation]) if operation in due else None
