"""Azure Language through Microsoft's SDK, against a loopback service: what is sent and what is read."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from adapter_support import CANARY, raised
from azure_text_support import (
    DOCUMENTS,
    KINDS,
    METHODS,
    ROUTE,
    SCORES,
    SENTENCE,
    answer,
    ask,
    batch,
    failed,
    find,
)

from broker import errors
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker.types import (
    EntityKind,
    PiiKind,
    Polarity,
    UsageSource,
)
from broker_azure import AzureAdapter, AzureSettings

pytest.importorskip("azure.ai.textanalytics", reason="needs the azure extra")


@pytest.fixture
def azure(stub: VendorStub) -> Iterator[AzureAdapter]:
    adapter = AzureAdapter(AzureSettings(endpoint=f"{stub.url}/", key=CANARY))  # type: ignore[arg-type]
    yield adapter
    adapter.close()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_sent(method: str, azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, answer(DOCUMENTS[method]))
    reply = getattr(azure, method)(ask(method), attempt())
    assert reply.request_id
    assert (reply.model_version, reply.raw, reply.usage) == ("2022-11-01", None, ())
    (seen,) = stub.requests
    assert (seen.method, seen.params) == ("POST", {"api-version": "2023-04-01", "showStats": "true"})
    assert seen.headers["ocp-apim-subscription-key"] == CANARY
    assert "authorization" not in seen.headers
    assert seen.headers["user-agent"].startswith("mlbroker azsdk-python-ai-textanalytics/5.")
    sent = seen.json()
    hint = {"countryHint": ""} if method == "detect_language" else {"language": "en"}
    assert sent["kind"] == KINDS[method]
    assert sent["analysisInput"] == {"documents": [{"id": "0", "text": "Hi", **hint}]}
    offsets = method not in ("key_phrases", "detect_language")
    expected = {"loggingOptOut": True} | ({"stringIndexType": "UnicodeCodePoint"} if offsets else {})
    assert sent["parameters"] == expected


@pytest.mark.parametrize(
    "text",
    ["👩🏽‍🚀 ok", "שלום עולם", "نص", "漢字かな", "e\u0301\u0323", "\u2028\u0000\ufeff.", "\U0001d518'\"\\"],
)
def test_a_text_arrives_as_it_was(text: str, azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, answer({"keyPhrases": []}))
    azure.key_phrases(ask("key_phrases", text), attempt())
    assert stub.requests[0].json()["analysisInput"]["documents"][0]["text"] == text


@pytest.mark.parametrize(
    ("method", "name", "value", "member", "sent"),
    [
        ("sentiment", "azure_opinion_mining", True, "opinionMining", True),
        ("sentiment", "azure_opinion_mining", False, "opinionMining", False),
        ("detect_pii", "azure_domain", "phi", "domain", "phi"),
        ("redact", "azure_domain", "phi", "domain", "phi"),
        ("detect_pii", "azure_pii_categories", ["Person", "Person", "ESDNI"], "piiCategories", ["Person", "ESDNI"]),
        *[(method, "azure_model_version", "2022-11-01", "modelVersion", "2022-11-01") for method in METHODS],
        *[(method, "azure_disable_service_logs", False, "loggingOptOut", False) for method in METHODS],
    ],
)  # fmt: skip
def test_extensions(
    method: str, name: str, value: Any, member: str, sent: Any, azure: Any, stub: Any, attempt: Any
) -> None:
    stub.on(ROUTE, answer(DOCUMENTS[method]))
    assert name in azure.manifest.spec(f"text.{method}").extensions
    getattr(azure, method)(ask(method, extensions={name: value}), attempt())
    several = batch(method, "Hi", extensions={name: value})
    getattr(azure, f"{method}_batch")(several, attempt())
    for seen in stub.requests:
        assert seen.json()["parameters"][member] == sent


@pytest.mark.parametrize(
    ("method", "name", "value"),
    [
        ("sentiment", "azure_opinion_mining", "yes"),
        ("sentiment", "azure_model_version", "newest"),
        ("sentiment", "azure_model_version", 2022),
        ("entities", "azure_disable_service_logs", 1),
        ("redact", "azure_domain", "PHI"),
        ("redact", "azure_domain", True),
        ("detect_pii", "azure_pii_categories", []),
        ("detect_pii", "azure_pii_categories", "Person"),
        ("detect_pii", "azure_pii_categories", ["Person", 1]),
        ("detect_pii", "azure_pii_categories", ["Person&"]),
    ],
)
def test_wrong_extensions(method: str, name: str, value: Any, azure: Any, stub: Any, attempt: Any) -> None:
    error = raised(
        lambda: getattr(azure, method)(ask(method, extensions={name: value}), attempt()), errors.BadInput
    )
    assert name in str(error)
    assert stub.count == 0


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        ("de-AT", "de"),
        ("pt-BR", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("pt", "pt-PT"),
        ("pt-AO", "pt-PT"),
        ("nb", "no"),
        ("nb-NO", "no"),
        ("no", "no"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("zh-Hans-HK", "zh-Hans"),
        ("sr-Latn", "sr"),
        ("fil", "fil"),
    ],
)
def test_languages(given: str, sent: str, azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, answer(DOCUMENTS["sentiment"]))
    azure.sentiment(ask("sentiment", language=given), attempt())
    assert stub.requests[0].json()["analysisInput"]["documents"][0]["language"] == sent


def test_the_language_is_never_left_to_the_sdk(azure: Any, stub: Any, attempt: Any) -> None:
    """The SDK would say "en", and the service would believe it."""
    for method in METHODS:
        if method != "detect_language":
            assert azure.manifest.spec(f"text.{method}").needs_language
            raised(
                lambda method=method: getattr(azure, method)(ask(method, language=None), attempt()),
                errors.BadInput,
            )
    assert stub.count == 0


@pytest.mark.parametrize(("country", "sent"), [(None, ""), ("de", "DE"), ("FR", "FR")])
def test_the_country_is_a_hint_only_if_given(
    country: Any, sent: str, azure: Any, stub: Any, attempt: Any
) -> None:
    stub.on(ROUTE, answer(DOCUMENTS["detect_language"]))
    azure.detect_language(ask("detect_language", country=country), attempt())
    assert stub.requests[0].json()["analysisInput"]["documents"][0]["countryHint"] == sent


@pytest.mark.parametrize("country", ["", "none", "DEU", "D1", 7])
def test_wrong_countries(country: Any, azure: Any, stub: Any, attempt: Any) -> None:
    error = raised(
        lambda: azure.detect_language(ask("detect_language", country=country), attempt()), errors.BadInput
    )
    assert "country" in str(error)
    assert stub.count == 0


# ---------------------------------------------------------------------- what is read


def test_sentiments(azure: Any, stub: Any, attempt: Any) -> None:
    document = {
        "sentiment": "mixed",
        "confidenceScores": SCORES,
        "sentences": [
            SENTENCE,
            {**SENTENCE, "sentiment": "ambivalent", "offset": 2, "length": 4, "text": " yo."},
        ],
    }
    stub.on(ROUTE, answer(document))
    reply = azure.sentiment(ask("sentiment", "Hi yo.", raw=True), attempt())
    whole, sentences = reply.payload.document, reply.payload.sentences
    assert (whole.label, whole.name, whole.confidence.value, whole.score) == (
        Polarity.MIXED,
        "mixed",
        None,
        None,
    )
    assert (whole.probabilities.positive, whole.probabilities.mixed) == (0.7, None)
    assert [each.sentiment.label for each in sentences] == [Polarity.POSITIVE, Polarity.OTHER]
    assert [each.sentiment.confidence.value for each in sentences] == [0.7, None]
    assert sentences[1].sentiment.name == "ambivalent"
    assert [(each.begin, each.end, each.offset_ok) for each in sentences] == [(0, 2, True), (2, 6, True)]
    assert reply.raw["results"]["documents"][0]["sentences"] == document["sentences"]


def test_opinions_are_in_the_raw_answer(azure: Any, stub: Any, attempt: Any) -> None:
    opinions = {"targets": [{"text": "Hi"}], "assessments": []}
    stub.on(ROUTE, answer({**DOCUMENTS["sentiment"], "sentences": [{**SENTENCE, **opinions}]}))
    request = ask("sentiment", raw=True, extensions={"azure_opinion_mining": True})
    reply = azure.sentiment(request, attempt())
    assert reply.raw["results"]["documents"][0]["sentences"][0]["targets"] == [{"text": "Hi"}]


def test_entities(azure: Any, stub: Any, attempt: Any) -> None:
    def entity(category: Any, **more: Any) -> dict[str, Any]:
        return {"text": "Hi", "category": category, "offset": 0, "length": 2, "confidenceScore": 1, **more}

    stub.on(
        ROUTE,
        answer(
            {
                "entities": [
                    entity("Quantity", subcategory="Currency"),
                    entity("Quantity", subcategory="Number"),
                    entity("Comet"),
                    entity("Location", type="City", tags=[{"name": "GPE"}]),
                    entity("Person", confidenceScore=None),
                    entity("Person", offset=1),
                    entity("Person", offset=7, length=9),
                ],
                "detectedLanguage": {"name": "Chinese", "iso6391Name": "zh_cht", "confidenceScore": 1},
            }
        ),
    )
    found = azure.entities(ask("entities"), attempt()).payload
    assert found.language == "zh-Hant"
    assert [(each.kind, each.category, each.subcategory) for each in found.entities[:4]] == [
        (EntityKind.QUANTITY, "Quantity", "Currency"),
        (EntityKind.NUMBER, "Quantity", "Number"),
        (EntityKind.OTHER, "Comet", None),
        (EntityKind.LOCATION, "Location", "City"),
    ]
    assert [each.confidence.value for each in found.entities[3:5]] == [1.0, None]
    assert [each.offset_ok for each in found.entities] == [True] * 5 + [False] * 2


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("en", "en"),
        ("zh_chs", "zh-Hans"),
        ("zh_cht", "zh-Hant"),
        ("(Unknown)", "und"),
        ("unknown", "und"),
        ("mww", "mww"),
        ("sr_latn", "sr-latn"),
    ],
)
def test_detected_languages(code: str, tag: str, azure: Any, stub: Any, attempt: Any) -> None:
    said = {"name": "Some", "iso6391Name": code, "confidenceScore": 0.0, "script": "Latin"}
    stub.on(ROUTE, answer({"detectedLanguage": said}))
    best = azure.detect_language(ask("detect_language"), attempt()).payload.best
    assert (best.language, best.code, best.name, best.confidence.value) == (tag, code, "Some", 0.0)
    assert best.script == "Latn"


@pytest.mark.parametrize(
    ("said", "script"),
    [({}, None), ({"scriptIso15924Code": "Cyrl"}, "Cyrl"), ({"scriptCode": "Arab"}, "Arab"), ({"script": "Runes"}, None)],
)  # fmt: skip
def test_scripts(said: Any, script: Any, azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, answer({"detectedLanguage": {"iso6391Name": "sr", "name": "S", **said}}))
    assert azure.detect_language(ask("detect_language"), attempt()).payload.best.script == script


def test_key_phrases_have_neither_place_nor_confidence(azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, answer({"keyPhrases": ["Hi", "Hi there"]}), answer({"keyPhrases": []}))
    found = azure.key_phrases(ask("key_phrases"), attempt()).payload.phrases
    assert [each.text for each in found] == ["Hi", "Hi there"]
    assert {(each.begin, each.end, each.offset_ok, each.confidence.raw) for each in found} == {
        (None, None, None, None)
    }
    assert azure.key_phrases(ask("key_phrases"), attempt()).payload.phrases == ()


def test_redaction(azure: Any, stub: Any, attempt: Any) -> None:
    text = "Ann 😀 ann@x.io"
    finds = [find("Person", 0, 3, "Ann", 0.4), find("Email", 6, 8, "ann@x.io"), find("Person", 6, 3, "ann")]
    stub.on(ROUTE, answer({"redactedText": "### 😀 ########", "entities": finds}))
    seen = azure.redact(ask("redact", text, mask="kind"), attempt()).payload
    assert (seen.text, seen.vendor_text) == ("[PERSON] 😀 [EMAIL]", "### 😀 ########")
    seen = azure.redact(ask("redact", text, min_confidence=0.5), attempt()).payload
    assert seen.text == "Ann 😀 ********"
    assert [each.kind for each in seen.entities] == [PiiKind.EMAIL, PiiKind.PERSON]
    # What stands at the offsets is not what the service says it is: masking there would leave the name to be read.
    stub.on(ROUTE, answer({"redactedText": "***", "entities": [find("Person", 1, 3, "Ann")]}))
    raised(lambda: azure.redact(ask("redact", text), attempt()), errors.MalformedReply)
    stub.on(ROUTE, answer({"entities": []}))
    assert azure.redact(ask("redact", text), attempt()).payload.vendor_text is None


def test_what_the_service_counted_is_reported(azure: Any, stub: Any, attempt: Any) -> None:
    def counted(**statistics: Any) -> Any:
        stub.on(ROUTE, answer({**DOCUMENTS["sentiment"], "statistics": statistics}))
        return azure.sentiment(ask("sentiment"), attempt()).usage

    (use,) = counted(charactersCount=1001, transactionsCount=2)
    assert (use.sku, use.quantity, use.source) == (
        "azure.language.text_records",
        Decimal(1001),
        UsageSource.REPORTED,
    )
    (use,) = counted(charactersCount=51, transactionsCount=2)  # more records than its characters make
    assert use.quantity == 2000
    (use,) = counted(transactionsCount=1)
    assert use.quantity == 1000
    for unbelievable in (
        {},
        {"transactionsCount": 0},
        {"transactionsCount": "1"},
        {"transactionsCount": True},
    ):
        assert counted(**unbelievable) == ()


def test_an_answer_of_api_3_is_read_too(azure: Any, stub: Any, attempt: Any) -> None:
    stub.on(ROUTE, answer(DOCUMENTS["entities"])["results"])
    assert len(azure.entities(ask("entities"), attempt()).payload.entities) == 1


def document(method: str, **changes: Any) -> Answer:
    """An answer whose document has other members; None leaves one out."""
    changed = {**DOCUMENTS[method], **changes}
    return Answer(json=answer({name: value for name, value in changed.items() if value is not None}))


MALFORMED = [
    *[(method, answer_) for method in METHODS for answer_ in (
        Answer(json={}),
        Answer(json=[]),
        Answer(json={"results": None}),
        Answer(json={"results": []}),
        Answer(json={"results": {"errors": []}}),
        Answer(json={"results": {"documents": {}}}),
        Answer(json={"results": {"documents": ["0"]}}),
        Answer(json={"results": {"documents": [{**DOCUMENTS[method]}]}}),
        Answer(json={"results": {"documents": [{"id": 0, **DOCUMENTS[method]}]}}),
        Answer(json=answer()),
        Answer(json=answer({})),
        Answer(json=answer(DOCUMENTS[method], {"id": "0", **DOCUMENTS[method]})),
        Answer(json=answer(errors=[failed("0", None)])),
        Answer(json=answer(errors=[{"id": "0"}])),
        Answer(json={"error": {"code": "InvalidRequest"}}),
        Answer(202, json=answer(DOCUMENTS[method])),
        Answer(206, json=answer(DOCUMENTS[method])),
        Fault.html(),
        Fault.empty(),
        Fault.truncated(),
    )],
    ("sentiment", document("sentiment", sentiment=None)),
    ("sentiment", document("sentiment", sentiment=1)),
    ("sentiment", document("sentiment", confidenceScores=None)),
    ("sentiment", document("sentiment", confidenceScores={"positive": 1.0})),
    ("sentiment", document("sentiment", confidenceScores={**SCORES, "neutral": "high"})),
    ("sentiment", document("sentiment", sentences=None)),
    ("sentiment", document("sentiment", sentences=[{**SENTENCE, "offset": None}])),
    ("sentiment", document("sentiment", sentences=[{**SENTENCE, "offset": True}])),
    ("entities", document("entities", entities=None)),
    ("entities", document("entities", entities=[{"text": "Hi", "offset": 0, "length": 2}])),
    ("entities", document("entities", entities=[{"text": "Hi", "category": "Person", "offset": 0}])),
    ("entities", document("entities", entities=[{"text": "Hi", "category": "Person", "offset": 0.0, "length": 2}])),
    ("entities", document("entities", entities=["Hi"])),
    ("key_phrases", document("key_phrases", keyPhrases=None)),
    ("key_phrases", document("key_phrases", keyPhrases=[1])),
    ("key_phrases", document("key_phrases", keyPhrases=[""])),
    ("detect_language", document("detect_language", detectedLanguage=None)),
    ("detect_language", document("detect_language", detectedLanguage={"name": "English"})),
    ("detect_language", document("detect_language", detectedLanguage="en")),
    ("detect_pii", document("detect_pii", entities=None)),
    ("redact", document("redact", redactedText=1)),
]  # fmt: skip


@pytest.mark.parametrize(("method", "said"), MALFORMED, ids=str)
def test_unusable_answers_are_malformed_never_empty(
    method: str, said: Any, azure: Any, stub: Any, attempt: Any
) -> None:
    stub.on(ROUTE, said)
    error = raised(lambda: getattr(azure, method)(ask(method), attempt()), errors.MalformedReply)
    assert error.billed is not False
    assert stub.count == 1
