"""Places in Vision's answers: pixels or ratios, as polygons whose zeros may be missing.

Source: google/cloud/vision/v1/geometry.proto. In proto3 a coordinate of 0 is not sent, so a missing one is 0.
"""

from __future__ import annotations

from typing import Any

from broker.types import Frame, Image, Region

_TURNED = 5
"""From this EXIF orientation on, width and height change places."""


def frame_of(image: Image, page: tuple[int, int] | None = None) -> Frame:
    """What the places are ratios of.

    Google does not document whether Vision turns a picture as its EXIF data says before it looks at it ("in the same
    scale as the original image" is all that geometry.proto tells), so ``upright`` is None where that makes a
    difference, and pixels are taken to be those of the stored picture. Where text was asked for, the size of the page
    gives it away.

    :param page: width and height that Vision says the picture has, where it does.
    """
    stored = (image.width, image.height)
    orientation = image.orientation
    upright: bool | None = None
    if orientation in (None, 1):
        upright = True
    elif orientation >= _TURNED and stored[0] != stored[1] and page in (stored, stored[::-1]):
        upright = page != stored
    width, height = page or stored
    return Frame(width=width, height=height, orientation=orientation, upright=upright)


def page_size(page: Any) -> tuple[int, int] | None:
    """Width and height of a page of text, where they are told."""
    return (page.width, page.height) if page.width > 0 and page.height > 0 else None


def seen_frame(image: Image, answer: Any) -> Frame:
    """As :func:`frame_of`, from an answer that may hold a page of text besides."""
    size: tuple[int, int] | None = None
    if answer.HasField("full_text_annotation") and answer.full_text_annotation.pages:
        size = page_size(answer.full_text_annotation.pages[0])
    stored = (image.width, image.height)
    return frame_of(image, size if size in (stored, stored[::-1]) else None)


def region_of(poly: Any, width: int, height: int) -> Region | None:
    """A ``BoundingPoly``; None where it has no corners. Raises ValueError for numbers that are none."""
    if poly.normalized_vertices:
        return Region.from_ratios([(each.x, each.y) for each in poly.normalized_vertices])
    if poly.vertices:
        return Region.from_pixels([(each.x, each.y) for each in poly.vertices], width=width, height=height)
    return None
