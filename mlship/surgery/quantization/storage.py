"""Keeps weights in float16 in the file; ONNX Runtime widens them when it loads the model, and computes in float32."""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import TensorProto

from mlship.surgery.graph import Graph
from mlship.surgery.quantization.layers import Layer, weights_of

_LARGEST = float(np.finfo(np.float16).max)


def halved(model: onnx.ModelProto, layers: Iterable[Layer]) -> onnx.ModelProto:
    """Return ``model``, in float32, with the weights of ``layers`` in float16 and a Cast behind each.

    Weights beyond the range of float16 (65,504) stay as they are. Each number is off by at most 2^-11 of itself, or by
    3e-8 below 6e-5 (IEEE 754-2019).
    """
    graph = Graph(model)
    values, halves = {layer.value for layer in layers}, dict[str, str]()
    for node in list(graph.nodes):
        weights = weights_of(graph, node) if node.output[0] in values else None
        if weights is None or float(np.abs(weights).max(initial=0.0)) > _LARGEST:
            continue
        name = node.input[1]
        if name not in halves:
            cast = graph.node("Cast", [graph.add_constant(weights.astype(np.float16), "half")], to=TensorProto.FLOAT)
            graph.nodes.insert(0, cast)
            halves[name] = cast.output[0]
        node.input[1] = halves[name]
    return graph.model()
