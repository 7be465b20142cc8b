"""vision.detect_faces: places without a confidence, largest first, in the stored picture's pixels."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import pytest
from PIL import Image as pillow

from broker.contract import Context
from broker.errors import BadInput, NotConfigured, Unsupported
from broker.types import FaceRequest, Image, Scale
from broker_local import LocalAdapter, faces

pytestmark = pytest.mark.local_models


@pytest.fixture
def group(dataset: Callable[[str], Path]) -> Image:
    """A photo with several faces."""
    return Image.from_path(min((dataset("faces/dlib-faces") / "images").glob("*.jpg")))


def test_a_bar_that_no_face_could_pass_is_refused_before_anything_is_run(
    adapter: LocalAdapter, context: Context
) -> None:
    image = Image(data=b"not looked at", format="png", width=99, height=99)
    with pytest.raises(Unsupported, match="leave min_confidence out"):
        adapter.detect_faces(FaceRequest(image=image, min_confidence=0.5), context)


def test_a_picture_without_faces_has_none(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    assert adapter.detect_faces(FaceRequest(image=drawn("No face")), context).payload.faces == ()


def test_no_confidence_is_invented_and_the_largest_face_comes_first(
    adapter: LocalAdapter, context: Context, group: Image
) -> None:
    found = adapter.detect_faces(FaceRequest(image=group), context).payload.faces
    assert len(found) > 1
    assert {(each.confidence.value, each.confidence.raw) for each in found} == {(None, None)}
    assert {each.confidence.scale for each in found} == {Scale.UNBOUNDED}
    sides = [each.region.box.width for each in found]
    assert sides == sorted(sides, reverse=True)


@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (3, pillow.Transpose.ROTATE_180),
        (6, pillow.Transpose.ROTATE_90),
        (8, pillow.Transpose.ROTATE_270),
    ],
)
def test_faces_of_a_turned_photo_are_placed_as_stored(
    adapter: LocalAdapter, context: Context, group: Image, orientation: int, turn: pillow.Transpose
) -> None:
    exif = pillow.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    with pillow.open(io.BytesIO(group.data)) as upright:
        upright.transpose(turn).save(out, format="PNG", exif=exif)  # lossless, so that the finds are the same
    turned = Image.from_bytes(out.getvalue())
    expected = adapter.detect_faces(FaceRequest(image=group, raw=True), context)
    found = adapter.detect_faces(FaceRequest(image=turned, raw=True), context)
    assert found.raw == expected.raw
    for straight, stored in zip(expected.payload.faces, found.payload.faces, strict=True):
        x, y = straight.region.polygon[0].x, straight.region.polygon[0].y
        place = {3: (1 - x, 1 - y), 6: (y, 1 - x), 8: (1 - y, x)}[orientation]
        assert (stored.region.polygon[0].x, stored.region.polygon[0].y) == pytest.approx(place)


def test_threads_get_what_one_gets(adapter: LocalAdapter, context: Context, group: Image) -> None:
    request = FaceRequest(image=group)
    alone = adapter.detect_faces(request, context).payload
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda _: adapter.detect_faces(request, context).payload, range(8)))
    assert together == [alone] * 8


def test_broken_picture_data_is_bad_input(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    broken = Image(data=drawn("a", format="JPEG").data[:-200], format="jpeg", width=700, height=240)
    with pytest.raises(BadInput):
        adapter.detect_faces(FaceRequest(image=broken), context)


def test_an_opencv_without_cascades_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(NotConfigured, match=r"pip install 'opencv-python-headless>=4\.10,<5'"):
        faces._load()
