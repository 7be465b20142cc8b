"""The operations on pictures through the public client: typed, in the stored picture's frame, without network."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as pillow

from broker import AsyncBroker, BadInput, Broker, Unsupported
from broker.types import (
    DetectedText,
    FaceSet,
    Frame,
    Harm,
    Image,
    ImageAnalysis,
    LabelSet,
    ModerationSet,
    ObjectSet,
    Region,
    Scale,
)
from broker_local import needs, yunet
from broker_local.objects import CLASSES
from broker_local.picture import decode

pytestmark = pytest.mark.local_models

OBJECTS_MISSING = f"the detector's weights are not installed: {needs.OBJECTS_COMMAND}"
with_objects = pytest.mark.skipif(needs.objects_missing(), reason=OBJECTS_MISSING)
PAYLOADS = {
    "label": LabelSet,
    "detect_objects": ObjectSet,
    "detect_text": DetectedText,
    "detect_faces": FaceSet,
    "moderate": ModerationSet,
}
OPERATIONS = [pytest.param(name, marks=with_objects if name == "detect_objects" else ()) for name in PAYLOADS]
PLACED = [each for each in OPERATIONS if each.values[0] in ("detect_objects", "detect_text", "detect_faces")]
TOGETHER = [name for name in PAYLOADS if name != "detect_objects" or not needs.objects_missing()]

TURNS = {
    2: pillow.Transpose.FLIP_LEFT_RIGHT,
    3: pillow.Transpose.ROTATE_180,
    4: pillow.Transpose.FLIP_TOP_BOTTOM,
    5: pillow.Transpose.TRANSPOSE,
    6: pillow.Transpose.ROTATE_90,
    7: pillow.Transpose.TRANSVERSE,
    8: pillow.Transpose.ROTATE_270,
}
"""How an upright picture is stored for its EXIF orientation to turn it back."""

TO_STORED: dict[int, Callable[[float, float], tuple[float, float]]] = {
    2: lambda x, y: (1 - x, y),
    3: lambda x, y: (1 - x, 1 - y),
    4: lambda x, y: (x, 1 - y),
    5: lambda x, y: (y, x),
    6: lambda x, y: (y, 1 - x),
    7: lambda x, y: (1 - y, 1 - x),
    8: lambda x, y: (1 - y, x),
}
"""Where a point of the upright picture lies in the stored one, as ratios."""


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Broker]:
    with Broker(provider="local", ledger={"path": str(tmp_path / "local.db")}) as broker:
        yield broker


@pytest.fixture
def group(dataset: Callable[[str], Path]) -> Image:
    """A photo with several people."""
    return Image.from_path(min((dataset("faces/dlib-faces") / "images").glob("*.jpg")))


@pytest.fixture
def scene(group: Image, drawn: Callable[..., Image]) -> pillow.Image:
    """People, and two lines of print below them."""
    with (
        pillow.open(io.BytesIO(group.data)) as photo,
        pillow.open(io.BytesIO(drawn("Hello world", "Second line").data)) as page,
    ):
        whole = pillow.new("RGB", (max(photo.width, page.width), photo.height + page.height), "white")
        whole.paste(photo.convert("RGB"), (0, 0))
        whole.paste(page, (0, photo.height))
    return whole


def _file(picture: pillow.Image, orientation: int | None = None, format: str = "PNG") -> Image:
    out, exif = io.BytesIO(), pillow.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
        if orientation in TURNS:
            picture = picture.transpose(TURNS[orientation])
        picture.save(out, format=format, exif=exif)
    else:
        picture.save(out, format=format)
    return Image.from_bytes(out.getvalue())


def _places(value: Any) -> list[Region]:
    if isinstance(value, DetectedText):
        blocks = [block.region for block in value.blocks or ()]
        return [
            each
            for each in (*blocks, *(line.region for line in value.lines), *(w.region for w in value.words))
            if each
        ]
    found = value.objects if isinstance(value, ObjectSet) else value.faces
    return [each.region for each in found]


@pytest.mark.parametrize("name", OPERATIONS)
def test_both_faces_give_the_typed_result_for_nothing(name: str, scene: pillow.Image, local: Broker) -> None:
    image = _file(scene)
    result = getattr(local.vision, name)(image)
    assert type(result.value) is PAYLOADS[name]
    assert (result.cost.amount, result.cost.unpriced) == (0, None)
    assert result.provenance.provider == "local"
    assert result.provenance.model_version
    assert result.raw is None

    async def run() -> Any:
        async with AsyncBroker(provider="local") as broker:
            return await getattr(broker.vision, name)(image, raw=True)

    other = asyncio.run(run())
    assert other.value == result.value
    assert other.raw is not None


@with_objects
def test_objects_have_cocos_names_a_ratio_and_a_box(group: Image, local: Broker) -> None:
    found = local.vision.detect_objects(group).value.objects
    assert len([each for each in found if each.name == "person"]) >= 3
    assert {each.name for each in found} <= set(CLASSES)
    assert {each.confidence.scale for each in found} == {Scale.RATIO}
    values = [each.confidence.value or 0.0 for each in found]
    assert values == sorted(values, reverse=True)
    bar = values[1]
    surer = local.vision.detect_objects(group, min_confidence=bar).value.objects
    assert surer == tuple(each for each in found if (each.confidence.value or 0.0) >= bar)
    assert local.vision.detect_objects(group, max_objects=1).value.objects == found[:1]


def test_faces_have_a_ratio_and_named_points_within_the_box(group: Image, local: Broker) -> None:
    found = local.vision.detect_faces(group).value.faces
    assert len(found) > 1
    for face in found:
        assert face.confidence.scale is Scale.RATIO
        assert yunet.LEAST <= (face.confidence.value or 0.0) <= 1
        assert [each.name for each in face.landmarks] == list(yunet.LANDMARKS)
        box = face.region.box
        assert all(box.left <= each.point.x <= box.left + box.width for each in face.landmarks)
        assert all(box.top <= each.point.y <= box.top + box.height for each in face.landmarks)
        assert (face.age, face.pose, face.emotions, face.attributes) == (None, None, (), ())
    assert local.vision.detect_faces(group, min_confidence=0.999).value.faces == ()


def test_text_has_lines_of_words_and_blocks_of_the_same_lines(
    local: Broker, drawn: Callable[..., Image]
) -> None:
    found = local.vision.detect_text(drawn("Hello big world", "Second line", size=(700, 240))).value
    assert [line.text for line in found.lines] == ["Hello big world", "Second line"]
    assert [[word.text for word in line.words] for line in found.lines] == [
        ["Hello", "big", "world"],
        ["Second", "line"],
    ]
    assert found.blocks is not None
    assert sorted(id(line) for block in found.blocks for line in block.lines) == sorted(
        id(line) for line in found.lines
    )
    for line in found.lines:
        assert line.region is not None
        edges = [word.region.box.left for word in line.words if word.region is not None]
        assert edges == sorted(edges)
        for word in line.words:
            assert word.region is not None
            assert 0.0 <= (word.confidence.value or 0.0) <= 1.0
            assert word.region.box.left >= line.region.box.left - 1e-9
            assert word.region.box.width < line.region.box.width
    for block in found.blocks:
        assert block.confidence.value is None
        assert block.region is not None
    assert local.vision.detect_text(drawn("Hello big world", "Second line"), mode="document").value == found


def test_lines_of_two_columns_are_two_blocks(local: Broker) -> None:
    from PIL import ImageDraw, ImageFont

    page = pillow.new("RGB", (1200, 400), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=36)
    for number in range(4):
        pen.text((40, 40 + 60 * number), f"left column {number}", fill="black", font=font)
        pen.text((700, 40 + 60 * number), f"right column {number}", fill="black", font=font)
    blocks = local.vision.detect_text(_file(page)).value.blocks
    assert blocks is not None
    assert [{line.text.split()[0] for line in block.lines} for block in blocks] == [{"left"}, {"right"}]


def test_moderation_always_says_its_one_number(
    group: Image, local: Broker, drawn: Callable[..., Image]
) -> None:
    for image in (group, drawn()):
        (one,) = local.vision.moderate(image).value.labels
        assert (one.harm, one.name, one.confidence.scale) == (Harm.SEXUAL, "nsfw", Scale.RATIO)
        assert 0.0 <= (one.confidence.value or 0.0) < 0.5
        assert local.vision.moderate(image, min_confidence=0.5).value.labels == ()


def _placed(value: ImageAnalysis) -> list[ObjectSet | DetectedText | FaceSet]:
    return [each for each in (value.objects, value.text, value.faces) if each is not None]


def test_what_exif_turns_is_placed_as_it_is_stored(scene: pillow.Image, local: Broker) -> None:
    operations = [each for each in TOGETHER if each not in ("label", "moderate")]
    upright = _placed(local.vision.analyze(_file(scene, 1), operations=operations).value)
    assert len(upright) == len(operations)
    for expected in upright:
        assert expected.frame == Frame(width=scene.width, height=scene.height, orientation=1, upright=False)
        assert len(_places(expected)) > 1
    for orientation, to_stored in TO_STORED.items():
        stored = _file(scene, orientation)
        frame = Frame(width=stored.width, height=stored.height, orientation=orientation, upright=False)
        value = local.vision.analyze(stored, operations=operations).value
        for expected, found in zip(upright, _placed(value), strict=True):
            assert found.frame == frame
            for straight, turned in zip(_places(expected), _places(found), strict=True):
                for one, other in zip(straight.polygon, turned.polygon, strict=True):
                    assert (other.x, other.y) == pytest.approx(to_stored(one.x, one.y), abs=1e-6)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, *TURNS])
def test_the_frame_tells_the_orientation_that_the_decoder_obeys(
    format: str, orientation: int, drawn: Callable[..., Image]
) -> None:
    with pillow.open(io.BytesIO(drawn("Hello").data)) as page:
        image = _file(page.convert("RGB"), orientation, format)
    assert image.orientation == decode(image).orientation == orientation


@pytest.mark.parametrize("name", PLACED)
def test_an_empty_picture_has_nothing_in_it(name: str, local: Broker) -> None:
    value = getattr(local.vision, name)(_file(pillow.new("RGB", (320, 240), "white"))).value
    assert _places(value) == []
    assert value.frame == Frame(width=320, height=240, orientation=None, upright=False)


@pytest.mark.parametrize("name", [*OPERATIONS, "analyze"])
def test_broken_picture_data_is_bad_input(name: str, local: Broker, drawn: Callable[..., Image]) -> None:
    whole = drawn("a", format="JPEG").data
    broken = Image(data=whole[:300] + b"\x00" * 500, format="jpeg", width=700, height=240)
    options = {"operations": ["label"]} if name == "analyze" else {}
    with pytest.raises(BadInput):
        getattr(local.vision, name)(broken, **options)


def test_analyze_is_its_parts_in_one_attempt(scene: pillow.Image, local: Broker) -> None:
    image = _file(scene)
    result = local.vision.analyze(image, operations=TOGETHER, raw=True)
    value = result.value
    assert type(value) is ImageAnalysis
    alone = {name: getattr(local.vision, name)(image) for name in TOGETHER}
    assert value.labels == alone["label"].value
    assert value.text == alone["detect_text"].value
    assert value.faces == alone["detect_faces"].value
    assert value.moderation == alone["moderate"].value
    if "detect_objects" in alone:
        assert value.objects == alone["detect_objects"].value
    assert value.captions is None
    assert len(result.attempts) == 1
    assert result.cost.amount == 0
    assert isinstance(result.raw, dict)
    assert set(result.raw) == set(TOGETHER)
    for each in alone.values():
        assert str(each.provenance.model_version) in str(result.provenance.model_version)


def test_analyze_gives_what_was_asked_for_and_refuses_captions(group: Image, local: Broker) -> None:
    value = local.vision.analyze(group, operations=["detect_faces"], min_confidence=0.8).value
    assert value.faces is not None
    assert (value.labels, value.objects, value.text, value.moderation) == (None, None, None, None)
    with pytest.raises(Unsupported, match="captioner"):
        local.vision.analyze(group, operations=["label", "caption"])
    with pytest.raises(Unsupported, match="captioner"):
        local.vision.caption(group)


def test_32_calls_at_once_are_what_they_are_alone(
    scene: pillow.Image, local: Broker, drawn: Callable[..., Image]
) -> None:
    images = [
        _file(scene.resize((scene.width // 2, scene.height // 2))),
        drawn("Line number 1"),
        drawn("Another one", size=(500, 160)),
        _file(pillow.new("RGB", (100, 300), "navy"), 6),
    ]
    cases = [(name, image) for name in TOGETHER for image in images]
    alone = [getattr(local.vision, name)(image).value for name, image in cases]
    cases, alone = (cases * 2)[:32], (alone * 2)[:32]
    with ThreadPoolExecutor(32) as pool:
        together = list(pool.map(lambda each: getattr(local.vision, each[0])(each[1]).value, cases))
    assert together == alone


def test_many_are_answered_in_order(local: Broker, drawn: Callable[..., Image]) -> None:
    images = [drawn(f"Line number {number}") for number in range(4)]
    found = list(local.vision.detect_text_many([*images, b"no picture"], concurrency=2))
    assert [each.value.text for each in found[:4]] == [f"Line number {number}" for number in range(4)]
    assert isinstance(found[4].error, BadInput)
