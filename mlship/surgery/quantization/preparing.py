"""Puts the layers of a float32 graph the way that the tools want them: named, and as Gemm or as MatMul and Add."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from mlship.surgery.graph import Graph, attributes
from mlship.surgery.quantization.layers import layers, weights_of
from mlship.surgery.rewrites.types import types_of


def as_gemm(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with each product of matrices, and the bias after it, as one Gemm, which there is in int8.

    A MatMul that stays, as it multiplies more than matrices, runs in int8 too, its bias in float.
    """
    graph = Graph(model)
    types = types_of(graph)
    for node in _of_layers(graph, "MatMul"):
        if types[node.input[0]].width is not None:
            _to_gemm(graph, node)
    return _named(graph)


def as_matmul(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``model`` with each Gemm that is a layer as MatMul and Add."""
    graph = Graph(model)
    for node in _of_layers(graph, "Gemm"):
        _to_matmul(graph, node)
    return _named(graph)


def _of_layers(graph: Graph, kind: str) -> list[onnx.NodeProto]:
    values = {layer.value for layer in layers(graph)}
    return [node for node in graph.nodes if node.op_type == kind and node.output[0] in values]


def _to_gemm(graph: Graph, node: onnx.NodeProto) -> None:
    after = graph.only_reader(node.output[0])
    weights = weights_of(graph, node)
    assert weights is not None
    old, inputs, output = [node], list(node.input), node.output[0]
    if after is not None and after.op_type == "Add":
        other = after.input[1] if after.input[0] == node.output[0] else after.input[0]
        bias = graph.constant(other)
        if bias is not None and bias.ndim > 0 and bias.shape[-1] == bias.size == weights.shape[1]:
            inputs.append(graph.add_constant(bias.reshape(-1), "bias"))
            old, output = [node, after], after.output[0]
    graph.replace(old, [helper.make_node("Gemm", inputs, [output], name=node.name)])


def _to_matmul(graph: Graph, node: onnx.NodeProto) -> None:
    given, weights = attributes(node), weights_of(graph, node)
    assert weights is not None
    plain = np.ascontiguousarray(weights.T if given.get("transB", 0) else weights)
    inputs = [node.input[0], graph.add_constant(_times(plain, given.get("alpha", 1.0)), "weights")]
    if len(node.input) < 3 or not node.input[2]:
        graph.replace([node], [helper.make_node("MatMul", inputs, [node.output[0]], name=node.name)])
        return
    product = graph.node("MatMul", inputs)
    bias, new = node.input[2], [product]
    if (beta := given.get("beta", 1.0)) != 1.0:
        new.append(graph.node("Mul", [bias, graph.add_constant(np.array(beta, dtype=plain.dtype), "beta")]))
        bias = new[-1].output[0]
    graph.replace([node], [*new, helper.make_node("Add", [product.output[0], bias], [node.output[0]])])


def _times(array: NDArray[np.floating], factor: float) -> NDArray[np.floating]:
    return array if factor == 1.0 else (array * factor).astype(array.dtype)


def _named(graph: Graph) -> onnx.ModelProto:
    """Return the model of ``graph`` with each node called after what it answers; the tools go by these names."""
    for node in graph.nodes:
        node.name = next(filter(None, node.output))
    return graph.model()
