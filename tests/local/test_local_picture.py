"""Pictures are decoded upright, and what is found in them is told in the stored picture's pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as pillow

from broker.errors import BadInput
from broker.types import Image
from broker_local import picture

SIZE = (60, 40)
MARK = (50, 5)  # a dark square around this pixel of the stored picture


def _marked() -> pillow.Image:
    made = pillow.new("RGB", SIZE, "white")
    made.paste("black", (MARK[0] - 3, MARK[1] - 3, MARK[0] + 3, MARK[1] + 3))
    return made


def _image(made: pillow.Image, format: str, **save: Any) -> Image:
    out = io.BytesIO()
    made.save(out, format=format, **save)
    return Image.from_bytes(out.getvalue())


def _oriented(number: int) -> pillow.Exif:
    exif = pillow.Exif()
    exif[0x0112] = number
    return exif


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_whatever_way_the_picture_is_turned_a_find_is_told_where_it_is_stored(
    format: str, orientation: int
) -> None:
    image = _image(_marked(), format, exif=_oriented(orientation))
    found = picture.decode(image)
    assert found.pixels.size == (SIZE if orientation < 5 else SIZE[::-1])
    rows, columns = np.nonzero(np.asarray(found.pixels.convert("L")) < 128)
    x, y = found.stored(float(columns.mean()) + 0.5, float(rows.mean()) + 0.5)
    assert (x, y) == pytest.approx(MARK, abs=1.0)
    assert (found.width, found.height) == SIZE == (image.width, image.height)


def test_a_reduced_decode_still_tells_positions_in_stored_pixels() -> None:
    made = pillow.new("RGB", (1600, 1200), "white")
    found = picture.decode(_image(made, "JPEG", exif=_oriented(6)), enough=256)
    assert min(found.pixels.size) in range(256, 601)
    assert found.stored(0, 0) == (0, 1200)


@pytest.mark.parametrize("format", picture.FORMATS)
def test_every_format_named_is_decoded(format: str) -> None:
    assert picture.decode(_image(pillow.new("RGB", (32, 32), "red"), format)).pixels.mode == "RGB"


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("LA", (0, 0), (255, 255, 255)),
        ("I;16", 0xFFFF, (255, 255, 255)),
        ("I;16", 0x8000, (128, 128, 128)),
        ("1", 1, (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
    ],
)
def test_transparent_is_white_and_deep_grey_keeps_its_shade(mode: str, colour: Any, seen: Any) -> None:
    found = picture.decode(_image(pillow.new(mode, (16, 16), colour), "PNG"))
    assert found.pixels.getpixel((8, 8)) == seen


def test_floating_point_pictures_are_scaled_to_what_they_hold() -> None:
    numbers = np.linspace(-3, 7, 256, dtype=np.float32).reshape(16, 16)
    found = np.asarray(picture.decode(_image(pillow.fromarray(numbers), "TIFF")).pixels)
    assert (found.min(), found.max()) == (0, 255)


def test_a_cmyk_photo_is_decoded() -> None:
    assert picture.decode(_image(pillow.new("CMYK", (16, 16)), "JPEG")).pixels.getpixel((3, 3)) == (255,) * 3


def test_a_photo_cut_within_its_scan_is_bad_input() -> None:
    sound = _image(_marked(), "JPEG")
    cut = Image(data=sound.data[:-40], format="jpeg", width=60, height=40, name="holiday")
    with pytest.raises(BadInput, match="holiday"):
        picture.decode(cut)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
def test_broken_picture_data_is_bad_input(format: str) -> None:
    noise = pillow.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    sound = _image(noise, format)
    middle = len(sound.data) // 2
    data = sound.data[:middle] + sound.data[-12:]
    broken = Image(data=data, format=sound.format, width=64, height=64, name="holiday")
    with pytest.raises(BadInput, match=r"holiday: .*broken"):
        picture.decode(broken)


def test_a_picture_that_is_larger_than_its_header_told_is_not_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(picture, "MAX_PIXELS", 60 * 40 - 1)
    with pytest.raises(BadInput):
        picture.decode(_image(_marked(), "PNG"))


def test_pillows_own_bomb_warning_is_bad_input_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pillow, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(BadInput):
        picture.decode(_image(_marked(), "PNG"))


def test_only_the_reader_the_header_names_is_tried() -> None:
    png = _image(_marked(), "PNG")
    with pytest.raises(BadInput):
        picture.decode(Image(data=png.data, format="bmp", width=60, height=40))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
def test_broken_exif_data_does_not_spoil_a_sound_picture() -> None:
    image = _image(_marked(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert picture.decode(image).pixels.size == SIZE
