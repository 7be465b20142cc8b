"""How answers are shown: every operation's answer has a view, and what the vendor does not say is left out."""

from __future__ import annotations

import pytest

from broker.contract import operations
from broker.contract.operations import Operation
from broker.types.analysis import ImageAnalysis
from broker.types.caption import Caption, CaptionSet
from broker.types.confidence import Confidence
from broker.types.entity import Entity, EntityKind, EntitySet
from broker.types.face import Face, FaceAttribute, FaceSet
from broker.types.geometry import Frame, Region
from broker.types.label import DetectedObject, Label, LabelSet, ObjectSet
from broker.types.phrase import DetectedLanguage, LanguageSet
from broker.types.transcript import Transcript, TranscriptSegment
from broker.types.view import _VIEWS, Row, View, shown_confidence, view_of
from broker.types.written import DetectedText, TextLine

SURE, SILENT = Confidence.ratio(0.874), Confidence.unknown()
PLACE = Region.from_ratio_box(0.1, 0.2, 0.3, 0.4)
FRAME = Frame(width=100, height=50)


def test_every_operations_answer_has_a_view() -> None:
    payloads = {each.payload for each in vars(operations).values() if isinstance(each, Operation)}
    assert len(payloads) > 10
    assert payloads <= set(_VIEWS)


@pytest.mark.parametrize(
    ("confidence", "said"),
    [
        (SURE, "87 %"),
        (SILENT, ""),
        (Confidence.percent(99.6), "100 %"),
        (Confidence.likelihood("VERY_LIKELY"), "very likely"),
        (Confidence.severity(4), "4"),
    ],
)
def test_confidences(confidence: Confidence, said: str) -> None:
    assert shown_confidence(confidence) == said


@pytest.mark.parametrize(
    ("answer", "view"),
    [
        (
            LabelSet(labels=(Label(name="Cat", confidence=SURE),)),
            View(noun="label", rows=(Row(what="Cat", sure="87 %"),)),
        ),
        (
            ObjectSet(objects=(DetectedObject(name="Cat", confidence=SILENT, region=PLACE),), frame=FRAME),
            View(noun="object", rows=(Row(what="Cat", box=PLACE.box),), frame=FRAME),
        ),
        (
            FaceSet(
                faces=(
                    Face(
                        region=PLACE,
                        confidence=SURE,
                        emotions=(FaceAttribute(name="very_happy", confidence=SURE),),
                    ),
                )
            ),
            View(noun="face", rows=(Row(what="face 1", detail="very happy", sure="87 %", box=PLACE.box),)),
        ),
        (
            DetectedText(
                lines=(
                    TextLine(text="EXIT", confidence=SILENT, region=None),
                    TextLine(text="LEFT", confidence=SURE, region=PLACE),
                )
            ),
            View(
                noun="line",
                rows=(Row(what="EXIT"), Row(what="LEFT", sure="87 %", box=PLACE.box)),
                text="EXIT\nLEFT",
            ),
        ),
        (CaptionSet(captions=()), View(noun="caption", rows=(), text="")),
        (
            CaptionSet(captions=(Caption(text="a cat", confidence=SURE),)),
            View(noun="caption", rows=(Row(what="a cat", sure="87 %"),), text="a cat"),
        ),
        (
            LanguageSet(
                languages=(DetectedLanguage(language="de", code="de", confidence=SURE, name="German"),)
            ),
            View(noun="language", rows=(Row(what="de", detail="German", sure="87 %"),)),
        ),
        (
            Transcript(
                text="hello",
                segments=(
                    TranscriptSegment(
                        text="hello", start_ms=61_500, end_ms=None, confidence=SILENT, speaker="A"
                    ),
                ),
            ),
            View(noun="segment", rows=(Row(what="hello", detail="1:01 A"),), text="hello"),
        ),
        ("something of a third party", View(noun="answer", rows=(Row(what="something of a third party"),))),
    ],
)
def test_views(answer: object, view: View) -> None:
    assert view_of(answer) == view


def test_an_analysis_is_all_its_parts() -> None:
    whole = ImageAnalysis(
        labels=LabelSet(labels=(Label(name="Cat", confidence=SURE),)),
        objects=ObjectSet(objects=(DetectedObject(name="Cup", confidence=SURE, region=PLACE),), frame=FRAME),
    )
    view = view_of(whole)
    assert [row.what for row in view.rows] == ["Cat", "Cup"]
    assert [row.what for row in view.boxes] == ["Cup"]
    assert view.frame == FRAME


def test_mentions_have_their_kind() -> None:
    entity = Entity(
        text="Ada", begin=0, end=3, offset_ok=True, kind=EntityKind.PERSON, category="PERSON", confidence=SURE
    )
    assert view_of(EntitySet(entities=(entity,))).rows == (Row(what="Ada", detail="person", sure="87 %"),)
