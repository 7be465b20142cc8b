"""A provider that sees and reads the same in every picture and text, for tests of the command line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from broker.contract import (
    AdapterSettings,
    Batch,
    BatchLimits,
    Context,
    Manifest,
    OperationSpec,
    Reply,
    characters,
)
from broker.types import (
    BatchRequest,
    Caption,
    CaptionSet,
    Confidence,
    DetectedLanguage,
    DetectedObject,
    DetectedText,
    DocumentSentiment,
    Entity,
    EntityKind,
    EntitySet,
    Face,
    FaceAttribute,
    FaceSet,
    Frame,
    Harm,
    KeyPhrase,
    KeyPhraseSet,
    Landmark,
    LanguageSet,
    ModerationLabel,
    ModerationSet,
    ObjectSet,
    PiiEntity,
    PiiKind,
    PiiSet,
    Point,
    Polarity,
    Price,
    Probabilities,
    Region,
    SentenceSentiment,
    Sentiment,
    TextLine,
    Tier,
    Unit,
    Word,
    redacted,
)

sure = Confidence.ratio
NAMES = (
    "vision.detect_objects",
    "vision.detect_text",
    "vision.detect_faces",
    "vision.moderate",
    "vision.caption",
    "text.sentiment",
    "text.entities",
    "text.key_phrases",
    "text.detect_language",
    "text.detect_pii",
    "text.redact",
    "text.moderate",
)


def _price(sku: str, unit: Unit) -> Price:
    return Price(
        id=f"{sku}@test",
        sku=sku,
        unit=unit,
        region="*",
        currency="USD",
        valid_from=date(2000, 1, 1),
        checked_on=date(2000, 1, 1),
        source="a test",
        confidence="high",
        tiers=(Tier(up_to=None, price=Decimal("0.001")),),
    )


def _spec(name: str) -> OperationSpec:
    if name.startswith("vision."):
        return OperationSpec(operation=name, service="Seer", sku="seer.image")
    return OperationSpec(
        operation=name,
        service="Seer",
        sku="seer.text",
        meter=characters,
        languages=("en",),
        batch=BatchLimits(max_items=2) if name == "text.sentiment" else None,
    )


class Seer:
    manifest: ClassVar[Manifest] = Manifest(
        provider="seer",
        version="1",
        operations=tuple(_spec(name) for name in NAMES),
        prices=(_price("seer.image", Unit.IMAGE), _price("seer.text", Unit.CHARACTER)),
    )
    Settings: ClassVar[type[AdapterSettings]] = AdapterSettings
    region: ClassVar[str] = "here"

    def __init__(self, settings: AdapterSettings, /) -> None:
        self.settings = settings

    def detect_objects(self, request: Any, context: Context, /) -> Reply[ObjectSet]:
        found = DetectedObject(
            name="Cat", confidence=sure(0.9), region=Region.from_ratio_box(0.5, 0.5, 0.4, 0.4)
        )
        return Reply(payload=ObjectSet(objects=(found,), frame=_frame(request)))

    def detect_text(self, request: Any, context: Context, /) -> Reply[DetectedText]:
        region = Region.from_ratio_box(0.1, 0.1, 0.3, 0.1)
        words = (
            Word(text="No", confidence=sure(0.8), region=region),
            Word(text="entry", confidence=sure(0.7)),
        )
        line = TextLine(text="No entry", confidence=Confidence.unknown(), region=region, words=words)
        return Reply(payload=DetectedText(lines=(line,), languages=("en",), frame=_frame(request)))

    def detect_faces(self, request: Any, context: Context, /) -> Reply[FaceSet]:
        face = Face(
            region=Region.from_ratio_box(-0.1, 0.0, 0.5, 0.5),
            confidence=sure(0.99),
            age=(20, 30),
            landmarks=(Landmark(name="nose", point=Point(x=0.2, y=0.2)),),
            emotions=(FaceAttribute(name="joy", confidence=Confidence.likelihood("VERY_LIKELY")),),
            attributes=(FaceAttribute(name="beard", value=False, confidence=sure(0.9)),),
        )
        return Reply(payload=FaceSet(faces=(face,), frame=_frame(request)))

    def moderate_image(self, request: Any, context: Context, /) -> Reply[ModerationSet]:
        label = ModerationLabel(
            harm=Harm.VIOLENCE, name="Weapons", confidence=sure(0.6), parents=("Violence",)
        )
        return Reply(payload=ModerationSet(labels=(label,)))

    def caption(self, request: Any, context: Context, /) -> Reply[CaptionSet]:
        return Reply(payload=CaptionSet(captions=(Caption(text="a cat on a mat", confidence=sure(0.7)),)))

    def sentiment(self, request: Any, context: Context, /) -> Reply[DocumentSentiment]:
        judged = Sentiment(
            label=Polarity.MIXED,
            confidence=Confidence.unknown(),
            probabilities=Probabilities(positive=0.5, negative=0.4, neutral=0.1),
        )
        sentence = SentenceSentiment(
            text=request.text, begin=0, end=len(request.text), offset_ok=True, sentiment=judged
        )
        return Reply(payload=DocumentSentiment(document=judged, sentences=(sentence,)))

    def sentiment_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[DocumentSentiment]]:
        return Reply(payload=Batch(items=tuple(self.sentiment(each, context) for each in request.items)))

    def entities(self, request: Any, context: Context, /) -> Reply[EntitySet]:
        found = Entity(
            text="Anna",
            begin=0,
            end=4,
            offset_ok=True,
            kind=EntityKind.PERSON,
            category="PER",
            confidence=sure(0.9),
        )
        return Reply(payload=EntitySet(entities=(found,)))

    def key_phrases(self, request: Any, context: Context, /) -> Reply[KeyPhraseSet]:
        return Reply(
            payload=KeyPhraseSet(phrases=(KeyPhrase(text="a mat", confidence=Confidence.unknown()),))
        )

    def detect_language(self, request: Any, context: Context, /) -> Reply[LanguageSet]:
        found = DetectedLanguage(language="en", code="EN", name="English", confidence=sure(0.98))
        return Reply(payload=LanguageSet(languages=(found,)))

    def _pii(self, request: Any) -> PiiSet:
        found = PiiEntity(
            text=request.text[:4],
            begin=0,
            end=4,
            offset_ok=True,
            kind=PiiKind.PERSON,
            category="NAME",
            confidence=sure(0.9),
        )
        return PiiSet(entities=(found,))

    def detect_pii(self, request: Any, context: Context, /) -> Reply[PiiSet]:
        return Reply(payload=self._pii(request))

    def redact(self, request: Any, context: Context, /) -> Reply[Any]:
        return Reply(payload=redacted(request, self._pii(request)))

    def moderate_text(self, request: Any, context: Context, /) -> Reply[ModerationSet]:
        label = ModerationLabel(harm=Harm.HATE, name="Hate", confidence=Confidence.severity(2))
        return Reply(payload=ModerationSet(labels=(label,)))


def _frame(request: Any) -> Frame:
    return Frame(width=request.image.width, height=request.image.height, upright=False)
