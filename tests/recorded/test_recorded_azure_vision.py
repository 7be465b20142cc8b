"""What Image Analysis 4.0 really sent, played through the public client for every operation that it answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recorded_support import ask, proving

from broker import AuthFailed
from broker.testing.script import Answer
from broker.testing.stub import VendorStub

ROUTE = "/computervision/imageanalysis:analyze"
FACES = pytest.mark.parametrize("face", ["sync", "async"])


def play(
    face: str, path: Path, operation: str, stub: VendorStub, photo: bytes, **options: Any
) -> tuple[Any, Any, Any]:
    """The result, what was recorded, and the request; everything that holds for every operation is checked here."""
    body = json.loads(path.read_text("utf-8"))
    usage = {
        "CSP-Billing-Usage": "CognitiveServices.ComputerVision.Transaction=1"
    }  # as the index tells of it
    stub.on(ROUTE, default=Answer(json=body, headers=usage))
    section = {"endpoint": stub.url, "key": "k" * 32, "region": "eastus"}
    result = ask(face, operation, photo, "azure", section, **options)
    assert result.provenance.model_version == body["modelVersion"]
    assert result.raw == body
    assert stub.count == len(result.attempts) == 1
    (request,) = stub.requests
    assert request.body == photo
    return result, body, request


def is_box(region: Any, said: dict[str, int], size: dict[str, int]) -> None:
    assert region.raw == (said["x"], said["y"], said["w"], said["h"])
    left, top = said["x"] / size["width"], said["y"] / size["height"]
    assert region.box.left == pytest.approx(left)
    assert region.box.top == pytest.approx(top)
    assert region.box.width == pytest.approx(min(1.0, left + said["w"] / size["width"]) - left)
    assert region.box.height == pytest.approx(min(1.0, top + said["h"] / size["height"]) - top)


def is_polygon(region: Any, said: list[dict[str, int]], size: dict[str, int]) -> None:
    assert region.raw == tuple(number for point in said for number in (point["x"], point["y"]))
    for ours, point in zip(region.polygon, said, strict=True):
        assert ours.x == pytest.approx(point["x"] / size["width"])
        assert ours.y == pytest.approx(point["y"] / size["height"])
    assert region.box.left == pytest.approx(min(point["x"] for point in said) / size["width"])
    assert region.box.top == pytest.approx(min(point["y"] for point in said) / size["height"])


def are_objects(found: Any, body: Any) -> None:
    said = body["objectsResult"]["values"]
    assert len(found.objects) == len(said) > 0
    for ours, each in zip(found.objects, said, strict=True):
        assert ours.name == each["tags"][0]["name"]
        assert ours.confidence.value == each["tags"][0]["confidence"]
        assert [other.name for other in ours.others] == [tag["name"] for tag in each["tags"][1:]]
        is_box(ours.region, each["boundingBox"], body["metadata"])
    assert (found.frame.width, found.frame.height) == (body["metadata"]["width"], body["metadata"]["height"])


def is_text(found: Any, body: Any) -> None:
    blocks = body["readResult"]["blocks"]
    lines = [line for block in blocks for line in block["lines"]]
    assert found.text == "\n".join(line["text"] for line in lines)
    assert [len(block.lines) for block in found.blocks] == [len(block["lines"]) for block in blocks]
    for ours, line in zip(found.lines, lines, strict=True):
        assert ours.confidence.value is None
        is_polygon(ours.region, line["boundingPolygon"], body["metadata"])
        assert [word.text for word in ours.words] == [word["text"] for word in line["words"]]
        for word, said in zip(ours.words, line["words"], strict=True):
            assert word.confidence.value == said["confidence"]
            is_polygon(word.region, said["boundingPolygon"], body["metadata"])


@FACES
@pytest.mark.parametrize("path", proving("azure", "vision.detect_objects"))
def test_objects(face: str, path: Path, vendor_stub: VendorStub, photo: bytes) -> None:
    result, body, request = play(face, path, "vision.detect_objects", vendor_stub, photo)
    are_objects(result.value, body)
    assert request.params["features"] == "objects"
    assert str(result.cost.amount) == "0.001000000000"


@FACES
@pytest.mark.parametrize("mode", ["scene", "document"])
@pytest.mark.parametrize("path", proving("azure", "vision.detect_text"))
def test_text(face: str, mode: str, path: Path, vendor_stub: VendorStub, photo: bytes) -> None:
    result, body, request = play(face, path, "vision.detect_text", vendor_stub, photo, mode=mode)
    is_text(result.value, body)
    assert request.params["features"] == "read"


@FACES
@pytest.mark.parametrize("path", proving("azure", "vision.caption"))
def test_a_caption(face: str, path: Path, vendor_stub: VendorStub, photo: bytes) -> None:
    result, body, request = play(face, path, "vision.caption", vendor_stub, photo)
    (caption,) = result.value.captions
    said = body["captionResult"]
    assert (caption.text, caption.confidence.value, caption.region) == (
        said["text"],
        said["confidence"],
        None,
    )
    assert request.params["features"] == "caption"


@FACES
@pytest.mark.parametrize("path", proving("azure", "vision.caption"))
def test_dense_captions(face: str, path: Path, vendor_stub: VendorStub, photo: bytes) -> None:
    result, body, request = play(
        face, path, "vision.caption", vendor_stub, photo, dense=True, gender_neutral=True
    )
    said = body["denseCaptionsResult"]["values"]
    size = body["metadata"]
    assert [each.text for each in result.value.captions] == [each["text"] for each in said]
    assert [each.confidence.value for each in result.value.captions] == [each["confidence"] for each in said]
    for ours, each in zip(result.value.captions, said, strict=True):
        if each["boundingBox"] == {"x": 0, "y": 0, "w": size["width"], "h": size["height"]}:
            assert ours.region is None
        else:
            is_box(ours.region, each["boundingBox"], size)
    assert request.params["features"] == "denseCaptions"
    assert request.params["gender-neutral-caption"] == "true"


@FACES
@pytest.mark.parametrize("path", proving("azure", "vision.analyze"))
def test_all_of_it_by_one_request(face: str, path: Path, vendor_stub: VendorStub, photo: bytes) -> None:
    operations = ["label", "detect_objects", "detect_text", "caption"]
    result, body, request = play(face, path, "vision.analyze", vendor_stub, photo, operations=operations)
    tags = body["tagsResult"]["values"]
    assert [(each.name, each.confidence.value) for each in result.value.labels.labels] == [
        (each["name"], each["confidence"]) for each in tags
    ]
    are_objects(result.value.objects, body)
    is_text(result.value.text, body)
    assert [each.text for each in result.value.captions.captions] == [body["captionResult"]["text"]]
    assert (result.value.faces, result.value.moderation) == (None, None)
    assert request.params["features"] == "tags,objects,read,caption"
    (attempt,) = result.attempts
    assert [use.sku for use in attempt.usage] == ["azure.vision.group1"] * 2 + ["azure.vision.group2"] * 2


@pytest.mark.parametrize("path", proving("azure", "vision: refused credentials"))
@pytest.mark.parametrize("operation", ["detect_objects", "detect_text", "caption", "moderate"])
def test_azures_own_words_for_a_wrong_key_are_kept_by_every_operation(
    operation: str, path: Path, vendor_stub: VendorStub, photo: bytes
) -> None:
    body = json.loads(path.read_text("utf-8"))
    vendor_stub.reply(body, status=401)
    section = {"endpoint": vendor_stub.url, "key": "k" * 32, "region": "eastus"}
    with pytest.raises(AuthFailed, match="invalid subscription key") as caught:
        ask("sync", f"vision.{operation}", photo, "azure", section)
    assert caught.value.billed is False
    assert vendor_stub.count == 1
