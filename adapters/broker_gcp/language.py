"""Natural Language v2 over REST: sentiment, entities, moderation of a text.

Source: google/cloud/language/v2/language_service.proto. In proto3's JSON a member that is zero, empty or false may be
left out; Google's own answers print lists and numbers all the same, so that a list that is not there is a broken answer.
The answers of v1, which differ in few members (``language``, ``salience``, no ``probability``), are read as well: they
are what has been recorded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from broker.contract import Context, given, needed, reading
from broker.errors import BadInput, MalformedReply, Outcome, Unsupported
from broker.types import (
    Confidence,
    DocumentSentiment,
    Entity,
    EntityKind,
    EntityRequest,
    EntitySet,
    Harm,
    JsonValue,
    ModerationLabel,
    ModerationSet,
    Polarity,
    Scale,
    SentenceSentiment,
    Sentiment,
    SentimentRequest,
    TextModerationRequest,
    TextRequest,
    located,
)
from broker_gcp.entity_map import ENTITIES, ENTITY_TYPES, HARMS
from broker_gcp.proto_json import spelled, word
from broker_gcp.rest import Rest
from broker_gcp.tags import code_of, tag_of

SENTIMENT_PATH = "/v2/documents:analyzeSentiment"
ENTITIES_PATH = "/v2/documents:analyzeEntities"
MODERATION_PATH = "/v2/documents:moderateText"
# cloud.google.com/natural-language/docs/languages
SENTIMENT_LANGUAGES = (
    "ar",
    "zh",
    "zh-Hant",
    "nl",
    "en",
    "fr",
    "de",
    "id",
    "it",
    "ja",
    "ko",
    "pt",
    "es",
    "th",
    "tr",
    "vi",
)
ENTITY_LANGUAGES = ("zh", "zh-Hant", "en", "fr", "de", "it", "ja", "ko", "pt", "ru", "es")
MODERATION_LANGUAGES = ("ar", "zh", "nl", "en", "fr", "de", "hi", "id", "it", "ja", "ko", "pt", "ru", "es")
MODERATION_EXTENSIONS = ("gcp_model_version",)
_MENTIONS = ("TYPE_UNKNOWN", "PROPER", "COMMON")
_MODELS = ("MODEL_VERSION_1", "MODEL_VERSION_2")
MOST_MENTIONS = 5_000
"""Of one request; "Entity Mentions: 5,000 … Ignored" (cloud.google.com/natural-language/quotas)."""

_UNKNOWN = Confidence.unknown()

RULE = "gcp-sentiment-1"
CLEAR = 0.25
FELT = 2.0


def polarity(score: float, magnitude: float | None = None) -> Polarity:
    """The label for Google's score and magnitude; rule ``gcp-sentiment-1``. Google itself gives none.

    ==================  ===================  ========
    score               magnitude            label
    ==================  ===================  ========
    0.25 and above      any                  positive
    -0.25 and below     any                  negative
    between             2.0 and above        mixed
    between             below 2.0, or none   neutral
    ==================  ===================  ========

    Google's guide to the values gives examples (0.8 with 3.0 clearly positive, -0.6 with 4.0 clearly negative, 0.1 with 0.0
    neutral, 0.0 with 4.0 mixed) and leaves the cut-offs to the user. 0.25 is where Google's own demonstration changes
    colour; 2.0 lies half way between its neutral and its mixed example. A magnitude grows with the text, so a long text
    of faint feelings may be called mixed. Of one sentence no magnitude is asked, for it holds one feeling: no ``mixed``.
    Source: cloud.google.com/natural-language/docs/basics, "Interpreting sentiment analysis values".
    """
    if score >= CLEAR:
        return Polarity.POSITIVE
    if score <= -CLEAR:
        return Polarity.NEGATIVE
    return Polarity.MIXED if magnitude is not None and magnitude >= FELT else Polarity.NEUTRAL


async def sentiment(
    rest: Rest, request: SentimentRequest, context: Context
) -> tuple[DocumentSentiment, dict[str, JsonValue]]:
    """analyzeSentiment, and the whole answer."""
    body = await rest.post(
        SENTIMENT_PATH, {**_document(request, SENTIMENT_LANGUAGES), "encodingType": "UTF32"}, context
    )
    return sentiment_of(body, request.text), body


def sentiment_of(body: dict[str, JsonValue], text: str) -> DocumentSentiment:
    """What an answer of analyzeSentiment says. Raises :class:`MalformedReply`, :class:`Unsupported`."""
    _check_language(body)
    with reading("a sentiment"):
        document = _judged(needed(body, spelled(body, "documentSentiment"), dict), whole=True)
        sentences = tuple(_sentence(each, text) for each in given(body, "sentences", list) or ())
        return DocumentSentiment(document=document, sentences=sentences, language=_language(body))


def _sentence(item: JsonValue, text: str) -> SentenceSentiment:
    content, begin, end, sound = _span(item, text)
    judged = _judged(needed(item, "sentiment", dict), whole=False)
    return SentenceSentiment(text=content, begin=begin, end=end, offset_ok=sound, sentiment=judged)


def _judged(item: dict[str, JsonValue], *, whole: bool) -> Sentiment:
    score, magnitude = given(item, "score", float) or 0.0, given(item, "magnitude", float) or 0.0
    if not -1.0 <= score <= 1.0:
        raise ValueError(f"a score of {score} is not between -1 and 1")
    if not 0.0 <= magnitude < math.inf:
        raise ValueError(f"a magnitude of {magnitude} is none")
    return Sentiment(
        label=polarity(score, magnitude if whole else None),
        confidence=_UNKNOWN,
        score=score,
        magnitude=magnitude,
        derived=True,
        rule=RULE,
    )


async def entities(
    rest: Rest, request: EntityRequest, context: Context
) -> tuple[EntitySet, dict[str, JsonValue]]:
    """analyzeEntities, and the whole answer."""
    body = await rest.post(
        ENTITIES_PATH, {**_document(request, ENTITY_LANGUAGES), "encodingType": "UTF32"}, context
    )
    return entities_of(body, request.text), body


def entities_of(body: dict[str, JsonValue], text: str) -> EntitySet:
    """What an answer of analyzeEntities says. Raises :class:`MalformedReply`, :class:`Unsupported`."""
    _check_language(body)
    with reading("an entity"):
        found = tuple(
            mention
            for group, each in enumerate(needed(body, "entities", list))
            for mention in _mentions(each, group, text)
        )
        if len(found) >= MOST_MENTIONS:
            raise MalformedReply(
                f"Google stops at {MOST_MENTIONS:,} mentions, so this may not be all there is; send less text at once"
            )
        return EntitySet(entities=found, language=_language(body))


def _mentions(item: JsonValue, group: int, text: str) -> Iterator[Entity]:
    """One entity for each mention; for a thing without any, one without a place."""
    category = word(item, "type", ENTITY_TYPES) or "UNKNOWN"
    name = given(item, "name", str)
    kind = ENTITIES.get(category, EntityKind.OTHER)
    salience = given(item, "salience", float)
    facts = given(item, "metadata", dict) or {}
    links = tuple((key, needed(facts, key, str)) for key in facts) if facts else ()
    mentions = given(item, "mentions", list) or ()
    for each in mentions:
        content, begin, end, sound = _span(each, text)
        sort, probability = word(each, "type", _MENTIONS), given(each, "probability", float)
        yield Entity(
            text=content,
            begin=begin,
            end=end,
            offset_ok=sound,
            kind=kind,
            category=category,
            # "The score is in (0, 1] range": a zero is one that was not given.
            confidence=Confidence.ratio(probability) if probability else _UNKNOWN,
            name=name,
            mention=None if sort == "TYPE_UNKNOWN" else sort,
            group=group,
            salience=salience,
            links=links,
        )
    if not mentions:
        if not name:
            raise ValueError("it has neither name nor mentions")
        yield Entity(
            text=name,
            kind=kind,
            category=category,
            confidence=_UNKNOWN,
            name=name,
            group=group,
            salience=salience,
            links=links,
        )


async def moderation(
    rest: Rest, request: TextModerationRequest, context: Context
) -> tuple[ModerationSet, dict[str, JsonValue]]:
    """moderateText, and the whole answer. Model version 2, for it gives severities too."""
    model = request.extensions.get("gcp_model_version", "MODEL_VERSION_2")
    if model not in _MODELS:
        raise BadInput(f"gcp_model_version must be one of {', '.join(_MODELS)}, not {model!r:.80}")
    asked = {**_document(request, MODERATION_LANGUAGES), "modelVersion": model}
    body = await rest.post(MODERATION_PATH, asked, context)
    return moderation_of(body), body


def moderation_of(body: dict[str, JsonValue]) -> ModerationSet:
    """What an answer of moderateText says. Raises :class:`MalformedReply`, :class:`Unsupported`."""
    _check_language(body)
    with reading("a category"):
        return ModerationSet(
            labels=tuple(
                _category(each) for each in needed(body, spelled(body, "moderationCategories"), list)
            )
        )


def _category(item: JsonValue) -> ModerationLabel:
    name = needed(item, "name", str)
    # Present for some categories only; in proto3 a number that was not given may read as 0.
    severity = given(item, "severity", float) or None
    return ModerationLabel(
        harm=HARMS.get(name, Harm.OTHER),
        name=name,
        confidence=Confidence.ratio(given(item, "confidence", float)),
        severity=None if severity is None else Confidence(value=None, raw=severity, scale=Scale.SEVERITY),
    )


def _document(request: TextRequest, taken: tuple[str, ...]) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = {"type": "PLAIN_TEXT", "content": request.text}
    if request.language is not None:
        document["languageCode"] = code_of(request.language, taken)
    return {"document": document}


def _check_language(body: dict[str, JsonValue]) -> None:
    """Refuse what Google itself calls a best effort. It was answered, and is billed."""
    if body.get(spelled(body, "languageSupported")) is False:
        code = body.get(spelled(body, "languageCode"))
        raise Unsupported(
            f"Google took the text for {tag_of(code) if isinstance(code, str) and code else 'a language'}, which it "
            "does not support here, so its answer cannot be relied on; pass language=… if it is another, or use another "
            "provider",
            outcome=Outcome.BAD_REPLY,
        )


def _language(body: dict[str, JsonValue]) -> str | None:
    code = given(body, spelled(body, "languageCode"), str) or given(body, "language", str)
    return tag_of(code) if code else None


def _span(item: JsonValue, text: str) -> tuple[str, int | None, int | None, bool | None]:
    """Content, begin, end and whether they hold. A begin of 0 may be left out; -1 stands for none."""
    span = needed(item, "text", dict)
    content = needed(span, "content", str)
    begin = given(span, spelled(span, "beginOffset"), int) or 0
    if begin < 0:
        return content, None, None, None
    return located(text, content, begin, begin + len(content))
