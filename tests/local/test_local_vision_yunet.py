"""YuNet: faces with a score and five points, surest first, in the stored picture's ratios."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import pytest
from measured_pictures import faces_of_dlib
from PIL import Image as pillow

from broker.errors import BadInput, NotConfigured
from broker.types import Image
from broker_local import yunet

pytestmark = pytest.mark.local_models


@pytest.fixture
def group(dataset: Callable[[str], Path]) -> Image:
    """A photo with several faces."""
    return Image.from_path(min((dataset("faces/dlib-faces") / "images").glob("*.jpg")))


def _saved(picture: pillow.Image, **save: object) -> Image:
    file = io.BytesIO()
    picture.save(file, format="PNG", **save)  # type: ignore[arg-type]
    return Image.from_bytes(file.getvalue())


def _opened(image: Image) -> pillow.Image:
    with pillow.open(io.BytesIO(image.data)) as opened:
        return opened.convert("RGB")


def test_faces_on_group_photos(dataset: Callable[[str], Path]) -> None:
    finds = faces_of_dlib(dataset("faces/dlib-faces"))
    print(f"YuNet: {finds.hits} of {finds.total} faces, {finds.false} false")
    assert finds.hits >= 0.97 * finds.total
    assert finds.false <= 1


def test_faces_come_surest_first_with_points_inside_them(group: Image) -> None:
    found = yunet.find(group)
    assert len(found) > 1
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert all(yunet.LEAST <= each.score <= 1 for each in found)
    for face in found:
        box, points = face.region.box, dict(face.landmarks)
        assert tuple(points) == yunet.LANDMARKS
        assert all(
            box.left <= p.x <= box.left + box.width and box.top <= p.y <= box.top + box.height
            for p in points.values()
        )
        assert points["right_eye"].x < points["left_eye"].x  # the person's right is on the viewer's left
        assert points["right_eye"].y < points["nose_tip"].y < points["right_mouth_corner"].y


def test_a_picture_without_faces_has_none(drawn: Callable[..., Image]) -> None:
    assert yunet.find(drawn("No face")) == ()


def test_a_large_photo_gives_the_same_places(group: Image) -> None:
    small = _opened(group)
    large = _saved(small.resize((small.width * 4, small.height * 4)))
    expected, found = yunet.find(group), yunet.find(large)
    assert len(found) == len(expected)
    for one, two in zip(
        sorted(expected, key=lambda each: each.region.box.left),
        sorted(found, key=lambda each: each.region.box.left),
        strict=True,
    ):
        assert two.region.box.left == pytest.approx(one.region.box.left, abs=0.01)
        assert two.region.box.height == pytest.approx(one.region.box.height, abs=0.03)


def test_a_face_that_fills_the_photo_is_found(group: Image) -> None:
    box, whole = yunet.find(group)[0].region.box, _opened(group)
    close = whole.crop(
        (
            round((box.left - box.width / 2) * whole.width),
            round((box.top - box.height / 2) * whole.height),
            round((box.left + box.width * 3 / 2) * whole.width),
            round((box.top + box.height * 3 / 2) * whole.height),
        )
    )
    (face,) = yunet.find(_saved(close.resize((1600, 2000))))
    assert face.region.box.width == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (3, pillow.Transpose.ROTATE_180),
        (6, pillow.Transpose.ROTATE_90),
        (8, pillow.Transpose.ROTATE_270),
    ],
)
def test_faces_of_a_turned_photo_are_placed_as_stored(
    group: Image, orientation: int, turn: pillow.Transpose
) -> None:
    exif = pillow.Exif()
    exif[0x0112] = orientation
    turned = _saved(_opened(group).transpose(turn), exif=exif)
    for straight, stored in zip(yunet.find(_saved(_opened(group))), yunet.find(turned), strict=True):
        assert stored.score == straight.score
        pairs = [(straight.region.polygon[0], stored.region.polygon[0])]
        pairs += [(a, b) for (_, a), (_, b) in zip(straight.landmarks, stored.landmarks, strict=True)]
        for a, b in pairs:
            place = {3: (1 - a.x, 1 - a.y), 6: (a.y, 1 - a.x), 8: (1 - a.y, a.x)}[orientation]
            assert (b.x, b.y) == pytest.approx(place)


def test_pictures_of_different_sizes_do_not_mix_in_threads(group: Image, drawn: Callable[..., Image]) -> None:
    pictures = [group, drawn("No face"), _saved(_opened(group).resize((300, 250)))] * 3
    alone = [yunet.find(each) for each in pictures]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(yunet.find, pictures)) == alone


def test_broken_picture_data_is_bad_input(drawn: Callable[..., Image]) -> None:
    broken = Image(data=drawn("a", format="JPEG").data[:-200], format="jpeg", width=700, height=240)
    with pytest.raises(BadInput):
        yunet.find(broken)


def test_an_opencv_that_cannot_run_it_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "FaceDetectorYN")
    with pytest.raises(NotConfigured, match=r"pip install 'opencv-python-headless>=4\.10,<5'"):
        yunet._load()
