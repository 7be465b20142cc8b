"""Where something is in a picture, as ratios of its width and height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A corner, as ratios of the image's width and height; may lie outside 0..1 where a vendor says so."""

    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An axis-aligned box in ratios, clipped to the image."""

    left: float
    top: float
    width: float
    height: float


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

    @classmethod
    def from_ratios(
        cls, corners: Sequence[tuple[float, float]], *, raw: Sequence[float] | None = None
    ) -> Region:
        """From corners as ratios, which may lie outside 0..1; ``raw`` where the vendor's numbers are others."""
        polygon = tuple(Point(x=x, y=y) for x, y in corners)
        numbers = [number for corner in corners for number in corner] if raw is None else raw
        return cls(box=_around(polygon), polygon=polygon, raw=tuple(numbers))

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
        return cls.from_ratios(
            [(x / width, y / height) for x, y in corners],
            raw=[number for corner in corners for number in corner],
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


def _around(polygon: Sequence[Point]) -> Box:
    if not polygon or not all(isfinite(point.x) and isfinite(point.y) for point in polygon):
        raise ValueError("a place without usable corners")
    left, right = (_clip(edge(p.x for p in polygon)) for edge in (min, max))
    top, bottom = (_clip(edge(p.y for p in polygon)) for edge in (min, max))
    return Box(left=left, top=top, width=right - left, height=bottom - top)


def _clip(ratio: float) -> float:
    return min(1.0, max(0.0, ratio))
