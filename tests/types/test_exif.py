"""The EXIF orientation, against Pillow's own reader."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.types import Image
from broker.types.exif import orientation

pillow = pytest.importorskip("PIL.Image", reason="needs the extra images")


def picture(format: str, turn: int | None, size: tuple[int, int] = (40, 20)) -> bytes:
    out = io.BytesIO()
    exif = pillow.Exif()
    if turn is not None:
        exif[0x0112] = turn
        exif[0x010F] = "A camera maker"
    extra = {"exif": exif.tobytes()} if turn is not None and format != "TIFF" else {}
    if turn is not None and format == "TIFF":
        extra = {"tiffinfo": {0x0112: turn}}
    pillow.new("RGB", size, "red").save(out, format, **extra)
    return out.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_each_orientation_is_read_as_pillow_wrote_it(format: str, turn: int) -> None:
    image = Image.from_bytes(picture(format, turn))
    assert image.orientation == turn
    assert (image.width, image.height) == (40, 20)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "ICO"])
def test_a_picture_that_says_nothing_has_none(format: str) -> None:
    assert Image.from_bytes(picture(format, None)).orientation is None


def test_a_value_beyond_the_standard_is_none() -> None:
    data = picture("JPEG", 6)
    place = (
        data.index(struct.pack("<HHI", 0x0112, 3, 1))
        if b"II" in data[:32]
        else data.index(struct.pack(">HHI", 0x0112, 3, 1))
    )
    broken = data[: place + 8] + b"\x00\x09\x09\x00" + data[place + 12 :]
    assert orientation(broken, "jpeg") is None


@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF"]), st.integers(0, 400), st.binary(min_size=1, max_size=20)
)
def test_broken_data_never_raises(format: str, place: int, junk: bytes) -> None:
    data = picture(format, 6)
    for broken in (data[:place], data[:place] + junk + data[place + len(junk) :]):
        found = orientation(broken, format.lower())
        assert found is None or 1 <= found <= 8
