"""Decode a picture with Pillow: upright, RGB, and with the way back to the pixels as stored."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image as pillow

from broker.errors import BadInput
from broker.types import Image, Point

FORMATS = ("jpeg", "png", "gif", "bmp", "webp", "tiff", "ico")
"""What :func:`decode` takes. Of an animation or a file of many pages it takes the first picture."""
MAX_PIXELS = 89_000_000
"""Above this a picture is not decoded, whatever its header told before (Pillow's own warning level)."""

_ORIENTATION = 0x0112
_BROKEN = (
    OSError,  # most of what Pillow says of broken files
    ValueError,
    SyntaxError,  # raised by Pillow's PNG and TIFF readers
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    struct.error,
    zlib.error,
    pillow.DecompressionBombError,
    Warning,  # where the application's filters make errors of Pillow's warnings
)

# For each EXIF orientation (CIPA DC-008, tag 0x0112): how Pillow turns the picture upright, and where a
# point of the upright picture, as ratios of its sides, lies in the stored one.
_UPRIGHT: dict[int, tuple[pillow.Transpose, Callable[[float, float], tuple[float, float]]]] = {
    2: (pillow.Transpose.FLIP_LEFT_RIGHT, lambda x, y: (1 - x, y)),
    3: (pillow.Transpose.ROTATE_180, lambda x, y: (1 - x, 1 - y)),
    4: (pillow.Transpose.FLIP_TOP_BOTTOM, lambda x, y: (x, 1 - y)),
    5: (pillow.Transpose.TRANSPOSE, lambda x, y: (y, x)),
    6: (pillow.Transpose.ROTATE_270, lambda x, y: (y, 1 - x)),
    7: (pillow.Transpose.TRANSVERSE, lambda x, y: (1 - y, 1 - x)),
    8: (pillow.Transpose.ROTATE_90, lambda x, y: (1 - y, x)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded picture.

    :param pixels: RGB, the way a person looks at it; what was transparent is white.
    :param width: pixels as stored, before the EXIF orientation is applied.
    :param height: pixels as stored.
    """

    pixels: pillow.Image
    width: int
    height: int
    orientation: int = 1

    def stored(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of ``pixels`` lies in the picture as stored, in pixels of that."""
        point = Point(x=x / self.pixels.width, y=y / self.pixels.height)
        if self.orientation in _UPRIGHT:
            across, down = _UPRIGHT[self.orientation][1](point.x, point.y)
        else:
            across, down = point.x, point.y
        return across * self.width, down * self.height


def decode(image: Image, *, enough: int | None = None) -> Picture:
    """Decode the picture. Raises :class:`BadInput` when its data is broken.

    :param enough: a JPEG may be decoded at a fraction of its size as long as its shorter side keeps so
        many pixels; saves most of the time for large photos.
    """
    try:
        with pillow.open(io.BytesIO(image.data), formats=_pillow_formats(image)) as opened:
            told = _orientation(opened)
            _load(opened, enough)
            left = _orientation(opened)
            pixels = _rgb(opened)
    except _BROKEN as error:
        reason = "its header was read, but its picture data is broken"
        raise BadInput(f"{image.name}: {reason}; save or download it again", provider="local") from error
    if left in _UPRIGHT:
        # Pillow turns TIFF upright by itself while loading, and then tells no orientation any more.
        pixels = pixels.transpose(_UPRIGHT[left][0])
    return Picture(
        pixels=pixels, width=image.width, height=image.height, orientation=told if told != 1 else left
    )


def _pillow_formats(image: Image) -> tuple[str, ...]:
    """Only the reader the header asked for, so that no other one of Pillow's many is ever reached."""
    return ("JPEG", "MPO") if image.format == "jpeg" else (image.format.upper(),)


def _load(opened: pillow.Image, enough: int | None) -> None:
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise ValueError("more pixels than the header told")
    if enough is not None and opened.format in ("JPEG", "MPO"):
        scale = min(1.0, enough / min(width, height))
        opened.draft("RGB", (round(width * scale), round(height * scale)))
    opened.load()


def _orientation(opened: pillow.Image) -> int:
    """The EXIF orientation; unreadable EXIF data is none, for the picture itself may be sound."""
    try:
        number = opened.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        return 1
    return number if isinstance(number, int) and number in _UPRIGHT else 1


def _rgb(opened: pillow.Image) -> pillow.Image:
    if "A" in opened.mode or "a" in opened.mode or "transparency" in opened.info:
        seen = opened.convert("RGBA")
        white = pillow.new("RGBA", seen.size, "white")
        return pillow.alpha_composite(white, seen).convert("RGB")
    if opened.mode.startswith("I"):  # 16 bits a pixel; convert() alone would cut at 255
        return opened.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if opened.mode == "F":
        low, high = opened.getextrema()
        scale = 255.0 / ((high - low) or 1.0)  # type: ignore[operator] # one band: numbers
        return opened.point(lambda value: value * scale - low * scale).convert("L").convert("RGB")  # type: ignore[operator] # the same
    return opened.convert("RGB")
