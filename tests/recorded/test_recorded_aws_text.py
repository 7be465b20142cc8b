"""What Comprehend really said, played over loopback through the public client and boto3."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from recorded_aws import COMPREHEND, arguments, document, load, played, section
from recorded_support import proving

from broker import AsyncBroker, Broker, MalformedReply
from broker.testing.script import Answer
from broker.testing.stub import VendorStub

pytest.importorskip("boto3", reason="needs the aws extra")

FACES = pytest.mark.parametrize("face", ["sync", "async"])
SENTENCE = "It is a beautiful day in Seattle, and the food was great but slow."


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.sentiment"))
def test_sentiment(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    target = f"{COMPREHEND}DetectSentiment"
    result = played(face, "text.sentiment", SENTENCE, target, body, vendor_stub, language="en")
    said, scores = body["Sentiment"], body["SentimentScore"]
    found = result.value.document
    assert (found.label.value, found.name, found.derived) == (said.lower(), said, False)
    assert found.confidence.raw == scores[said.title()]
    seen = found.probabilities
    assert (seen.positive, seen.negative, seen.neutral, seen.mixed) == (
        scores["Positive"],
        scores["Negative"],
        scores["Neutral"],
        scores["Mixed"],
    )
    assert (found.score, found.magnitude, result.value.sentences) == (None, None, None)
    assert arguments(vendor_stub.requests[0]) == {"Text": SENTENCE, "LanguageCode": "en"}
    assert str(result.cost.amount) == "0.000300000000", "3 units of 100 characters at least"
    assert result.raw == body


def test_mixed_was_recorded(fixtures_folder: Path) -> None:
    folder = fixtures_folder / "aws/comprehend/detect_sentiment"
    assert "MIXED" in {load(path)["Sentiment"] for path in folder.glob("*.json")}


def same_spans(found: Any, said: list[dict[str, Any]], text: str) -> None:
    assert len(found) == len(said)
    for one, each in zip(found, said, strict=True):
        assert one.text == each["Text"]
        assert one.confidence.value == one.confidence.raw == each["Score"]
        begin, end = each.get("BeginOffset"), each.get("EndOffset")
        assert (one.begin, one.end) == (begin, end)
        assert one.offset_ok is (None if begin is None else text[begin:end] == each["Text"])


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.entities"))
def test_entities(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    said = body["Entities"]
    text = document(said)
    target = f"{COMPREHEND}DetectEntities"
    result = played(face, "text.entities", text, target, body, vendor_stub, language="en")
    same_spans(result.value.entities, said, text)
    assert [each.category for each in result.value.entities] == [each["Type"] for each in said]
    kinds = {"COMMERCIAL_ITEM": "product", "DATE": "date_time", "TITLE": "work"}
    ours = {"PERSON", "LOCATION", "ORGANIZATION", "EVENT", "QUANTITY", "OTHER"}
    for found, each in zip(result.value.entities, said, strict=True):
        other = each["Type"].lower() if each["Type"] in ours else "other"
        assert found.kind.value == kinds.get(each["Type"], other)
    assert result.cost.amount is None
    assert result.cost.unpriced


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.key_phrases"))
def test_key_phrases(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    said = body["KeyPhrases"]
    text = document(said)
    target = f"{COMPREHEND}DetectKeyPhrases"
    result = played(face, "text.key_phrases", text, target, body, vendor_stub, language="en")
    same_spans(result.value.phrases, said, text)


def test_recorded_offsets_hold(fixtures_folder: Path) -> None:
    """The text is made from the recording, so most mentions must stand where it says, or nothing is proved."""
    folder = fixtures_folder / "aws/comprehend"
    said = [
        each
        for name, member in (("detect_entities", "Entities"), ("detect_key_phrases", "KeyPhrases"))
        for path in (folder / name).glob("*.json")
        for each in load(path)[member]
        if "BeginOffset" in each
    ]
    right = [each for each in said if len(each["Text"]) == each["EndOffset"] - each["BeginOffset"]]
    assert len(right) > 25
    assert len(right) >= 0.9 * len(said)


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.detect_language"))
def test_languages(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    target = f"{COMPREHEND}DetectDominantLanguage"
    result = played(face, "text.detect_language", SENTENCE, target, body, vendor_stub)
    said = [(each["LanguageCode"], each["Score"]) for each in body["Languages"]]
    assert [(each.language, each.confidence.value) for each in result.value.languages] == said
    assert [(each.code, each.confidence.raw) for each in result.value.languages] == said
    assert arguments(vendor_stub.requests[0]) == {"Text": SENTENCE}


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.detect_pii"))
def test_personal_data(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    said = body["Entities"]
    text = "".join(chr(0x4E00 + place) for place in range(max(each["EndOffset"] for each in said) + 5))
    target = f"{COMPREHEND}DetectPiiEntities"
    result = played(face, "text.detect_pii", text, target, body, vendor_stub, language="en")
    kinds = {"NAME": "person", "ADDRESS": "address", "BANK_ROUTING": "bank_account", "DATE_TIME": "date"}
    kinds["CREDIT_DEBIT_NUMBER"] = "credit_card"
    for found, each in zip(result.value.entities, said, strict=True):
        assert (found.begin, found.end) == (each["BeginOffset"], each["EndOffset"])
        assert found.text == text[each["BeginOffset"] : each["EndOffset"]]
        assert found.offset_ok is True
        assert (found.category, found.kind.value) == (each["Type"], kinds[each["Type"]])
        assert found.confidence.value == each["Score"]


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.redact"))
def test_redaction(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    said = body["Entities"]
    text = "".join(chr(0x4E00 + place) for place in range(max(each["EndOffset"] for each in said) + 5))
    target = f"{COMPREHEND}DetectPiiEntities"
    result = played(face, "text.redact", text, target, body, vendor_stub, language="es-MX")
    masked = {place for each in said for place in range(each["BeginOffset"], each["EndOffset"])}
    assert result.value.text == "".join("*" if place in masked else each for place, each in enumerate(text))
    assert len(result.value.entities) == len(said)
    assert result.value.vendor_text is None
    assert arguments(vendor_stub.requests[0])["LanguageCode"] == "es"


def many(face: str, method: str, texts: list[str], stub: VendorStub, **call: Any) -> list[Any]:
    options: dict[str, Any] = {"provider": "aws", "providers": {"aws": section(stub)}}
    if face == "sync":
        with Broker(**options) as broker:
            return list(getattr(broker.text, method)(texts, raw=True, **call))

    async def run() -> list[Any]:
        async with AsyncBroker(**options) as broker:
            return [item async for item in getattr(broker.text, method)(texts, raw=True, **call)]

    return asyncio.run(run())


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.entities: batches"))
def test_entities_of_a_batch(face: str, path: Path, vendor_stub: VendorStub) -> None:
    batch_of_spans(face, path, vendor_stub, "entities", "Entities", "BatchDetectEntities")


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.key_phrases: batches"))
def test_key_phrases_of_a_batch(face: str, path: Path, vendor_stub: VendorStub) -> None:
    batch_of_spans(face, path, vendor_stub, "key_phrases", "KeyPhrases", "BatchDetectKeyPhrases")


def batch_of_spans(face: str, path: Path, stub: VendorStub, method: str, member: str, operation: str) -> None:
    body = load(path)
    results = sorted(body["ResultList"], key=lambda each: each["Index"])
    texts = [document(each[member]) for each in results]
    stub.on(f"{COMPREHEND}{operation}", default=Answer(json=body))
    items = many(face, f"{method}_many", texts, stub, language="en")
    assert stub.count == 1
    assert arguments(stub.requests[0]) == {"TextList": texts, "LanguageCode": "en"}
    for item, text, each in zip(items, texts, results, strict=True):
        found = item.value.entities if method == "entities" else item.value.phrases
        same_spans(found, each[member], text)
        assert item.result.raw == each


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.detect_language: batches"))
def test_languages_of_a_batch_and_a_gap(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    (said,) = body["ResultList"]
    vendor_stub.on(f"{COMPREHEND}BatchDetectDominantLanguage", default=Answer(json=body))
    first, second = many(face, "detect_language_many", [SENTENCE, "And a second text."], vendor_stub)
    assert vendor_stub.count == 1
    assert arguments(vendor_stub.requests[0])["TextList"] == [SENTENCE, "And a second text."]
    assert [(each.language, each.confidence.value) for each in first.value.languages] == [
        (each["LanguageCode"], each["Score"]) for each in said["Languages"]
    ]
    assert isinstance(second.error, MalformedReply)
    assert second.error.billed is True
