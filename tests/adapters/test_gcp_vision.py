"""Google Vision against a loopback gRPC server: what is asked, objects, faces, harms and the picture they are in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from adapter_support import raised
from gcp_vision_support import SAFE, asked, features, pixels, ratios, settings, turned

from broker import Broker, errors
from broker.testing.grpc_stub import VisionGrpcStub
from broker.types import Frame, Harm, Scale
from broker_gcp import GcpAdapter, GcpSettings
from broker_gcp.vision_languages import LANGUAGES, hint, spoken

SQUARE = ((0, 0), (320, 0), (320, 240), (0, 240))
OBJECT = {"mid": "/m/01yrx", "name": "Cat", "score": 0.9, "boundingPoly": ratios((0.1, 0.2), (0.5, 0.6))}


@pytest.fixture
def vision() -> Iterator[VisionGrpcStub]:
    with VisionGrpcStub() as server:
        yield server


@pytest.fixture
def gcp(vision: VisionGrpcStub) -> Iterator[GcpAdapter]:
    adapter = GcpAdapter(GcpSettings(endpoint=f"http://{vision.target}"))
    yield adapter
    adapter.close()


def answered(gcp: Any, vision: Any, attempt: Any, method: str, answer: Any, **options: Any) -> Any:
    vision.reply(answer)
    return getattr(gcp, method)(asked(method, **options), attempt()).payload


# ---------------------------------------------------------------------- what is asked


@pytest.mark.parametrize(
    ("method", "options", "sent"),
    [
        ("label", {}, [(4, 100, "")]),
        ("detect_objects", {}, [(19, 100, "")]),
        ("detect_faces", {}, [(1, 100, "")]),
        ("detect_text", {}, [(5, 0, "")]),
        ("detect_text", {"mode": "document"}, [(11, 0, "")]),
        ("moderate_image", {}, [(6, 0, "")]),
        ("analyze", {"operations": ("moderate", "label")}, [(4, 100, ""), (6, 0, "")]),
        (
            "analyze",
            {
                "operations": ("label", "detect_objects", "detect_text", "detect_faces", "moderate"),
                "mode": "document",
            },
            [(4, 100, ""), (19, 100, ""), (11, 0, ""), (1, 100, ""), (6, 0, "")],
        ),
    ],
)
def test_the_features_that_are_asked_for(
    method: str, options: Any, sent: Any, gcp: Any, vision: Any, attempt: Any
) -> None:
    request = asked(method, **options)
    answered(gcp, vision, attempt, method, {"safeSearchAnnotation": SAFE}, **options)
    (seen,) = vision.requests
    (one,) = seen.request.requests
    assert features(one) == sent
    assert one.image.content == request.image.data
    assert one.HasField("image_context") is ("detect_text" in (method, *options.get("operations", ())))


def test_text_is_asked_for_with_confidences_and_a_hint(gcp: Any, vision: Any, attempt: Any) -> None:
    answered(gcp, vision, attempt, "detect_text", {}, language="he-IL")
    context = vision.requests[0].request.requests[0].image_context
    assert list(context.language_hints) == ["iw"]
    assert context.text_detection_params.enable_text_detection_confidence_score is True
    assert not context.text_detection_params.advanced_ocr_options


@pytest.mark.parametrize(
    ("method", "extensions", "sent"),
    [
        (
            "detect_objects",
            {"gcp_max_results": 3, "gcp_model": "builtin/latest"},
            [(19, 3, "builtin/latest")],
        ),
        ("detect_faces", {"gcp_max_results": 1}, [(1, 1, "")]),
        ("detect_text", {"gcp_model": "builtin/weekly"}, [(5, 0, "builtin/weekly")]),
        ("moderate_image", {"gcp_model": "builtin/stable"}, [(6, 0, "builtin/stable")]),
    ],
)
def test_googles_own_options(
    method: str, extensions: Any, sent: Any, gcp: Any, vision: Any, attempt: Any
) -> None:
    answered(gcp, vision, attempt, method, {"safeSearchAnnotation": SAFE}, extensions=extensions)
    assert features(vision.requests[0].request.requests[0]) == sent


def test_the_older_layout(gcp: Any, vision: Any, attempt: Any) -> None:
    answered(gcp, vision, attempt, "detect_text", {}, extensions={"gcp_advanced_ocr": ["legacy_layout"]})
    context = vision.requests[0].request.requests[0].image_context
    assert list(context.text_detection_params.advanced_ocr_options) == ["legacy_layout"]


@pytest.mark.parametrize(
    ("method", "extensions", "words"),
    [
        ("detect_objects", {"gcp_max_results": 0}, "whole number"),
        ("detect_faces", {"gcp_max_results": 2**31}, "whole number"),
        ("moderate_image", {"gcp_model": "builtin/weekly"}, "builtin/stable"),
        ("label", {"gcp_model": "mine"}, "builtin/latest"),
        ("detect_text", {"gcp_model": "mine"}, "builtin/weekly"),
        ("detect_text", {"gcp_advanced_ocr": "legacy_layout"}, "legacy_layout"),
        ("detect_text", {"gcp_advanced_ocr": ["other"]}, "legacy_layout"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(
    method: str, extensions: Any, words: str, gcp: Any, vision: Any, attempt: Any
) -> None:
    error = raised(lambda: answered(gcp, vision, attempt, method, {}, extensions=extensions), errors.BadInput)
    assert words in str(error)
    assert error.billed is False
    assert vision.count == 0


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"),
        ("en-US", "en"),
        ("en-GB", "en-GB"),
        ("he", "iw"),
        ("he-IL", "iw"),
        ("nb-NO", "no"),
        ("zh", "zh"),
        ("zh-CN", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hant-TW", "zh-Hant"),
        ("ZH-HK", "zh-Hant-HK"),
        ("sr-Latn-RS", "sr-Latn"),
        ("sr-RS", "sr"),
        ("ru-petr1708", "ru-PETR1708"),
        ("pt-BR", "pt"),
        ("pt-PT", "pt-PT"),
    ],
)
def test_a_language_becomes_the_longest_code_that_vision_lists(tag: str, code: str) -> None:
    assert hint(tag) == code


def test_every_language_of_the_manifest_has_a_code_and_reads_back() -> None:
    assert len(LANGUAGES) > 200
    for tag in LANGUAGES:
        assert hint(tag)
        assert spoken(hint(tag)) == {"nb": "no", "nn": "no"}.get(tag, tag)
    assert spoken("und") is None
    assert spoken("") is None
    assert spoken("iw") == "he"


def test_a_language_that_vision_does_not_list_is_refused(vision: Any, photo: bytes) -> None:
    with Broker(**settings(vision)) as broker:
        error = raised(lambda: broker.vision.detect_text(photo, language="tlh"), errors.Unsupported)
        assert "not offered" in str(error)
        raised(lambda: broker.vision.label(photo, language="fr"), errors.Unsupported)
        raised(lambda: broker.vision.caption(photo), errors.Unsupported)
    assert vision.count == 0


# ---------------------------------------------------------------------- objects


def test_objects_with_missing_zeros_and_places_outside_the_picture(
    gcp: Any, vision: Any, attempt: Any
) -> None:
    corners = ((0.0, 0.0), (1.25, 0.0), (1.25, 0.5), (-0.25, 0.5))
    found = answered(
        gcp,
        vision,
        attempt,
        "detect_objects",
        {"localizedObjectAnnotations": [{**OBJECT, "boundingPoly": ratios(*corners)}, OBJECT]},
    )
    first, second = found.objects
    assert [(point.x, point.y) for point in first.region.polygon] == list(corners)
    assert first.region.raw == (0.0, 0.0, 1.25, 0.0, 1.25, 0.5, -0.25, 0.5)
    box = first.region.box
    assert (box.left, box.top, box.width, box.height) == (0.0, 0.0, 1.0, 0.5)
    assert (second.name, second.id) == ("Cat", "/m/01yrx")
    assert second.confidence.value == pytest.approx(0.9, abs=1e-7)
    assert second.confidence.scale is Scale.RATIO
    assert found.frame == Frame(width=640, height=480, upright=True)


def test_no_objects_is_an_answer(gcp: Any, vision: Any, attempt: Any) -> None:
    assert answered(gcp, vision, attempt, "detect_objects", {}).objects == ()
    assert answered(gcp, vision, attempt, "detect_objects", {"localizedObjectAnnotations": []}).objects == ()


def test_an_object_without_id_and_score(gcp: Any, vision: Any, attempt: Any) -> None:
    bare = {"name": "Cat", "boundingPoly": pixels(*SQUARE)}
    (found,) = answered(
        gcp, vision, attempt, "detect_objects", {"localizedObjectAnnotations": [bare]}
    ).objects
    assert (found.id, found.confidence.value, found.confidence.raw) == (None, None, None)
    assert found.region.box.width == found.region.box.height == 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"boundingPoly": {}},
        {"boundingPoly": ratios((0.1, 0.2)) | {"normalizedVertices": [{"x": "NaN", "y": 0.1}]}},
        {"name": ""},
    ],
    ids=["no place", "no number", "no name"],
)
def test_an_object_that_is_none_is_malformed(wrong: Any, gcp: Any, vision: Any, attempt: Any) -> None:
    answer = {"localizedObjectAnnotations": [{**OBJECT, **wrong}]}
    error = raised(lambda: answered(gcp, vision, attempt, "detect_objects", answer), errors.MalformedReply)
    assert error.billed is True


# ---------------------------------------------------------------------- harms


def test_all_five_harms_with_their_words(gcp: Any, vision: Any, attempt: Any) -> None:
    found = answered(gcp, vision, attempt, "moderate_image", {"safeSearchAnnotation": SAFE})
    assert [(label.name, label.harm, label.confidence.raw) for label in found.labels] == [
        ("adult", Harm.SEXUAL, "VERY_UNLIKELY"),
        ("spoof", Harm.SPOOF, "UNLIKELY"),
        ("medical", Harm.MEDICAL, "POSSIBLE"),
        ("violence", Harm.VIOLENCE, "LIKELY"),
        ("racy", Harm.SUGGESTIVE, "VERY_LIKELY"),
    ]
    assert [label.confidence.ordinal for label in found.labels] == [1, 2, 3, 4, 5]
    assert all(label.confidence.value is None for label in found.labels)


def test_unknown_stays_unknown_and_new_words_survive(gcp: Any, vision: Any, attempt: Any) -> None:
    said = {"safeSearchAnnotation": {"adult": 9, "spoof": "UNKNOWN"}}
    found = answered(gcp, vision, attempt, "moderate_image", said)
    assert [label.confidence.raw for label in found.labels] == ["9", *["UNKNOWN"] * 4]
    assert all(label.confidence.ordinal is None for label in found.labels)


def test_an_empty_safe_search_is_there_and_a_missing_one_is_not(gcp: Any, vision: Any, attempt: Any) -> None:
    found = answered(gcp, vision, attempt, "moderate_image", {"safeSearchAnnotation": {}})
    assert {label.confidence.raw for label in found.labels} == {"UNKNOWN"}
    error = raised(lambda: answered(gcp, vision, attempt, "moderate_image", {}), errors.MalformedReply)
    assert error.billed is True


def test_a_bar_that_nothing_could_be_compared_with_is_refused(vision: Any, photo: bytes) -> None:
    with Broker(**settings(vision)) as broker:
        error = raised(lambda: broker.vision.moderate(photo, min_confidence=0.5), errors.Unsupported)
        assert "likelihood" in str(error)
    assert vision.count == 0


# ---------------------------------------------------------------------- faces

FACE = {
    "boundingPoly": pixels((-16, 0), (320, 0), (320, 240), (-16, 240)),
    "fdBoundingPoly": pixels((32, 24), (288, 24), (288, 216), (32, 216)),
    "landmarks": [
        {"type": "LEFT_EYE", "position": {"x": 64.0, "y": 48.0, "z": 1.5}},
        {"type": "NOSE_TIP", "position": {"z": -2.0}},
        {"type": 99, "position": {"x": 640.0, "y": 480.0}},
    ],
    "rollAngle": 1.5,
    "panAngle": -2.5,
    "detectionConfidence": 0.75,
    "landmarkingConfidence": 0.5,
    "joyLikelihood": "VERY_LIKELY",
    "sorrowLikelihood": 7,
    "headwearLikelihood": "POSSIBLE",
}


def test_a_face(gcp: Any, vision: Any, attempt: Any) -> None:
    found = answered(gcp, vision, attempt, "detect_faces", {"faceAnnotations": [FACE]})
    (face,) = found.faces
    box = face.region.box
    assert (box.left, box.top, box.width, box.height) == (0.0, 0.0, 0.5, 0.5)
    assert face.region.raw == (-16, 0, 320, 0, 320, 240, -16, 240)
    assert face.region.polygon[0].x == -0.025
    assert [(m.name, m.point.x, m.point.y, m.depth) for m in face.landmarks] == [
        ("left_eye", 0.1, 0.1, 1.5),
        ("nose_tip", 0.0, 0.0, -2.0),
        ("99", 1.0, 1.0, 0.0),
    ]
    assert (face.pose.roll, face.pose.yaw, face.pose.pitch) == (1.5, -2.5, 0.0)
    assert (face.confidence.value, face.landmark_confidence.value) == (0.75, 0.5)
    assert [(each.name, each.value, each.confidence.raw) for each in face.emotions] == [
        ("joy", None, "VERY_LIKELY"),
        ("sorrow", None, "7"),
        ("anger", None, "UNKNOWN"),
        ("surprise", None, "UNKNOWN"),
    ]
    assert [(each.name, each.confidence.raw) for each in face.attributes] == [
        ("under_exposed", "UNKNOWN"),
        ("blurred", "UNKNOWN"),
        ("headwear", "POSSIBLE"),
    ]
    assert face.age is None
    assert face.quality == ()


def test_no_faces_is_an_answer_and_a_confidence_that_was_not_sent_is_unknown(
    gcp: Any, vision: Any, attempt: Any
) -> None:
    assert answered(gcp, vision, attempt, "detect_faces", {}).faces == ()
    bare = {"fdBoundingPoly": FACE["fdBoundingPoly"]}
    (face,) = answered(gcp, vision, attempt, "detect_faces", {"faceAnnotations": [bare]}).faces
    assert face.region.box.left == 0.05
    assert face.confidence.value is None
    assert face.landmark_confidence is None
    assert face.landmarks == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"boundingPoly": {}, "fdBoundingPoly": {}},
        {"landmarks": [{"type": "LEFT_EYE"}]},
        {"landmarks": [{"type": "LEFT_EYE", "position": {"x": "NaN"}}]},
        {"tiltAngle": "Infinity"},
    ],
    ids=["no place", "no position", "no number", "no angle"],
)
def test_a_face_that_is_none_is_malformed(wrong: Any, gcp: Any, vision: Any, attempt: Any) -> None:
    answer = {"faceAnnotations": [{**FACE, **wrong}]}
    raised(lambda: answered(gcp, vision, attempt, "detect_faces", answer), errors.MalformedReply)


# ---------------------------------------------------------------------- the picture, errors, raw answers


@pytest.mark.parametrize(
    ("orientation", "upright"), [(None, True), (1, True), (3, None), (6, None), (8, None)]
)
def test_nobody_says_whether_a_turned_picture_was_turned_first(
    orientation: int | None, upright: bool | None, gcp: Any, vision: Any, attempt: Any
) -> None:
    image = turned(orientation)
    answer = {"faceAnnotations": [{"boundingPoly": pixels((0, 0), (16, 0), (16, 16), (0, 16))}]}
    found = answered(gcp, vision, attempt, "detect_faces", answer, image=image)
    assert found.frame == Frame(width=64, height=32, orientation=orientation, upright=upright)
    box = found.faces[0].region.box
    assert (box.width, box.height) == (0.25, 0.5)


@pytest.mark.parametrize(
    ("size", "upright", "box"), [((32, 64), True, (0.5, 0.25)), ((64, 32), False, (0.25, 0.5))]
)
def test_the_size_of_a_page_gives_the_turning_away(
    size: tuple[int, int], upright: bool, box: Any, gcp: Any, vision: Any, attempt: Any
) -> None:
    width, height = size
    answer = {
        "faceAnnotations": [{"boundingPoly": pixels((0, 0), (16, 0), (16, 16), (0, 16))}],
        "fullTextAnnotation": {"pages": [{"width": width, "height": height}]},
    }
    found = answered(
        gcp,
        vision,
        attempt,
        "analyze",
        answer,
        image=turned(6),
        operations=("detect_text", "detect_faces"),
    )
    assert found.faces.frame == Frame(width=width, height=height, orientation=6, upright=upright)
    place = found.faces.faces[0].region.box
    assert (place.width, place.height) == box


def test_an_error_beside_results_may_have_been_billed_and_is_not_repeated(vision: Any, photo: bytes) -> None:
    vision.reply(
        {"faceAnnotations": [FACE], "error": {"code": 14, "message": "one feature is not available"}}
    )
    with Broker(**settings(vision)) as broker:
        error = raised(
            lambda: broker.vision.analyze(photo, operations=["label", "detect_faces"]), errors.Unavailable
        )
    assert error.outcome is errors.Outcome.AMBIGUOUS
    assert error.billed is None
    assert vision.count == 1


@pytest.mark.parametrize(
    "method", ["detect_objects", "detect_text", "detect_faces", "moderate_image", "analyze"]
)
def test_an_error_alone_has_its_class(method: str, gcp: Any, vision: Any, attempt: Any) -> None:
    options = {"operations": ("label",)} if method == "analyze" else {}
    said = {"error": {"code": 3, "message": "Bad image data."}}
    error = raised(lambda: answered(gcp, vision, attempt, method, said, **options), errors.BadInput)
    assert "Bad image data." in str(error)
    assert error.billed is False


@pytest.mark.parametrize("answer", [{"responses": []}, {"responses": [{}, {}]}])
def test_another_number_of_responses_is_malformed(answer: Any, gcp: Any, vision: Any, attempt: Any) -> None:
    raised(lambda: answered(gcp, vision, attempt, "detect_objects", answer), errors.MalformedReply)


def test_the_raw_answer_is_whole(gcp: Any, vision: Any, attempt: Any) -> None:
    vision.reply({"localizedObjectAnnotations": [OBJECT], "safeSearchAnnotation": SAFE})
    reply = gcp.detect_objects(asked("detect_objects", raw=True), attempt())
    (raw,) = reply.raw["responses"]
    assert raw["safeSearchAnnotation"] == SAFE
    assert raw["localizedObjectAnnotations"][0]["mid"] == "/m/01yrx"
    assert gcp.detect_objects(asked("detect_objects"), attempt()).raw is None
