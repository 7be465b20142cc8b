"""Image Analysis 4.0 beyond labels: objects, text, captions, and several of them at once."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from adapter_support import CANARY, close, picture, raised
from azure_support import ANALYZE, BILLED, box, call, line, photo_turned, polygon, seen, thing
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import errors
from broker.testing.script import Answer, Fault
from broker.types import (
    AnalyzeRequest,
    CaptionRequest,
    DetectTextRequest,
    Image,
    LabelRequest,
    ObjectRequest,
    Scale,
    UsageSource,
)
from broker_azure import AzureAdapter, vision, vision_reply
from broker_azure.languages import image_analysis_code

TAG = {"name": "cat", "confidence": 0.98}
CAPTION = {"text": "a cat on a sofa", "confidence": 0.75}
ALL = seen(
    tagsResult={"values": [TAG]},
    objectsResult={"values": [thing("cat", 0.8, 64, 48, 320, 240)]},
    readResult={"blocks": [{"lines": [line("go"), line("on")]}]},
    captionResult=CAPTION,
    denseCaptionsResult={"values": [{**CAPTION, "boundingBox": box(0, 0, 640, 480)}]},
)


def analyze(*operations: str, **options: Any) -> AnalyzeRequest:
    return AnalyzeRequest(image=picture(), operations=operations, **options)


def caption(**options: Any) -> CaptionRequest:
    return CaptionRequest(image=picture(), **options)


SENT: list[tuple[str, Any, dict[str, str]]] = [
    ("label", LabelRequest(image=picture(), language="pt-br"), {"features": "tags", "language": "pt-BR"}),
    ("detect_objects", ObjectRequest(image=picture()), {"features": "objects"}),
    ("detect_objects", ObjectRequest(image=picture(), language="en-GB"), {"features": "objects", "language": "en"}),
    ("detect_text", DetectTextRequest(image=picture()), {"features": "read"}),
    ("detect_text", DetectTextRequest(image=picture(), language="de", mode="document"), {"features": "read"}),  # type: ignore[arg-type]
    ("caption", caption(), {"features": "caption"}),
    ("caption", caption(dense=True), {"features": "denseCaptions"}),
    ("caption", caption(gender_neutral=True), {"features": "caption", "gender-neutral-caption": "true"}),
    (
        "caption",
        caption(extensions={"azure_model_version": "2023-10-01"}),
        {"features": "caption", "model-version": "2023-10-01"},
    ),
    ("analyze", analyze("caption", "label"), {"features": "tags,caption"}),
    (
        "analyze",
        analyze("caption", "detect_text", "detect_objects", "label", language="en"),
        {"features": "tags,objects,read,caption", "language": "en"},
    ),
    ("analyze", analyze("detect_text", language="de"), {"features": "read"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "request_", "params"), SENT, ids=lambda each: str(each)[:40])
def test_one_request_is_sent_and_asks_for_the_feature(
    method: str, request_: Any, params: dict[str, str], stub: Any, attempt: Any
) -> None:
    stub.on(ANALYZE, ALL)
    call(stub, attempt(), method, request_)
    (sent,) = stub.requests
    assert sent.method == "POST"
    assert sent.params == {"api-version": "2023-10-01", **params}
    assert sent.headers["content-type"] == "application/octet-stream"
    assert sent.headers["ocp-apim-subscription-key"] == CANARY
    assert sent.body == request_.image.data


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("de", "de"),
        ("DE-at", "de"),
        ("zh", "zh"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("zh-CN", "zh"),
        ("sr-Cyrl-RS", "sr-Cryl"),
        ("pt-PT", "pt-PT"),
    ],
)
def test_a_language_is_sent_as_the_longest_part_of_it_that_the_service_knows(
    language: str, code: str
) -> None:
    assert image_analysis_code(language) == code


def test_an_option_of_the_wrong_type_is_refused_before_anything_is_sent(stub: Any, attempt: Any) -> None:
    for method, request in (("caption", caption(extensions={"azure_model_version": 4})),
                            ("analyze", analyze("label", extensions={"azure_model_version": "x&y=1"}))):  # fmt: skip
        error = raised(lambda m=method, r=request: call(stub, attempt(), m, r), errors.BadInput)
        assert "azure_model_version" in str(error)
    assert stub.count == 0


# ---------------------------------------------------------------------- objects


def test_an_object_has_a_name_a_place_and_the_vendors_numbers(stub: Any, attempt: Any) -> None:
    twice = thing("cat", 0.8, 64, 48, 320, 240)
    twice["tags"].append({"name": "animal", "confidence": 0.9})
    stub.on(ANALYZE, seen(objectsResult={"values": [twice, thing("dog", 0.6, 0, 0, 640, 480)]}))
    reply = call(stub, attempt(), "detect_objects", ObjectRequest(image=picture()))
    cat, dog = reply.payload.objects
    assert (cat.name, cat.confidence.value, cat.confidence.scale) == ("cat", 0.8, Scale.RATIO)
    assert [(each.name, each.confidence.value) for each in cat.others] == [("animal", 0.9)]
    assert (cat.region.box.left, cat.region.box.top) == (0.1, 0.1)
    assert (cat.region.box.width, cat.region.box.height) == (0.5, 0.5)
    assert cat.region.raw == (64, 48, 320, 240)
    assert (dog.region.box.width, dog.others) == (1.0, ())
    assert (reply.payload.frame.width, reply.payload.frame.height) == (640, 480)
    assert reply.model_version == "2023-10-01"


def test_a_box_beyond_the_picture_is_clipped_and_its_numbers_kept(stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, seen(objectsResult={"values": [thing("cat", 0.8, -64, 240, 1280, 480)]}))
    (cat,) = call(stub, attempt(), "detect_objects", ObjectRequest(image=picture())).payload.objects
    assert (cat.region.box.left, cat.region.box.top) == (0.0, 0.5)
    assert (cat.region.box.width, cat.region.box.height) == (1.0, 0.5)
    assert cat.region.polygon[0].x == -0.1
    assert cat.region.raw == (-64, 240, 1280, 480)


numbers = st.integers(-20_000, 20_000)


@settings(max_examples=60, deadline=None)
@given(numbers, numbers, numbers, numbers, st.integers(1, 16_000), st.integers(1, 16_000))
def test_whatever_box_comes_ours_is_inside_the_picture(
    x: int, y: int, w: int, h: int, width: int, height: int
) -> None:
    body = {
        "metadata": {"width": width, "height": height},
        "objectsResult": {"values": [thing("cat", 0.5, x, y, w, h)]},
    }
    (found,) = vision_reply.objects_of(body, picture()).objects
    ours = found.region.box
    assert 0.0 <= ours.left <= ours.left + ours.width <= 1.0 + 1e-12
    assert 0.0 <= ours.top <= ours.top + ours.height <= 1.0 + 1e-12
    assert found.region.raw == (x, y, w, h)


def test_the_widest_answer_is_asked_for_and_the_filter_is_the_payloads(stub: Any, attempt: Any) -> None:
    stub.on(
        ANALYZE, seen(objectsResult={"values": [thing("a", 0.2, 0, 0, 9, 9), thing("b", 0.9, 0, 0, 9, 9)]})
    )
    request = ObjectRequest(image=picture(), min_confidence=0.5, max_objects=1)
    payload = call(stub, attempt(), "detect_objects", request).payload
    assert [each.name for each in payload.objects] == ["a", "b"]
    assert [each.name for each in payload.select(request).objects] == ["b"]


# ---------------------------------------------------------------------- text


def test_words_have_a_confidence_and_lines_have_none(stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, seen(readResult={"blocks": [{"lines": [line("go", 0.5)]}, {"lines": [line("on")]}]}))
    reply = call(stub, attempt(), "detect_text", DetectTextRequest(image=picture()))
    found = reply.payload
    assert found.text == "go\non"
    assert [len(block.lines) for block in found.blocks] == [1, 1]
    assert [each.confidence.value for each in found.lines] == [None, None]
    assert [word.confidence.value for word in found.words] == [0.5, 0.9]
    for place in (found.lines[0].region, found.words[0].region):
        assert place.raw == (64, 48, 128, 48, 128, 96, 64, 96)
        assert close(place.box.width, 0.1)
        assert len(place.polygon) == 4
    assert [block.region for block in found.blocks] == [None, None]
    assert found.select(DetectTextRequest(image=picture(), min_confidence=0.8)).text == "on"


def test_a_picture_without_text_is_empty_and_not_malformed(stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, seen(readResult={"blocks": []}))
    found = call(stub, attempt(), "detect_text", DetectTextRequest(image=picture())).payload
    assert (found.lines, found.blocks, found.text) == ((), (), "")


def test_a_polygon_that_is_rotated_keeps_its_corners(stub: Any, attempt: Any) -> None:
    turned = {**line(), "boundingPolygon": polygon(320, 0, 640, 240, 320, 480, 0, 240)}
    stub.on(ANALYZE, seen(readResult={"blocks": [{"lines": [turned]}]}))
    (found,) = call(stub, attempt(), "detect_text", DetectTextRequest(image=picture())).payload.lines
    assert [(p.x, p.y) for p in found.region.polygon] == [(0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5)]
    assert (found.region.box.width, found.region.box.height) == (1.0, 1.0)


# ---------------------------------------------------------------------- captions


def test_a_caption_is_of_the_whole_picture(stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, ALL)
    (found,) = call(stub, attempt(), "caption", caption()).payload.captions
    assert (found.text, found.confidence.value, found.region) == ("a cat on a sofa", 0.75, None)


def test_dense_captions_begin_with_the_whole_picture(stub: Any, attempt: Any) -> None:
    values = [
        {**CAPTION, "boundingBox": box(0, 0, 640, 480)},
        {"text": "a cat", "confidence": 0.5, "boundingBox": box(64, 48, 64, 48)},
    ]
    stub.on(ANALYZE, seen(denseCaptionsResult={"values": values}))
    whole, part = call(stub, attempt(), "caption", caption(dense=True)).payload.captions
    assert (whole.text, whole.region) == ("a cat on a sofa", None)
    assert part.region.raw == (64, 48, 64, 48)
    assert close(part.region.box.left, 0.1)


def test_a_region_without_captions_is_unsupported_and_says_what_to_do(stub: Any, attempt: Any) -> None:
    words = "The feature 'Caption' is not supported in this region."
    stub.on(ANALYZE, Answer(400, json={"error": {"code": "InvalidRequest", "message": words}}))
    error = raised(lambda: call(stub, attempt(), "caption", caption()), errors.Unsupported)
    assert words in str(error)
    assert "another region" in str(error)
    assert (error.status, error.code, error.billed) == (400, "FeatureNotInRegion", False)
    inner = {"code": "NotSupportedFeature", "message": words}
    said = {"error": {"code": "InvalidRequest", "message": "no", "innererror": inner}}
    stub.on(ANALYZE, Answer(400, json=said))
    raised(lambda: call(stub, attempt(), "caption", caption()), errors.Unsupported)
    for other in ("The provided image content type is not supported.", "Analyze query is invalid."):
        stub.on(ANALYZE, Answer(400, json={"error": {"code": "InvalidRequest", "message": other}}))
        raised(lambda: call(stub, attempt(), "caption", caption()), errors.BadInput)


# ---------------------------------------------------------------------- several at once


def test_one_request_answers_several_and_only_what_was_asked_for(stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, ALL)
    found = call(stub, attempt(), "analyze", analyze("label", "detect_text")).payload
    assert [each.name for each in found.labels.labels] == ["cat"]
    assert found.text.text == "go\non"
    assert (found.objects, found.captions, found.faces, found.moderation) == (None,) * 4
    assert stub.count == 1
    request = analyze("label", "detect_objects", "detect_text", "caption")
    found = call(stub, attempt(), "analyze", request).payload
    assert found.objects.objects[0].name == "cat"
    assert found.captions.captions[0].text == "a cat on a sofa"
    assert found.select(request) == found


@pytest.mark.parametrize("missing", ["tagsResult", "objectsResult", "readResult", "captionResult"])
def test_half_an_analysis_is_malformed(missing: str, stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, {name: value for name, value in ALL.items() if name != missing})
    request = analyze("label", "detect_objects", "detect_text", "caption")
    error = raised(lambda: call(stub, attempt(), "analyze", request), errors.MalformedReply)
    assert missing in str(error)


def test_what_is_metered_and_what_is_reported(stub: Any, attempt: Any) -> None:
    spec = AzureAdapter.manifest.spec("vision.analyze")
    request = analyze("label", "detect_objects", "detect_text", "caption")
    assert [(use.sku, int(use.quantity)) for use in spec.meter(request)] == [
        ("azure.vision.group1", 1),
        ("azure.vision.group1", 1),
        ("azure.vision.group2", 1),
        ("azure.vision.group2", 1),
    ]
    said = {BILLED: "CognitiveServices.ComputerVision.Transaction=1"}
    stub.on(ANALYZE, Answer(json=ALL, headers=said))
    # the header counts one for any number of features, which the price list does not
    assert call(stub, attempt(), "analyze", request).usage == ()
    for method, each, sku in (
        ("detect_objects", ObjectRequest(image=picture()), "azure.vision.group1"),
        ("detect_text", DetectTextRequest(image=picture()), "azure.vision.group2"),
        ("caption", caption(), "azure.vision.group2"),
        ("caption", caption(dense=True), "azure.vision.group2"),
        ("analyze", analyze("caption"), "azure.vision.group2"),
    ):
        (use,) = call(stub, attempt(), method, each).usage
        assert (use.sku, int(use.quantity), use.source) == (sku, 1, UsageSource.REPORTED)
        assert AzureAdapter.manifest.spec(f"vision.{method}").meter(each)[0].sku in ("", sku)


@pytest.mark.parametrize(
    "said",
    [
        "CognitiveServices.ComputerVision.Transaction=0",
        "CognitiveServices.ComputerVision.Transaction=",
        "CognitiveServices.Other.Transaction=3",
        "nonsense",
    ],
)
def test_a_zero_or_an_unknown_meter_is_not_believed(said: str, stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, Answer(json=ALL, headers={BILLED: said}))
    assert call(stub, attempt(), "detect_text", DetectTextRequest(image=picture())).usage == ()


# ---------------------------------------------------------------------- the frame


def test_without_metadata_places_are_measured_by_the_header(stub: Any, attempt: Any) -> None:
    body = {key: value for key, value in ALL.items() if key != "metadata"}
    stub.on(ANALYZE, body)
    found = call(stub, attempt(), "detect_objects", ObjectRequest(image=picture())).payload
    assert (found.frame.width, found.frame.height, found.frame.orientation) == (640, 480, None)
    assert found.objects[0].region.box.left == 0.1


@pytest.mark.parametrize(
    "metadata", [{"width": 0, "height": 9}, {"width": 9}, {"width": "9", "height": 9}, []]
)
def test_unusable_metadata_is_malformed(metadata: Any, stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, seen(objectsResult={"values": []}, metadata=metadata))
    raised(
        lambda: call(stub, attempt(), "detect_objects", ObjectRequest(image=picture())), errors.MalformedReply
    )


@pytest.mark.parametrize(
    ("image", "measures", "upright"),
    [
        (picture(), (640, 480), True),  # nothing to turn
        (photo_turned(1), (640, 480), True),
        (photo_turned(6), (480, 640), True),  # the service's measures are those of the turned picture
        (photo_turned(6), (640, 480), False),
        (photo_turned(6), (100, 100), None),
        (photo_turned(8, 500, 500), (500, 500), None),  # a square cannot tell
        (photo_turned(3), (640, 480), None),  # upside down has the same sides
        (photo_turned(6), None, None),
    ],
    ids=str,
)
def test_whether_a_picture_was_turned_is_read_from_the_measures_or_left_open(
    image: Image, measures: tuple[int, int] | None, upright: bool | None
) -> None:
    body: dict[str, Any] = {"objectsResult": {"values": []}}
    if measures is not None:
        body["metadata"] = {"width": measures[0], "height": measures[1]}
    frame = vision_reply.objects_of(body, image).frame
    assert frame is not None
    assert (frame.upright, frame.orientation) == (upright, image.orientation)
    assert (frame.width, frame.height) == (measures or (image.width, image.height))


# ---------------------------------------------------------------------- unusable answers

WITHOUT = [
    ("detect_objects", {}),
    ("detect_objects", {"objectsResult": None}),
    ("detect_objects", {"objectsResult": {}}),
    ("detect_objects", {"objectsResult": {"values": None}}),
    ("detect_objects", {"objectsResult": {"values": ["cat"]}}),
    ("detect_objects", {"objectsResult": {"values": [{"tags": [TAG]}]}}),
    ("detect_objects", {"objectsResult": {"values": [{**thing("cat", 0.5, 0, 0, 1, 1), "tags": []}]}}),
    ("detect_objects", {"objectsResult": {"values": [{"boundingBox": {"x": 1, "y": 1, "w": 1}, "tags": [TAG]}]}}),
    ("detect_objects", {"objectsResult": {"values": [thing("cat", 0.5, math.nan, 0, 1, 1)]}}),
    ("detect_objects", {"objectsResult": {"values": [thing("cat", "sure", 0, 0, 1, 1)]}}),  # type: ignore[arg-type]
    ("detect_text", {}),
    ("detect_text", {"readResult": {}}),
    ("detect_text", {"readResult": {"content": "go", "pages": []}}),  # what the previews of 2022 and 2023 gave
    ("detect_text", {"readResult": {"blocks": [{}]}}),
    ("detect_text", {"readResult": {"blocks": [{"lines": [{**line(), "text": None}]}]}}),
    ("detect_text", {"readResult": {"blocks": [{"lines": [{**line(), "words": None}]}]}}),
    ("detect_text", {"readResult": {"blocks": [{"lines": [{**line(), "words": ["go"]}]}]}}),
    ("detect_text", {"readResult": {"blocks": [{"lines": [{**line(), "boundingPolygon": []}]}]}}),
    ("detect_text", {"readResult": {"blocks": [{"lines": [{**line(), "boundingPolygon": [{"x": 1}]}]}]}}),
    ("detect_text", {"readResult": {"blocks": [{"lines": [{**line(), "boundingPolygon": [{"x": "1", "y": 2}]}]}]}}),
    ("detect_text", {"readResult": {"blocks": [{"lines": [{**line(), "boundingPolygon": [{"x": 1, "y": True}]}]}]}}),
    ("detect_text", {"readResult": {"blocks": [{"lines": [{**line(), "boundingPolygon": [1, 2]}]}]}}),
    ("caption", {}),
    ("caption", {"captionResult": {"confidence": 0.5}}),
    ("caption", {"captionResult": {"text": "a cat", "confidence": "high"}}),
    ("caption", {"denseCaptionsResult": {"values": []}}),
]  # fmt: skip
REQUESTS = {
    "detect_objects": ObjectRequest(image=picture()),
    "detect_text": DetectTextRequest(image=picture()),
    "caption": CaptionRequest(image=picture()),
    "analyze": analyze("label"),
}


@pytest.mark.parametrize(("method", "members"), WITHOUT, ids=str)
def test_a_missing_member_is_malformed_never_empty(
    method: str, members: dict[str, Any], stub: Any, attempt: Any
) -> None:
    stub.on(ANALYZE, seen(**members))
    error = raised(lambda: call(stub, attempt(), method, REQUESTS[method]), errors.MalformedReply)
    assert error.billed is True
    assert error.request_id
    assert stub.count == 1


@pytest.mark.parametrize("method", list(REQUESTS))
@pytest.mark.parametrize("answer", [Fault.html(), Fault.empty(), Fault.truncated(), Answer(json=[]), Answer(202, json=ALL)], ids=str)  # fmt: skip
def test_no_answer_at_all_is_malformed(method: str, answer: Any, stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, answer)
    raised(lambda: call(stub, attempt(), method, REQUESTS[method]), errors.MalformedReply)
    assert stub.count == 1


def test_members_that_nobody_knows_are_passed_over(stub: Any, attempt: Any) -> None:
    value = {**thing("cat", 0.5, 0, 0, 1, 1), "id": "7", "mood": {}}
    stub.on(ANALYZE, {**seen(objectsResult={"values": [value], "next": 1}), "future": [1]})
    (found,) = call(stub, attempt(), "detect_objects", ObjectRequest(image=picture())).payload.objects
    assert found.name == "cat"
    assert found.id is None  # the id of the find, not of the concept


def test_raw_is_the_whole_answer_and_only_on_request(stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, ALL)
    assert call(stub, attempt(), "caption", caption(raw=True)).raw == ALL
    assert call(stub, attempt(), "caption", caption()).raw is None


def test_errors_reach_every_operation(stub: Any, attempt: Any) -> None:
    for method, request in REQUESTS.items():
        stub.on(
            ANALYZE,
            Answer(429, json={"error": {"code": "429", "message": "slow"}}, headers={"retry-after": "3"}),
        )
        error = raised(lambda m=method, r=request: call(stub, attempt(), m, r), errors.Throttled)
        assert error.retry_after == 3
        stub.on(
            ANALYZE, Answer(400, json={"code": "InvalidImageSize", "message": "small"})
        )  # without a wrapper
        error = raised(lambda m=method, r=request: call(stub, attempt(), m, r), errors.BadInput)
        assert error.code == "InvalidImageSize"


# ---------------------------------------------------------------------- the support table


def test_the_cells_of_image_analysis() -> None:
    manifest = AzureAdapter.manifest
    for name in ("label", "detect_objects", "detect_text", "caption", "analyze"):
        spec = manifest.spec(f"vision.{name}")
        assert spec.service == "vision"
        assert spec.lifecycle.on == date(2028, 9, 25)
        assert spec.scale is Scale.RATIO
        assert spec.extensions == ("azure_model_version",)
    assert manifest.spec("vision.caption").languages == ("en",)
    assert manifest.spec("vision.analyze").together == (frozenset(vision.FEATURES),)
    assert {"de", "zh-Hans", "ar"} <= set(manifest.spec("vision.detect_text").languages)
    reason = raised(lambda: manifest.spec("vision.detect_faces"), errors.Unsupported)
    assert "Limited Access" in str(reason)
