"""Comprehend: labels, offsets, vocabularies, languages and limits; boto3 in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from adapter_support import raised
from aws_support import KEYS, TEXTS, adapter, checked, enum

from broker import Broker, errors
from broker.contract import TextLimits
from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub
from broker.types import (
    EntityRequest,
    Harm,
    KeyPhraseRequest,
    LanguageRequest,
    PiiRequest,
    Polarity,
    RedactRequest,
    SentimentRequest,
    TextModerationRequest,
)
from broker_aws import AwsAdapter, meanings
from broker_aws.comprehend import LANGUAGES, language_code

SENTIMENT = "Comprehend_20171127.DetectSentiment"
ENTITIES = "Comprehend_20171127.DetectEntities"
PHRASES = "Comprehend_20171127.DetectKeyPhrases"
LANGUAGE = "Comprehend_20171127.DetectDominantLanguage"
PII = "Comprehend_20171127.DetectPiiEntities"
TOXIC = "Comprehend_20171127.DetectToxicContent"


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


# ---------------------------------------------------------------------- sentiment

SCORES = {"Positive": 0.1, "Negative": 0.2, "Neutral": 0.3, "Mixed": 0.4}


@pytest.mark.parametrize(
    ("name", "label", "sure"),
    [
        ("POSITIVE", Polarity.POSITIVE, 0.1),
        ("NEGATIVE", Polarity.NEGATIVE, 0.2),
        ("NEUTRAL", Polarity.NEUTRAL, 0.3),
        ("MIXED", Polarity.MIXED, 0.4),
        ("AMBIVALENT", Polarity.OTHER, None),
    ],
)
def test_a_label_has_its_own_probability(
    name: str, label: Polarity, sure: float | None, aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(SENTIMENT, Answer(json={"Sentiment": name, "SentimentScore": SCORES}))
    found = aws.sentiment(SentimentRequest(text="So so.", language="en"), attempt()).payload.document
    assert (found.label, found.name, found.confidence.value) == (label, name, sure)
    seen = found.probabilities
    assert seen is not None
    assert (seen.positive, seen.negative, seen.neutral, seen.mixed) == (0.1, 0.2, 0.3, 0.4)
    assert (found.score, found.magnitude, found.derived) == (None, None, False)


def test_missing_probabilities_are_unknown(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    request = SentimentRequest(text="So so.", language="en")
    stub.on(SENTIMENT, Answer(json={"Sentiment": "MIXED", "SentimentScore": {"Positive": 0.5}}))
    found = aws.sentiment(request, attempt()).payload.document
    assert found.confidence.value is None
    assert found.probabilities is not None
    assert (found.probabilities.positive, found.probabilities.mixed) == (0.5, None)
    stub.on(SENTIMENT, Answer(json={"Sentiment": "MIXED"}))
    found = aws.sentiment(request, attempt()).payload.document
    assert (found.confidence.value, found.probabilities) == (None, None)


@pytest.mark.parametrize(
    "said",
    [
        {"Sentiment": None, "SentimentScore": SCORES},
        {"SentimentScore": SCORES},
        {"Sentiment": "MIXED", "SentimentScore": [0.1]},
        {"Sentiment": "MIXED", "SentimentScore": {"Mixed": "much"}},
    ],
)
def test_a_sentiment_in_part_is_malformed(
    said: dict[str, Any], aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(SENTIMENT, Answer(json=said))
    request = SentimentRequest(text="So so.", language="en")
    raised(lambda: aws.sentiment(request, attempt()), errors.MalformedReply)


# ---------------------------------------------------------------------- vocabularies


@pytest.mark.parametrize(
    ("shape", "mapped"),
    [
        ("SentimentType", meanings.SENTIMENTS),
        ("EntityType", meanings.ENTITIES),
        ("PiiEntityType", meanings.PII),
        ("ToxicContentType", meanings.TOXICITY),
    ],
)
def test_every_value_that_the_model_knows_is_mapped(shape: str, mapped: dict[str, Any]) -> None:
    known = enum("comprehend", shape)
    assert known
    assert known == set(mapped)
    assert {name for name, kind in mapped.items() if kind.value == "other"} <= {"OTHER", "ALL"}


def test_every_language_that_the_model_knows_is_offered() -> None:
    assert set(LANGUAGES) == enum("comprehend", "LanguageCode")


def test_names_that_nobody_knows_yet_survive(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    span = {"Score": 0.5, "BeginOffset": 0, "EndOffset": 3}
    stub.on(ENTITIES, Answer(json={"Entities": [{"Type": "STARSHIP", "Text": "HMS", **span}]}))
    stub.on(PII, Answer(json={"Entities": [{"Type": "GENOME", **span}]}))
    stub.on(TOXIC, Answer(json={"ResultList": [{"Labels": [{"Name": "SPAM", "Score": 0.25}]}]}))
    (entity,) = aws.entities(EntityRequest(text="HMS x", language="en"), attempt()).payload.entities
    (find,) = aws.detect_pii(PiiRequest(text="HMS x", language="en"), attempt()).payload.entities
    (label,) = aws.moderate_text(TextModerationRequest(text="HMS x", language="en"), attempt()).payload.labels
    assert (entity.kind.value, entity.category) == ("other", "STARSHIP")
    assert (find.kind.value, find.category) == ("other", "GENOME")
    assert (label.harm, label.name, label.confidence.value) == (Harm.OTHER, "SPAM", 0.25)


# ---------------------------------------------------------------------- offsets

MIXED = "👩‍👩‍👧 Zoë met 田中さん in القاهرة, e\u0301tude №5."


def spans(*mentions: str) -> list[dict[str, Any]]:
    return [
        {
            "Type": "PERSON",
            "Text": each,
            "Score": 0.9,
            "BeginOffset": MIXED.index(each),
            "EndOffset": MIXED.index(each) + len(each),
        }
        for each in mentions
    ]


def test_offsets_are_code_points(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    said = spans("👩‍👩‍👧", "Zoë", "田中さん", "القاهرة", "e\u0301tude")
    stub.on(ENTITIES, Answer(json={"Entities": said}))
    stub.on(PHRASES, Answer(json={"KeyPhrases": said}))
    stub.on(PII, Answer(json={"Entities": [{**each, "Text": None} for each in said]}))
    found: list[Any] = [
        *aws.entities(EntityRequest(text=MIXED, language="en"), attempt()).payload.entities,
        *aws.key_phrases(KeyPhraseRequest(text=MIXED, language="en"), attempt()).payload.phrases,
        *aws.detect_pii(PiiRequest(text=MIXED, language="en"), attempt()).payload.entities,
    ]
    assert [each.text for each in found] == [each["Text"] for each in said] * 3
    for each in found:
        assert each.offset_ok is True
        assert MIXED[each.begin : each.end] == each.text
    assert checked(stub.requests[0])["Text"] == MIXED


def test_offsets_that_do_not_hold_are_flagged(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    in_utf16 = {"Type": "PERSON", "Text": "Zoë", "Score": 0.9, "BeginOffset": 9, "EndOffset": 12}
    beyond = {"Type": "PERSON", "Text": "Zoë", "Score": 0.9, "BeginOffset": 900, "EndOffset": 903}
    nowhere = {"Type": "PERSON", "Text": "Zoë", "Score": 0.9}
    stub.on(ENTITIES, Answer(json={"Entities": [in_utf16, beyond, nowhere]}))
    found = aws.entities(EntityRequest(text=MIXED, language="en"), attempt()).payload.entities
    assert [(each.text, each.begin, each.offset_ok) for each in found] == [
        ("Zoë", 9, False),
        ("Zoë", 900, False),
        ("Zoë", None, None),
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"Type": "NAME", "Score": 0.9},
        {"Type": "NAME", "BeginOffset": 0},
        {"Type": "NAME", "BeginOffset": "0", "EndOffset": 3},
        {"Type": "NAME", "BeginOffset": True, "EndOffset": 3},
        {"Type": "NAME", "BeginOffset": 0.5, "EndOffset": 3},
        {"BeginOffset": 0, "EndOffset": 3},
        {"Type": "NAME", "BeginOffset": 0, "EndOffset": 3, "Score": "sure"},
    ],
)
def test_a_find_in_part_is_malformed(
    said: dict[str, Any], aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(PII, Answer(json={"Entities": [said]}))
    raised(
        lambda: aws.detect_pii(PiiRequest(text="Zoë met her.", language="en"), attempt()),
        errors.MalformedReply,
    )
    raised(
        lambda: aws.redact(RedactRequest(text="Zoë met her.", language="en"), attempt()),
        errors.MalformedReply,
    )


# ---------------------------------------------------------------------- redaction


def find(kind: str, mention: str, score: float) -> dict[str, Any]:
    begin = MIXED.index(mention)
    return {"Type": kind, "Score": score, "BeginOffset": begin, "EndOffset": begin + len(mention)}


def test_finds_are_masked_where_they_stand(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    said = [find("NAME", "Zoë", 0.99), find("ADDRESS", "القاهرة", 0.6), find("NAME", "田中", 0.3)]
    stub.on(PII, Answer(json={"Entities": said}))
    whole = aws.redact(RedactRequest(text=MIXED, language="en"), attempt()).payload
    assert whole.text == "👩‍👩‍👧 *** met **さん in *******, e\u0301tude №5."
    request = RedactRequest(text=MIXED, language="en", mask="kind", min_confidence=0.5)  # type: ignore[arg-type]
    sure = aws.redact(request, attempt()).payload
    assert sure.text == "👩‍👩‍👧 [PERSON] met 田中さん in [ADDRESS], e\u0301tude №5."
    assert [each.category for each in sure.entities] == ["NAME", "ADDRESS"]
    assert sure.vendor_text is None


def test_a_find_that_cannot_be_masked_leaves_nothing_unmasked(
    aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    beyond = {"Type": "NAME", "Score": 0.9, "BeginOffset": 900, "EndOffset": 903}
    stub.on(PII, Answer(json={"Entities": [find("NAME", "Zoë", 0.9), beyond]}))
    error = raised(
        lambda: aws.redact(RedactRequest(text=MIXED, language="en"), attempt()), errors.MalformedReply
    )
    assert "cannot be masked" in str(error)
    assert "Zoë" not in str(error)
    assert error.billed is True


# ---------------------------------------------------------------------- toxicity


def test_kinds_of_toxicity_and_the_score_of_the_whole(
    aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    labels = [{"Name": name, "Score": 0.125} for name in sorted(meanings.TOXICITY)]
    stub.on(TOXIC, Answer(json={"ResultList": [{"Labels": labels, "Toxicity": 0.75}]}))
    reply = aws.moderate_text(TextModerationRequest(text="You fool.", language="en", raw=True), attempt())
    assert [(each.harm.value, each.name) for each in reply.payload.labels] == [
        ("shocking", "GRAPHIC"),
        ("harassment", "HARASSMENT_OR_ABUSE"),
        ("hate", "HATE_SPEECH"),
        ("harassment", "INSULT"),
        ("profanity", "PROFANITY"),
        ("sexual", "SEXUAL"),
        ("violence", "VIOLENCE_OR_THREAT"),
        ("toxic", "Toxicity"),
    ]
    assert [each.confidence.value for each in reply.payload.labels] == [0.125] * 7 + [0.75]
    assert reply.raw == {"ResultList": [{"Labels": labels, "Toxicity": 0.75}]}
    assert checked(stub.requests[0]) == {"TextSegments": [{"Text": "You fool."}], "LanguageCode": "en"}


@pytest.mark.parametrize("results", [[], [{"Labels": []}, {"Labels": []}], [{"Toxicity": 0.5}], [None]])
def test_another_number_of_results_than_of_segments_is_malformed(
    results: list[Any], aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(TOXIC, Answer(json={"ResultList": results}))
    request = TextModerationRequest(text="You fool.", language="en")
    error = raised(lambda: aws.moderate_text(request, attempt()), errors.MalformedReply)
    assert error.billed is True


# ---------------------------------------------------------------------- languages


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        ("PT-br", "pt"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh-Hans", "zh"),
        ("zh-Hans-HK", "zh"),
        ("zh-TW", "zh-TW"),
        ("zh-Hant", "zh-TW"),
        ("zh-hant-cn", "zh-TW"),
        ("zh-HK", "zh-TW"),
        ("zh-MO", "zh-TW"),
    ],
)
def test_language_tags_become_the_vendors_codes(tag: str, code: str) -> None:
    assert language_code(tag) == code
    assert code in LANGUAGES


def test_the_vendors_codes_for_found_languages_are_tags(
    aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    said = [{"LanguageCode": "zh-TW", "Score": 0.75}, {"LanguageCode": "ceb", "Score": 0.125}]
    stub.on(LANGUAGE, Answer(json={"Languages": said}))
    found = aws.detect_language(LanguageRequest(text="這是一個測試"), attempt()).payload
    assert [(each.language, each.code, each.confidence.value) for each in found.languages] == [
        ("zh-TW", "zh-TW", 0.75),
        ("ceb", "ceb", 0.125),
    ]


@pytest.mark.parametrize(
    ("method", "offered"),
    [
        ("sentiment", LANGUAGES),
        ("entities", LANGUAGES),
        ("key_phrases", LANGUAGES),
        ("detect_pii", ("en", "es")),
        ("redact", ("en", "es")),
        ("moderate", ("en",)),
    ],
)
def test_a_language_is_needed_and_must_be_one_of_those(
    method: str, offered: tuple[str, ...], stub: VendorStub
) -> None:
    section = {"endpoint": stub.url, "region": "us-east-1", **KEYS}
    with Broker(provider="aws", providers={"aws": section}) as broker:
        ask = getattr(broker.text, method)
        with pytest.raises(errors.BadInput, match="must be told the language"):
            ask("Nothing much.")
        for tag in ("nl", *(set(LANGUAGES) - set(offered) - {"zh-TW"})):
            with pytest.raises(errors.Unsupported, match="is not offered"):
                ask("Nothing much.", language=tag)
    assert stub.count == 0


# ---------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        ("text.sentiment", 5_000),
        ("text.entities", 100_000),
        ("text.key_phrases", 100_000),
        ("text.detect_language", 100_000),
        ("text.detect_pii", 100_000),
        ("text.redact", 100_000),
        ("text.moderate", 1_000),
    ],
)
def test_limits_count_bytes(operation: str, size: int, aws: AwsAdapter) -> None:
    limits = aws.manifest.spec(operation).limits
    assert isinstance(limits, TextLimits)
    assert limits.fits("é" * (size // 2))
    assert not limits.fits("é" * (size // 2) + "e")
    assert limits.cut


def test_a_long_text_is_cut_into_requests_that_are_each_billed(stub: VendorStub) -> None:
    """700 characters of 3 bytes each: three segments of toxicity, each with its own charge."""

    def answer(seen: SeenRequest) -> Answer:
        (segment,) = checked(seen)["TextSegments"]
        assert len(segment["Text"].encode()) <= 1_000
        score = 0.9 if "馬鹿" in segment["Text"] else 0.1
        return Answer(json={"ResultList": [{"Labels": [{"Name": "INSULT", "Score": score}]}]})

    stub.on(TOXIC, answer)
    text = "今日は天気。" * 40 + "馬鹿だ。" + "今日は天気。" * 76
    section = {"endpoint": stub.url, "region": "us-east-1", **KEYS}
    with Broker(provider="aws", providers={"aws": section}) as broker:
        result = broker.text.moderate(text, language="en")
    assert stub.count == len(result.attempts) == 3
    sent = [checked(seen)["TextSegments"][0]["Text"] for seen in stub.requests]
    assert "".join(sent) == text
    assert result.value.aggregated
    assert [(each.name, each.confidence.value) for each in result.value.labels] == [("INSULT", 0.9)]


def test_offsets_in_a_long_text_are_those_of_the_whole(stub: VendorStub) -> None:
    def answer(seen: SeenRequest) -> Answer:
        text = checked(seen)["Text"]
        places = [place for place in range(len(text)) if text.startswith("Zoë", place)]
        said = [
            {"Type": "PERSON", "Text": "Zoë", "Score": 0.9, "BeginOffset": place, "EndOffset": place + 3}
            for place in places
        ]
        return Answer(json={"Entities": said})

    stub.on(ENTITIES, answer)
    text = "👩‍👩‍👧 met Zoë at noon. " * 4_000
    section = {"endpoint": stub.url, "region": "us-east-1", **KEYS}
    with Broker(provider="aws", providers={"aws": section}) as broker:
        result = broker.text.entities(text, language="en", deadline=60)
    assert stub.count == 2
    assert len(result.value.entities) == 4_000
    for each in result.value.entities:
        assert text[each.begin : each.end] == "Zoë"


def test_the_cells_of_texts_have_no_vendor_only_options(aws: AwsAdapter) -> None:
    assert len(TEXTS) == 7
    for name, spec in aws.manifest.by_name.items():
        if name.startswith("text."):
            assert spec.extensions == ()
