"""Finds the neurons of an ONNX graph that can be taken out: what makes them, who reads them, what lies between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.surgery.graph import ONNX, Graph, attributes

#: Operators that treat each neuron for itself, and whose constants are one number, or one number a neuron.
_ELEMENTWISE = frozenset(
    {"Abs", "Add", "BatchNormalization", "Cast", "Celu", "Clip", "Div", "Dropout", "Elu", "Erf", "Exp", "Gelu"}
    | {"HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Max", "Min", "Mish", "Mul", "Neg", "PRelu", "Pow", "Relu"}
    | {"Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Sub", "Tanh", "ThresholdedRelu"}
)


@dataclass(frozen=True)
class Layer:
    """Neurons: columns of the matrix of ``maker``, rows of the matrices of ``readers``, which all read ``hidden``.

    ``between``: the nodes from one to the other, the bias and the activation among them.
    """

    maker: onnx.NodeProto
    between: tuple[onnx.NodeProto, ...]
    hidden: str
    readers: tuple[onnx.NodeProto, ...]
    width: int


def layers(graph: Graph) -> list[Layer]:
    """Return the layers of ``graph`` whose neurons can be taken out, in the order of the nodes that make them."""
    return [found for node in graph.nodes if (found := _layer(graph, node)) is not None]


def matrix(graph: Graph, node: onnx.NodeProto) -> NDArray[Any] | None:
    """Return the constant (from, to) that ``node`` multiplies its first input by; None where it does nothing such."""
    if node.domain != ONNX or node.op_type not in {"MatMul", "Gemm"}:
        return None
    weights, given = graph.constant(node.input[1]), attributes(node)
    if weights is None or weights.ndim != 2 or weights.dtype.kind != "f" or given.get("transA", 0):
        return None
    if given.get("alpha", 1.0) != 1.0 or given.get("beta", 1.0) != 1.0:
        return None
    return weights.T if given.get("transB", 0) else weights


def set_matrix(graph: Graph, node: onnx.NodeProto, weights: NDArray[Any]) -> None:
    """Let ``node`` multiply by ``weights`` (from, to)."""
    stored = weights.T if attributes(node).get("transB", 0) else weights
    node.input[1] = graph.add_constant(np.ascontiguousarray(stored), "weights")


def keep_columns(graph: Graph, layer: Layer, kept: NDArray[Any]) -> None:
    """Leave only the neurons ``kept`` in the matrix that makes them, and in all constants on the way."""
    weights = matrix(graph, layer.maker)
    assert weights is not None
    set_matrix(graph, layer.maker, weights[:, kept])
    for node in (layer.maker, *layer.between):
        for place, name in enumerate(node.input):
            array = graph.constant(name)
            if array is None or (node is layer.maker and place == 1) or not _is_wide(array, layer.width):
                continue
            node.input[place] = graph.add_constant(np.ascontiguousarray(array[..., kept]), "weights")


def add_bias(graph: Graph, node: onnx.NodeProto, bias: NDArray[Any]) -> None:
    """Add ``bias`` (to,) to what ``node``, which multiplies by a constant matrix, answers."""
    if node.op_type == "Gemm":
        old = graph.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        name = graph.add_constant(bias if old is None else old.reshape(-1) + bias, "bias")
        node.input[:] = [*node.input[:2], name]
        return
    after = graph.only_reader(node.output[0])
    if after is not None and after.op_type == "Add":
        place = 1 if after.input[0] == node.output[0] else 0
        old = graph.constant(after.input[place])
        if old is not None and _is_wide(old, len(bias)):
            after.input[place] = graph.add_constant(old + bias, "bias")
            return
    inner = graph.fresh("product")
    add = onnx.helper.make_node("Add", [inner, graph.add_constant(bias, "bias")], [node.output[0]])
    node.output[0] = inner
    graph.nodes.insert(next(i for i, item in enumerate(graph.nodes) if item is node) + 1, add)


def _layer(graph: Graph, maker: onnx.NodeProto) -> Layer | None:
    weights = matrix(graph, maker)
    if weights is None or not _plain_bias(graph, maker, weights.shape[1]):
        return None
    width, values = weights.shape[1], {maker.output[0]}
    between: list[onnx.NodeProto] = []
    readers: list[onnx.NodeProto] = []
    for node in graph.nodes:
        if values.isdisjoint(node.input):
            continue
        if _passes(graph, node, values, width):
            between.append(node)
            values.update(node.output)
        elif node.input[0] in values and values.isdisjoint(node.input[1:]) and matrix(graph, node) is not None:
            readers.append(node)
        else:
            return None
    hidden = {node.input[0] for node in readers}
    if len(hidden) != 1 or not values.isdisjoint(graph.outputs) or not _all_seen(graph, values, between, readers):
        return None
    return Layer(maker, tuple(between), hidden.pop(), tuple(readers), width)


def _all_seen(
    graph: Graph, values: set[str], between: Sequence[onnx.NodeProto], readers: Sequence[onnx.NodeProto]
) -> bool:
    """Say whether nothing else reads the values, not even from within a subgraph."""
    known = {id(node) for node in (*between, *readers)}
    return all(id(node) in known for value in values for node in graph.readers(value))


def _passes(graph: Graph, node: onnx.NodeProto, values: set[str], width: int) -> bool:
    """Say whether ``node`` takes neurons one by one: all that it reads are neurons, or numbers for them."""
    if node.domain != ONNX or node.op_type not in _ELEMENTWISE or len(node.output) != 1:
        return False
    for name in node.input:
        array = graph.constant(name)
        if name and name not in values and (array is None or (array.size != 1 and not _is_wide(array, width))):
            return False
    return True


def _plain_bias(graph: Graph, node: onnx.NodeProto, width: int) -> bool:
    """Say whether the bias of a Gemm, where there is one, is one number a neuron."""
    if len(node.input) < 3 or not node.input[2]:
        return True
    bias = graph.constant(node.input[2])
    return bias is not None and _is_wide(bias, width)


def _is_wide(array: NDArray[Any], width: int) -> bool:
    return array.ndim > 0 and array.shape[-1] == width and array.size == width
