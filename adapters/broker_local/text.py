"""Lines of print: PP-OCRv6 (small) as packed by ``rapidocr``, whose wheel holds the models.

The models are named by path, so that nothing is looked for or fetched anywhere else.
"""

from __future__ import annotations

import importlib.util
import math
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from broker.errors import NotConfigured
from broker.types import Image
from broker_local.models import Lazy
from broker_local.picture import Picture, decode
from broker_local.words import Columns, Word, kept, place

VERSION = "PP-OCRv6-small"
DETECTOR, RECOGNISER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
LONG_SIDE = 1280
"""A larger picture is scaled down to this for finding lines (94 % of words; at 960 pixels 93 %)."""
LEAST = 0.5
"""Lines the recogniser is less sure of are noise, and are left out."""
MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class Found:
    """One line, in pixels of the upright picture, from its upper left corner clockwise.

    :param words: in the order they are read; see :mod:`broker_local.words` for how true their places are.
    """

    text: str
    score: float
    corners: tuple[tuple[float, float], ...]
    words: tuple[Word, ...] = ()

    @property
    def middle(self) -> float:
        """Of its height."""
        return sum(y for _, y in self.corners) / len(self.corners)

    @property
    def left(self) -> float:
        """Its leftmost corner."""
        return min(x for x, _ in self.corners)

    @property
    def height(self) -> float:
        """From top to bottom, along its left edge."""
        (x, y), (below_x, below_y) = self.corners[0], self.corners[-1]
        return max(1.0, math.hypot(x - below_x, y - below_y))


class Reader:
    """The two models. One picture at a time: rapidocr keeps the state of a run on itself."""

    def __init__(self, engine: Any) -> None:
        engine.cal_rec_boxes = Columns()
        self._engine = engine
        self._lock = threading.Lock()

    def read(self, picture: Picture) -> tuple[Found, ...]:
        """All lines in reading order."""
        pixels = np.ascontiguousarray(np.asarray(picture.pixels)[:, :, ::-1])  # rapidocr takes BGR
        with self._lock:
            answer = self._engine(pixels)
        if not answer.txts:
            return ()
        results = zip(answer.boxes, answer.txts, answer.scores, answer.word_results, strict=True)
        lines = (_read(str(text), float(score), box, words) for box, text, score, words in results)
        return in_reading_order([line for line in lines if line.text.strip()])


def _read(text: str, score: float, box: Any, words: Any) -> Found:
    corners = tuple((float(x), float(y)) for x, y in box)
    return Found(text, score, corners, tuple(place(span, corners) for span in kept(words)))


def find(image: Image) -> tuple[Picture, tuple[Found, ...]]:
    """The decoded picture and its lines of print, in reading order. Raises BadInput for broken data, NotConfigured."""
    picture = decode(image)
    return picture, _reader.get().read(picture)


def in_reading_order(lines: Sequence[Found]) -> tuple[Found, ...]:
    """From top to bottom; what stands side by side, from left to right.

    Two lines stand side by side when their middles differ by less than half the height of the lower one.
    """
    rows: list[list[Found]] = []
    for line in sorted(lines, key=lambda each: each.middle):
        beside = rows and abs(line.middle - rows[-1][0].middle) < min(line.height, rows[-1][0].height) / 2
        if beside:
            rows[-1].append(line)
        else:
            rows.append([line])
    return tuple(line for row in rows for line in sorted(row, key=lambda each: each.left))


def _load() -> Reader:
    models = _models()
    from rapidocr import RapidOCR

    from broker_local import runtime  # noqa: F401  before rapidocr, which imports onnxruntime

    return Reader(
        RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.text_score": LEAST,
                "Global.return_word_box": True,
                "Global.use_cls": False,  # turned pictures are set upright by their EXIF data
                "Det.limit_type": "max",
                "Det.limit_side_len": LONG_SIDE,
                "Det.model_path": str(models / DETECTOR),
                "Rec.model_path": str(models / RECOGNISER),
                "EngineConfig.onnxruntime.intra_op_num_threads": min(MOST_THREADS, os.cpu_count() or 1),
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
    )


def _models() -> Path:
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'rapidocr'", name="rapidocr")
    folder = Path(spec.origin).parent / "models"
    for name in (DETECTOR, RECOGNISER):
        if not (folder / name).is_file():
            raise NotConfigured(
                f"the installed rapidocr does not hold {name}; type: pip install --force-reinstall "
                "--no-deps 'rapidocr>=3.10,<4'"
            )
    return folder


_reader = Lazy(_load)
