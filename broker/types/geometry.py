"""Where something is in a picture, as ratios of its width and height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A corner, as ratios of the image's width and height; may lie outside 0..1 where a vendor says so."""

    x: float
    y: float

    def __init__(self, *, x: float, y: float) -> None:
        # What the dataclass would write, through the slots' own descriptors: a page of text has thousands.
        _set_x(self, x)
        _set_y(self, y)


_set_x, _set_y = (getattr(Point, name).__set__ for name in ("x", "y"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An axis-aligned box in ratios, clipped to the image."""

    left: float
    top: float
    width: float
    height: float

    def __init__(self, *, left: float, top: float, width: float, height: float) -> None:
        _set_left(self, left)
        _set_top(self, top)
        _set_width(self, width)
        _set_height(self, height)


_set_left, _set_top, _set_width, _set_height = (
    getattr(Box, name).__set__ for name in ("left", "top", "width", "height")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The picture that ratios are of.

    :param width: pixels of it, as the vendor saw it if it says so, else by the file's header.
    :param height: pixels of it.
    :param orientation: what the file's EXIF data says, 1 to 8; None: it says nothing.
    :param upright: True: turned as EXIF says before it was looked at, and places are of the upright picture; False:
        places are of the pixels as they are stored; None: the vendor does not say, and it makes a difference.
    """

    width: int
    height: int
    orientation: int | None = None
    upright: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A place in the image: the polygon the vendor drew and the clipped box around it.

    :param raw: the vendor's own numbers in its own order and unit, for audit.

    Raises ValueError for a number that is none (NaN, infinity) and for no corner at all, so that the adapter can call
    the reply malformed.
    """

    box: Box
    polygon: tuple[Point, ...]
    raw: tuple[float, ...]

    def __init__(self, *, box: Box, polygon: tuple[Point, ...], raw: tuple[float, ...]) -> None:
        _set_box(self, box)
        _set_polygon(self, polygon)
        _set_raw(self, raw)

    @classmethod
    def from_ratios(
        cls, corners: Sequence[tuple[float, float]], *, raw: Sequence[float] | None = None
    ) -> Region:
        """From corners as ratios, which may lie outside 0..1; ``raw`` where the vendor's numbers are others."""
        numbers = [number for corner in corners for number in corner] if raw is None else raw
        return _drawn(corners, tuple(numbers))

    @classmethod
    def from_ratio_box(cls, left: float, top: float, width: float, height: float) -> Region:
        """From an axis-aligned box in ratios, which may lie partly outside 0..1 (Rekognition's BoundingBox)."""
        right, bottom = left + width, top + height
        return cls.from_ratios(
            [(left, top), (right, top), (right, bottom), (left, bottom)], raw=(left, top, width, height)
        )

    @classmethod
    def around(cls, regions: Sequence[Region]) -> Region:
        """The box around several regions, reckoned by us: ``raw`` is empty, for no vendor drew it."""
        points = [point for region in regions for point in region.polygon]
        left, right = min(p.x for p in points), max(p.x for p in points)
        top, bottom = min(p.y for p in points), max(p.y for p in points)
        return cls.from_ratios([(left, top), (right, top), (right, bottom), (left, bottom)], raw=())

    @classmethod
    def from_pixels(cls, corners: Sequence[tuple[float, float]], *, width: int, height: int) -> Region:
        """From corners in pixels of an image of ``width`` x ``height``."""
        return _drawn(
            [(x / width, y / height) for x, y in corners],
            tuple([number for corner in corners for number in corner]),
        )

    @classmethod
    def from_pixel_box(
        cls, left: float, top: float, width: float, height: float, *, of: tuple[int, int]
    ) -> Region:
        """From an axis-aligned box in pixels of an image of the size ``of`` (Azure's x, y, w, h)."""
        across, down = of
        right, bottom = left + width, top + height
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return cls.from_ratios([(x / across, y / down) for x, y in corners], raw=(left, top, width, height))


_new = object.__new__
_set_box, _set_polygon, _set_raw = (getattr(Region, name).__set__ for name in ("box", "polygon", "raw"))


def _drawn(corners: Sequence[tuple[float, float]], raw: tuple[float, ...]) -> Region:
    """The region with these corners. Raises ValueError for corners that are none."""
    if not corners:
        raise ValueError("a place without usable corners")
    polygon: list[Point] = []
    left = top = inf
    right = bottom = -inf
    for x, y in corners:
        if not (isfinite(x) and isfinite(y)):
            raise ValueError("a place without usable corners")
        if x < left:
            left = x
        if x > right:
            right = x
        if y < top:
            top = y
        if y > bottom:
            bottom = y
        point: Point = _new(Point)
        _set_x(point, x)
        _set_y(point, y)
        polygon.append(point)
    left, right, top, bottom = _clip(left), _clip(right), _clip(top), _clip(bottom)
    box: Box = _new(Box)
    _set_left(box, left)
    _set_top(box, top)
    _set_width(box, right - left)
    _set_height(box, bottom - top)
    made: Region = _new(Region)
    _set_box(made, box)
    _set_polygon(made, tuple(polygon))
    _set_raw(made, raw)
    return made


def _clip(ratio: float) -> float:
    if ratio <= 0.0:
        return 0.0
    return min(1.0, ratio)
