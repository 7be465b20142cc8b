"""Answers that Azure Language really sent, played over loopback through the public client and Microsoft's own SDK."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from recorded_azure_text_support import (
    KINDS,
    METHODS,
    answer,
    bodies,
    made_up,
    numbered,
    places,
    play_many,
    results,
    said,
    section,
)
from recorded_support import ask, proving

from broker import AuthFailed, BadInput, MalformedReply, Throttled, Unavailable
from broker.errors import Outcome
from broker.testing.stub import VendorStub

pytest.importorskip("azure.ai.textanalytics", reason="needs the azure extra")

ENTITY_KINDS = {
    "Person": "person",
    "PersonType": "person_type",
    "Organization": "organization",
    "Location": "location",
    "Address": "address",
    "Event": "event",
    "Product": "product",
    "Skill": "skill",
    "DateTime": "date_time",
    "Quantity": "quantity",
    "Quantity Number": "number",
    "Quantity Ordinal": "number",
    "PhoneNumber": "phone",
    "Email": "email",
    "URL": "url",
    "IP": "ip_address",
}
PII_KINDS = {
    "Person": "person",
    "Organization": "organization",
    "PhoneNumber": "phone",
    "DateTime": "date",
    "Email": "email",
    "URL": "url",
    "Address": "address",
    "ABARoutingNumber": "bank_account",
    "USSocialSecurityNumber": "national_id",
    "NZSocialWelfareNumber": "national_id",
    "CreditCardNumber": "credit_card",
    "PersonType": "other",
}
TAGS = {"zh_chs": "zh-Hans", "zh_cht": "zh-Hant", "(Unknown)": "und"}


def holds(each: Any, text: str) -> bool:
    """Whether the answer's place is one of the text that was asked about."""
    there = text[each["offset"] : each["offset"] + each["length"]]
    return there == each.get("text", there) and len(there) == each["length"]


def span(seen: Any, each: Any, text: str) -> None:
    begin, end = each["offset"], each["offset"] + each["length"]
    assert (seen.text, seen.begin, seen.end) == (each.get("text", text[begin:end]), begin, end)
    assert seen.offset_ok is holds(each, text)


def judgement(seen: Any, item: Any) -> None:
    scores = item["confidenceScores"]
    assert (seen.label.value, seen.name, seen.derived) == (item["sentiment"], item["sentiment"], False)
    assert seen.confidence.value == scores.get(item["sentiment"])  # "mixed" has none
    assert (seen.probabilities.positive, seen.probabilities.neutral, seen.probabilities.negative) == (
        scores["positive"],
        scores["neutral"],
        scores["negative"],
    )
    assert seen.probabilities.mixed is None


def check_sentiment(value: Any, document: Any, text: str) -> None:
    judgement(value.document, document)
    assert len(value.sentences) == len(document["sentences"])
    for seen, each in zip(value.sentences, document["sentences"], strict=True):
        span(seen, each, text)
        judgement(seen.sentiment, each)


def check_mentions(seen: Any, document: Any, text: str, kinds: dict[str, str]) -> None:
    assert len(seen) == len(document["entities"])
    for entity, each in zip(seen, document["entities"], strict=True):
        span(entity, each, text)
        finer = each.get("type") if each.get("type") != each["category"] else None  # API 2024 and later
        assert (entity.category, entity.subcategory) == (each["category"], each.get("subcategory") or finer)
        assert entity.confidence.raw == each["confidenceScore"]
        assert entity.confidence.value == min(1.0, each["confidenceScore"])
        due = kinds.get(f"{each['category']} {each.get('subcategory')}") or kinds.get(each["category"])
        assert entity.kind.value == (due or entity.kind.value)


def check_entities(value: Any, document: Any, text: str) -> None:
    check_mentions(value.entities, document, text, ENTITY_KINDS)


def check_pii(value: Any, document: Any, text: str) -> None:
    check_mentions(value.entities, document, text, PII_KINDS)


def check_key_phrases(value: Any, document: Any, text: str) -> None:  # as the others
    assert [each.text for each in value.phrases] == document["keyPhrases"]
    assert {(each.begin, each.offset_ok, each.confidence.value) for each in value.phrases} <= {
        (None, None, None)
    }


def check_language(value: Any, document: Any, text: str) -> None:  # as the others
    (seen,), each = value.languages, document["detectedLanguage"]
    assert (seen.code, seen.name, seen.confidence.value) == (
        each["iso6391Name"],
        each["name"],
        each["confidenceScore"],
    )
    assert seen.language == TAGS.get(each["iso6391Name"], each["iso6391Name"])


def check_redaction(value: Any, document: Any, text: str) -> None:
    hidden = {
        place
        for each in document["entities"]
        for place in range(each["offset"], each["offset"] + each["length"])
    }
    assert value.text == "".join("*" if place in hidden else letter for place, letter in enumerate(text))
    assert value.vendor_text == document.get("redactedText")
    check_mentions(value.entities, document, text, PII_KINDS)


CHECKS = {
    "text.sentiment": check_sentiment,
    "text.entities": check_entities,
    "text.key_phrases": check_key_phrases,
    "text.detect_language": check_language,
    "text.detect_pii": check_pii,
    "text.redact": check_redaction,
}


def check_item(operation: str, item: Any, document: Any, error: Any, text: str) -> None:
    """Whether an item is what the service said of its text."""
    if error is not None:
        inner = error.get("innererror", error)
        assert type(item.error) is BadInput
        assert (item.error.code, item.error.outcome) == (inner["code"], Outcome.REJECTED)
        assert item.error.cost is None or item.error.cost.amount == 0
        assert inner["message"][:40] in str(item.error)
    elif operation == "text.redact" and not all(holds(each, text) for each in places(document)):
        assert type(item.error) is MalformedReply
    else:
        CHECKS[operation](item.value, document, text)


def check_request(sent: Any, operation: str, texts: list[str]) -> None:
    kind = next(
        kind
        for kind, name in KINDS.items()
        if name == ("text.detect_pii" if operation == "text.redact" else operation)
    )
    assert sent["kind"] == kind
    hint = {"countryHint": ""} if operation == "text.detect_language" else {"language": "en"}
    assert sent["analysisInput"]["documents"] == [
        {"id": str(place), "text": text, **hint} for place, text in enumerate(texts)
    ]
    parameters = {"loggingOptOut": True}
    if operation not in ("text.detect_language", "text.key_phrases"):
        parameters["stringIndexType"] = "UnicodeCodePoint"  # type: ignore[assignment]
    assert sent["parameters"] == parameters


def play(face: str, operation: str, body: Any, path: Path | None, stub: VendorStub) -> None:
    """All documents of an answer by one call of ``*_many``."""
    order = said(body, path)
    texts = [text for text, _, _ in order]
    told = numbered(body, order)
    answer(stub, told)
    items = play_many(face, stub, operation, texts)
    assert [item.source for item in items] == texts
    for item, (text, document, error) in zip(items, order, strict=True):
        check_item(operation, item, document, error, text)
        if item.ok:
            assert item.result.provenance.model_version == results(body).get("modelVersion")
            kept = item.result.raw
            assert kept == (told if len(order) == 1 else {**document, "id": str(item.index)})
    (request,) = stub.requests
    assert request.params == {"api-version": "2023-04-01", "showStats": "true"}
    check_request(request.json(), operation, texts)
    if all(item.ok for item in items):
        assert sum(item.result.cost.amount for item in items) == Decimal("0.001") * len(items)


CASES = [
    pytest.param(operation, *each.values, id=f"{operation}-{each.id}", marks=each.marks)
    for operation in METHODS
    for each in proving("azure", operation)
]


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize(("operation", "path"), CASES)
def test_every_document_of_an_answer_by_one_request(
    face: str, operation: str, path: Path, vendor_stub: VendorStub
) -> None:
    play(face, operation, json.loads(path.read_text("utf-8")), path, vendor_stub)


@pytest.mark.parametrize(("operation", "path"), CASES)
def test_each_document_of_an_answer_by_itself(operation: str, path: Path, vendor_stub: VendorStub) -> None:
    body = json.loads(path.read_text("utf-8"))
    language = {} if operation == "text.detect_language" else {"language": "en"}
    for text, document, error in said(body, path):
        told = {
            **results(body),
            "documents": [document] if document else [],
            "errors": [] if document else [{"id": "1", "error": error}],
        }
        answer(vendor_stub, {**body, "results": told} if "results" in body else told)
        if error is not None or (
            operation == "text.redact" and not all(holds(each, text) for each in places(document))
        ):
            with pytest.raises(MalformedReply if error is None else BadInput):
                ask("sync", operation, text, "azure", section(vendor_stub), **language)
            continue
        result = ask("sync", operation, text, "azure", section(vendor_stub), **language)
        CHECKS[operation](result.value, document, text)
        assert results(result.raw)["documents"] == [document]
        assert result.cost.amount == Decimal("0.001")
        assert result.cost.basis.value == ("reported" if "statistics" in document else "measured")


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("path", proving("azure", "azure text: tasks of a job"))
def test_the_results_of_a_jobs_tasks(face: str, path: Path) -> None:
    played = 0
    for operation, body in bodies(path):
        order = said(body, None)
        for first in range(0, len(order), 5):
            some = order[first : first + 5]
            part = {"documents": [], "errors": [], "modelVersion": results(body).get("modelVersion")}
            for name, found, failed in ((f"{place:02}", *each[1:]) for place, each in enumerate(some)):
                if found is not None:
                    part["documents"].append({**found, "id": name})
                else:
                    part["errors"].append({"id": name, "error": failed})
            with VendorStub() as stub:
                play(face, operation, {**body, "results": part} if "results" in body else part, None, stub)
            played += 1
    if not played:
        pytest.skip("no task of this job answers an operation that is offered")


REFUSALS = {
    "401": (401, AuthFailed),
    "Unauthorized": (401, AuthFailed),
    "403": (403, AuthFailed),
    "Forbidden": (403, AuthFailed),
    "404": (404, BadInput),
    "429": (429, Throttled),
    "TooManyRequests": (429, Throttled),
    "InternalServerError": (500, Unavailable),
    "ServiceUnavailable": (503, Unavailable),
}


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("path", proving("azure", "azure text: refusals"))
def test_azures_own_words_for_a_refusal_are_kept(
    face: str, path: Path, vendor_stub: VendorStub, no_sleep: list[float]
) -> None:
    body = json.loads(path.read_text("utf-8"))
    inner = body.get("error", body)  # a gateway leaves the wrapper out
    while inner.get("innererror"):
        inner = inner["innererror"]
    status, kind = REFUSALS.get(inner["code"], (400, BadInput))
    operations = {
        "sentiment": "text.sentiment",
        "key_phrases": "text.key_phrases",
        "language": "text.detect_language",
        "pii": "text.detect_pii",
    }
    operation = operations.get(path.stem.partition("-")[0], "text.entities")
    language = {} if operation == "text.detect_language" else {"language": "en"}
    answer(vendor_stub, body, status)
    with pytest.raises(kind) as caught:
        ask(face, operation, "A text.", "azure", section(vendor_stub), **language)
    assert (caught.value.code, caught.value.status) == (inner["code"], status)
    assert caught.value.billed is (None if status >= 500 else False)
    assert inner["message"][:60] in str(caught.value)
    for item in play_many(face, vendor_stub, operation, ["A text.", "Another."]):
        assert type(item.error) is type(caught.value)
        assert item.error.code == inner["code"]
    # The others are repeated. Where a batch was not taken for its input, each text is asked about by itself.
    requests = 4 if kind is BadInput else 2
    assert status >= 429 or (vendor_stub.count, no_sleep) == (requests, [])


def test_a_made_up_text_has_each_mention_in_its_place() -> None:
    document = {
        "entities": [{"text": "Ann", "offset": 4, "length": 3}, {"text": "😀", "offset": 9, "length": 1}]
    }
    assert made_up(document) == "x...Ann..😀"
