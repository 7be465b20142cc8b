"""What Comprehend says of a text, in the common vocabularies, with its own names beside them.

Offsets are counted in code points: "the offset returns the position of each UTF-8 code point in the string" (``Entity``
and ``KeyPhrase`` in the API reference's earlier editions, as in docs.aws.amazon.com/goto/SdkForRubyV2; the present one
says "character"). Where a mention's text comes with them, it is checked.

Sources: the service model ``comprehend/2017-11-27`` of botocore; docs.aws.amazon.com/comprehend/latest/dg/how-pii.html,
how-entities.html and trust-safety.html.
"""

from __future__ import annotations

from typing import Any

from broker.contract import given, needed
from broker.types import (
    Confidence,
    DetectedLanguage,
    DocumentSentiment,
    Entity,
    EntityKind,
    EntitySet,
    Harm,
    KeyPhrase,
    KeyPhraseSet,
    LanguageSet,
    ModerationLabel,
    ModerationSet,
    PiiEntity,
    PiiKind,
    PiiSet,
    Polarity,
    Probabilities,
    Sentiment,
    located,
)

SENTIMENTS = {
    "POSITIVE": Polarity.POSITIVE,
    "NEGATIVE": Polarity.NEGATIVE,
    "NEUTRAL": Polarity.NEUTRAL,
    "MIXED": Polarity.MIXED,
}
ENTITIES = {
    "PERSON": EntityKind.PERSON,
    "LOCATION": EntityKind.LOCATION,
    "ORGANIZATION": EntityKind.ORGANIZATION,
    "COMMERCIAL_ITEM": EntityKind.PRODUCT,
    "EVENT": EntityKind.EVENT,
    "DATE": EntityKind.DATE_TIME,
    "QUANTITY": EntityKind.QUANTITY,
    "TITLE": EntityKind.WORK,
    "OTHER": EntityKind.OTHER,
}
PII = {
    "NAME": PiiKind.PERSON,
    "EMAIL": PiiKind.EMAIL,
    "PHONE": PiiKind.PHONE,
    "ADDRESS": PiiKind.ADDRESS,
    "DATE_TIME": PiiKind.DATE,
    "AGE": PiiKind.AGE,
    "URL": PiiKind.URL,
    "IP_ADDRESS": PiiKind.IP_ADDRESS,
    "MAC_ADDRESS": PiiKind.MAC_ADDRESS,
    "USERNAME": PiiKind.USERNAME,
    "PASSWORD": PiiKind.PASSWORD,
    "AWS_ACCESS_KEY": PiiKind.CREDENTIAL,
    "AWS_SECRET_KEY": PiiKind.CREDENTIAL,
    "CREDIT_DEBIT_NUMBER": PiiKind.CREDIT_CARD,
    "CREDIT_DEBIT_CVV": PiiKind.CARD_DETAIL,
    "CREDIT_DEBIT_EXPIRY": PiiKind.CARD_DETAIL,
    "PIN": PiiKind.CARD_DETAIL,
    "BANK_ACCOUNT_NUMBER": PiiKind.BANK_ACCOUNT,
    "BANK_ROUTING": PiiKind.BANK_ACCOUNT,
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER": PiiKind.BANK_ACCOUNT,
    "SWIFT_CODE": PiiKind.BANK_ACCOUNT,
    "SSN": PiiKind.NATIONAL_ID,
    "UK_NATIONAL_INSURANCE_NUMBER": PiiKind.NATIONAL_ID,
    "CA_SOCIAL_INSURANCE_NUMBER": PiiKind.NATIONAL_ID,
    "IN_AADHAAR": PiiKind.NATIONAL_ID,
    "IN_VOTER_NUMBER": PiiKind.NATIONAL_ID,
    "IN_NREGA": PiiKind.NATIONAL_ID,
    "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER": PiiKind.TAX_ID,
    "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER": PiiKind.TAX_ID,
    "IN_PERMANENT_ACCOUNT_NUMBER": PiiKind.TAX_ID,
    "PASSPORT_NUMBER": PiiKind.PASSPORT,
    "DRIVER_ID": PiiKind.DRIVING_LICENCE,
    "LICENSE_PLATE": PiiKind.VEHICLE_ID,
    "VEHICLE_IDENTIFICATION_NUMBER": PiiKind.VEHICLE_ID,
    "UK_NATIONAL_HEALTH_SERVICE_NUMBER": PiiKind.HEALTH_ID,
    "CA_HEALTH_NUMBER": PiiKind.HEALTH_ID,
    "ALL": PiiKind.OTHER,  # a wish of a request rather than a find, but the model lists it
}
TOXICITY = {
    "GRAPHIC": Harm.SHOCKING,
    "HARASSMENT_OR_ABUSE": Harm.HARASSMENT,
    "HATE_SPEECH": Harm.HATE,
    "INSULT": Harm.HARASSMENT,
    "PROFANITY": Harm.PROFANITY,
    "SEXUAL": Harm.SEXUAL,
    "VIOLENCE_OR_THREAT": Harm.VIOLENCE,
}
_OVERALL = "Toxicity"


def sentiment_of(body: Any, text: str) -> DocumentSentiment:  # noqa: ARG001 - read like the others
    """The whole text's sentiment; Comprehend judges no sentences. ``MIXED`` is kept."""
    name = needed(body, "Sentiment", str)
    scores: dict[str, Any] | None = given(body, "SentimentScore", dict)
    probabilities, sure = None, Confidence.unknown()
    if scores is not None:
        # Comprehend's probabilities are 32-bit: a little above 1 is cut, and anything else is no probability.
        read = {each: Confidence.ratio(scores.get(each.title())) for each in _LABELS}
        probabilities = Probabilities(**{each: read[each].value for each in _LABELS})
        sure = read.get(name.lower(), sure)
    return DocumentSentiment(
        document=Sentiment(
            label=SENTIMENTS.get(name, Polarity.OTHER),
            name=name,
            confidence=sure,
            probabilities=probabilities,
        ),
        language=given(body, "LanguageCode", str),
    )


_LABELS = ("positive", "negative", "neutral", "mixed")


def entities_of(body: Any, text: str) -> EntitySet:
    """All mentions."""
    items: list[Any] = needed(body, "Entities", list)
    return EntitySet(
        entities=tuple(_entity(each, text) for each in items), language=given(body, "LanguageCode", str)
    )


def _entity(item: Any, text: str) -> Entity:
    category = needed(item, "Type", str)
    kind = ENTITIES.get(category, EntityKind.OTHER)
    sure = Confidence.ratio(item.get("Score"))
    mention, begin, end, holds = _span(item, text)
    return Entity(
        text=mention, begin=begin, end=end, offset_ok=holds, kind=kind, category=category, confidence=sure
    )


def phrases_of(body: Any, text: str) -> KeyPhraseSet:
    """All key phrases."""
    items: list[Any] = needed(body, "KeyPhrases", list)
    return KeyPhraseSet(
        phrases=tuple(_phrase(each, text) for each in items), language=given(body, "LanguageCode", str)
    )


def _phrase(item: Any, text: str) -> KeyPhrase:
    mention, begin, end, holds = _span(item, text)
    return KeyPhrase(
        text=mention, begin=begin, end=end, offset_ok=holds, confidence=Confidence.ratio(item.get("Score"))
    )


def languages_of(body: Any, text: str) -> LanguageSet:  # noqa: ARG001 - read like the others
    """All candidates; the codes are BCP-47 tags (RFC 5646) already."""
    items: list[Any] = needed(body, "Languages", list)
    return LanguageSet(languages=tuple(_candidate(each) for each in items))


def _candidate(item: Any) -> DetectedLanguage:
    code = needed(item, "LanguageCode", str)
    return DetectedLanguage(language=code, code=code, confidence=Confidence.ratio(item.get("Score")))


def pii_of(body: Any, text: str) -> PiiSet:
    """All finds; Comprehend gives places and no text, so the text is what stands there."""
    items: list[Any] = needed(body, "Entities", list)
    return PiiSet(entities=tuple(_find(each, text) for each in items))


def _find(item: Any, text: str) -> PiiEntity:
    category = needed(item, "Type", str)
    mention, begin, end, holds = located(
        text, None, needed(item, "BeginOffset", int), needed(item, "EndOffset", int)
    )
    return PiiEntity(
        text=mention,
        begin=begin,
        end=end,
        offset_ok=holds,
        kind=PII.get(category, PiiKind.OTHER),
        category=category,
        confidence=Confidence.ratio(item.get("Score")),
    )


def toxicity_of(body: Any, text: str) -> ModerationSet:  # noqa: ARG001 - read like the others
    """All kinds with their scores, and the score of the whole as a label of its own at the end."""
    items: list[Any] = needed(body, "Labels", list)
    labels = [_toxic(needed(each, "Name", str), each.get("Score")) for each in items]
    overall = given(body, _OVERALL, float)
    if overall is not None:
        labels.append(ModerationLabel(harm=Harm.TOXIC, name=_OVERALL, confidence=Confidence.ratio(overall)))
    return ModerationSet(labels=tuple(labels))


def _toxic(name: str, score: Any) -> ModerationLabel:
    return ModerationLabel(harm=TOXICITY.get(name, Harm.OTHER), name=name, confidence=Confidence.ratio(score))


def _span(item: Any, text: str) -> tuple[str, int | None, int | None, bool | None]:
    """A mention and its place. Raises ValueError where there is neither text nor place."""
    mention = given(item, "Text", str)
    begin, end = given(item, "BeginOffset", int), given(item, "EndOffset", int)
    if begin is None or end is None:  # "empty for non-text input"
        return needed(item, "Text", str), None, None, None
    return located(text, mention, begin, end)
