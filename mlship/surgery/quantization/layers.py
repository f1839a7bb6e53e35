"""Finds the layers of a graph whose weights can be kept in fewer bits, and says why where there are none."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mlship.surgery.graph import ONNX, Graph, attributes, reads

#: Fewer weights than this are read faster than numbers are rounded and scaled back.
FEWEST_WEIGHTS = 10_000

_TREES = frozenset({"TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"})
#: Where a hair's breadth decides: what leads to these stays as exact as it is.
_COMPARING = frozenset({"TopK", "Scan", "SVMClassifier", "SVMRegressor"}) | _TREES
_KERNELS = frozenset({"Scan", "SVMClassifier", "SVMRegressor"})
_PRODUCTS = frozenset({"MatMul", "Gemm", "Conv"})
_QUANTIZED = frozenset(
    {"ConvInteger", "DynamicQuantizeLSTM", "DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMulBnb4"}
    | {"MatMulInteger", "MatMulIntegerToFloat", "MatMulNBits", "QGemm", "QLinearConv", "QLinearMatMul"}
    | {"QuantizeLinear"}
)
#: Why there is nothing to multiply, by operators that tell: the first that is there counts.
_INSTEAD = {
    "SVMClassifier": "kernels measure distances to training rows, which rounding would move",
    "SVMRegressor": "kernels measure distances to training rows, which rounding would move",
    "Scan": "kernels measure distances to training rows, which rounding would move",
    "TopK": "neighbours are compared by their distances, which rounding would move",
    "Tokenizer": "words are looked up, not multiplied",
    "StringNormalizer": "words are looked up, not multiplied",
}


@dataclass(frozen=True)
class Layer:
    """A matrix product or convolution with constant weights, by the name of what it answers.

    ``number`` counts from 1; it, the order and ``shape`` stay the same when the graph is put another way.
    """

    value: str
    number: int
    shape: tuple[int, ...]

    @property
    def weights(self) -> int:
        """How many weights it has."""
        return int(np.prod(self.shape))

    @property
    def title(self) -> str:
        """Say which one it is, for people."""
        return f"layer {self.number} ({' x '.join(map(str, self.shape))})"


def layers(graph: Graph) -> list[Layer]:
    """Return the layers of ``graph`` in order; those that lead to a comparison, or come after a kernel, are none."""
    exact = before_comparisons(graph)
    kernels = {name for node in graph.nodes if node.op_type in _KERNELS for name in node.output}
    late = _downstream(graph, kernels)
    found: list[Layer] = []
    for node in graph.nodes:
        weights = weights_of(graph, node)
        if weights is not None and id(node) not in exact | late:
            found.append(Layer(node.output[0], len(found) + 1, _shape(node, weights)))
    return found


def weights_of(graph: Graph, node: onnx.NodeProto) -> NDArray[Any] | None:
    """Return the constant that ``node`` multiplies by, where it is a product that this package knows."""
    if node.domain != ONNX or node.op_type not in _PRODUCTS or attributes(node).get("transA", 0):
        return None
    weights = graph.constant(node.input[1])
    wanted = weights is not None and weights.dtype in {np.dtype(np.float32), np.dtype(np.float64)}
    if weights is None or not wanted or (weights.ndim != 2 if node.op_type != "Conv" else weights.ndim < 3):
        return None
    return None if graph.constant(node.input[0]) is not None else weights


def before_comparisons(graph: Graph) -> set[int]:
    """Return the ids of the nodes that lead to trees, neighbours or kernels, and of these."""
    found, needed = set[int](), set[str]()
    for node in reversed(graph.nodes):
        if node.op_type in _COMPARING or not needed.isdisjoint(node.output):
            found.add(id(node))
            needed |= reads(node)
    return found


def refusal(model: onnx.ModelProto, found: list[Layer]) -> str:
    """Say why nothing in ``model``, whose layers are ``found``, is worth fewer bits; "" where something is."""
    kinds = Counter(node.op_type for node in model.graph.node)
    if done := sorted(_QUANTIZED & kinds.keys()):
        return "it is quantized already: " + ", ".join(f"{kinds[kind]:,} {kind}" for kind in done)
    weights = sum(layer.weights for layer in found)
    if weights >= FEWEST_WEIGHTS:
        return ""
    if found:
        what = "matrix product holds" if len(found) == 1 else f"{len(found)} matrix products hold"
        return f"its {what} {weights:,} weights, too few to gain (from {FEWEST_WEIGHTS:,})"
    if _TREES & kinds.keys():
        return f"{trees_in(model):,} trees compare, they don't multiply"
    instead = (why for kind, why in _INSTEAD.items() if kind in kinds)
    return next(instead, "no matrix product with constant weights in it")


def trees_in(model: onnx.ModelProto) -> int:
    """Count the trees of all tree operators that split."""
    count = 0
    for node in model.graph.node:
        known = {item.name: item for item in node.attribute}
        if node.op_type == "TreeEnsemble":
            count += int(np.count_nonzero(_splitting(known))) // _copies(known)
        elif node.op_type in _TREES:
            count += len(set(known["nodes_treeids"].ints))
    return count


def _splitting(known: Mapping[str, onnx.AttributeProto]) -> NDArray[np.bool_]:
    """Return which trees are more than one leaf, which takes a root with two leaves of the same weight."""
    roots, weights = np.array(known["tree_roots"].ints), numpy_helper.to_array(known["leaf_weights"].t)
    children = np.array([known[f"nodes_{side}nodeids"].ints for side in ("true", "false")])[:, roots]
    leaves = np.array([known[f"nodes_{side}leafs"].ints for side in ("true", "false")])[:, roots].all(axis=0)
    left, right = weights[np.where(leaves, children, 0)]
    return np.asarray(~leaves | (left != right), dtype=bool)


def _copies(known: Mapping[str, onnx.AttributeProto]) -> int:
    """Return how often each tree is there, as a leaf of this operator has one weight for one target."""
    targets = known["n_targets"].i if "n_targets" in known else 1
    parts = [np.array(known["nodes_featureids"].ints), numpy_helper.to_array(known["nodes_splits"].t)]
    if any(len(part) % targets for part in parts):
        return 1
    rows = [part.reshape(targets, -1) for part in parts]
    return targets if all(np.array_equal(part, np.broadcast_to(part[0], part.shape)) for part in rows) else 1


def _downstream(graph: Graph, values: set[str]) -> set[int]:
    """Return the ids of the nodes that depend on ``values``."""
    found, reached = set[int](), set(values)
    for node in graph.nodes:
        if not reached.isdisjoint(reads(node)):
            found.add(id(node))
            reached.update(node.output)
    return found


def _shape(node: onnx.NodeProto, weights: NDArray[Any]) -> tuple[int, ...]:
    shape = tuple(int(size) for size in weights.shape)
    return shape[::-1] if node.op_type == "Gemm" and attributes(node).get("transB", 0) else shape
