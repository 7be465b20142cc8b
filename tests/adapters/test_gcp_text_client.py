"""Google's text operations through the public client: long texts, limits, money, languages."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from adapter_support import raised

from broker import AsyncBroker, Broker, errors
from broker.testing.script import Answer, SeenRequest
from broker.types import Polarity
from broker_gcp.manifest import MANIFEST

PARTS = {
    "text.sentiment": 200_000,
    "text.entities": 50_000,
    "text.moderate": 200_000,
    "text.detect_pii": 100_000,
}


def broker(stub: Any, **settings: Any) -> Broker:
    return Broker(provider="gcp", providers={"gcp": {"endpoint": stub.url, "project": "p", **settings}})


def found_in(request: SeenRequest) -> Answer:
    """Finds each 👍Ada, as Google would: with places in what it was sent."""
    asked: Any = request.json()
    text = asked["document"]["content"] if "document" in asked else asked["item"]["value"]
    begins, at = [], text.find("👍Ada")
    while at >= 0:
        begins.append(at)
        at = text.find("👍Ada", at + 1)
    if "item" in asked:
        finds = [
            {
                "quote": "👍Ada",
                "infoType": {"name": "PERSON_NAME"},
                "likelihood": "LIKELY",
                "location": {"codepointRange": {"start": str(begin), "end": str(begin + 4)}},
            }
            for begin in begins
        ]
        return Answer(json={"result": {"findings": finds}})
    mentions = [{"text": {"content": "👍Ada", "beginOffset": begin}, "type": "PROPER"} for begin in begins]
    return Answer(
        json={"entities": [{"name": "Ada", "type": "PERSON", "mentions": mentions}], "languageCode": "en"}
    )


SENTENCE = "Then 👍Ada went on to see 東京 and said not a word. "


@pytest.mark.parametrize("method", ["entities", "detect_pii", "redact"])
def test_a_long_text_goes_in_parts_and_comes_back_whole(method: str, stub: Any) -> None:
    most = PARTS.get(f"text.{method}", 100_000)
    text = SENTENCE * (most // len(SENTENCE.encode()) * 2)
    assert len(text.encode()) > most
    stub.script(found_in)
    with broker(stub) as client:
        result = getattr(client.text, method)(text)
    assert stub.count == len(result.attempts) == 2
    for request in stub.requests:
        sent: Any = request.json()
        part = sent["document"]["content"] if "document" in sent else sent["item"]["value"]
        assert len(part.encode()) <= most
        assert part.endswith(". "), "cut where a sentence ends"
    entities = result.value.entities
    assert len(entities) == text.count("👍Ada")
    assert all(text[each.begin : each.end] == "👍Ada" for each in entities)
    assert result.value.aggregated is True
    if method == "redact":
        assert result.value.text == text.replace("👍Ada", "****")
    if method == "entities":
        assert {each.group for each in entities} == {0, 1}


def test_a_long_texts_sentiment_is_marked_aggregated(stub: Any) -> None:
    text = "Good. " * 40_000
    said = {"documentSentiment": {"score": 0.5, "magnitude": 9.0}, "languageCode": "en", "sentences": []}
    stub.script([], default=Answer(json=said))
    with broker(stub) as client:
        result = client.text.sentiment(text)
    document = result.value.document
    assert stub.count == 2
    assert (result.value.aggregated, document.label, document.magnitude) == (True, Polarity.POSITIVE, 18.0)
    assert document.score == pytest.approx(0.5)
    # 199,998 and 40,002 characters, each part rounded up to a thousand by itself
    assert result.cost.amount == Decimal("0.241")


@pytest.mark.parametrize(
    ("method", "answer", "amount"),
    [
        ("sentiment", {"documentSentiment": {}}, Decimal("0.002")),
        ("entities", {"entities": []}, Decimal("0.002")),
        ("moderate", {"moderationCategories": []}, Decimal("0.0055")),
        ("detect_language", {"languages": []}, Decimal("0.02002")),
        ("detect_pii", {"result": {}}, None),
        ("redact", {"result": {}}, None),
    ],
)
def test_what_a_text_costs(method: str, answer: Any, amount: Decimal | None, stub: Any) -> None:
    """1,001 characters: two thousands, eleven hundreds, or a 1,001 millionths of 20 dollars."""
    stub.script([], default=Answer(json=answer))
    with broker(stub) as client:
        cost = getattr(client.text, method)("ß" * 1001).cost
    assert cost.amount == amount
    assert (cost.unpriced is None) == (amount is not None)


@pytest.mark.parametrize("method", ["detect_pii", "redact"])
def test_a_likelihood_is_compared_with_no_ratio(method: str, stub: Any) -> None:
    with broker(stub) as client:
        error = raised(lambda: getattr(client.text, method)("x", min_confidence=0.5), errors.Unsupported)
    assert "likelihood" in str(error)
    assert stub.count == 0


@pytest.mark.parametrize(
    ("method", "taken", "refused"),
    [
        ("sentiment", "th", "ru"),
        ("entities", "ru", "th"),
        ("moderate", "hi", "th"),
        ("detect_pii", None, "en"),
        ("detect_language", None, "en"),
    ],
)
def test_languages_are_refused_before_anything_is_sent(
    method: str, taken: str | None, refused: str, stub: Any
) -> None:
    said = {"documentSentiment": {}, "entities": [], "moderationCategories": []}
    stub.script([], default=Answer(json=said))
    with broker(stub) as client:
        raised(lambda: getattr(client.text, method)("x", language=refused), errors.Unsupported)
        assert stub.count == 0
        if taken is not None:
            getattr(client.text, method)("x", language=taken)
            sent: Any = stub.requests[0].json()
            assert sent["document"]["languageCode"] == taken


def test_key_phrases_are_not_made_of_entities(stub: Any) -> None:
    with broker(stub) as client:
        error = raised(lambda: client.text.key_phrases("x"), errors.Unsupported)
    assert "azure" in str(error)
    assert stub.count == 0


def test_an_answer_in_an_unsupported_language_is_paid_and_not_bought_elsewhere(stub: Any) -> None:
    said = {"documentSentiment": {}, "languageCode": "tlh", "languageSupported": False}
    stub.script([], default=Answer(json=said))
    with broker(stub) as client:
        error = raised(lambda: client.text.sentiment("nuqneH"), errors.Unsupported)
    assert error.billed is True
    assert stub.count == len(error.attempts) == 1
    assert error.cost.amount == Decimal("0.001")


def test_throttled_calls_are_repeated_after_the_pause(stub: Any, no_sleep: list[float]) -> None:
    pause = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.500s"}
    limit = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow", "details": [pause]}}
    stub.script([Answer(429, json=limit), Answer(json={"entities": []})])
    with broker(stub) as client:
        result = client.text.entities("x")
    assert stub.count == len(result.attempts) == 2
    assert sum(no_sleep) >= 1.5


def test_calls_side_by_side_do_not_mix(stub: Any) -> None:
    def echo(request: SeenRequest) -> Answer:
        asked: Any = request.json()
        content = asked["document"]["content"]
        return Answer(json={"entities": [{"name": content, "mentions": [{"text": {"content": content}}]}]})

    stub.script(echo)

    async def run() -> list[str]:
        settings = {"gcp": {"endpoint": stub.url}}
        async with AsyncBroker(provider="gcp", providers=settings) as client:
            results = await asyncio.gather(*(client.text.entities(f"name {number}") for number in range(32)))
        return [result.value.entities[0].text for result in results]

    assert asyncio.run(run()) == [f"name {number}" for number in range(32)]


def test_the_manifest_is_honest() -> None:
    specs = {spec.operation: spec for spec in MANIFEST.operations if spec.operation.startswith("text.")}
    assert len(specs) == 7
    for name, spec in specs.items():
        offered = name != "text.key_phrases"
        assert spec.unproven is offered
        assert bool(spec.reason) is not offered
        if offered:
            assert spec.limits is not None
            assert spec.limits.source
