"""The operations on texts: what is found, as the broker's payloads.

What was made for English refuses other languages: a sentiment of French text would be a number without meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broker.contract import Reply
from broker.errors import Unsupported
from broker.types import (
    Confidence,
    DetectedLanguage,
    DocumentSentiment,
    Entity,
    EntityKind,
    EntityRequest,
    EntitySet,
    KeyPhrase,
    KeyPhraseRequest,
    KeyPhraseSet,
    LanguageRequest,
    LanguageSet,
    PiiEntity,
    PiiKind,
    PiiRequest,
    PiiSet,
    Polarity,
    Probabilities,
    RedactedText,
    RedactRequest,
    Scale,
    SentenceSentiment,
    Sentiment,
    SentimentRequest,
    located,
    redacted,
)
from broker.types.request import TextRequest
from broker_local import meanings

if TYPE_CHECKING:
    from broker_local.sentiment import Probabilities as Classes
    from broker_local.sentiment import Tone

PHRASES = "rake-1"
PATTERNS = "patterns-1"
BY_SENTENCE = "local-by-sentence-1"
"""The rule by which a text of several sentences is judged; see :func:`broker_local.sentiment.detect`."""


def sentiment(request: SentimentRequest) -> Reply[DocumentSentiment]:
    """Of the text and of its sentences. Raises Unsupported for a text that is not English."""
    _only_english(request, "text.sentiment")
    from broker_local import sentiment as model

    found = model.detect(request.text)
    whole = _judged(found.tone, found.probabilities)
    if len(found.sentences) > 1:
        whole = _judged(found.tone, found.probabilities, rule=BY_SENTENCE)
    return Reply(
        payload=DocumentSentiment(
            document=whole,
            sentences=tuple(
                SentenceSentiment(
                    **_place(request.text, each.start, each.end),
                    sentiment=_judged(each.tone, each.probabilities),
                )
                for each in found.sentences
            ),
            language="en",
        ),
        model_version=model.VERSION,
        raw={
            "tone": None if found.tone is None else found.tone.value,
            "probabilities": None if found.probabilities is None else _numbers(found.probabilities),
            "sentences": [
                {
                    "start": each.start,
                    "end": each.end,
                    "tone": each.tone.value,
                    "probabilities": _numbers(each.probabilities),
                }
                for each in found.sentences
            ],
        }
        if request.raw
        else None,
    )


def entities(request: EntityRequest) -> Reply[EntitySet]:
    """Mentions, in order, without a confidence: spaCy gives none. Raises Unsupported for a text that is not English."""
    _only_english(request, "text.entities")
    from broker_local import entities as model

    found = model.detect(request.text)
    return Reply(
        payload=EntitySet(
            entities=tuple(
                Entity(
                    **_place(request.text, each.start, each.end),
                    kind=meanings.ENTITIES.get(each.label, EntityKind.OTHER),
                    category=each.label,
                    confidence=Confidence.unknown(),
                )
                for each in found.found
            ),
            language="en",
        ),
        model_version=found.model,
        raw=[{"label": each.label, "start": each.start, "end": each.end} for each in found.found]
        if request.raw
        else None,
    )


def key_phrases(request: KeyPhraseRequest) -> Reply[KeyPhraseSet]:
    """Phrases, the heaviest first, each where it stands first. Raises Unsupported for a text that is not English."""
    _only_english(request, "text.key_phrases")
    from broker_local import phrases as model

    found = model.extract(request.text)
    return Reply(
        payload=KeyPhraseSet(
            phrases=tuple(
                KeyPhrase(
                    **_place(request.text, *each.mentions[0]),
                    confidence=Confidence(value=None, raw=each.weight, scale=Scale.UNBOUNDED),
                )
                for each in found
            ),
            language="en",
        ),
        model_version=PHRASES,
        raw=[{"text": each.text, "weight": each.weight, "mentions": each.mentions} for each in found]
        if request.raw
        else None,
    )


def detect_language(request: LanguageRequest) -> Reply[LanguageSet]:
    """The likeliest languages, best first; before them ``und`` where none is likely enough."""
    from broker_local import language as model

    found = model.detect(request.text)
    ranked = [
        DetectedLanguage(language=each.tag, code=each.tag, confidence=Confidence.ratio(each.probability))
        for each in found.ranked
    ]
    if found.tag == model.UNKNOWN:
        unknown = DetectedLanguage(
            language=model.UNKNOWN, code=model.UNKNOWN, confidence=Confidence.unknown()
        )
        ranked.insert(0, unknown)
    return Reply(
        payload=LanguageSet(languages=tuple(ranked)),
        model_version=model.VERSION,
        raw={
            "tag": found.tag,
            "ranked": [{"tag": each.tag, "probability": each.probability} for each in found.ranked],
        }
        if request.raw
        else None,
    )


def detect_pii(request: PiiRequest) -> Reply[PiiSet]:
    """Finds in order, none over another, without a confidence: a rule holds or it does not."""
    found, raw = _personal(request)
    return Reply(payload=found, model_version=PATTERNS, raw=raw)


def redact(request: RedactRequest) -> Reply[RedactedText]:
    """The text with the same finds masked."""
    found, raw = _personal(request)
    return Reply(payload=redacted(request, found), model_version=PATTERNS, raw=raw)


def _personal(request: PiiRequest | RedactRequest) -> tuple[PiiSet, Any]:
    from broker_local import pii

    found = pii.detect(request.text, country=_country(request.language))
    entities = tuple(
        PiiEntity(
            **_place(request.text, each.start, each.end),
            kind=meanings.PII.get(each.kind, PiiKind.OTHER),
            category=each.kind,
            confidence=Confidence.unknown(),
        )
        for each in found
    )
    raw = [
        {"kind": each.kind, "start": each.start, "end": each.end, "evidence": each.evidence.value}
        for each in found
    ]
    return PiiSet(entities=entities), raw if request.raw else None


def _country(language: str | None) -> str | None:
    """Whose phone numbers are written without a country code: the tag's own region (``en-GB``), for English the US."""
    primary, *parts = (language or "en").replace("_", "-").split("-")
    region = next((part.upper() for part in parts if len(part) == 2 and part.isalpha()), None)
    return region or ("US" if primary.lower() == "en" else None)


def _only_english(request: TextRequest, operation: str) -> None:
    from broker_local import english

    other = english.other_language(request.text, request.language)
    if other is not None:
        raise Unsupported(
            f"{operation} reads only English here, and the text seems to be in {other!r}; pass language='en' if it "
            "is English, or use a cloud provider",
            provider="local",
            operation=operation,
        )


def _judged(tone: Tone | None, probabilities: Classes | None, *, rule: str | None = None) -> Sentiment:
    """A tone in the common words; of none (a text without a word) it is said that there is none."""
    if tone is None or probabilities is None:
        return Sentiment(label=Polarity.OTHER, name="no words", confidence=Confidence.unknown())
    numbers = _numbers(probabilities)
    return Sentiment(
        label=Polarity(tone.value),
        name=tone.value,
        confidence=Confidence.ratio(numbers[tone.value]) if tone.value in numbers else Confidence.unknown(),
        probabilities=Probabilities(**numbers),
        derived=rule is not None,
        rule=rule,
    )


def _numbers(probabilities: Classes) -> dict[str, float]:
    return {name: getattr(probabilities, name) for name in ("positive", "negative", "neutral")}


def _place(document: str, begin: int, end: int) -> dict[str, Any]:
    text, begin, end, holds = located(document, None, begin, end)
    return {"text": text, "begin": begin, "end": end, "offset_ok": holds}
