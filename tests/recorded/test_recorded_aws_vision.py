"""What Rekognition and Textract really said, played over loopback through the public client and boto3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from recorded_aws import REKOGNITION, TEXTRACT, arguments, load, played
from recorded_support import proving

from broker.testing.stub import VendorStub

pytest.importorskip("boto3", reason="needs the aws extra")

FACES = pytest.mark.parametrize("face", ["sync", "async"])
TOLERANCE = 1e-9


def near(number: float | None) -> Any:
    return None if number is None else pytest.approx(number, abs=TOLERANCE)


def same_box(region: Any, said: dict[str, float]) -> None:
    assert region.raw == (said["Left"], said["Top"], said["Width"], said["Height"])
    box = region.box
    left, top = max(0.0, said["Left"]), max(0.0, said["Top"])
    assert (box.left, box.top) == (near(min(1.0, left)), near(min(1.0, top)))
    assert box.left + box.width == near(min(1.0, said["Left"] + said["Width"]))
    assert box.top + box.height == near(min(1.0, said["Top"] + said["Height"]))
    assert (region.polygon[0].x, region.polygon[0].y) == (said["Left"], said["Top"])


def instances(body: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(label, each) for label in body["Labels"] for each in label.get("Instances") or ()]


@FACES
@pytest.mark.parametrize("path", proving("aws", "vision.detect_objects"))
def test_the_instances_of_labels_are_objects(
    face: str, path: Path, vendor_stub: VendorStub, photo: bytes
) -> None:
    body = load(path)
    result = played(face, "vision.detect_objects", photo, f"{REKOGNITION}DetectLabels", body, vendor_stub)
    said = instances(body)
    assert [each.name for each in result.value.objects] == [label["Name"] for label, _ in said]
    for found, (label, each) in zip(result.value.objects, said, strict=True):
        assert found.confidence.raw == each["Confidence"]
        assert found.confidence.value == near(each["Confidence"] / 100)
        assert found.parents == tuple(parent["Name"] for parent in label.get("Parents") or ())
        same_box(found.region, each["BoundingBox"])
    assert (result.value.frame.width, result.value.frame.height) == (320, 240)
    assert result.provenance.model_version == body.get("LabelModelVersion")
    assert result.raw == body
    assert str(result.cost.amount) == "0.001000000000"


def test_there_are_recordings_with_objects(fixtures_folder: Path) -> None:
    bodies = [load(path) for path in (fixtures_folder / "aws/rekognition/detect_labels").glob("*.json")]
    assert sum(bool(instances(body)) for body in bodies) >= 2


@pytest.mark.parametrize(
    ("files", "member"),
    [
        ("rekognition/detect_text", "TextDetections"),
        ("rekognition/detect_faces", "FaceDetails"),
        ("rekognition/detect_moderation_labels", "ModerationLabels"),
        ("textract/detect_document_text", "Blocks"),
    ],
)
def test_not_all_recordings_are_empty(files: str, member: str, fixtures_folder: Path) -> None:
    assert any(load(path)[member] for path in (fixtures_folder / "aws" / files).glob("*.json"))


@FACES
@pytest.mark.parametrize("path", proving("aws", "vision.analyze"))
def test_labels_and_objects_by_one_request(
    face: str, path: Path, vendor_stub: VendorStub, photo: bytes
) -> None:
    body = load(path)
    result = played(
        face,
        "vision.analyze",
        photo,
        f"{REKOGNITION}DetectLabels",
        body,
        vendor_stub,
        operations=["label", "detect_objects"],
    )
    assert [each.name for each in result.value.labels.labels] == [each["Name"] for each in body["Labels"]]
    assert [each.name for each in result.value.objects.objects] == [
        label["Name"] for label, _ in instances(body)
    ]
    assert (result.value.text, result.value.faces) == (None, None)
    assert str(result.cost.amount) == "0.001000000000", "one request, one image"


@FACES
@pytest.mark.parametrize("path", proving("aws", "vision.detect_text"))
def test_words_hang_on_their_lines(face: str, path: Path, vendor_stub: VendorStub, photo: bytes) -> None:
    body = load(path)
    result = played(face, "vision.detect_text", photo, f"{REKOGNITION}DetectText", body, vendor_stub)
    said = body["TextDetections"]
    lines = [each for each in said if each["Type"] == "LINE"]
    assert result.value.text == "\n".join(each["DetectedText"] for each in lines)
    assert len(result.value.words) == sum(each["Type"] == "WORD" for each in said)
    for found, line in zip(result.value.lines, lines, strict=True):
        same_text(found, line, "DetectedText")
        words = [each for each in said if each["Type"] == "WORD" and each["ParentId"] == line["Id"]]
        for word, each in zip(found.words, words, strict=True):
            same_text(word, each, "DetectedText")
    assert str(result.cost.amount) == "0.001000000000"


def same_text(found: Any, said: dict[str, Any], name: str) -> None:
    assert found.text == said[name]
    assert found.confidence.raw == said["Confidence"]
    assert found.confidence.value == near(said["Confidence"] / 100)
    corners = [(each["X"], each["Y"]) for each in said["Geometry"]["Polygon"]]
    assert [(point.x, point.y) for point in found.region.polygon] == corners
    box = found.region.box
    assert box.left == near(min(max(0.0, min(x for x, _ in corners)), 1.0))
    assert box.top + box.height == near(min(1.0, max(y for _, y in corners)))


@FACES
@pytest.mark.parametrize("path", proving("aws", "vision.detect_text: documents"))
def test_textract_reads_a_document(face: str, path: Path, vendor_stub: VendorStub, photo: bytes) -> None:
    body = load(path)
    result = played(
        face,
        "vision.detect_text",
        photo,
        f"{TEXTRACT}DetectDocumentText",
        body,
        vendor_stub,
        mode="document",
    )
    blocks = {each["Id"]: each for each in body["Blocks"]}
    lines = [each for each in body["Blocks"] if each["BlockType"] == "LINE"]
    assert result.value.text == "\n".join(each["Text"] for each in lines)
    words = 0
    for found, line in zip(result.value.lines, lines, strict=True):
        same_text(found, line, "Text")
        related = line.get("Relationships") or ()
        ids = [name for each in related if each["Type"] == "CHILD" for name in each["Ids"]]
        here = [blocks[name] for name in ids if name in blocks]
        words += len(here)
        for word, each in zip(found.words, here, strict=True):
            same_text(word, each, "Text")
            kind = each.get("TextType")
            assert word.handwritten is (None if kind is None else kind == "HANDWRITING")
    assert words == len(result.value.words) == sum(each["BlockType"] == "WORD" for each in body["Blocks"])
    assert result.provenance.model_version == body.get("DetectDocumentTextModelVersion")
    assert str(result.cost.amount) == "0.001500000000", "a page of Textract"
    assert arguments(vendor_stub.requests[0])["Document"]["Bytes"] == photo


SNAKES = {
    "eyeLeft": "eye_left",
    "mouthDown": "mouth_down",
    "leftEyeBrowUp": "left_eye_brow_up",
    "nose": "nose",
}
DECISIONS = {
    "smile": "Smile",
    "eyeglasses": "Eyeglasses",
    "sunglasses": "Sunglasses",
    "gender": "Gender",
    "beard": "Beard",
    "mustache": "Mustache",
    "eyes_open": "EyesOpen",
    "mouth_open": "MouthOpen",
    "face_occluded": "FaceOccluded",
}


def details(body: Any) -> list[dict[str, Any]]:
    if "FaceRecords" in body:
        return [each["FaceDetail"] for each in body["FaceRecords"]]
    found: list[dict[str, Any]] = body["FaceDetails"]
    return found


@FACES
@pytest.mark.parametrize(
    "path",
    proving("aws", "vision.detect_faces")
    + proving("aws", "vision.detect_faces: FaceDetail of another operation"),
)
def test_faces_with_all_that_is_said_of_them(
    face: str, path: Path, vendor_stub: VendorStub, photo: bytes
) -> None:
    said = details(load(path))
    body = {"FaceDetails": said}
    result = played(face, "vision.detect_faces", photo, f"{REKOGNITION}DetectFaces", body, vendor_stub)
    for found, each in zip(result.value.faces, said, strict=True):
        same_box(found.region, each["BoundingBox"])
        assert found.confidence.value == near(each["Confidence"] / 100)
        landmarks = each.get("Landmarks") or ()
        assert [(mark.point.x, mark.point.y) for mark in found.landmarks] == [
            (mark["X"], mark["Y"]) for mark in landmarks
        ]
        for mark, told in zip(found.landmarks, landmarks, strict=True):
            assert mark.name.replace("_", "") == told["Type"].lower()
            assert mark.name == SNAKES.get(told["Type"], mark.name)
        pose = each.get("Pose")
        turned = found.pose and (found.pose.roll, found.pose.yaw, found.pose.pitch)
        assert turned == (None if pose is None else (pose["Roll"], pose["Yaw"], pose["Pitch"]))
        quality = each.get("Quality") or {}
        assert dict(found.quality) == {name.lower(): value for name, value in quality.items()}
        gaze = each.get("EyeDirection")
        looking = found.gaze and (found.gaze.yaw, found.gaze.pitch, found.gaze_confidence.raw)
        assert looking == (None if gaze is None else (gaze["Yaw"], gaze["Pitch"], gaze["Confidence"]))
        age = each.get("AgeRange")
        assert found.age == (None if age is None else (age["Low"], age["High"]))
        assert [(one.name, one.confidence.raw) for one in found.emotions] == [
            (one["Type"].lower(), one["Confidence"]) for one in each.get("Emotions", ())
        ]
        seen = {one.name: (one.value, one.confidence.raw) for one in found.attributes}
        assert seen == {
            name: (each[member]["Value"], each[member]["Confidence"])
            for name, member in DECISIONS.items()
            if member in each
        }
    assert arguments(vendor_stub.requests[0])["Attributes"] == ["ALL"]
    assert str(result.cost.amount) == "0.001000000000"


HARMS = {
    "Explicit": ("sexual",),
    "Explicit Nudity": ("sexual",),
    "Suggestive": ("suggestive",),
    "Non-Explicit Nudity of Intimate parts and Kissing": ("suggestive",),
    "Swimwear or Underwear": ("suggestive",),
    "Violence": ("violence", "weapons", "self_harm"),
    "Visually Disturbing": ("shocking", "self_harm"),
    "Drugs": ("drugs",),
    "Drugs & Tobacco": ("drugs",),
    "Tobacco": ("drugs",),
    "Alcohol": ("drugs",),
    "Gambling": ("gambling",),
    "Rude Gestures": ("profanity",),
    "Hate Symbols": ("hate",),
}
"""What may be below each name of the highest level, in both taxonomies."""


def moderation(body: Any) -> list[dict[str, Any]]:
    return [each.get("ModerationLabel", each) for each in body["ModerationLabels"]]


@FACES
@pytest.mark.parametrize(
    "path",
    proving("aws", "vision.moderate")
    + proving("aws", "vision.moderate: ModerationLabel of another operation"),
)
def test_what_a_picture_might_do(face: str, path: Path, vendor_stub: VendorStub, photo: bytes) -> None:
    body = load(path)
    said = moderation(body)
    body = {**body, "ModerationLabels": said}
    target = f"{REKOGNITION}DetectModerationLabels"
    result = played(face, "vision.moderate", photo, target, body, vendor_stub)
    assert [(each.name, each.confidence.raw) for each in result.value.labels] == [
        (each["Name"], each["Confidence"]) for each in said
    ]
    for found, each in zip(result.value.labels, said, strict=True):
        assert found.confidence.value == near(each["Confidence"] / 100)
        above, due = {one["Name"]: one.get("ParentName") for one in said}, []
        parent = each.get("ParentName")
        while parent and parent not in due:
            due.append(parent)
            parent = above.get(parent)
        assert list(found.parents) == due
        top = due[-1] if due else each["Name"]
        assert found.harm.value in HARMS.get(top, (found.harm.value,))
    kinds = [(one["Name"], one["Confidence"]) for one in body.get("ContentTypes") or ()]
    assert [(name, sure.raw) for name, sure in result.value.content_types] == kinds
    assert result.provenance.model_version == body.get("ModerationModelVersion")
    assert arguments(vendor_stub.requests[0])["MinConfidence"] == 0
    assert str(result.cost.amount) == "0.001000000000"
