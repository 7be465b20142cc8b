"""Comprehend's batches: results and errors put to their texts, what each costs, and what goes together."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from adapter_support import raised
from aws_support import BATCHES, KEYS, Cell, adapter, checked

from broker import Broker, errors
from broker.contract import Batch, Reply
from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub
from broker.types import BatchRequest, SentimentRequest
from broker_aws import AwsAdapter

SENTIMENT = "Comprehend_20171127.BatchDetectSentiment"
TOXIC = "Comprehend_20171127.DetectToxicContent"
ONE = Decimal("0.0003")
"""What DetectSentiment costs for a short text: 3 units of 100 characters."""


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[AwsAdapter, VendorStub]]:
    """One adapter for all tests of the file: boto3 takes its time to make a client."""
    with VendorStub() as server:
        made = adapter(server.url)
        yield made, server
        made.close()


@pytest.fixture
def stub(account: tuple[AwsAdapter, VendorStub]) -> VendorStub:
    account[1].reset()
    return account[1]


@pytest.fixture
def aws(account: tuple[AwsAdapter, VendorStub]) -> AwsAdapter:
    return account[0]


def result(index: Any, label: str = "POSITIVE") -> dict[str, Any]:
    return {"Index": index, "Sentiment": label, "SentimentScore": {label.title(): 0.5}}


def fault(index: Any, code: Any = "INTERNAL_SERVER_ERROR", message: str = "no") -> dict[str, Any]:
    return {"Index": index, "ErrorCode": code, "ErrorMessage": message}


def asked(aws: AwsAdapter, attempt: Any, many: int = 3, **options: Any) -> Any:
    items = tuple(SentimentRequest(text=f"Text {number}.", language="en") for number in range(many))
    return aws.sentiment_batch(BatchRequest(items=items, language="en", **options), attempt())


def told(batch: Batch[Any]) -> list[str]:
    return [
        item.payload.document.name if isinstance(item, Reply) else type(item).__name__ for item in batch.items
    ]


def test_results_are_put_to_their_texts_by_index(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    body = {
        "ResultList": [result(2, "NEGATIVE"), result(0, "MIXED")],
        "ErrorList": [fault(1, "TEXT_SIZE_LIMIT_EXCEEDED")],
    }
    stub.on(SENTIMENT, Answer(json=body))
    reply = asked(aws, attempt, raw=True)
    assert told(reply.payload) == ["MIXED", "BadInput", "NEGATIVE"]
    assert reply.payload.items[0].raw == body["ResultList"][1]
    assert reply.raw == body
    assert reply.request_id
    assert {item.request_id for item in reply.payload.items} == {reply.request_id}
    assert checked(stub.requests[0]) == {
        "TextList": ["Text 0.", "Text 1.", "Text 2."],
        "LanguageCode": "en",
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ResultList": [result(0), result(2)]}, ["POSITIVE", "MalformedReply", "POSITIVE"]),
        (
            {"ResultList": [result(0), result(1), result(2)], "ErrorList": None},
            ["POSITIVE", "POSITIVE", "POSITIVE"],
        ),
        (
            {"ResultList": [result(0), result(0, "MIXED"), result(1)], "ErrorList": [fault(1)]},
            ["MalformedReply", "MalformedReply", "MalformedReply"],
        ),
        (
            {"ResultList": [result(-1), result(3), result(None), result(1)], "ErrorList": [fault(7)]},
            ["MalformedReply", "POSITIVE", "MalformedReply"],
        ),
        (
            {"ResultList": [result(0), {"Index": 1}, result(2)], "ErrorList": []},
            ["POSITIVE", "MalformedReply", "POSITIVE"],
        ),
        (
            {"ResultList": [], "ErrorList": [fault(0), fault(1), fault(2)]},
            ["Unavailable", "Unavailable", "Unavailable"],
        ),
    ],
    ids=["gap", "no errors", "twice", "places that are none", "half a result", "all failed"],
)
def test_a_text_without_one_answer_has_an_error_of_its_own(
    body: dict[str, Any], expected: list[str], aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(SENTIMENT, Answer(json=body))
    assert told(asked(aws, attempt).payload) == expected


@pytest.mark.parametrize(
    "body",
    [
        {"ErrorList": []},
        {"ResultList": {}, "ErrorList": []},
        {"ResultList": [], "ErrorList": "none"},
        {"ResultList": [7], "ErrorList": []},
        {"ResultList": [result("0")], "ErrorList": []},
        {"ResultList": [result(True)], "ErrorList": []},
        {"ResultList": [], "ErrorList": [fault(0, True)]},
    ],
)
def test_a_batch_that_cannot_be_read_is_malformed(
    body: dict[str, Any], aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(SENTIMENT, Answer(json=body))
    error = raised(lambda: asked(aws, attempt), errors.MalformedReply)
    assert error.billed is True


@pytest.mark.parametrize(
    ("code", "kind", "billed"),
    [
        ("INTERNAL_SERVER_ERROR", errors.Unavailable, None),
        ("InternalServerException", errors.Unavailable, None),
        ("TEXT_SIZE_LIMIT_EXCEEDED", errors.BadInput, False),
        ("TextSizeLimitExceededException", errors.BadInput, False),
        ("UNSUPPORTED_LANGUAGE", errors.Unsupported, False),
        ("INVALID_REQUEST", errors.BadInput, False),
        ("TOO_MANY_REQUESTS", errors.Throttled, False),
        ("500", errors.Unavailable, None),
        ("400", errors.BadInput, False),
        ("NEVER_HEARD_OF", errors.ProviderFault, None),
        (None, errors.ProviderFault, None),
    ],
)
def test_codes_of_single_texts(
    code: Any, kind: Any, billed: bool | None, aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(SENTIMENT, Answer(json={"ResultList": [], "ErrorList": [fault(0, code, "the words of AWS")]}))
    (item,) = asked(aws, attempt, many=1).payload.items
    assert type(item) is kind
    assert (item.billed, item.code, item.status) == (billed, code, None)
    assert item.request_id
    assert "the words of AWS" in str(item)


@pytest.mark.parametrize("cell", [cell for cell in BATCHES if cell.target != TOXIC], ids=str)
def test_each_batch_reads_what_its_single_operation_reads(
    cell: Cell, aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    span = {"Score": 0.5, "Text": "Third", "BeginOffset": 0, "EndOffset": 5}
    members: dict[str, Any] = {
        "Sentiment": "MIXED",
        "Entities": [{"Type": "PERSON", **span}],
        "KeyPhrases": [span],
        "Languages": [{"LanguageCode": "en", "Score": 0.5}],
    }
    stub.on(cell.target, Answer(json={"ResultList": [{"Index": 2, **members}], "ErrorList": []}))
    first, second, third = getattr(aws, cell.method)(cell.request(), attempt()).payload.items
    assert isinstance(first, errors.MalformedReply)
    assert isinstance(second, errors.MalformedReply)
    single = cell.method.removesuffix("_batch")
    target = cell.target.replace(".Batch", ".")
    stub.on(target, Answer(json=members))
    assert third.payload == getattr(aws, single)(cell.request().items[2], attempt()).payload


def test_toxicity_of_several_texts(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    (cell,) = (cell for cell in BATCHES if cell.target == TOXIC)
    good = {"Labels": [{"Name": "INSULT", "Score": 0.5}], "Toxicity": 0.25}
    stub.on(TOXIC, Answer(json={"ResultList": [good, {"Toxicity": 0.5}, {"Labels": [], "Toxicity": 1.5}]}))
    first, second, third = getattr(aws, cell.method)(cell.request(), attempt()).payload.items
    assert [(each.name, each.confidence.value) for each in first.payload.labels] == [
        ("INSULT", 0.5),
        ("Toxicity", 0.25),
    ]
    assert isinstance(second, errors.MalformedReply)
    (whole,) = third.payload.labels
    assert (whole.confidence.value, whole.confidence.raw, whole.confidence.clamped) == (1.0, 1.5, True)


# ---------------------------------------------------------------------- through the public client


@pytest.fixture
def broker(stub: VendorStub) -> Iterator[Broker]:
    section = {"endpoint": stub.url, "region": "us-east-1", **KEYS}
    with Broker(provider="aws", providers={"aws": section}) as made:
        yield made


def test_only_texts_that_may_be_billed_cost_something(broker: Broker, stub: VendorStub) -> None:
    body = {
        "ResultList": [result(0), result(3, "MIXED")],
        "ErrorList": [fault(1, "TEXT_SIZE_LIMIT_EXCEEDED"), fault(2)],
    }
    stub.on(SENTIMENT, Answer(json=body))
    texts = ["One.", "Two.", "Six.", "Ten."]
    items = list(broker.text.sentiment_many(texts, language="en"))
    assert stub.count == 1
    assert [item.ok for item in items] == [True, False, False, True]
    assert [item.source for item in items] == texts
    assert items[3].value.label.value == "mixed"
    costs = [
        (item.result.cost if item.result is not None else item.error and item.error.cost) for item in items
    ]
    assert [cost and cost.upper_bound for cost in costs] == [ONE, 0, ONE, ONE], "the third may be billed"
    (row,) = broker.spend()
    assert row.amount + row.at_risk == 3 * ONE
    assert row.attempts == 1


def test_texts_go_25_to_a_request_and_long_ones_alone(broker: Broker, stub: VendorStub) -> None:
    def answer(seen: SeenRequest) -> Answer:
        texts = checked(seen)["TextList"]
        return Answer(json={"ResultList": [result(place) for place in range(len(texts))], "ErrorList": []})

    stub.on(SENTIMENT, answer)
    stub.on("Comprehend_20171127.DetectSentiment", Answer(json={"Sentiment": "NEUTRAL"}))
    texts = [f"Text {number}." for number in range(52)]
    texts[7] = "This is long. " * 500
    items = list(broker.text.sentiment_many(texts, language="en", concurrency=1))
    assert [item.index for item in items] == list(range(52))
    assert all(item.ok for item in items)
    assert [item.value.label.value for item in items].count("neutral") == 1
    assert items[7].value.aggregated
    sizes = [len(checked(seen).get("TextList", ())) for seen in stub.requests]
    assert sum(sizes) == 51
    assert max(sizes) <= 25
    assert sizes.count(0) == 2, "the long one, in two parts"


def test_segments_go_10_to_a_request(broker: Broker, stub: VendorStub) -> None:
    def answer(seen: SeenRequest) -> Answer:
        segments = checked(seen)["TextSegments"]
        assert sum(len(each["Text"].encode()) for each in segments) <= 10_000
        labels = [[{"Name": "INSULT", "Score": len(each["Text"]) / 1_000}] for each in segments]
        return Answer(json={"ResultList": [{"Labels": each} for each in labels]})

    stub.on(TOXIC, answer)
    texts = ["x" * (number + 1) for number in range(24)]
    items = list(broker.text.moderate_many(texts, language="en", concurrency=1))
    found = [item.value.labels[0].confidence.value for item in items]
    assert found == [pytest.approx((number + 1) / 1_000) for number in range(24)]
    assert [len(checked(seen)["TextSegments"]) for seen in stub.requests] == [10, 10, 4]


def test_a_refused_batch_is_an_error_of_each_text(broker: Broker, stub: VendorStub) -> None:
    stub.on(SENTIMENT, Answer(400, json={"__type": "UnsupportedLanguageException", "Message": "no"}))
    items = list(broker.text.sentiment_many(["One.", "Two."], language="en"))
    assert [type(item.error) for item in items] == [errors.Unsupported] * 2
    assert stub.count == 1
