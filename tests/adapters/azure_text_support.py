"""Helpers of the tests of Azure Language: requests, answers and an adapter on a stub."""

from __future__ import annotations

from typing import Any

from broker.testing.stub import VendorStub
from broker.types import (
    BatchRequest,
    EntityRequest,
    KeyPhraseRequest,
    LanguageRequest,
    PiiRequest,
    RedactRequest,
    SentimentRequest,
)

ROUTE = "/language/:analyze-text"
SCORES = {"positive": 0.7, "neutral": 0.2, "negative": 0.1}
SENTENCE = {"sentiment": "positive", "confidenceScores": SCORES, "offset": 0, "length": 2, "text": "Hi"}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "sentiment": {"sentiment": "positive", "confidenceScores": SCORES, "sentences": [SENTENCE]},
    "entities": {
        "entities": [
            {"text": "Hi", "category": "Event", "offset": 0, "length": 2, "confidenceScore": 0.5, "future": 1}
        ]
    },
    "key_phrases": {"keyPhrases": ["Hi"]},
    "detect_language": {"detectedLanguage": {"name": "English", "iso6391Name": "en", "confidenceScore": 0.9}},
    "detect_pii": {
        "redactedText": "**",
        "entities": [{"text": "Hi", "category": "Person", "offset": 0, "length": 2, "confidenceScore": 0.5}],
    },
}
DOCUMENTS["redact"] = DOCUMENTS["detect_pii"]
REQUESTS: dict[str, Any] = {
    "sentiment": SentimentRequest,
    "entities": EntityRequest,
    "key_phrases": KeyPhraseRequest,
    "detect_language": LanguageRequest,
    "detect_pii": PiiRequest,
    "redact": RedactRequest,
}
METHODS = tuple(REQUESTS)
KINDS = {
    "sentiment": "SentimentAnalysis",
    "entities": "EntityRecognition",
    "key_phrases": "KeyPhraseExtraction",
    "detect_language": "LanguageDetection",
    "detect_pii": "PiiEntityRecognition",
    "redact": "PiiEntityRecognition",
}


def answer(*documents: Any, errors: Any = (), **more: Any) -> dict[str, Any]:
    """The service's answer; ids by place unless given."""
    listed = [{"id": str(place), "warnings": [], **each} for place, each in enumerate(documents)]
    results = {"documents": listed, "errors": list(errors), "modelVersion": "2022-11-01", **more}
    return {"kind": "Results", "results": results}


def failed(name: str, code: Any, inner: Any = None, message: str = "no") -> dict[str, Any]:
    error = {"code": code, "message": message, **({"innererror": {"code": inner}} if inner else {})}
    return {"id": name, "error": error}


def ask(method: str, text: str = "Hi", **options: Any) -> Any:
    if method != "detect_language":
        options.setdefault("language", "en")
    return REQUESTS[method](text=text, **options)


def batch(method: str, *texts: str, **options: Any) -> BatchRequest:
    return BatchRequest(items=tuple(ask(method, text) for text in texts), **options)


def find(category: str, offset: int, length: int, text: str, score: float = 0.5) -> dict[str, Any]:
    return {
        "text": text,
        "category": category,
        "offset": offset,
        "length": length,
        "confidenceScore": score,
    }


def section(stub: VendorStub) -> dict[str, Any]:
    return {
        "provider": "azure",
        "providers": {"azure": {"endpoint": stub.url, "key": "k" * 32, "region": "eastus"}},
    }
