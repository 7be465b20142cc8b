"""Pictures and recordings inside the page: as ``data:`` addresses, small enough to be sent by mail, or a note why not."""

from __future__ import annotations

import base64
import io
import os
import stat
from dataclasses import dataclass

from broker.types.exif import orientation
from broker.types.image_header import Header, NotAnImage, read_header
from broker.types.media import MAX_PIXELS

LARGEST_FILE = 30_000_000
"""Bytes; more is not read for a picture in a report."""
LARGEST_PICTURE = 150_000
"""Bytes of one picture in the page."""
LARGEST_SOUND = 1_500_000
LARGEST_TOTAL = 12_000_000
"""Bytes of all pictures and recordings together."""
_SIDE = 640
_SHOWN = {"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}
_SOUNDS = {
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".webm": "audio/webm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as it stands in the page; sides are those that boxes are drawn on, in pixels."""

    data: str
    width: int
    height: int
    turned: bool
    """EXIF data turned it: places of pixels as they are stored do not fit."""


class Room:
    """How many bytes a page still takes."""

    def __init__(self, most: int = LARGEST_TOTAL) -> None:
        self._left = most

    def take(self, size: int) -> bool:
        """Whether there is room for so many; then they are taken."""
        if size > self._left:
            return False
        self._left -= size
        return True


def picture(path: str, room: Room) -> Picture | str:
    """A picture for the page, made smaller where Pillow is here; or why there is none."""
    body = _read(path, LARGEST_FILE)
    if isinstance(body, str):
        return f"the picture is not shown: {body}"
    try:
        header = read_header(body)
    except NotAnImage:
        return "the picture is not shown: its kind is not known"
    if header.width * header.height > MAX_PIXELS:
        return "the picture is not shown: it has too many pixels"
    small = _smaller(body)
    if small is None:
        small = _as_it_is(body, header)
    if isinstance(small, str):
        return small
    body, kind, width, height, turned = small
    if not room.take(len(body)):
        return "the picture is not shown: the page would become too large"
    return Picture(data=_address(kind, body), width=width, height=height, turned=turned)


def _smaller(body: bytes) -> tuple[bytes, str, int, int, bool] | str | None:
    """By Pillow; None where it is not installed."""
    try:
        from PIL import Image as Pillow
        from PIL import ImageOps
    except ImportError:
        return None
    try:
        with Pillow.open(io.BytesIO(body)) as found:
            turned = found.getexif().get(0x0112, 1) != 1
            found.draft("RGB", (_SIDE, _SIDE))
            upright = ImageOps.exif_transpose(found)
            upright.thumbnail((_SIDE, _SIDE))
            flat = Pillow.new("RGB", upright.size, "white")
            mask = upright.convert("RGBA")
            flat.paste(mask, mask=mask)
            out = io.BytesIO()
            flat.save(out, "JPEG", quality=80)
    except Exception as error:  # noqa: BLE001 # a picture of anybody's making
        return f"the picture cannot be shown: {type(error).__name__}"
    return out.getvalue(), "image/jpeg", flat.width, flat.height, turned


def _as_it_is(body: bytes, header: Header) -> tuple[bytes, str, int, int, bool] | str:
    if len(body) > LARGEST_PICTURE:
        return "the picture is not shown: it is too large as it is; pip install 'mlbroker[images]' makes it smaller"
    kind = _SHOWN.get(header.format)
    if kind is None:
        return "the picture is not shown: browsers do not show this kind"
    turned = (orientation(body, header.format) or 1) != 1
    return body, kind, header.width, header.height, turned


def _read(path: str, most: int) -> bytes | str:
    """A file, if it is a plain one and not too large; or why not. A pipe would never end."""
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            return "it is no file"
        if found.st_size > most:
            return f"it has over {most / 1_000_000:g} MB"
        with open(path, "rb") as file:
            return file.read(most)
    except (OSError, ValueError) as error:
        return f"it cannot be read ({getattr(error, 'strerror', None) or 'no usable path'})"


def sound(path: str, room: Room) -> tuple[str | None, str]:
    """A recording for the page as an address, or None and why there is none."""
    kind = _SOUNDS.get(os.path.splitext(path)[1].lower())
    if kind is None:
        return None, "the recording is not in the page: browsers do not play its kind"
    body = _read(path, LARGEST_SOUND)
    if isinstance(body, str):
        return None, f"the recording is not in the page: {body}"
    if not room.take(len(body)):
        return None, "the recording is not in the page: the page would become too large"
    return _address(kind, body), ""


def _address(kind: str, body: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(body).decode()}"
