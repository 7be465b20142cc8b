"""vision.detect_faces: the frontal-face Haar cascade that comes with OpenCV 4.

Nobody is identified. The cascade gives no probability, so no face has a confidence.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from broker.contract import Reply
from broker.errors import NotConfigured, Unsupported
from broker.types import Confidence, Face, FaceRequest, FaceSet, Image, Region, Scale
from broker_local.models import Lazy
from broker_local.picture import Picture, decode

CASCADE = "haarcascade_frontalface_alt.xml"
LONG_SIDE = 1280
"""A larger picture is scaled down to this: faces of people in it stay well above the least size."""
SCALE_STEP, NEIGHBOURS = 1.05, 4
"""Finer steps or fewer neighbours find the same faces and two to ten times the false ones (measured)."""
LEAST_FACE = 24
"""Pixels of the picture as searched; below this the cascade sees faces in textures."""

Grey: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, order=True)
class Square:
    """A found face, in pixels of the picture as searched."""

    left: int
    top: int
    side: int


class Detector:
    """The cascade. One picture at a time: OpenCV keeps the state of a run on it."""

    def __init__(self, cascade: Any) -> None:
        self._cascade = cascade
        self._lock = threading.Lock()

    def find(self, grey: Grey) -> tuple[Square, ...]:
        """All faces, largest first."""
        with self._lock:
            found = self._cascade.detectMultiScale(
                grey, scaleFactor=SCALE_STEP, minNeighbors=NEIGHBOURS, minSize=(LEAST_FACE, LEAST_FACE)
            )
        squares = (Square(int(left), int(top), int(width)) for left, top, width, _ in found)
        return tuple(sorted(squares, key=lambda each: (-each.side, each)))


def detect_faces(request: FaceRequest) -> Reply[FaceSet]:
    """Places of frontal faces. Raises Unsupported for a bar no face could pass, BadInput, NotConfigured.

    Positions are those of the picture as stored: where EXIF data says that it is to be turned, it is
    turned for the search, and what is found is turned back.
    """
    if request.min_confidence > 0.0:
        raise Unsupported(
            "the local face detector gives no probability, so no face could pass min_confidence="
            f"{request.min_confidence:g}; leave min_confidence out, or use a cloud provider",
            provider="local",
            operation="vision.detect_faces",
        )
    picture = decode(request.image)
    grey, scale = _searched(picture)
    found = _detector.get().find(grey)
    return Reply(
        payload=FaceSet(faces=tuple(_face(each, scale, picture, request.image) for each in found)),
        model_version=f"opencv-{cv2.__version__} {CASCADE}",
        raw=[[each.left, each.top, each.side] for each in found] if request.raw else None,
    )


def _searched(picture: Picture) -> tuple[Grey, float]:
    """Shades of grey, and how many pixels of the upright picture one of them is."""
    grey = picture.pixels.convert("L")
    scale = max(1.0, max(grey.size) / LONG_SIDE)
    if scale > 1.0:
        grey = grey.resize((round(grey.width / scale), round(grey.height / scale)), reducing_gap=2.0)
    return np.asarray(grey, dtype=np.uint8), scale


def _face(found: Square, scale: float, picture: Picture, image: Image) -> Face:
    left, top = found.left * scale, found.top * scale
    right, bottom = left + found.side * scale, top + found.side * scale
    corners = [picture.stored(x, y) for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]
    return Face(
        region=Region.from_pixels(corners, width=image.width, height=image.height),
        confidence=Confidence(value=None, raw=None, scale=Scale.UNBOUNDED),
    )


def _load() -> Detector:
    folder = Path(cv2.__file__).parent / "data"
    if not hasattr(cv2, "CascadeClassifier") or not (folder / CASCADE).is_file():
        raise NotConfigured(
            f"OpenCV {cv2.__version__} has no Haar cascades; type: pip install 'opencv-python-headless>=4.10,<5'"
        )
    cascade = cv2.CascadeClassifier(str(folder / CASCADE))
    if cascade.empty():
        raise NotConfigured(
            f"OpenCV's {CASCADE} cannot be read; type: "
            "pip install --force-reinstall --no-deps 'opencv-python-headless>=4.10,<5'"
        )
    return Detector(cascade)


_detector = Lazy(_load)
