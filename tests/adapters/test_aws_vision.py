"""Rekognition and Textract: places, words, faces, moderation, options and meters; boto3 in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from adapter_support import picture, raised
from aws_support import adapter, checked, enum, turned

from broker import errors
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import (
    AnalyzeRequest,
    DetectTextRequest,
    FaceRequest,
    Harm,
    Image,
    ImageModerationRequest,
    LabelRequest,
    ObjectRequest,
)
from broker_aws import AwsAdapter, faces, moderation

LABELS = "RekognitionService.DetectLabels"
SCENE = "RekognitionService.DetectText"
DOCUMENT = "Textract.DetectDocumentText"
FACES = "RekognitionService.DetectFaces"
MODERATION = "RekognitionService.DetectModerationLabels"
BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[AwsAdapter, VendorStub]]:
    """One adapter for all tests of the file: boto3 takes its time to make a client."""
    with VendorStub() as server:
        made = adapter(server.url)
        yield made, server
        made.close()


@pytest.fixture
def stub(account: tuple[AwsAdapter, VendorStub]) -> VendorStub:
    account[1].reset()
    return account[1]


@pytest.fixture
def aws(account: tuple[AwsAdapter, VendorStub]) -> AwsAdapter:
    return account[0]


def written(mode: str = "scene", **options: Any) -> DetectTextRequest:
    return DetectTextRequest(image=picture(), mode=mode, **options)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- objects


def test_three_cats_are_three_objects_and_a_label_without_a_place_is_none(
    aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    cat = {
        "Name": "Cat",
        "Confidence": 99.0,
        "Parents": [{"Name": "Animal"}],
        "Instances": [{"BoundingBox": BOX, "Confidence": number} for number in (90.5, 80, 70.25)],
    }
    labels = [cat, {"Name": "Indoors", "Confidence": 98.0, "Instances": []}, {"Name": "Animal"}]
    stub.on(LABELS, Answer(json={"Labels": labels, "LabelModelVersion": "3.0"}))
    reply = aws.detect_objects(ObjectRequest(image=picture()), attempt())
    assert [(each.name, each.confidence.value) for each in reply.payload.objects] == [
        ("Cat", 0.905),
        ("Cat", 0.8),
        ("Cat", 0.7025),
    ]
    assert {each.parents for each in reply.payload.objects} == {("Animal",)}
    assert reply.model_version == "3.0"
    sent = checked(stub.requests[0])
    assert (sent["MaxLabels"], sent["MinConfidence"]) == (1000, 0)


def test_a_box_beyond_the_edge_is_kept_as_it_is_and_clipped_beside_it(
    aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    said = {"Left": -0.05, "Top": 0.9, "Width": 0.2, "Height": 0.3}
    stub.on(LABELS, Answer(json={"Labels": [{"Name": "Cat", "Instances": [{"BoundingBox": said}]}]}))
    (found,) = aws.detect_objects(ObjectRequest(image=picture()), attempt()).payload.objects
    assert found.region.raw == (-0.05, 0.9, 0.2, 0.3)
    assert (found.region.polygon[0].x, found.region.polygon[2].y) == (-0.05, pytest.approx(1.2))
    box = found.region.box
    assert (box.left, box.top, box.width, box.height) == (0.0, 0.9, pytest.approx(0.15), pytest.approx(0.1))
    assert found.confidence.value is None, "none was given"


@pytest.mark.parametrize("missing", ["Left", "Top", "Width", "Height", "BoundingBox"])
def test_a_box_in_part_is_malformed(missing: str, aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    box = {name: value for name, value in BOX.items() if name != missing}
    instance: dict[str, Any] = {} if missing == "BoundingBox" else {"BoundingBox": box}
    stub.on(LABELS, Answer(json={"Labels": [{"Name": "Cat", "Instances": [instance]}]}))
    error = raised(
        lambda: aws.detect_objects(ObjectRequest(image=picture()), attempt()), errors.MalformedReply
    )
    assert missing in str(error)


@pytest.mark.parametrize("operations", [("label",), ("detect_objects",), ("label", "detect_objects")])
def test_an_analysis_holds_what_was_asked_for(
    operations: tuple[str, ...], aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(
        LABELS,
        Answer(json={"Labels": [{"Name": "Cat", "Confidence": 9, "Instances": [{"BoundingBox": BOX}]}]}),
    )
    request = AnalyzeRequest(image=picture(), operations=operations)
    found = aws.analyze(request, attempt()).payload
    assert (found.labels is not None) is ("label" in operations)
    assert (found.objects is not None) is ("detect_objects" in operations)
    assert found.select(request) is not None
    assert stub.count == 1
    spec = aws.manifest.spec("vision.analyze")
    assert [(use.sku, use.quantity) for use in spec.meter(request)] == [("", 1)]


# ---------------------------------------------------------------------- how a picture is turned


@pytest.mark.parametrize(
    ("image", "documented", "silent"),
    [
        (picture(), True, True),  # nothing to turn
        (turned("jpeg", 1), True, True),
        (turned("jpeg", 6), True, None),
        (turned("png", 6), False, None),
    ],
    ids=["none", "upright", "jpeg", "png"],
)
def test_which_picture_places_are_of(
    image: Image, documented: bool, silent: bool | None, aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(LABELS, Answer(json={"Labels": []}))
    stub.on(FACES, Answer(json={"FaceDetails": []}))
    stub.on(SCENE, Answer(json={"TextDetections": []}))
    stub.on(DOCUMENT, Answer(json={"Blocks": []}))
    frames = [
        aws.detect_objects(ObjectRequest(image=image), attempt()).payload.frame,
        aws.detect_faces(FaceRequest(image=image), attempt()).payload.frame,
        aws.detect_text(DetectTextRequest(image=image), attempt()).payload.frame,
        aws.detect_text(
            DetectTextRequest(image=image, mode="document"),  # type: ignore[arg-type]
            attempt(),
        ).payload.frame,
    ]
    assert [frame and frame.upright for frame in frames] == [documented, documented, silent, silent]
    for frame in frames:
        assert frame is not None
        assert (frame.width, frame.height, frame.orientation) == (640, 480, image.orientation)


# ---------------------------------------------------------------------- text


def line(number: int | None, text: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"Type": "LINE", "DetectedText": text, "Confidence": 90.0, **more}
    return found if number is None else {**found, "Id": number}


def word(number: int, parent: int | None, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {"Type": "WORD", "DetectedText": text, "Confidence": 80.0, "Id": number}
    return found if parent is None else {**found, "ParentId": parent}


def test_words_come_in_any_order_and_no_text_is_doubled_or_lost(
    aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    said = [
        word(7, 0, "STOP"),
        line(0, "STOP HERE"),
        word(9, 99, "lost"),
        line(1, "second"),
        word(8, 0, "HERE"),
        word(10, None, "loose"),
        {"Type": "PARAGRAPH", "DetectedText": "STOP HERE second", "Id": 20},
        line(None, "third"),
        line(None, "fourth"),
    ]
    stub.on(SCENE, Answer(json={"TextDetections": said, "TextModelVersion": "3.0"}))
    reply = aws.detect_text(written(), attempt())
    assert reply.payload.text == "STOP HERE\nsecond\nthird\nfourth\nlost\nloose"
    assert [each.text for each in reply.payload.lines[0].words] == ["STOP", "HERE"]
    assert [each.text for each in reply.payload.words] == ["STOP", "HERE", "lost", "loose"]
    assert (reply.payload.blocks, reply.payload.languages) == (None, ())
    assert reply.model_version == "3.0"
    assert reply.payload.lines[0].region is None


def test_turned_text_has_its_polygon_and_the_box_around_it(
    aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    corners = [(0.5, -0.1), (1.1, 0.4), (0.9, 0.6), (0.3, 0.1)]
    geometry: dict[str, Any] = {
        "BoundingBox": BOX,
        "Polygon": [{"X": x, "Y": y} for x, y in corners],
    }
    only_box = {"BoundingBox": BOX, "Polygon": []}
    stub.on(
        SCENE,
        Answer(json={"TextDetections": [line(0, "a", Geometry=geometry), line(1, "b", Geometry=only_box)]}),
    )
    first, second = aws.detect_text(written(), attempt()).payload.lines
    assert first.region is not None
    assert [(point.x, point.y) for point in first.region.polygon] == corners
    assert first.region.raw == tuple(number for corner in corners for number in corner)
    box = first.region.box
    assert (box.left, box.top, box.width, box.height) == (0.3, 0.0, pytest.approx(0.7), 0.6)
    assert second.region is not None
    assert second.region.raw == tuple(BOX.values())


def block(name: str, kind: str, text: str | None = None, children: Any = None, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"Id": name, "BlockType": kind, **more}
    if text is not None:
        found.update(Text=text, Confidence=99.5)
    if children is not None:
        found["Relationships"] = [{"Type": "CHILD", "Ids": children}, {"Type": "VALUE", "Ids": ["p"]}]
    return found


def test_a_page_of_textract(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    said = [
        block("p", "PAGE", children=["l1", "gone", "l2"]),
        block("w2", "WORD", "world", TextType="HANDWRITING"),
        block("l1", "LINE", "hello world", children=["w1", "w2", "gone"]),
        block("w1", "WORD", "hello", TextType="PRINTED"),
        block("l2", "LINE", "alone"),
        block("w3", "WORD", "orphan", TextType="STAMPED"),
        block("x", "LAYOUT_TITLE", children=["l1"]),
    ]
    stub.on(DOCUMENT, Answer(json={"Blocks": said, "DetectDocumentTextModelVersion": "1.0"}))
    reply = aws.detect_text(written("document"), attempt())
    assert reply.payload.text == "hello world\nalone\norphan"
    assert [(each.text, each.handwritten) for each in reply.payload.words] == [
        ("hello", False),
        ("world", True),
        ("orphan", None),
    ]
    assert reply.payload.lines[0].confidence.value == pytest.approx(0.995)
    assert reply.model_version == "1.0"
    assert list(checked(stub.requests[0])) == ["Document"]


@pytest.mark.parametrize(
    "said",
    [
        {"Id": "a", "Text": "no type"},
        {"Id": "a", "BlockType": "LINE"},
        {"Id": "a", "BlockType": "WORD"},
        {"Id": "a", "BlockType": "LINE", "Text": "x", "Relationships": "w"},
        {"Id": "a", "BlockType": "LINE", "Text": "x", "Relationships": [{"Ids": ["w"]}]},
        {"Id": "a", "BlockType": "LINE", "Text": "x", "Confidence": "sure"},
        {"Id": "a", "BlockType": "LINE", "Text": "x", "Geometry": {"Polygon": [{"X": 1}]}},
    ],
)
def test_blocks_in_part_are_malformed(
    said: dict[str, Any], aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(DOCUMENT, Answer(json={"Blocks": [said]}))
    raised(lambda: aws.detect_text(written("document"), attempt()), errors.MalformedReply)


def test_limits_and_prices_of_text_are_those_of_the_service_that_is_asked(aws: AwsAdapter) -> None:
    spec = aws.manifest.spec("vision.detect_text")
    assert [(use.sku, use.unit.value) for use in spec.meter(written())] == [("", "image")]
    assert [(use.sku, use.unit.value) for use in spec.meter(written("document"))] == [
        ("aws.textract.detect_document_text", "page")
    ]
    large = Image(data=bytes(6_000_000), format="jpeg", width=640, height=480)
    small = Image(data=b"x", format="jpeg", width=79, height=480)
    wide = Image(data=b"x", format="jpeg", width=10_001, height=480)
    gif = Image(data=b"x", format="gif", width=100, height=100)
    assert spec.limits is not None
    refused = [
        (mode, image)
        for mode in ("scene", "document")
        for image in (large, small, wide, gif)
        if _refused(spec.limits, DetectTextRequest(image=image, mode=mode))  # type: ignore[arg-type]
    ]
    assert refused == [
        ("scene", large),
        ("scene", small),
        ("scene", gif),
        ("document", wide),
        ("document", gif),
    ]


def _refused(limits: Any, request: Any) -> bool:
    try:
        limits.check(request, "aws", "vision.detect_text")
    except errors.BadInput:
        return True
    return False


# ---------------------------------------------------------------------- faces


def test_a_face_with_little_said_of_it(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    stub.on(FACES, Answer(json={"FaceDetails": [{"BoundingBox": BOX}]}))
    (face,) = aws.detect_faces(FaceRequest(image=picture()), attempt()).payload.faces
    assert face.confidence.value is None
    assert (face.landmarks, face.pose, face.age, face.emotions) == ((), None, None, ())
    assert (face.attributes, face.quality, face.gaze, face.gaze_confidence) == ((), (), None, None)


def test_a_face_with_words_nobody_knows_yet(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    said = {
        "BoundingBox": BOX,
        "Emotions": [{"Type": "BORED", "Confidence": 12.5}],
        "Landmarks": [{"Type": "leftEarTip", "X": 1.05, "Y": -0.1}],
        "Gender": {"Value": "Other", "Confidence": 60.0},
        "EyeDirection": {"Yaw": 10.5, "Pitch": -3, "Confidence": 88.0},
        "FaceOccluded": {"Value": True, "Confidence": 75.0},
        "Quality": {"Brightness": 80, "Novelty": "x"},
        "Novelty": {"A": 1},
    }
    stub.on(FACES, Answer(json={"FaceDetails": [said]}))
    (face,) = aws.detect_faces(FaceRequest(image=picture()), attempt()).payload.faces
    assert [(each.name, each.confidence.value) for each in face.emotions] == [("bored", 0.125)]
    (mark,) = face.landmarks
    assert (mark.name, mark.point.x, mark.point.y) == ("left_ear_tip", 1.05, -0.1)
    assert [(each.name, each.value, each.confidence.value) for each in face.attributes] == [
        ("gender", "Other", 0.6),
        ("face_occluded", True, 0.75),
    ]
    assert face.gaze is not None
    assert (face.gaze.yaw, face.gaze.pitch, face.gaze.roll) == (10.5, -3.0, None)
    assert face.gaze_confidence is not None
    assert face.gaze_confidence.value == 0.88
    assert face.quality == (("brightness", 80.0),)


@pytest.mark.parametrize(
    "said",
    [
        {"Confidence": 99.0},
        {"BoundingBox": BOX, "Smile": {"Confidence": 9.0}},
        {"BoundingBox": BOX, "Smile": {"Value": "yes"}},
        {"BoundingBox": BOX, "AgeRange": {"Low": 3}},
        {"BoundingBox": BOX, "Landmarks": [{"Type": "nose", "X": 0.1}]},
        {"BoundingBox": BOX, "Emotions": [{"Confidence": 9.0}]},
        {"BoundingBox": BOX, "Pose": {"Roll": "left"}},
    ],
)
def test_a_face_in_part_is_malformed(
    said: dict[str, Any], aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(FACES, Answer(json={"FaceDetails": [said]}))
    raised(lambda: aws.detect_faces(FaceRequest(image=picture()), attempt()), errors.MalformedReply)


def test_all_attributes_of_the_model_can_be_asked_for() -> None:
    assert set(faces.ATTRIBUTES) == enum("rekognition", "Attribute")


def test_every_member_of_a_face_is_read() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("rekognition").shape_for("FaceDetail")
    known = {
        "BoundingBox",
        "Confidence",
        "Landmarks",
        "Pose",
        "Quality",
        "AgeRange",
        "Emotions",
        "EyeDirection",
    }
    assert set(model.members) == known | set(faces._DECIDED)


# ---------------------------------------------------------------------- moderation

V7 = {
    "Explicit": ["Explicit Nudity", "Explicit Sexual Activity", "Sex Toys"],
    "Non-Explicit Nudity of Intimate parts and Kissing": [
        "Non-Explicit Nudity",
        "Obstructed Intimate Parts",
        "Kissing on the Lips",
    ],
    "Swimwear or Underwear": ["Female Swimwear or Underwear", "Male Swimwear or Underwear"],
    "Violence": ["Weapons", "Graphic Violence"],
    "Visually Disturbing": ["Death and Emaciation", "Crashes"],
    "Drugs & Tobacco": ["Products", "Drugs & Tobacco Paraphernalia & Use"],
    "Alcohol": ["Alcohol Use", "Alcoholic Beverages"],
    "Rude Gestures": ["Middle Finger"],
    "Gambling": [],
    "Hate Symbols": ["Nazi Party", "White Supremacy", "Extremist"],
}
V6 = {
    "Explicit Nudity": ["Nudity", "Graphic Male Nudity", "Graphic Female Nudity", "Sexual Activity"],
    "Suggestive": ["Female Swimwear Or Underwear", "Barechested Male", "Revealing Clothes"],
    "Violence": [
        "Graphic Violence Or Gore",
        "Physical Violence",
        "Weapon Violence",
        "Weapons",
        "Self Injury",
    ],
    "Visually Disturbing": ["Emaciated Bodies", "Corpses", "Hanging", "Air Crash", "Explosions And Blasts"],
    "Rude Gestures": ["Middle Finger"],
    "Drugs": ["Drug Products", "Drug Use", "Pills", "Drug Paraphernalia"],
    "Tobacco": ["Tobacco Products", "Smoking"],
    "Alcohol": ["Drinking", "Alcoholic Beverages"],
    "Gambling": ["Gambling"],
    "Hate Symbols": ["Nazi Party", "White Supremacy", "Extremist"],
}


@pytest.mark.parametrize("taxonomy", [V7, V6], ids=["7", "6"])
def test_the_names_of_a_taxonomy_are_mapped(taxonomy: dict[str, list[str]]) -> None:
    names = {name for top, under in taxonomy.items() for name in (top, *under)}
    assert names - set(moderation.HARMS) == set()
    assert Harm.OTHER not in moderation.HARMS.values()


def test_three_levels_and_kinds_of_pictures(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    def label(name: str, parent: str, level: int) -> dict[str, Any]:
        return {"Name": name, "ParentName": parent, "TaxonomyLevel": level, "Confidence": 91.5}

    said = [
        label("Weapon Violence", "Graphic Violence", 3),
        label("Violence", "", 1),
        label("Graphic Violence", "Violence", 2),
        label("Thing of 2030", "Violence", 2),
        label("Middle Finger", "Rude Gestures", 2),
    ]
    kinds = [{"Name": "Animated", "Confidence": 99.0}, {"Name": "Illustrated"}]
    body = {"ModerationLabels": said, "ContentTypes": kinds, "ModerationModelVersion": "7.0"}
    stub.on(MODERATION, Answer(json=body))
    reply = aws.moderate_image(ImageModerationRequest(image=picture()), attempt())
    assert [(each.name, each.harm.value, each.parents) for each in reply.payload.labels] == [
        ("Weapon Violence", "violence", ("Graphic Violence", "Violence")),
        ("Violence", "violence", ()),
        ("Graphic Violence", "violence", ("Violence",)),
        ("Thing of 2030", "other", ("Violence",)),
        ("Middle Finger", "profanity", ("Rude Gestures",)),
    ]
    assert [(name, sure.value) for name, sure in reply.payload.content_types] == [
        ("Animated", 0.99),
        ("Illustrated", None),
    ]
    assert reply.model_version == "7.0"
    assert checked(stub.requests[0])["MinConfidence"] == 0


def test_labels_that_name_each_other_end(aws: AwsAdapter, stub: VendorStub, attempt: Any) -> None:
    said = [{"Name": "A", "ParentName": "B"}, {"Name": "B", "ParentName": "A"}, {"Name": "C"}]
    stub.on(MODERATION, Answer(json={"ModerationLabels": said}))
    found = aws.moderate_image(ImageModerationRequest(image=picture()), attempt()).payload.labels
    assert [each.parents for each in found] == [("B", "A"), ("A", "B"), ()]


PROJECT = "arn:aws:rekognition:us-east-1:123456789012:project/mine/version/mine.2026/1700000000000"


def test_an_adapter_of_ones_own_is_asked_and_has_a_price_of_its_own(
    aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    stub.on(MODERATION, Answer(json={"ModerationLabels": []}))
    request = ImageModerationRequest(image=picture(), extensions={"aws_project_version": PROJECT})
    aws.moderate_image(request, attempt())
    assert checked(stub.requests[0])["ProjectVersion"] == PROJECT
    spec = aws.manifest.spec("vision.moderate")
    assert [use.sku for use in spec.meter(request)] == ["aws.rekognition.custom_moderation"]
    assert [use.sku for use in spec.meter(ImageModerationRequest(image=picture()))] == [""]


# ---------------------------------------------------------------------- options

OPTIONS: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = [
    ("detect_text", DetectTextRequest, {"aws_filters": {"WordFilter": {"MinConfidence": 80}}}, {}),
    ("detect_faces", FaceRequest, {"aws_attributes": ["DEFAULT", "SMILE"]}, {}),
    ("moderate_image", ImageModerationRequest, {"aws_min_confidence": 60}, {}),
    ("detect_objects", ObjectRequest, {"aws_max_labels": 3, "aws_min_confidence": 0.5}, {}),
    (
        "analyze",
        AnalyzeRequest,
        {"aws_features": ["GENERAL_LABELS", "IMAGE_PROPERTIES"]},
        {"operations": ("label",)},
    ),
]


@pytest.mark.parametrize(("method", "kind", "options", "more"), OPTIONS)
def test_the_vendors_own_options_go_where_they_belong(
    method: str,
    kind: Any,
    options: dict[str, Any],
    more: dict[str, Any],
    aws: AwsAdapter,
    stub: VendorStub,
    attempt: Any,
) -> None:
    for target, member in (
        (LABELS, "Labels"),
        (SCENE, "TextDetections"),
        (FACES, "FaceDetails"),
        (MODERATION, "ModerationLabels"),
    ):
        stub.on(target, Answer(json={member: []}))
    getattr(aws, method)(kind(image=picture(), extensions=options, **more), attempt())
    sent = checked(stub.requests[0])
    for value in options.values():
        assert value in sent.values()
    operation = {"detect_text": "vision.detect_text", "moderate_image": "vision.moderate"}.get(
        method, f"vision.{method}"
    )
    assert set(options) <= set(aws.manifest.spec(operation).extensions)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("detect_text", written(extensions={"aws_filters": []})),
        ("detect_text", written(extensions={"aws_filters": {"WordFilter": 7}})),
        ("detect_text", written(extensions={"aws_filters": {"Wrong": {}}})),
        ("detect_text", written("document", extensions={"aws_filters": {}})),
        ("detect_faces", FaceRequest(image=picture(), extensions={"aws_attributes": "ALL"})),
        ("detect_faces", FaceRequest(image=picture(), extensions={"aws_attributes": []})),
        ("detect_faces", FaceRequest(image=picture(), extensions={"aws_attributes": ["HAIR"]})),
        ("moderate_image", ImageModerationRequest(image=picture(), extensions={"aws_min_confidence": 101})),
        ("moderate_image", ImageModerationRequest(image=picture(), extensions={"aws_project_version": ""})),
        ("moderate_image", ImageModerationRequest(image=picture(), extensions={"aws_project_version": 7})),
        ("moderate_image", ImageModerationRequest(image=picture(), extensions={"aws_project_version": "a"})),
        ("detect_objects", ObjectRequest(image=picture(), extensions={"aws_max_labels": 0})),
        (
            "label",
            LabelRequest(image=picture(), extensions={"aws_settings": {"GeneralLabels": []}}),
        ),
    ],
)
def test_wrong_options_are_refused_before_sending(
    method: str, request_: Any, aws: AwsAdapter, stub: VendorStub, attempt: Any
) -> None:
    raised(lambda: getattr(aws, method)(request_, attempt()), errors.BadInput)
    assert stub.count == 0
