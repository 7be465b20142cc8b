"""Speech to text by Moonshine tiny-en (Useful Sensors, MIT), English only.

The weights come with the package ``moonshine-voice``, of which no code is run. An encoder looks at the waveform; a decoder
writes token after token, always the most probable one, with its keys and values kept from step to step. Written after the
model's paper (Jeffries and others, 2024, arXiv:2410.15608).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from broker_local.models import Lazy
from broker_local.pinned import Pinned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

VERSION = "moonshine-tiny-en/moonshine-voice-0.0.49"
RATE = 16_000
"""Samples a second, one channel, -1 to 1."""
COMMAND = "pip install --no-deps 'moonshine-voice==0.0.49'"

_START, _END = 1, 2
_LAYERS, _HEADS, _WIDTH = 6, 8, 36
_TOKENS_A_SECOND = 6.5
"""More are not spoken (the paper's own cap); what goes on is the decoder repeating itself."""
_REPEATS = 4
"""A group of tokens that comes so often in a row is a loop, of which the first is kept."""
_LONGEST_LOOP = 24
_SHORTEST = 1024
"""Samples; the encoder's first layers need some hundreds."""


def _pinned(name: str, sha256: str) -> Pinned:
    return Pinned(module="moonshine_voice", place=("assets", "tiny-en", name), sha256=sha256, command=COMMAND)


ENCODER = _pinned("encoder_model.ort", "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221")
DECODER = _pinned(
    "decoder_model_merged.ort", "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0"
)
TOKENS = _pinned("tokenizer.bin", "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d")


@dataclass(frozen=True, slots=True)
class _Model:
    encoder: Any
    decoder: Any
    words: tuple[bytes, ...]


def ready() -> None:
    """Load it now. Raises ImportError, and NotConfigured for weights that are not those it was written for."""
    _model.get()


def recognize(samples: Samples) -> str:
    """What is said in a piece of up to half a minute; empty where nothing is heard."""
    if len(samples) < _SHORTEST:
        samples = np.pad(samples, (0, _SHORTEST - len(samples)))
    model = _model.get()
    seen = np.ones((1, len(samples)), dtype=np.int64)
    (hidden,) = model.encoder.run(None, {"input_values": samples[None, :], "attention_mask": seen})
    return text_of(_decoded(model.decoder, hidden, seen), model.words)


def _decoded(decoder: Any, hidden: Any, seen: Any) -> list[int]:
    """The tokens. ``seen``: which samples count; the graph thins it out to the encoder's steps by itself."""
    most = max(2, int(seen.size / RATE * _TOKENS_A_SECOND) + 1)
    names = [each.name for each in decoder.get_inputs() if each.name.startswith("past_key_values.")]
    empty = np.zeros((1, _HEADS, 0, _WIDTH), dtype=np.float32)
    kept: dict[str, Any] = dict.fromkeys(names, empty)
    outputs = [each.name for each in decoder.get_outputs()]
    tokens: list[int] = []
    token = _START
    for step in range(most):
        given = {
            "input_ids": np.array([[token]], dtype=np.int64),
            "encoder_hidden_states": hidden,
            "encoder_attention_mask": seen,
            "use_cache_branch": np.array([step > 0]),
            **kept,
        }
        found = dict(zip(outputs, decoder.run(None, given), strict=True))
        for name in names:
            # Those of the encoder are made in the first step and stay; afterwards the graph gives empty ones.
            if step == 0 or ".decoder." in name:
                kept[name] = found[name.replace("past_key_values", "present")]
        token = int(found["logits"][0, -1].argmax())
        if token == _END:
            break
        tokens.append(token)
        if loop := looping(tokens):
            del tokens[len(tokens) - loop * (_REPEATS - 1) :]
            break
    return tokens


def looping(tokens: list[int]) -> int:
    """How long the group is that the end repeats, 0 if there is none."""
    for size in range(1, _LONGEST_LOOP + 1):
        if len(tokens) < size * _REPEATS:
            return 0
        last = tokens[-size:]
        if all(tokens[-size * n : len(tokens) - size * (n - 1)] == last for n in range(2, _REPEATS + 1)):
            return size
    return 0


def text_of(tokens: list[int], words: tuple[bytes, ...]) -> str:
    """The text of tokens: pieces of UTF-8 with U+2581 for a space; special tokens are left out."""
    pieces = [words[token] for token in tokens if token > _END and not words[token].startswith(b"<<ST_")]
    return b"".join(pieces).decode(errors="replace").replace("\u2581", " ").strip()


def words_of(data: bytes) -> tuple[bytes, ...]:
    """The vocabulary out of the tokenizer's file: each entry a length (of one byte, or two from 128 on) and the bytes."""
    found: list[bytes] = []
    place = 0
    while place < len(data):
        length = data[place]
        place += 1
        if length >= 128:
            length += data[place] * 128 - 128
            place += 1
        found.append(data[place : place + length])
        place += length
    return tuple(found)


def _load() -> _Model:
    encoder, decoder, words = ENCODER.read(), DECODER.read(), words_of(TOKENS.read())
    from broker_local.runtime import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread a call: callers bring threads of their own, and a session without threads has none to lose in a fork.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    # Pieces differ in length; an arena would keep the largest of every shape.
    options.enable_cpu_mem_arena = False

    def session(graph: bytes) -> Any:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    return _Model(encoder=session(encoder), decoder=session(decoder), words=words)


_model = Lazy(_load)
