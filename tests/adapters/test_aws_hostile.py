"""AWS: answers that are seldom seen, read without losing what was paid for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from aws_support import KEYS, adapter

from broker import Broker, errors
from broker.errors import Outcome
from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub
from broker.types import BatchRequest, DetectTextRequest, Image, SentimentRequest, TextMode
from broker_aws import AwsAdapter, AwsSettings

pytest.importorskip("boto3", reason="needs the aws extra")


def png(mark: bytes = b"0000") -> bytes:
    """As much of a PNG of 320 x 240 pixels as is looked at, with a mark where a checksum should be."""
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\x40\0\0\0\xf0\x08\2\0\0\0"
    return head + mark + b"\0\0\0\0IDAT\x35\xaf\x06\x1e" + b"\0\0\0\0IEND\xaeB`\x82"


PICTURE = png()
COMPREHEND = "Comprehend_20171127."
TEXTRACT = "Textract.DetectDocumentText"


@pytest.fixture
def aws(stub: VendorStub) -> Iterator[AwsAdapter]:
    made = adapter(stub.url)
    yield made
    made.close()


@pytest.fixture
def stub() -> Iterator[VendorStub]:
    with VendorStub() as server:
        yield server


def section(stub: VendorStub) -> dict[str, Any]:
    return {
        "provider": "aws",
        "providers": {"aws": {"endpoint": stub.url, "region": "us-east-1", **KEYS}},
    }


# ---------------------------------------------------------------------- batches


@pytest.mark.parametrize(("code", "outcome"), [(413, Outcome.REJECTED), (500, Outcome.UNKNOWN)])
def test_a_number_for_an_error_of_one_text_loses_no_other(
    code: int, outcome: Outcome, aws: Any, stub: Any, attempt: Any
) -> None:
    """The API reference calls ErrorCode "the numeric error code"; the model's type is a text."""
    bad = {"Index": 1, "ErrorCode": code, "ErrorMessage": "no"}
    stub.on(
        f"{COMPREHEND}BatchDetectSentiment",
        Answer(json={"ResultList": [{"Index": 0, "Sentiment": "MIXED"}], "ErrorList": [bad]}),
    )
    texts = tuple(SentimentRequest(text=each, language="en") for each in ("a", "b"))
    first, second = aws.sentiment_batch(BatchRequest(items=texts, language="en"), attempt()).payload.items
    assert first.payload.document.name == "MIXED"
    assert (second.code, second.outcome is Outcome.REJECTED) == (str(code), outcome is Outcome.REJECTED)


# ---------------------------------------------------------------------- Textract


def block(name: str | None, kind: str, text: str, *children: str) -> dict[str, Any]:
    made: dict[str, Any] = {"BlockType": kind, "Text": text, "Confidence": 99.0}
    if name is not None:
        made["Id"] = name
    if children:
        made["Relationships"] = [{"Type": "CHILD", "Ids": list(children)}]
    return made


def test_no_word_is_lost_or_doubled_by_its_id(aws: Any, stub: Any, attempt: Any) -> None:
    blocks = [
        block("l1", "LINE", "a b", "w1", "w2", "w2"),  # a child named twice
        block("l2", "LINE", "c", "w1", "w3"),  # a word of another line
        block("w1", "WORD", "a"),
        block("w2", "WORD", "b"),
        block("w3", "WORD", "c"),
        block("w3", "WORD", "d"),  # another with its id
        block(None, "WORD", "e"),
        block(None, "WORD", "f"),
    ]
    stub.on(TEXTRACT, Answer(json={"Blocks": blocks}))
    request = DetectTextRequest(image=Image.from_bytes(PICTURE), mode=TextMode.DOCUMENT)
    found = aws.detect_text(request, attempt()).payload
    assert sorted(each.text for each in found.words) == ["a", "b", "c", "d", "e", "f"]
    assert [each.text for each in found.lines] == ["a b", "c", "d", "e", "f"]


def test_documents_read_at_the_same_time_do_not_mix(aws: Any, stub: Any, attempt: Any) -> None:
    def read(seen: SeenRequest) -> Answer:
        from base64 import b64decode

        sent: Any = seen.json()
        mark = b64decode(sent["Document"]["Bytes"])[29:33].decode()
        return Answer(json={"Blocks": [block("l", "LINE", mark)]}, delay=0.001 * (int(mark) % 7))

    stub.on(TEXTRACT, read)

    def one(number: int) -> str:
        image = Image.from_bytes(png(b"%04d" % number))
        request = DetectTextRequest(image=image, mode=TextMode.DOCUMENT)
        found: str = aws.detect_text(request, attempt()).payload.text
        return found

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(one, range(32))) == [f"{number:04}" for number in range(32)]
    assert stub.count == 32


# ---------------------------------------------------------------------- money


def test_each_text_of_a_batch_is_three_units_at_least(stub: Any) -> None:
    texts = ["a", "b" * 300, "c" * 301]
    result = [{"Index": place, "Sentiment": "MIXED"} for place in range(3)]
    stub.on(f"{COMPREHEND}BatchDetectSentiment", default=Answer(json={"ResultList": result, "ErrorList": []}))
    with Broker(**section(stub)) as broker:
        items = list(broker.text.sentiment_many(texts, language="en"))
        plan = sum(broker.estimate.text.sentiment(each, language="en").amount or 0 for each in texts)
        (row,) = broker.spend()
    assert [item.result.cost.amount for item in items if item.result] == [
        Decimal("0.0003"),
        Decimal("0.0003"),
        Decimal("0.0004"),
    ]
    assert row.amount == plan == Decimal("0.001")
    assert stub.count == 1


def test_a_text_that_failed_in_a_batch_is_not_paid(stub: Any) -> None:
    said = {
        "ResultList": [{"Index": 0, "Sentiment": "MIXED"}],
        "ErrorList": [{"Index": 1, "ErrorCode": "TEXT_SIZE_LIMIT_EXCEEDED", "ErrorMessage": "too long"}],
    }
    stub.on(f"{COMPREHEND}BatchDetectSentiment", default=Answer(json=said))
    with Broker(**section(stub)) as broker:
        good, bad = broker.text.sentiment_many(["a", "b"], language="en")
        (row,) = broker.spend()
    assert good.ok
    assert type(bad.error) is errors.BadInput
    assert (row.amount, row.unknown) == (Decimal("0.0003"), 0)


@pytest.mark.parametrize(
    ("mode", "target", "said", "cost"),
    [
        ("scene", "RekognitionService.DetectText", {"TextDetections": []}, "0.001"),
        ("document", TEXTRACT, {"Blocks": []}, "0.0015"),
    ],
)
def test_a_mode_costs_what_its_service_does(mode: Any, target: str, said: Any, cost: str, stub: Any) -> None:
    stub.on(target, default=Answer(json=said))
    with Broker(**section(stub)) as broker:
        plan = broker.estimate.vision.detect_text(PICTURE, mode=mode)
        made = broker.vision.detect_text(PICTURE, mode=mode)
    assert plan.amount == made.cost.amount == Decimal(cost)


@pytest.mark.parametrize("wanted", [["label"], ["detect_objects"], ["label", "detect_objects"]])
def test_what_one_request_answers_is_one_image(wanted: list[Any], stub: Any) -> None:
    stub.on("RekognitionService.DetectLabels", default=Answer(json={"Labels": []}))
    with Broker(**section(stub)) as broker:
        plan = broker.estimate.vision.analyze(PICTURE, operations=wanted)
        made = broker.vision.analyze(PICTURE, operations=wanted)
    assert plan.amount == made.cost.amount == Decimal("0.001")
    assert stub.count == 1


def test_parts_of_a_text_are_moderated_and_metered_one_by_one(stub: Any) -> None:
    stub.on(f"{COMPREHEND}DetectToxicContent", default=Answer(json={"ResultList": [{"Labels": []}]}))
    text = "A sentence of some words. " * 100
    with Broker(**section(stub)) as broker:
        made = broker.text.moderate(text, language="en")
    assert stub.count == len(made.attempts) == 3
    assert sum(use.quantity for each in made.attempts for use in each.usage) == len(text)


# ---------------------------------------------------------------------- where it goes


def test_an_address_by_a_variable_of_the_sdks_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(**settings: Any) -> str:
        made = AwsAdapter(AwsSettings(region="us-east-1", **KEYS, **settings))
        return made.setup().endpoint

    monkeypatch.setenv("AWS_ENDPOINT_URL_TEXTRACT", "https://pages.example.com")
    assert shown() == "https://pages.example.com"
    assert shown(endpoint="https://all.example.com") == "https://all.example.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://others.example.com")
    assert shown() == "https://others.example.com, https://pages.example.com"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert shown() == "https://rekognition.us-east-1.amazonaws.com"
