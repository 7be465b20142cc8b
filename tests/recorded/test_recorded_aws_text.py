"""What Comprehend really said, played over loopback through the public client and boto3."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from recorded_aws import COMPREHEND, arguments, document, load, played, section
from recorded_support import proving

from broker import AsyncBroker, Broker, MalformedReply
from broker.errors import ProviderError
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
    told = (scores["Positive"], scores["Negative"], scores["Neutral"], scores["Mixed"])
    # 32-bit numbers: one may be a little above 1.
    assert (seen.positive, seen.negative, seen.neutral, seen.mixed) == tuple(min(1.0, each) for each in told)
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
        assert (one.confidence.value, one.confidence.raw) == (min(1.0, each["Score"]), each["Score"])
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
    assert [(each.language, each.confidence.value) for each in result.value.languages] == [
        (code, min(1.0, score)) for code, score in said
    ]
    assert [(each.code, each.confidence.raw) for each in result.value.languages] == said
    assert arguments(vendor_stub.requests[0]) == {"Text": SENTENCE}


PII_KINDS = {
    "NAME": "person",
    "ADDRESS": "address",
    "AGE": "age",
    "BANK_ACCOUNT_NUMBER": "bank_account",
    "BANK_ROUTING": "bank_account",
    "CREDIT_DEBIT_CVV": "card_detail",
    "CREDIT_DEBIT_EXPIRY": "card_detail",
    "CREDIT_DEBIT_NUMBER": "credit_card",
    "DATE_TIME": "date",
    "DRIVER_ID": "driving_licence",
    "EMAIL": "email",
    "IP_ADDRESS": "ip_address",
    "PASSPORT_NUMBER": "passport",
    "PASSWORD": "password",
    "PHONE": "phone",
    "SSN": "national_id",
    "URL": "url",
    "USERNAME": "username",
}


def stand_in(said: list[dict[str, Any]]) -> str:
    """A text that reaches behind the last find, with no letter twice."""
    return "".join(
        chr(0x4E00 + place) for place in range(max((each["EndOffset"] for each in said), default=0) + 5)
    )


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.detect_pii"))
def test_personal_data(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    said = body["Entities"]
    text = stand_in(said)
    target = f"{COMPREHEND}DetectPiiEntities"
    result = played(face, "text.detect_pii", text, target, body, vendor_stub, language="en")
    assert len(result.value.entities) == len(said)
    for found, each in zip(result.value.entities, said, strict=True):
        assert (found.begin, found.end) == (each["BeginOffset"], each["EndOffset"])
        assert found.text == text[each["BeginOffset"] : each["EndOffset"]]
        assert found.offset_ok is True
        assert found.category == each["Type"]
        assert found.kind.value == PII_KINDS.get(each["Type"], found.kind.value)
        assert (found.confidence.value, found.confidence.raw) == (min(1.0, each["Score"]), each["Score"])


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.redact"))
def test_redaction(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    said = body["Entities"]
    text = stand_in(said)
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
    results = sorted([*body["ResultList"], *body.get("ErrorList", ())], key=lambda each: each["Index"])
    texts = [document(each.get(member, ())) for each in results]
    if len(texts) == 1:  # a batch of one would go by the operation on one text
        texts.append("And another.")
    stub.on(f"{COMPREHEND}{operation}", default=Answer(json=body))
    items = many(face, f"{method}_many", texts, stub, language="en")
    assert stub.count == 1
    assert arguments(stub.requests[0]) == {"TextList": texts, "LanguageCode": "en"}
    for item, text, each in zip(items, texts, results, strict=False):
        if "ErrorCode" in each:
            assert item.error.code == each["ErrorCode"]
            assert each["ErrorMessage"] in str(item.error)
            continue
        found = item.value.entities if method == "entities" else item.value.phrases
        same_spans(found, each[member], text)
        assert item.result.raw == each
    assert all(isinstance(item.error, MalformedReply) for item in items[len(results) :])


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.sentiment: batches"))
def test_sentiments_of_a_batch(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    said = {each["Index"]: each for each in [*body["ResultList"], *body.get("ErrorList", ())]}
    texts = [f"Text {place}." for place in range(max(max(said) + 1, 2))]
    vendor_stub.on(f"{COMPREHEND}BatchDetectSentiment", default=Answer(json=body))
    for place, item in enumerate(many(face, "sentiment_many", texts, vendor_stub, language="en")):
        each = said.get(place)
        if each is None or "ErrorCode" in each:
            assert isinstance(item.error, MalformedReply if each is None else ProviderError)
            continue
        found = item.value.document
        assert (found.label.value, found.name) == (each["Sentiment"].lower(), each["Sentiment"])
        assert found.confidence.raw == each["SentimentScore"][each["Sentiment"].title()]
        assert item.result.raw == each


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.moderate"))
def test_toxicity(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    texts = [f"Text {place}." for place in range(len(body["ResultList"]))]
    vendor_stub.on(f"{COMPREHEND}DetectToxicContent", default=Answer(json=body))
    items = many(face, "moderate_many", texts, vendor_stub, language="en")
    for item, each in zip(items, body["ResultList"], strict=True):
        due = [(label["Name"], label["Score"]) for label in each["Labels"]]
        if "Toxicity" in each:
            due.append(("Toxicity", each["Toxicity"]))
        assert [(label.name, label.confidence.raw) for label in item.value.labels] == due


@FACES
@pytest.mark.parametrize("path", proving("aws", "text.detect_language: batches"))
def test_languages_of_a_batch_and_a_gap(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    said = sorted(body["ResultList"], key=lambda each: each["Index"])
    texts = [SENTENCE, *(f"And text {place}." for place in range(len(said)))]
    vendor_stub.on(f"{COMPREHEND}BatchDetectDominantLanguage", default=Answer(json=body))
    *found, last = many(face, "detect_language_many", texts, vendor_stub)
    assert vendor_stub.count == 1
    assert arguments(vendor_stub.requests[0])["TextList"] == texts
    for item, each in zip(found, said, strict=True):
        assert [(one.language, one.confidence.raw) for one in item.value.languages] == [
            (one["LanguageCode"], one["Score"]) for one in each["Languages"]
        ]
    assert isinstance(last.error, MalformedReply)
    assert last.error.billed is True
