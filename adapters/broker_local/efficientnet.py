"""EfficientNet-Lite0 as an ONNX graph, built from its weights.

Source of the architecture: TensorFlow's ``efficientnet_lite_builder.py`` (EfficientNet without
squeeze-and-excite, swish replaced by ReLU6, stem and head not scaled); names of the weights as in
``efficientnet_lite_pytorch``. Batch normalisation is folded into the convolution before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 224
CLASSES = 1000
EPSILON = 1e-3
"""Of batch normalisation, as the model was trained with."""
OPSET, IR = 13, 8
"""Old enough for every runtime we allow."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A row of the architecture's table: like blocks, of which the first has the stride."""

    repeats: int
    kernel: int
    stride: int
    expanded: bool
    channels: int


STAGES = (
    Stage(1, 3, 1, expanded=False, channels=16),
    Stage(2, 3, 2, expanded=True, channels=24),
    Stage(2, 5, 2, expanded=True, channels=40),
    Stage(3, 3, 2, expanded=True, channels=80),
    Stage(3, 5, 1, expanded=True, channels=112),
    Stage(4, 5, 2, expanded=True, channels=192),
    Stage(1, 3, 1, expanded=True, channels=320),
)

Weights: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(slots=True)
class _Graph:
    """Nodes and numbers gathered so far. Each method adds a node and returns the name of its output."""

    weights: Weights
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    numbers: list[TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: NDArray[np.float32]) -> str:
        self.numbers.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(self, source: str, name: str, norm: str, *, stride: int = 1, relu: bool = True) -> str:
        """Convolution, batch normalisation folded into it, and ReLU6 unless told otherwise."""
        weight = np.asarray(self.weights[f"{name}.weight"], dtype=np.float64)
        gain, bias, mean, variance = (
            np.asarray(self.weights[f"{norm}.{part}"], dtype=np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + EPSILON)
        depthwise = name.endswith("_depthwise_conv")
        output = self.node(
            "Conv",
            [
                source,
                self.constant(f"{name}.weight", (weight * scale[:, None, None, None]).astype(np.float32)),
                self.constant(f"{name}.bias", (bias - mean * scale).astype(np.float32)),
            ],
            auto_pad="SAME_UPPER",  # TensorFlow's padding: the odd pixel goes right and below
            kernel_shape=list(weight.shape[2:]),
            strides=[stride, stride],
            group=weight.shape[0] if depthwise else 1,
        )
        return self.node("Clip", [output, "zero", "six"]) if relu else output

    def block(self, source: str, name: str, *, stride: int, expanded: bool, shortcut: bool) -> str:
        """An inverted residual: widen, look around in each channel, narrow."""
        inner = source
        if expanded:
            inner = self.convolution(inner, f"{name}._expand_conv", f"{name}._bn0")
        inner = self.convolution(inner, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
        inner = self.convolution(inner, f"{name}._project_conv", f"{name}._bn2", relu=False)
        return self.node("Add", [inner, source]) if shortcut else inner


def build(weights: Weights) -> bytes:
    """The graph: ``image`` (n x 3 x 224 x 224, (x - 127) / 128) to ``probabilities`` (n x 1000).

    Raises KeyError or ValueError when the weights are not EfficientNet-Lite0's.
    """
    graph = _Graph(weights)
    graph.constant("zero", np.array(0.0, dtype=np.float32))
    graph.constant("six", np.array(6.0, dtype=np.float32))
    last = graph.convolution("image", "_conv_stem", "_bn0", stride=2)
    channels, number = 32, 0
    for stage in STAGES:
        for repeat in range(stage.repeats):
            stride = stage.stride if repeat == 0 else 1
            last = graph.block(
                last,
                f"_blocks.{number}",
                stride=stride,
                expanded=stage.expanded,
                shortcut=stride == 1 and channels == stage.channels,
            )
            channels, number = stage.channels, number + 1
    last = graph.convolution(last, "_conv_head", "_bn1")
    last = graph.node("Flatten", [graph.node("GlobalAveragePool", [last])], axis=1)
    dense = np.asarray(weights["_fc.weight"], dtype=np.float32)
    bias = np.asarray(weights["_fc.bias"], dtype=np.float32)
    last = graph.node(
        "Gemm", [last, graph.constant("_fc.weight", dense), graph.constant("_fc.bias", bias)], transB=1
    )
    graph.nodes.append(helper.make_node("Softmax", [last], ["probabilities"], axis=1))
    if dense.shape[0] != CLASSES:
        raise ValueError(f"the weights tell {dense.shape[0]} classes, not {CLASSES}")
    return _serialise(graph)


def _serialise(graph: _Graph) -> bytes:
    picture = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])
    answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", CLASSES])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "efficientnet-lite0", [picture], [answer], graph.numbers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="mlbroker",
    )
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
