"""What answers on pictures score: exact figures of small cases."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scoring_support import UNKNOWN, faces, harms, labels, objects, parts, region

from broker.errors import BadTruth
from broker.quality.metrics.concepts import ConceptMap
from broker.quality.metrics.moderation import ErrorCosts
from broker.scoring import (
    ConceptBars,
    ModerationPolicy,
    ScoringSettings,
    answer_class,
    class_of_truth,
    confidence_of,
    is_empty,
    parse_truth,
    right_answer,
    same_answer,
    score,
    unit_score,
)
from broker.types.analysis import ImageAnalysis
from broker.types.confidence import Confidence, Scale
from broker.types.geometry import Frame
from broker.types.label import LabelSet
from broker.types.moderation import Harm, ModerationLabel, ModerationSet
from broker.types.written import DetectedText, TextLine

MAP = ConceptMap.parse(
    'version = "shop/3"\n[concepts.shoe]\nany = ["shoe"]\naws = ["sneaker"]\n[concepts.bag]\nany = ["bag", "hand bag"]\n'
    '[concepts.footwear]\nany = ["shoe", "boot"]\n'
)
SHOP = ScoringSettings(concept_map=MAP)


def line(text: str, *box: float) -> TextLine:
    return TextLine(text=text, confidence=UNKNOWN, region=region(*box) if box else None)


def label_parts(
    operation: str, answer: Any, raw: Any, settings: ScoringSettings, provider: str = "aws"
) -> Any:
    """Without how many labels the map knows."""
    found = parts(operation, answer, raw, settings, provider)
    assert found.pop("mapped-labels:shop/3")[1] == (0 if answer is None else len(answer.labels))
    return found


def test_how_many_labels_the_map_knows_stands_beside() -> None:
    answer = labels(Sneaker=0.9, Bag=0.4, Nonsense=0.9)
    assert parts("vision.label", answer, "shoe", SHOP)["mapped-labels:shop/3"] == (2, 3)
    assert parts("vision.label", answer, "shoe", SHOP, "gcp")["mapped-labels:shop/3"] == (1, 3)
    assert parts("vision.label", None, "shoe", SHOP)["mapped-labels:shop/3"] == (0, 0)


def test_labels_become_concepts_of_the_provider() -> None:
    answer = labels(Sneaker=0.9, Bag=0.4, Nonsense=0.9)
    assert label_parts("vision.label", answer, "shoe;bag", SHOP) == {"concept-f1:shop/3": (2, 0, 0)}
    assert label_parts("vision.label", answer, "shoe;bag", SHOP, "aws:prod") == {
        "concept-f1:shop/3": (2, 0, 0)
    }
    assert label_parts("vision.label", answer, "shoe;bag", SHOP, "gcp") == {"concept-f1:shop/3": (1, 0, 1)}
    assert label_parts("vision.label", None, "shoe;bag", SHOP) == {"concept-f1:shop/3": (0, 0, 2)}
    assert label_parts("vision.label", LabelSet(labels=()), "shoe", SHOP) == {"concept-f1:shop/3": (0, 0, 1)}


def test_words_of_the_truth_are_read_through_the_map() -> None:
    assert parse_truth("vision.label", "Shoe", SHOP) == parse_truth(
        "vision.label", ["footwear", "shoe"], SHOP
    )
    named = ScoringSettings(concept_map=MAP, names={"n042": "bag"})
    assert parse_truth("vision.label", "n042", named) == parse_truth("vision.label", "bag", SHOP)
    with pytest.raises(BadTruth, match="does not know"):
        parse_truth("vision.label", "n042", SHOP)


def test_only_what_was_looked_for_is_judged() -> None:
    answer = labels(Sneaker=0.9, Bag=0.9)
    assert label_parts("vision.label", answer, {"labels": ["shoe"], "judged": ["shoe"]}, SHOP) == {
        "concept-f1:shop/3": (1, 0, 0)
    }
    assert label_parts("vision.label", answer, [], SHOP) == {"concept-f1:shop/3": (0, 2, 0)}


def test_thresholds_are_in_the_metrics_name() -> None:
    bars = ScoringSettings(concept_map=MAP, concept_bars=ConceptBars(name="b/1", of={"aws": {"bag": 0.5}}))
    answer = labels(Sneaker=0.1, Bag=0.4)
    assert label_parts("vision.label", answer, "shoe;bag", bars) == {"concept-f1:shop/3:bars=b/1": (1, 0, 1)}
    assert label_parts("vision.label", answer, "bag", bars, "gcp") == {
        "concept-f1:shop/3:bars=b/1": (1, 0, 0)
    }


def test_classes_and_agreement_of_labels() -> None:
    assert answer_class("vision.label", labels(Bag=0.2, Sneaker=0.9), provider="aws", settings=SHOP) == "shoe"
    assert answer_class("vision.label", labels(Bag=0.9, Sneaker=0.2), provider="aws", settings=SHOP) == "bag"
    assert answer_class("vision.label", labels(Nonsense=0.2), provider="aws", settings=SHOP) is None
    agreed = same_answer(
        "vision.label", labels(Sneaker=1), labels(shoe=1), providers=("aws", "gcp"), settings=SHOP
    )
    assert (agreed.same, agreed.share) == (True, 0.5)
    other = same_answer(
        "vision.label", labels(Bag=1), labels(boot=1), providers=("aws", "gcp"), settings=SHOP
    )
    assert (other.same, other.share) == (False, 0.0)
    for strange in (labels(Strange=1), labels(shoe=1), labels()):
        assert same_answer("vision.label", labels(Odd=1), strange, settings=SHOP).same is None
    assert same_answer("vision.label", labels(), labels(shoe=1), settings=SHOP).share == 0.0
    assert same_answer("vision.label", labels(), labels(), settings=SHOP).same is True
    assert confidence_of("vision.label", labels(a=0.2, b=0.9)) == 0.9
    assert confidence_of("vision.label", labels()) is None
    assert is_empty("vision.label", labels())


def test_objects_are_paired_by_place_and_kind() -> None:
    truth = [{"box": [0.1, 0.1, 0.4, 0.4], "kind": "shoe"}, {"box": [0.6, 0.6, 0.2, 0.2], "kind": "lamp"}]
    answer = objects(
        ("Sneaker", (0.1, 0.1, 0.4, 0.4)), ("Lamp", (0.6, 0.6, 0.2, 0.2)), ("Bag", (0.1, 0.1, 0.4, 0.4))
    )
    name = "box-f1:iou>=0.5:shop/3"
    assert parts("vision.detect_objects", answer, truth, SHOP) == {name: (2, 1, 0)}
    assert parts("vision.detect_objects", answer, truth, SHOP, "gcp") == {name: (1, 2, 1)}
    looked = ScoringSettings(concept_map=MAP, object_kinds=frozenset({"shoe", "lamp"}))
    assert parts("vision.detect_objects", answer, truth, looked) == {f"{name}:kinds=lamp,shoe": (2, 0, 0)}
    assert parts("vision.detect_objects", None, truth, looked) == {f"{name}:kinds=lamp,shoe": (0, 0, 2)}
    strict = ScoringSettings(concept_map=MAP, object_iou=0.9)
    assert parts("vision.detect_objects", objects(("lamp", (0.6, 0.6, 0.2, 0.17))), truth[1:], strict) == {
        "box-f1:iou>=0.9:shop/3": (0, 1, 1)
    }


def test_an_object_is_what_was_looked_for_of_all_it_means() -> None:
    both = ConceptMap.parse(
        'version = "two/1"\n[concepts.footwear]\nany = ["sneaker"]\n[concepts.shoe]\nany = ["sneaker"]\n'
    )
    answer = objects(("Sneaker", (0.1, 0.1, 0.4, 0.4)))
    for kind in ("shoe", "footwear"):
        truth = [{"box": [0.1, 0.1, 0.4, 0.4], "kind": kind}]
        found = parts("vision.detect_objects", answer, truth, ScoringSettings(concept_map=both))
        assert found == {"box-f1:iou>=0.5:two/1": (1, 0, 0)}


def test_boxes_end_at_the_pictures_edge() -> None:
    whole, cut = [{"box": [0.9, 0.9, 0.3, 0.3]}], [{"box": [0.9, 0.9, 0.1, 0.1]}]
    (one,), (other,) = (parse_truth("vision.detect_faces", each).things for each in (whole, cut))  # type: ignore[union-attr]
    for side in ("left", "top", "width", "height"):
        assert getattr(one.box, side) == pytest.approx(getattr(other.box, side))


def test_boxes_in_pixels_and_polygons_are_the_same_places() -> None:
    ratios = parse_truth("vision.detect_faces", [{"box": [0.25, 0.5, 0.5, 0.25]}])
    pixels: dict[str, Any] = {"unit": "pixel", "width": 400, "height": 200}
    assert parse_truth("vision.detect_faces", {**pixels, "boxes": [{"box": [100, 100, 200, 50]}]}) == ratios
    corners = [[100, 100], [300, 100], [300, 150], [100, 150]]
    assert parse_truth("vision.detect_faces", {**pixels, "boxes": [{"polygon": corners}]}) == ratios
    sides = {"left": 0.25, "top": 0.5, "width": 0.5, "height": 0.25}
    assert parse_truth("vision.detect_faces", [sides]) == ratios
    for wrong in (
        [{"box": [100, 100, 200, 50]}],
        [{"box": [0.1, 0.1, 0.0, 0.1]}],
        [{"box": [0.1, 0.1, 0.1]}],
        [{"box": [-0.4, 0.1, 0.2, 0.1]}],
        [{"box": [0.1, 0.1, 0.1, 0.1], "colour": "red"}],
        {**pixels, "width": 0, "boxes": []},
        {"unit": "inch", "boxes": []},
        [{"polygon": [[0.1, 0.1]]}],
        [{"box": [0.1, 0.1, float("nan"), 0.1]}],
    ):
        with pytest.raises(BadTruth):
            parse_truth("vision.detect_faces", wrong)


@pytest.mark.parametrize("turn", range(1, 9))
def test_places_of_the_stored_picture_are_turned_upright(turn: int) -> None:
    """A pixel of the stored picture goes where Pillow puts it."""
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")
    from PIL import ImageOps

    stored = pillow.new("L", (40, 20))
    stored.paste(255, (4, 2, 12, 8))  # left, top, right, bottom
    exif = pillow.Exif()
    exif[0x0112] = turn
    stored.info["exif"] = exif.tobytes()
    stored.getexif()[0x0112] = turn
    upright = ImageOps.exif_transpose(stored)
    left, top, right, bottom = upright.getbbox()
    width, height = upright.size
    truth = [{"box": [left / width, top / height, (right - left) / width, (bottom - top) / height]}]
    frame = Frame(width=40, height=20, orientation=turn, upright=False)
    sure = ScoringSettings(face_iou=0.99)
    answer = faces((4 / 40, 2 / 20, 8 / 40, 6 / 20), frame=frame)
    assert parts("vision.detect_faces", answer, truth, sure) == {"box-f1:iou>=0.99": (1, 0, 0)}
    as_told = faces((left / width, top / height, (right - left) / width, (bottom - top) / height))
    assert parts("vision.detect_faces", as_told, truth, sure) == {"box-f1:iou>=0.99": (1, 0, 0)}


def test_written_text_scores_by_place_where_places_are_known() -> None:
    truth = {"boxes": [{"box": [0.1, 0.1, 0.8, 0.1], "text": "abc def"}], "text": "abc def"}
    answer = DetectedText(
        lines=(line("abx def", 0.1, 0.1, 0.8, 0.1), line("gh", 0.1, 0.8, 0.1, 0.1), line("i"))
    )
    assert parts("vision.detect_text", answer, truth) == {
        "read-cer:iou>=0.5:plain/1": (4, 6),  # one letter wrong, three invented
        "cer:plain/1": (4, 6),
        "wer:plain/1": (3, 2),
    }
    assert parts("vision.detect_text", answer, "abc def") == {"cer:plain/1": (4, 6), "wer:plain/1": (3, 2)}
    assert list(parts("vision.detect_text", None, truth["boxes"])) == ["read-cer:iou>=0.5:plain/1"]
    assert parts("vision.detect_text", None, truth["boxes"])["read-cer:iou>=0.5:plain/1"] == (6, 6)
    assert parts("vision.detect_text", DetectedText(lines=()), "abc")["cer:plain/1"] == (3, 3)
    assert parts("vision.detect_text", None, "[sic] a note")["wer:plain/1"] == (3, 3)
    agreed = same_answer("vision.detect_text", answer, DetectedText(lines=(line("abx def gh"),)))
    assert (agreed.same, agreed.share) == (True, 0.75)


EVEN = "even/1"


@pytest.mark.parametrize(
    ("sure", "stopped"),
    [
        (Confidence.percent(50.0), True),
        (Confidence.percent(49.9), False),
        (Confidence.likelihood("LIKELY"), True),
        (Confidence.likelihood("POSSIBLE"), False),
        (Confidence.likelihood("UNKNOWN"), False),
        (Confidence.likelihood(None), True),
        (Confidence.severity(4), True),
        (Confidence.severity(2), False),
        (Confidence.unknown(Scale.RATIO), True),
    ],
)
def test_content_is_stopped_by_each_scale_of_its_own(sure: Confidence, stopped: bool) -> None:
    answer = harms((Harm.VIOLENCE, sure))
    assert parts("text.moderate", answer, "violence") == {
        f"moderation-cost:{EVEN}": (0 if stopped else 1, 1),
        f"stopped-accuracy:{EVEN}": (stopped, 1),
        f"harm-f1:{EVEN}": (stopped, 0, not stopped),
    }
    assert parts("text.moderate", answer, [])[f"moderation-cost:{EVEN}"] == (stopped, 1)
    assert answer_class("text.moderate", answer, provider="aws") == ("stopped" if stopped else "let through")


def test_a_policy_says_what_errors_cost_and_which_harms_count() -> None:
    policy = ModerationPolicy(
        name="shop/1",
        costs=ErrorCosts(let_through={"violence": 10.0}, stopped=2.0, failed=3.0),
        harms=frozenset({"violence", "hate"}),
    )
    settings = ScoringSettings(moderation=policy)
    nothing, drugs = harms(), harms((Harm.DRUGS, Confidence.ratio(0.9)))
    cost = "moderation-cost:shop/1"
    assert parts("vision.moderate", nothing, "violence;drugs", settings)[cost] == (10, 1)
    assert parts("vision.moderate", drugs, "none", settings)[cost] == (0, 1)
    assert parts("vision.moderate", nothing, "drugs", settings)[cost] == (0, 1)
    assert parts("vision.moderate", None, "none", settings)[cost] == (3, 1)
    assert parts("vision.moderate", nothing, {"violence": 2, "hate": 6}, settings)["harm-f1:shop/1"] == (
        0,
        0,
        1,
    )
    with pytest.raises(ValueError, match="give it a name of its own"):
        ModerationPolicy(ratio=0.9)
    with pytest.raises(ValueError, match="harms are of"):
        ModerationPolicy(name="x/1", harms=frozenset({"smell"}))
    for wrong in ("smell", {"violence": "much"}, {"smell": 1}, 7.5):
        with pytest.raises(BadTruth):
            parse_truth("vision.moderate", wrong, settings)


def test_severities_and_likelihoods_have_bars_of_their_own() -> None:
    settings = ScoringSettings(moderation=ModerationPolicy(name="x/1", likelihood=5, severity=2))
    for sure, stopped in [(Confidence.severity(2), 1), (Confidence.likelihood("LIKELY"), 0)]:
        found = parts("text.moderate", harms((Harm.HATE, sure)), [], settings)
        assert found["moderation-cost:x/1"] == (stopped, 1)


def test_a_provider_that_is_sure_of_something_harmless_stops_nothing() -> None:
    """Google says of a text how sure it is and how severe it is."""
    sure = Confidence.ratio(0.9)
    for severity, stopped in [(0.1, 0), (0.9, 1)]:
        label = ModerationLabel(
            harm=Harm.TOXIC, name="Toxic", confidence=sure, severity=Confidence.ratio(severity)
        )
        found = parts("text.moderate", ModerationSet(labels=(label,)), [])
        assert found["moderation-cost:even/1"] == (stopped, 1)


def test_nothing_found_is_an_answer_of_a_moderation() -> None:
    assert not is_empty("vision.moderate", harms())
    assert class_of_truth(parse_truth("vision.moderate", [])) == "let through"
    assert class_of_truth(parse_truth("vision.label", "car")) is None
    agreed = same_answer("vision.moderate", harms(), harms((Harm.HATE, Confidence.ratio(0.9))))
    assert (agreed.same, agreed.share) == (False, 0.0)


def test_an_analysis_is_its_parts() -> None:
    answer = ImageAnalysis(labels=labels(Sneaker=0.9), faces=None, moderation=harms())
    found = parts("vision.analyze", answer, {"label": "shoe", "detect_faces": [], "moderate": []}, SHOP)
    assert found["label/concept-f1:shop/3"] == (1, 0, 0)
    assert found["moderate/moderation-cost:even/1"] == (0, 1)
    truth = parse_truth(
        "vision.analyze", {"label": "shoe", "detect_faces": [{"box": [0.1, 0.1, 0.2, 0.2]}]}, SHOP
    )
    scores = score("vision.analyze", answer, truth, item="a", provider="aws", settings=SHOP)
    assert {metric.id: item.failed for metric, item in scores} == {
        "label/concept-f1:shop/3": False,
        "label/mapped-labels:shop/3": False,
        "detect_faces/box-f1:iou>=0.3": True,  # it was not asked for
    }
    assert right_answer(scores) is None
    for shown, right in [("shoe", True), ("bag", False)]:
        both = parse_truth("vision.analyze", {"label": shown, "moderate": []}, SHOP)
        whole = score("vision.analyze", answer, both, item="a", provider="aws", settings=SHOP)
        assert right_answer(whole) is right
    for wrong in ({}, {"caption": "a dog"}, {"label": "smell"}, "shoe"):
        with pytest.raises(BadTruth):
            parse_truth("vision.analyze", wrong, SHOP)
    half = ImageAnalysis(labels=labels(Bag=0.9), faces=None, moderation=harms())
    agreed = same_answer("vision.analyze", answer, half, providers=("aws", "aws"), settings=SHOP)
    assert (agreed.same, agreed.share) == (False, 0.5)
    agreed = same_answer("vision.analyze", answer, answer, providers=("aws", "aws"), settings=SHOP)
    assert (agreed.same, agreed.share) == (True, 1.0)


def test_a_score_of_one_item_as_a_number() -> None:
    truth = parse_truth("vision.label", "shoe;bag", SHOP)
    ((metric, item), _) = scores = score(
        "vision.label", labels(Bag=1), truth, item="a", provider="gcp", settings=SHOP
    )
    assert unit_score(metric, item) == pytest.approx(2 / 3)
    assert right_answer(scores) is False
    assert right_answer(scores, ScoringSettings(right_from=0.6)) is True
    nothing = score("vision.label", labels(), parse_truth("vision.label", []), item="a", provider="gcp")
    assert unit_score(*nothing[0]) is None
    assert right_answer(nothing) is None
    assert not math.isnan(sum(item.parts))
