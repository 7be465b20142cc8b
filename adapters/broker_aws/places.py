"""Where something is: Rekognition's and Textract's ratios, and the picture that they are ratios of.

Sources: ``BoundingBox``, ``Geometry`` and ``OrientationCorrection`` in the service models of botocore;
docs.aws.amazon.com/rekognition/latest/dg/images-orientation.html.
"""

from __future__ import annotations

from typing import Any

from broker.contract import given, needed
from broker.types import Frame, Image, Region


def box(item: Any) -> Region:
    """From ``BoundingBox``, whose numbers may be negative or above 1 where a thing is cut by the picture's edge.

    Raises ValueError where there is none.
    """
    found: dict[str, Any] = needed(item, "BoundingBox", dict)
    return Region.from_ratio_box(
        needed(found, "Left", float),
        needed(found, "Top", float),
        needed(found, "Width", float),
        needed(found, "Height", float),
    )


def outline(item: Any) -> Region | None:
    """From ``Geometry``: its polygon, which follows turned text; its box where there is no polygon."""
    geometry: dict[str, Any] | None = given(item, "Geometry", dict)
    if geometry is None:
        return None
    corners: list[Any] | None = given(geometry, "Polygon", list)
    if corners:
        return Region.from_ratios([(needed(each, "X", float), needed(each, "Y", float)) for each in corners])
    return box(geometry) if geometry.get("BoundingBox") is not None else None


def frame(image: Image, *, turned: bool) -> Frame:
    """The picture that an operation's places are ratios of.

    :param turned: AWS says for this operation that a JPEG is turned as its EXIF data says before it is looked at, and
        that a PNG is not (``OrientationCorrection`` of DetectLabels and DetectFaces). Of DetectText, Textract and
        their places it says nothing.
    """
    orientation = image.orientation
    upright: bool | None = True
    if orientation is not None and orientation != 1:
        upright = image.format == "jpeg" if turned else None
    return Frame(width=image.width, height=image.height, orientation=orientation, upright=upright)
