"""What a graph has to do for a row, read off its operators: enough to say whether sharing a call is worth it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import onnx

#: Seconds for a step down a tree, for a multiplication of a large product, and for a text to cross into the runtime;
#: what one core of a server took in 2026.
_STEP, _PRODUCT, _TEXT = 7e-9, 5e-11, 5e-7

#: Operators that read only some of a table for a row.
_LOOKUPS = frozenset({"Gather", "GatherElements", "GatherND", "ArrayFeatureExtractor"})

_BYTES: dict[int, int] = {
    onnx.TensorProto.DOUBLE: 8,
    onnx.TensorProto.FLOAT16: 2,
    onnx.TensorProto.INT8: 1,
    onnx.TensorProto.UINT8: 1,
}


@dataclass(frozen=True)
class Work:
    """A row's share of a call: ``seconds`` of one core, roughly; ``wide``: bytes of the widest value on the way.

    ``trees``: trees in the graph, copies for each class among them. ``rows_are_free``: whether each input and output
    has any number of rows, so that a call can be cut.
    """

    seconds: float
    wide: int
    trees: int
    rows_are_free: bool


def of(model: onnx.ModelProto) -> Work:
    """Read the work off ``model``; nodes inside other nodes do not count."""
    graph = model.graph
    ensembles = [_trees(node) for node in graph.node if node.op_type.startswith("TreeEnsemble")]
    products = list(_products(graph))
    seconds = sum(trees * math.log2(nodes / trees + 1) for trees, nodes in ensembles if trees) * _STEP
    seconds += sum(math.prod(tensor.dims) for tensor in products) * _PRODUCT
    seconds += sum(_width(item) for item in graph.input if _type(item) == onnx.TensorProto.STRING) * _TEXT
    wide = max((max(tensor.dims) * _BYTES.get(tensor.data_type, 4) for tensor in products), default=0)
    free = bool(graph.input) and all(_free(item) for item in (*graph.input, *graph.output))
    return Work(seconds, wide, sum(trees for trees, _ in ensembles), free)


def _trees(node: onnx.NodeProto) -> tuple[int, int]:
    """Return how many trees and nodes an ensemble holds."""
    found = {item.name: item for item in node.attribute}
    nodes = len(found["nodes_featureids"].ints) if "nodes_featureids" in found else 0
    if "tree_roots" in found:
        return len(found["tree_roots"].ints), nodes
    return len(set(found["nodes_treeids"].ints)) if "nodes_treeids" in found else 0, nodes


def _products(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Yield the constant matrices that are read as a whole."""
    whole = {name for node in graph.node if node.op_type not in _LOOKUPS for name in node.input}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    constants |= {node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"}
    for name, tensor in constants.items():
        if name in whole and len(tensor.dims) > 1 and tensor.data_type != onnx.TensorProto.STRING:
            yield tensor


def _type(item: onnx.ValueInfoProto) -> int:
    return int(item.type.tensor_type.elem_type)


def _width(item: onnx.ValueInfoProto) -> int:
    return math.prod(dim.dim_value or 1 for dim in item.type.tensor_type.shape.dim)


def _free(item: onnx.ValueInfoProto) -> bool:
    dims = item.type.tensor_type.shape.dim
    return len(dims) > 0 and not dims[0].HasField("dim_value")
