"""Where something is in a picture, as ratios of its width and height."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
class Region:
    """A place in the image: the polygon the vendor drew and the clipped box around it.

    :param raw: the vendor's own numbers in its own order and unit, for audit.
    """

    box: Box
    polygon: tuple[Point, ...]
    raw: tuple[float, ...]

    @classmethod
    def from_pixels(cls, corners: Sequence[tuple[float, float]], *, width: int, height: int) -> Region:
        """From corners in pixels of an image of ``width`` x ``height``."""
        polygon = tuple(Point(x=x / width, y=y / height) for x, y in corners)
        return cls(
            box=_around(polygon),
            polygon=polygon,
            raw=tuple(number for corner in corners for number in corner),
        )


def _around(polygon: Sequence[Point]) -> Box:
    left, right = (_clip(edge(p.x for p in polygon)) for edge in (min, max))
    top, bottom = (_clip(edge(p.y for p in polygon)) for edge in (min, max))
    return Box(left=left, top=top, width=right - left, height=bottom - top)


def _clip(ratio: float) -> float:
    return min(1.0, max(0.0, ratio))
