"""``--draw``: a copy of the picture with what was found drawn on it. Needs Pillow (``mlbroker[images]``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from broker.cli import output
from broker.errors import BadInput, NotConfigured
from broker.types.caption import CaptionSet
from broker.types.face import FaceSet
from broker.types.geometry import Frame, Point, Region
from broker.types.label import ObjectSet
from broker.types.written import DetectedText

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by colour-blind people too (Okabe and Ito 2008, without yellow and black)."""
_LIGHT = ("#cc79a7", "#e69f00", "#56b4e9")
"""Those on which black is read better than white."""
Mark = tuple[Region, str, tuple[Point, ...]]
"""A place, what to write at it, and points to dot."""


class Drawing:
    """Where drawn pictures go.

    :param target: a PNG file, or a folder, in which each picture keeps its name.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._is_file = target.lower().endswith(".png")
        self._drawn: set[str] = set()

    def draw(self, name: str, source: Any, value: Any) -> str:
        """Draw one answer; tells where. Raises :class:`BadInput`, :class:`NotConfigured`."""
        path = self._path(name)
        picture = drawn(source, value)
        try:
            if not self._is_file:
                os.makedirs(self._target, exist_ok=True)
            picture.save(path, format="PNG")
        except OSError as error:
            raise BadInput(f"the drawing cannot be written to {path!r}: {error.strerror or error}") from error
        self._drawn.add(path)
        return f"drawn to {output.home_short(path)}"

    def _path(self, name: str) -> str:
        if self._is_file:
            if self._target in self._drawn:
                raise BadInput("--draw names one file, but there are several pictures; name a folder")
            return self._spared(self._target, name)
        if not self._target or self._target.lower().endswith((".jpg", ".jpeg", ".gif", ".webp")):
            raise BadInput("--draw writes PNG: name a file that ends in .png, or a folder")
        stem = os.path.splitext(os.path.basename(name))[0]
        path = os.path.join(self._target, f"{stem}.png")
        number = 2
        while path in self._drawn:  # cat.jpg of two folders
            path = os.path.join(self._target, f"{stem}-{number}.png")
            number += 1
        return self._spared(path, name)

    @staticmethod
    def _spared(path: str, name: str) -> str:
        if os.path.exists(path) and os.path.samefile(path, name):
            raise BadInput(f"the drawing would take the place of {name!r}; name another place")
        return path


def drawn(source: str, value: Any) -> Picture:
    """The picture with the value on it."""
    try:
        from PIL import Image as pillow
        from PIL import ImageDraw, ImageFont, ImageOps
    except ImportError as error:
        raise NotConfigured("--draw needs Pillow: pip install 'mlbroker[images]'") from error
    with pillow.open(source) as opened:
        frame: Frame | None = getattr(value, "frame", None)
        # Places of the upright picture are drawn on the upright picture.
        upright = frame is not None and frame.upright is True
        picture = (ImageOps.exif_transpose(opened) if upright else opened).convert("RGB")
    width, height = picture.size
    thick = max(2, round(min(width, height) / 250))
    size = max(12, round(min(width, height) / 40))
    if isinstance(value, DetectedText):  # what was read stands beside it, not on it
        wide = pillow.new("RGB", (2 * width, height), "white")
        wide.paste(picture, (0, 0))
        picture = wide
        thick = max(1, thick // 2)
    canvas = ImageDraw.Draw(picture)
    found = [(COLOURS[number % len(COLOURS)], *mark) for number, mark in enumerate(marks(value))]
    for colour, region, _, points in found:
        corners = [(point.x * width, point.y * height) for point in region.polygon]
        if len(corners) > 1:
            canvas.line([*corners, corners[0]], fill=colour, width=thick, joint="curve")
        for point in points:
            x, y = point.x * width, point.y * height
            canvas.ellipse((x - thick, y - thick, x + thick, y + thick), fill=colour)
    taken: list[_Box] = []
    font = ImageFont.load_default(size)
    for colour, region, text, _ in found:  # above all lines
        if isinstance(value, DetectedText):
            _beside(canvas, text, region, (width, height), ImageFont.load_default)
        elif text:
            taken.append(_write(canvas, text, region, (width, height), font, colour, taken))
    return picture


_Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""


def _write(
    canvas: Any,
    text: str,
    region: Region,
    size: tuple[int, int],
    font: Any,
    colour: str,
    taken: list[_Box],
) -> _Box:
    """On a ground of its own: above the place, below it or in it, inside the picture and where nothing is written yet."""
    left, top, right, bottom = canvas.textbbox((0, 0), text, font=font)
    wide, high = right - left + 6, bottom - top + 4
    x = min(max(0, region.box.left * size[0]), max(0, size[0] - wide))
    head, foot = region.box.top * size[1], (region.box.top + region.box.height) * size[1]
    places = [
        (x, y, x + wide, y + high)
        for y in (head - high, foot, head, foot - high, *(head + n * high for n in range(1, 20)))
        if 0 <= y <= size[1] - high
    ] or [(x, 0, x + wide, high)]
    box = next((each for each in places if not any(_overlap(each, other) for other in taken)), places[0])
    canvas.rectangle(box, fill=colour)
    ink = "black" if colour in _LIGHT else "white"
    canvas.text((box[0] + 3 - left, box[1] + 2 - top), text, fill=ink, font=font)
    return box


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _beside(
    canvas: Any, text: str, region: Region, size: tuple[int, int], font: Callable[[float], Any]
) -> None:
    """On the white half at the right, at the line's own place and of its own size."""
    wide, high = region.box.width * size[0], region.box.height * size[1]
    points = max(8.0, 0.7 * min(high, wide))
    while points > 8.0 and canvas.textlength(text, font=font(points)) > wide:
        points = max(8.0, 0.95 * points)
    at = (size[0] + region.box.left * size[0], region.box.top * size[1] + high / 2)
    canvas.text(at, text, fill="black", font=font(points), anchor="lm")


def marks(value: Any) -> Iterator[Mark]:
    """What there is to draw of a value."""
    if isinstance(value, ObjectSet):
        for each in value.objects:
            yield each.region, f"{each.name} {each.confidence.shown}", ()
    elif isinstance(value, FaceSet):
        for number, face in enumerate(value.faces, 1):
            sure = "" if face.confidence.raw is None else f" {face.confidence.shown}"
            yield face.region, f"{number}{sure}", tuple(mark.point for mark in face.landmarks)
    elif isinstance(value, DetectedText):
        for line in value.lines:
            regions = [word.region for word in line.words if word.region is not None]
            place = line.region or (Region.around(regions) if regions else None)
            if place is not None:
                yield place, _latin(line.text), ()
    elif isinstance(value, CaptionSet):
        for caption in value.captions:
            if caption.region is not None:
                yield caption.region, caption.text, ()


def _latin(text: str) -> str:
    """As Pillow's own font can show it; the table beside has the text itself."""
    return "".join(sign if sign.isprintable() and ord(sign) < 0x250 else "?" for sign in text)[:60]
