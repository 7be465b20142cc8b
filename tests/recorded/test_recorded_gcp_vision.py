"""Answers that Google Cloud Vision really sent, over gRPC on loopback, through both faces of the public client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recorded_gcp_vision_support import answer_of, charged, corners, spelled, squeezed, words_of
from recorded_support import ask, proving

from broker import BadInput, Broker, MalformedReply
from broker.types import Frame, Harm, Image, Region

pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")

FACES = pytest.mark.parametrize("face", ["sync", "async"])
NEAR = 1e-6
"""Ratios travel as 32-bit floats."""
ANALYZED = {
    "labelAnnotations": "label",
    "localizedObjectAnnotations": "detect_objects",
    "textAnnotations": "detect_text",
    "fullTextAnnotation": "detect_text",
    "faceAnnotations": "detect_faces",
    "safeSearchAnnotation": "moderate",
}
PRICES = {
    "label": ("gcp.vision.label", 1500),
    "detect_objects": ("gcp.vision.object_localization", 2250),
    "detect_text": ("gcp.vision.text", 1500),
    "detect_faces": ("gcp.vision.face", 1500),
    "moderate": ("gcp.vision.safe_search", 1500),
}
"""Sku, and the list price in millionths of a dollar."""


def settings(stub: Any) -> dict[str, Any]:
    return {"endpoint": f"http://{stub.target}"}


def same_place(region: Region | None, poly: dict[str, Any], width: int, height: int) -> None:
    assert region is not None
    said = corners(poly, width, height)
    assert len(region.polygon) == len(said)
    for seen, (x, y) in zip(region.polygon, said, strict=True):
        assert (seen.x, seen.y) == (pytest.approx(x, abs=NEAR), pytest.approx(y, abs=NEAR))
    left, right = (min(1.0, max(0.0, edge(x for x, _ in said))) for edge in (min, max))
    top, bottom = (min(1.0, max(0.0, edge(y for _, y in said))) for edge in (min, max))
    box = region.box
    assert box.left == pytest.approx(left, abs=NEAR)
    assert box.top == pytest.approx(top, abs=NEAR)
    assert box.left + box.width == pytest.approx(right, abs=NEAR)
    assert box.top + box.height == pytest.approx(bottom, abs=NEAR)


def same_labels(found: Any, answer: dict[str, Any]) -> None:
    said = answer.get("labelAnnotations", [])
    assert [label.name for label in found.labels] == [each["description"] for each in said]
    assert [label.id for label in found.labels] == [each.get("mid") for each in said]
    assert [label.confidence.value for label in found.labels] == pytest.approx(
        [x["score"] for x in said], abs=NEAR
    )


def same_objects(found: Any, answer: dict[str, Any]) -> None:
    said = answer.get("localizedObjectAnnotations", [])
    assert [each.name for each in found.objects] == [each["name"] for each in said]
    assert [each.id for each in found.objects] == [each.get("mid") for each in said]
    for seen, each in zip(found.objects, said, strict=True):
        assert seen.confidence.value == pytest.approx(each["score"], abs=NEAR)
        same_place(seen.region, each["boundingPoly"], found.frame.width, found.frame.height)


def same_harms(found: Any, answer: dict[str, Any]) -> None:
    said = answer["safeSearchAnnotation"]
    assert {label.name: label.confidence.raw for label in found.labels} == {
        name: said.get(name, "UNKNOWN") for name in ("adult", "spoof", "medical", "violence", "racy")
    }
    assert all(label.confidence.value is None for label in found.labels)
    assert [label.harm for label in found.labels] == [
        Harm.SEXUAL,
        Harm.SPOOF,
        Harm.MEDICAL,
        Harm.VIOLENCE,
        Harm.SUGGESTIVE,
    ]


def same_faces(found: Any, answer: dict[str, Any]) -> None:
    said = answer.get("faceAnnotations", [])
    width, height = found.frame.width, found.frame.height
    assert len(found.faces) == len(said)
    for face, each in zip(found.faces, said, strict=True):
        same_place(face.region, each["boundingPoly"], width, height)
        assert face.confidence.value == pytest.approx(each["detectionConfidence"], abs=NEAR)
        if "landmarkingConfidence" in each:
            assert face.landmark_confidence.value == pytest.approx(each["landmarkingConfidence"], abs=NEAR)
        assert [mark.name for mark in face.landmarks] == [mark["type"].lower() for mark in each["landmarks"]]
        for seen, mark in zip(face.landmarks, each["landmarks"], strict=True):
            at = mark["position"]
            assert seen.point.x * width == pytest.approx(at.get("x", 0.0), abs=1e-3)
            assert seen.point.y * height == pytest.approx(at.get("y", 0.0), abs=1e-3)
            assert seen.depth == pytest.approx(at.get("z", 0.0), abs=1e-3)
        assert face.pose is not None
        for angle, name in ((face.pose.roll, "roll"), (face.pose.yaw, "pan"), (face.pose.pitch, "tilt")):
            assert angle == pytest.approx(each.get(f"{name}Angle", 0.0), abs=1e-3)
        judged = {
            f"{''.join(x.title() for x in part.name.split('_'))}Likelihood": part.confidence.raw
            for part in (*face.emotions, *face.attributes)
        }
        assert {name[0].lower() + name[1:]: raw for name, raw in judged.items()} == {
            name: each.get(name, "UNKNOWN")
            for name in (
                "joyLikelihood",
                "sorrowLikelihood",
                "angerLikelihood",
                "surpriseLikelihood",
                "underExposedLikelihood",
                "blurredLikelihood",
                "headwearLikelihood",
            )
        }


def same_text(found: Any, answer: dict[str, Any], stored: Image) -> None:
    flat = answer.get("textAnnotations", [])
    if "fullTextAnnotation" not in answer:
        assert squeezed(found.text) == squeezed(flat[0]["description"] if flat else "")
        assert [word.text for word in found.words] == [each["description"] for each in flat[1:]]
        return
    full = answer["fullTextAnnotation"]
    assert squeezed(found.text) == squeezed(full["text"])
    if flat:  # each word once, and none of the first annotation, which is the whole text
        assert [word.text for word in found.words] == [each["description"] for each in flat[1:]]
    said = [(word, page) for page in full["pages"] for word in words_of(page)]
    assert [word.text for word in found.words] == [spelled(word) for word, _ in said]
    for seen, (word, page) in zip(found.words, said, strict=True):
        width, height = page.get("width", stored.width), page.get("height", stored.height)
        same_place(seen.region, word["boundingBox"], width, height)
        sure = word.get("confidence")
        assert seen.confidence.value == (sure if sure is None else pytest.approx(sure, abs=NEAR))
    blocks = [block for page in full["pages"] for block in page["blocks"]]
    assert found.blocks is not None
    assert [each.kind for each in found.blocks] == [
        block.get("blockType", "UNKNOWN").lower() for block in blocks
    ]
    for grouped, block in zip(found.blocks, blocks, strict=True):
        seen = [word.text for line in grouped.lines for word in line.words]
        assert seen == [spelled(word) for word in words_of(block)]
    assert tuple(line for block in found.blocks for line in block.lines) == found.lines
    page = full["pages"][0]
    assert (found.frame.width, found.frame.height) == (
        page.get("width", stored.width),
        page.get("height", stored.height),
    )
    told = [x["languageCode"] for x in page.get("property", {}).get("detectedLanguages", [])]
    if told:
        assert list(found.languages) == [code for code in told if code != "und"]


def sent(stub: Any) -> Any:
    """The one picture of the one request."""
    (seen,) = stub.requests
    (request,) = seen.request.requests
    return request


@FACES
@pytest.mark.parametrize("path", proving("gcp", "vision.detect_objects"))
def test_objects(face: str, path: Path, vision_grpc_stub: Any, photo: bytes) -> None:
    answer = answer_of(path)
    vision_grpc_stub.reply(answer)
    result = ask(face, "vision.detect_objects", photo, "gcp", settings(vision_grpc_stub))
    assert result.value.objects
    same_objects(result.value, answer)
    assert result.value.frame == Frame(width=320, height=240, upright=True)
    assert [each.type_ for each in sent(vision_grpc_stub).features] == [19]
    assert vision_grpc_stub.count == len(result.attempts) == 1
    assert str(result.cost.amount) == "0.002250000000"


@FACES
@pytest.mark.parametrize("mode", ["scene", "document"])
@pytest.mark.parametrize("path", proving("gcp", "vision.detect_text"))
def test_text(
    face: str, mode: str, path: Path, vision_grpc_stub: Any, photo: bytes, ledger_path: str
) -> None:
    answer = answer_of(path)
    vision_grpc_stub.reply(answer)
    result = ask(face, "vision.detect_text", photo, "gcp", settings(vision_grpc_stub), mode=mode)
    assert result.value.words
    same_text(result.value, answer, Image.load(photo))
    assert [each.type_ for each in sent(vision_grpc_stub).features] == [5 if mode == "scene" else 11]
    assert charged(ledger_path) == {f"gcp.vision.{'text' if mode == 'scene' else 'document_text'}": 1500}
    assert vision_grpc_stub.count == len(result.attempts) == 1
    assert str(result.cost.amount) == "0.001500000000"


@FACES
@pytest.mark.parametrize("path", proving("gcp", "vision.detect_faces"))
def test_faces(face: str, path: Path, vision_grpc_stub: Any, photo: bytes) -> None:
    answer = answer_of(path)
    vision_grpc_stub.reply(answer)
    result = ask(face, "vision.detect_faces", photo, "gcp", settings(vision_grpc_stub))
    assert result.value.faces
    same_faces(result.value, answer)
    assert [each.type_ for each in sent(vision_grpc_stub).features] == [1]
    assert result.raw["responses"][0]["faceAnnotations"] == answer["faceAnnotations"]
    assert vision_grpc_stub.count == len(result.attempts) == 1
    assert str(result.cost.amount) == "0.001500000000"


@FACES
@pytest.mark.parametrize("path", proving("gcp", "vision.moderate"))
def test_safe_search(face: str, path: Path, vision_grpc_stub: Any, photo: bytes) -> None:
    answer = answer_of(path)
    vision_grpc_stub.reply(answer)
    result = ask(face, "vision.moderate", photo, "gcp", settings(vision_grpc_stub))
    same_harms(result.value, answer)
    assert [each.type_ for each in sent(vision_grpc_stub).features] == [6]
    assert vision_grpc_stub.count == len(result.attempts) == 1
    assert str(result.cost.amount) == "0.001500000000"


@FACES
@pytest.mark.parametrize("path", proving("gcp", "vision.analyze"))
def test_what_one_answer_holds_is_the_same_through_analyze(
    face: str, path: Path, vision_grpc_stub: Any, photo: bytes, ledger_path: str
) -> None:
    answer = answer_of(path)
    names = list(dict.fromkeys(name for member, name in ANALYZED.items() if member in answer))
    vision_grpc_stub.reply(answer)
    result = ask(face, "vision.analyze", photo, "gcp", settings(vision_grpc_stub), operations=names)
    found = result.value
    parts = {
        "label": found.labels,
        "detect_objects": found.objects,
        "detect_text": found.text,
        "detect_faces": found.faces,
        "moderate": found.moderation,
    }
    assert {name for name, part in parts.items() if part is not None} == set(names)
    if found.labels is not None:
        same_labels(found.labels, answer)
    if found.objects is not None:
        same_objects(found.objects, answer)
    if found.text is not None:
        same_text(found.text, answer, Image.load(photo))
    if found.faces is not None:
        same_faces(found.faces, answer)
    if found.moderation is not None:
        same_harms(found.moderation, answer)
    assert len(sent(vision_grpc_stub).features) == len(names)
    assert vision_grpc_stub.count == len(result.attempts) == 1
    bill = dict(PRICES[name] for name in names)
    if "label" in names and "moderate" in names:
        bill["gcp.vision.safe_search"] = 0
    assert charged(ledger_path) == bill
    assert result.cost.amount * 1_000_000 == sum(bill.values())


@pytest.mark.parametrize("path", proving("gcp", "vision.label: several pictures"))
def test_several_pictures_keep_their_order(path: Path, vision_grpc_stub: Any, photo: bytes) -> None:
    body = json.loads(path.read_text("utf-8"))
    count = len(body["responses"])
    vision_grpc_stub.reply(body)
    with Broker(provider="gcp", providers={"gcp": settings(vision_grpc_stub)}) as broker:
        labels = list(broker.vision.label_many([photo] * count))
        harms = list(broker.vision.moderate_many([photo] * count))
    assert vision_grpc_stub.count == 2
    for said, item in zip(body["responses"], labels, strict=True):
        same_labels(item.value, said)
    for said, judged in zip(body["responses"], harms, strict=True):
        if "safeSearchAnnotation" in said:
            same_harms(judged.value, said)
        else:  # asked for and not there: never an empty result
            assert isinstance(judged.error, MalformedReply)


@pytest.mark.parametrize("path", proving("gcp", "vision.label: refused"))
def test_googles_own_words_for_a_refusal_are_kept(path: Path, vision_grpc_stub: Any, photo: bytes) -> None:
    grpc = pytest.importorskip("grpc", reason="needs the gcp extra")
    said = json.loads(path.read_text("utf-8"))["error"]
    vision_grpc_stub.error(grpc.StatusCode[said["status"]], said["message"])
    with pytest.raises(BadInput) as caught:
        ask("sync", "vision.label", photo, "gcp", settings(vision_grpc_stub))
    assert said["message"] in str(caught.value)
    assert caught.value.code == said["status"]
    assert caught.value.billed is False
    assert vision_grpc_stub.count == 1
