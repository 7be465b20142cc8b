"""Azure Language, documents as our payloads: sentiment, entities, key phrases, language, personal data.

Offsets are Unicode code points, for ``stringIndexType=UnicodeCodePoint`` is sent with each request that has any.

Sources: Azure/azure-rest-api-specs, Language stable/2023-04-01, analyzetext.json, definitions
``SentimentDocumentResult``, ``EntitiesDocumentResult``, ``KeyPhrasesDocumentResult``,
``LanguageDetectionDocumentResult``, ``PiiEntitiesDocumentResult``.
"""

from __future__ import annotations

from typing import Any

from broker.contract import given, needed
from broker.types import (
    Confidence,
    DetectedLanguage,
    DocumentSentiment,
    Entity,
    EntitySet,
    KeyPhrase,
    KeyPhraseSet,
    LanguageSet,
    PiiEntity,
    PiiSet,
    Polarity,
    Probabilities,
    RedactedText,
    RedactRequest,
    SentenceSentiment,
    Sentiment,
    located,
    redacted,
)
from broker_azure.language_kinds import entity_kind, pii_kind
from broker_azure.language_tags import tag_of

_POLARITIES = {
    "positive": Polarity.POSITIVE,
    "negative": Polarity.NEGATIVE,
    "neutral": Polarity.NEUTRAL,
    "mixed": Polarity.MIXED,
}
_SCRIPTS = {"latin": "Latn"}
"""``ScriptKind`` of the preview that first told scripts, which knew this one only."""


def sentiment(document: Any, text: str) -> DocumentSentiment:
    """The document's judgement and its sentences'."""
    return DocumentSentiment(
        document=_judgement(document),
        sentences=tuple([_sentence(each, text) for each in needed(document, "sentences", list)]),
        language=_language(document),
    )


def entities(document: Any, text: str) -> EntitySet:
    """All mentions. Of newer answers, that have ``type`` for ``subcategory``, the finest type is kept there."""
    found: list[Entity] = []
    for each in needed(document, "entities", list):
        category, subcategory = _names(each)
        mention, begin, end, holds = _place(each, text)
        found.append(
            Entity(
                text=mention,
                begin=begin,
                end=end,
                offset_ok=holds,
                kind=entity_kind(category, subcategory),
                category=category,
                subcategory=subcategory,
                confidence=Confidence.ratio(each.get("confidenceScore")),
            )
        )
    return EntitySet(entities=tuple(found), language=_language(document))


def key_phrases(document: Any) -> KeyPhraseSet:
    """The phrases, without places and confidences: the service gives neither."""
    phrases = needed(document, "keyPhrases", list)
    if not all(isinstance(each, str) and each for each in phrases):
        raise ValueError("a phrase is no text")
    unknown = Confidence.unknown()
    return KeyPhraseSet(
        phrases=tuple([KeyPhrase(text=each, confidence=unknown) for each in phrases]),
        language=_language(document),
    )


def languages(document: Any) -> LanguageSet:
    """The one language that the service names; ``und`` where it could not tell."""
    said = needed(document, "detectedLanguage", dict)
    code = needed(said, "iso6391Name", str)
    return LanguageSet(
        languages=(
            DetectedLanguage(
                language=tag_of(code),
                code=code,
                name=given(said, "name", str),
                confidence=Confidence.ratio(said.get("confidenceScore")),
                script=_script(said),
            ),
        )
    )


def personal_data(document: Any, text: str) -> PiiSet:
    """All finds."""
    found: list[PiiEntity] = []
    for each in needed(document, "entities", list):
        category, subcategory = _names(each)
        mention, begin, end, holds = _place(each, text)
        found.append(
            PiiEntity(
                text=mention,
                begin=begin,
                end=end,
                offset_ok=holds,
                kind=pii_kind(category, subcategory),
                category=category,
                subcategory=subcategory,
                confidence=Confidence.ratio(each.get("confidenceScore")),
            )
        )
    return PiiSet(entities=tuple(found), language=_language(document))


def redaction(document: Any, request: RedactRequest) -> RedactedText:
    """The text masked by us, and as the service masks it. Raises ValueError where a find's offsets do not hold."""
    return redacted(
        request,
        personal_data(document, request.text),
        vendor_text=given(document, "redactedText", str),
    )


def _judgement(item: Any) -> Sentiment:
    """A document's or a sentence's: the confidence is the score of the label itself; ``mixed`` has none."""
    name = needed(item, "sentiment", str)
    scores = needed(item, "confidenceScores", dict)
    given_scores = {each: Confidence.ratio(needed(scores, each, float)) for each in _SCORES}
    label = _POLARITIES.get(name.lower(), Polarity.OTHER)
    return Sentiment(
        label=label,
        name=name,
        confidence=given_scores.get(label.value) or Confidence.unknown(),
        probabilities=Probabilities(**{each: score.value for each, score in given_scores.items()}),
    )


_SCORES = ("positive", "neutral", "negative")


def _sentence(item: Any, text: str) -> SentenceSentiment:
    there, begin, end, holds = _place(item, text)
    return SentenceSentiment(text=there, begin=begin, end=end, offset_ok=holds, sentiment=_judgement(item))


def _place(item: Any, text: str) -> tuple[str, int, int, bool]:
    begin = needed(item, "offset", int)
    return located(text, given(item, "text", str), begin, begin + needed(item, "length", int))


def _names(item: Any) -> tuple[str, str | None]:
    """Category and finer name."""
    kind = given(item, "type", str)
    category = given(item, "category", str) or kind
    if not category:
        raise ValueError("it has no category")
    return category, given(item, "subcategory", str) or (kind if kind != category else None)


def _language(document: Any) -> str | None:
    """What the service took the text for; it says so only where it was asked to find out."""
    said = document.get("detectedLanguage")
    code = said.get("iso6391Name") if isinstance(said, dict) else None
    return tag_of(code) if isinstance(code, str) else None


def _script(said: Any) -> str | None:
    """Newer answers have ``scriptIso15924Code`` (2024-11-01) or ``script`` (previews)."""
    for name in ("scriptIso15924Code", "scriptCode", "script"):
        value = given(said, name, str)
        if value:
            return _SCRIPTS.get(value.lower(), value if len(value) == 4 else None)
    return None
