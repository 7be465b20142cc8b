"""Azure Language: several documents in one request, long ones in parts, and the limits of both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from adapter_support import CANARY, raised
from azure_text_support import (
    DOCUMENTS,
    METHODS,
    ROUTE,
    answer,
    ask,
    batch,
    failed,
    find,
    section,
)

from broker import Broker, errors
from broker.contract import Batch, TextUnit
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker_azure import AzureAdapter, AzureSettings

pytest.importorskip("azure.ai.textanalytics", reason="needs the azure extra")


@pytest.fixture
def azure(stub: VendorStub) -> Iterator[AzureAdapter]:
    adapter = AzureAdapter(AzureSettings(endpoint=f"{stub.url}/", key=CANARY))  # type: ignore[arg-type]
    yield adapter
    adapter.close()


def items(reply: Any) -> Any:
    assert isinstance(reply.payload, Batch)
    return reply.payload.items


@pytest.mark.parametrize("method", METHODS)
def test_documents_are_matched_by_id(method: str, azure: Any, stub: Any, attempt: Any) -> None:
    said = answer({"id": "2", **DOCUMENTS[method]}, {"id": "0", **DOCUMENTS[method]}, errors=[failed("1", "InvalidArgument", "InvalidDocument")])  # fmt: skip
    stub.on(ROUTE, said)
    reply = getattr(azure, f"{method}_batch")(batch(method, "Hi", "No", "Hi", raw=True), attempt())
    first, second, third = items(reply)
    assert (first.raw["id"], third.raw["id"], reply.raw) == ("0", "2", said)
    assert first.model_version == third.model_version == reply.model_version == "2022-11-01"
    assert (type(second), second.code, second.billed) == (errors.BadInput, "InvalidDocument", False)
    assert stub.count == 1
    sent = stub.requests[0].json()["analysisInput"]["documents"]
    assert [(each["id"], each["text"]) for each in sent] == [("0", "Hi"), ("1", "No"), ("2", "Hi")]


def test_a_text_of_another_document_is_not_taken_for_its_own(azure: Any, stub: Any, attempt: Any) -> None:
    texts = [f"{'x' * place}Ann" for place in range(5)]
    documents = [
        {"id": str(place), "entities": [find("Person", place, 3, "Ann")]} for place in (3, 1, 4, 0, 2)
    ]
    stub.on(ROUTE, answer(*documents))
    for place, item in enumerate(items(azure.entities_batch(batch("entities", *texts), attempt()))):
        (entity,) = item.payload.entities
        assert (entity.begin, entity.offset_ok) == (place, True)


def test_a_gap_is_a_malformed_item(azure: Any, stub: Any, attempt: Any) -> None:
    documents = [{"id": name, "keyPhrases": []} for name in ("0", "2", "2", "9")]
    documents += [{"id": "3", "keyPhrases": [7]}]
    stub.on(ROUTE, answer(*documents, errors=[failed("4", "InvalidArgument"), {"id": "4", "error": {}}]))
    seen = items(azure.key_phrases_batch(batch("key_phrases", *"abcde"), attempt()))
    assert seen[0].payload.phrases == ()
    assert [type(each) for each in seen[1:]] == [errors.MalformedReply] * 4
    assert "neither" in str(seen[1])
    assert "more than once" in str(seen[2])
    assert "a phrase is no text" in str(seen[3])
    assert "more than once" in str(seen[4])


@pytest.mark.parametrize(
    ("code", "inner", "kind", "billed"),
    [
        ("InvalidArgument", "InvalidDocument", errors.BadInput, False),
        ("InvalidArgument", "UnsupportedLanguageCode", errors.BadInput, False),
        ("InvalidArgument", "InvalidCountryHint", errors.BadInput, False),
        ("InvalidRequest", "InvalidDocumentBatch", errors.BadInput, False),
        ("InvalidRequest", "ModelVersionIncorrect", errors.BadInput, False),
        ("InvalidArgument", None, errors.BadInput, False),
        ("InternalServerError", None, errors.Unavailable, None),
        ("ServiceUnavailable", None, errors.Unavailable, None),
        ("Timeout", None, errors.Unavailable, None),
        ("TooManyRequests", None, errors.Throttled, False),
        ("QuotaExceeded", None, errors.QuotaExhausted, False),
        ("NeverHeardOf", None, errors.ProviderFault, None),
    ],
)
def test_errors_of_documents(
    code: str, inner: Any, kind: Any, billed: Any, azure: Any, stub: Any, attempt: Any
) -> None:
    stub.on(ROUTE, answer(errors=[failed("0", code, inner, "the service's words")]))
    (item,) = items(azure.sentiment_batch(batch("sentiment", "Hi"), attempt()))
    error = raised(lambda: azure.sentiment(ask("sentiment"), attempt()), kind)
    for each in (item, error):
        assert (type(each), each.code, each.billed, each.status) == (kind, inner or code, billed, 200)
        assert "the service's words" in str(each)
        assert each.request_id


def test_the_limits(azure: Any) -> None:
    most = {"sentiment": 10, "entities": 5, "key_phrases": 10, "detect_language": 1000, "detect_pii": 5}
    for method, items_ in {**most, "redact": 5}.items():
        spec = azure.manifest.spec(f"text.{method}")
        assert spec.batch is not None
        assert spec.batch.max_items == items_
        assert (spec.limits.max_size, spec.limits.unit, spec.limits.cut) == (5120, TextUnit.GRAPHEME, True)
        assert spec.sku == "azure.language.text_records"
        assert "2023-04-01" in spec.notes
        retires = spec.lifecycle.on
        assert (retires is not None) is (method in ("sentiment", "key_phrases"))
        assert retires is None or retires.isoformat() == "2029-03-31"


def test_a_long_text_goes_in_parts(stub: Any) -> None:
    """5,120 text elements a document: a family of seven code points is one of them."""
    family = "👩‍👩‍👧‍👦"

    def phrases(seen: Any) -> Answer:
        (sent,) = seen.json()["analysisInput"]["documents"]
        begin = sent["text"].find("Ann")
        found = [find("Person", begin, 3, "Ann")] if begin >= 0 else []
        return Answer(json=answer({"entities": found}))

    stub.on(ROUTE, phrases)
    text = family * 5110 + " Ann. " + "Ann is here."
    with Broker(**section(stub)) as broker:
        result = broker.text.entities(text, language="en")
        assert [text[each.begin : each.end] for each in result.value.entities] == ["Ann", "Ann"]
        assert result.value.aggregated
        assert stub.count == 2
        assert broker.text.entities(family * 5120, language="en").value.entities == ()
    assert stub.count == 3


def test_key_phrases_cannot_be_asked_for_a_confidence(stub: Any) -> None:
    with Broker(**section(stub)) as broker:
        error = raised(
            lambda: broker.text.key_phrases("Hi", language="en", min_confidence=0.5), errors.Unsupported
        )
        assert "min_confidence" in str(error)
        raised(lambda: broker.text.sentiment("Hi"), errors.BadInput)
        raised(lambda: broker.text.sentiment("Hi", language="tlh"), errors.Unsupported)
        raised(lambda: broker.text.detect_language("Hi", language="en"), errors.Unsupported)
    assert stub.count == 0


def test_a_thousand_languages_by_one_request(stub: Any) -> None:
    def said(seen: Any) -> Answer:
        sent = seen.json()["analysisInput"]["documents"]
        return Answer(
            json=answer(*[{"id": each["id"], **DOCUMENTS["detect_language"]} for each in sent][::-1])
        )

    stub.on(ROUTE, said)
    with Broker(**section(stub)) as broker:
        found = list(
            broker.text.detect_language_many([f"text {place}" for place in range(1001)], concurrency=1)
        )
    assert [item.value.best.language for item in found] == ["en"] * 1001
    assert [len(seen.json()["analysisInput"]["documents"]) for seen in stub.requests] == [1000, 1]


def test_requests_keep_the_limit_of_bytes(stub: Any) -> None:
    def said(seen: Any) -> Answer:
        sent = seen.json()["analysisInput"]["documents"]
        return Answer(json=answer(*[DOCUMENTS["detect_language"] for _ in sent]))

    stub.on(ROUTE, said)
    with Broker(**section(stub)) as broker:
        texts = ["я" * 5000] * 60  # 600 kB of UTF-8, 1.8 MB as the SDK writes it
        assert all(item.ok for item in broker.text.detect_language_many(texts, concurrency=1))
    assert max(len(seen.body) for seen in stub.requests) < 1_000_000
    assert json.loads(stub.requests[0].body)["analysisInput"]["documents"][0]["text"] == texts[0]
