"""Answers that Google's text services really sent, over loopback, through both faces of the public client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recorded_support import ask, proving

from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import EntityKind, Polarity

pytest.importorskip("grpc", reason="needs the gcp extra")

FACES = pytest.mark.parametrize("face", ["sync", "async"])
KINDS = {
    "PERSON": EntityKind.PERSON,
    "LOCATION": EntityKind.LOCATION,
    "ORGANIZATION": EntityKind.ORGANIZATION,
    "EVENT": EntityKind.EVENT,
    "WORK_OF_ART": EntityKind.WORK,
    "CONSUMER_GOOD": EntityKind.PRODUCT,
    "PHONE_NUMBER": EntityKind.PHONE,
    "ADDRESS": EntityKind.ADDRESS,
    "DATE": EntityKind.DATE_TIME,
    "NUMBER": EntityKind.NUMBER,
    "PRICE": EntityKind.PRICE,
}


def spans(body: Any) -> Iterator[tuple[int, str]]:
    """Everything in an answer that has a place in the text."""
    if isinstance(body, dict):
        text = body.get("text")
        if isinstance(text, dict) and "content" in text:
            yield text.get("beginOffset") or 0, text["content"]
        for value in body.values():
            yield from spans(value)
    elif isinstance(body, list):
        for value in body:
            yield from spans(value)


def canvas(body: Any) -> str:
    """The text that was asked about, as far as the answer quotes it; dots elsewhere. Sentences quote all of it."""
    found: dict[int, str] = {}
    for begin, content in spans(body.get("sentences") or body):
        found.update(enumerate(content, begin))
    return "".join(found.get(place, ".") for place in range(max(found, default=0) + 1))


def played(face: str, operation: str, path: Path, stub: VendorStub) -> tuple[Any, Any, str]:
    body = json.loads(path.read_text("utf-8"))
    text = canvas(body)
    stub.script([], default=Answer(json=body))
    result = ask(face, operation, text, "gcp", {"endpoint": stub.url, "project": "p"})
    assert result.raw == body
    assert stub.count == len(result.attempts) == 1
    return result, body, text


def number(item: Any, name: str) -> float:
    """A number that proto3's JSON leaves out where it is zero."""
    return float(item.get(name) or 0.0)


def label(score: float, magnitude: float | None) -> Polarity:
    """The rule once more, in other words."""
    if abs(score) >= 0.25:
        return Polarity.POSITIVE if score > 0 else Polarity.NEGATIVE
    return Polarity.MIXED if magnitude is not None and magnitude >= 2 else Polarity.NEUTRAL


@FACES
@pytest.mark.parametrize("path", proving("gcp", "text.sentiment"))
def test_google_sentiment_says_what_the_recording_says(
    face: str, path: Path, vendor_stub: VendorStub
) -> None:
    result, body, text = played(face, "text.sentiment", path, vendor_stub)
    whole, said = result.value.document, body["documentSentiment"]
    assert (whole.score, whole.magnitude) == (number(said, "score"), number(said, "magnitude"))
    assert whole.label is result.value.label is label(number(said, "score"), number(said, "magnitude"))
    assert (whole.derived, whole.rule) == (True, "gcp-sentiment-1")
    assert whole.confidence.value is whole.probabilities is None
    assert result.value.language == body.get("languageCode", body.get("language"))
    assert len(result.value.sentences) == len(body["sentences"]) > 0
    for seen, each in zip(result.value.sentences, body["sentences"], strict=True):
        assert seen.text == each["text"]["content"] == text[seen.begin : seen.end]
        assert seen.begin == (each["text"].get("beginOffset") or 0)
        assert seen.offset_ok is True
        assert seen.sentiment.score == number(each["sentiment"], "score")
        assert seen.sentiment.magnitude == number(each["sentiment"], "magnitude")
        assert seen.sentiment.label is label(number(each["sentiment"], "score"), None)
    thousands = -(-len(text) // 1000)
    assert str(result.cost.amount) == f"0.00{thousands}000000000"
    (request,) = vendor_stub.requests
    assert request.path == "/v2/documents:analyzeSentiment"


@FACES
@pytest.mark.parametrize("path", proving("gcp", "text.entities"))
def test_google_entities_say_what_the_recording_says(face: str, path: Path, vendor_stub: VendorStub) -> None:
    result, body, text = played(face, "text.entities", path, vendor_stub)
    said = [
        (group, each, mention) for group, each in enumerate(body["entities"]) for mention in each["mentions"]
    ]
    assert len(result.value.entities) == len(said) > 0
    assert result.value.language == body.get("languageCode", body.get("language"))
    for seen, (group, each, mention) in zip(result.value.entities, said, strict=True):
        content, begin = mention["text"]["content"], mention["text"].get("beginOffset") or 0
        assert (seen.text, seen.begin, seen.end) == (content, begin, begin + len(content))
        # Some were asked for places in UTF-8, which behind the first foreign letter are not Python's: told, not hidden.
        assert seen.offset_ok is (text[begin : begin + len(content)] == content)
        assert (seen.category, seen.name, seen.group) == (each["type"], each["name"], group)
        assert seen.kind is KINDS.get(each["type"], EntityKind.OTHER)
        assert seen.mention == {"TYPE_UNKNOWN": None}.get(mention.get("type"), mention.get("type"))
        assert seen.salience == each.get("salience")
        assert seen.confidence.value == mention.get("probability")
        assert dict(seen.links) == each.get("metadata", {})
    (request,) = vendor_stub.requests
    assert request.path == "/v2/documents:analyzeEntities"


@FACES
@pytest.mark.parametrize("path", proving("gcp", "text.detect_language"))
def test_google_translation_says_what_the_recording_says(
    face: str, path: Path, vendor_stub: VendorStub
) -> None:
    body = json.loads(path.read_text("utf-8"))
    vendor_stub.script([], default=Answer(json=body))
    settings = {"endpoint": vendor_stub.url, "project": "p"}
    result = ask(face, "text.detect_language", "Chi va piano va sano.", "gcp", settings)
    said = body["languages"]
    assert len(result.value.languages) == len(said) > 0
    assert [each.code for each in result.value.languages] == [each["languageCode"] for each in said]
    assert [each.confidence.value for each in result.value.languages] == [
        each.get("confidence") for each in said
    ]
    assert result.raw == body
    assert vendor_stub.count == len(result.attempts) == 1
    assert str(result.cost.amount) == "0.000420000000"
    (request,) = vendor_stub.requests
    assert request.path == "/v3/projects/p/locations/global:detectLanguage"
