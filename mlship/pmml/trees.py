"""Trees and sums of trees.

A node's children are told apart without node numbers: the first is taken where its predicate is true, the second is
always true. A comparison with a missing value is not true, so the side that takes missing values comes second.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from mlship.errors import UnsupportedModelError
from mlship.pmml.models import Model, Names
from mlship.pmml.nodes import Node, Value, apply
from mlship.pmml.xml import digits, element, start_tag

Ints = NDArray[np.int64]
_LEQ, _LESS, _MEMBER = 0, 1, 6  # node modes of ai.onnx.ml 5


@dataclass(frozen=True)
class Forest:
    """Nodes of one or more trees: (nodes,) arrays, children as numbers of nodes, -1 in leaves.

    A row goes left where ``x[feature] <= threshold``, or where x is one of ``members``, or where x is missing and
    ``missing_left``.
    """

    roots: Ints
    left: Ints
    right: Ints
    feature: Ints
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    members: Mapping[int, NDArray[np.float64]]


def ensemble(values: NDArray[Any], *, n_targets: int, tree_roots: Sequence[int], **raw: Any) -> NDArray[Any]:
    """Return the sums of an ONNX TreeEnsemble, (1, targets), each a model of its own."""
    forest = _read(tree_roots, raw)
    nodes = len(forest.left) - len(raw["leaf_targetids"])
    inputs, forest = forest_inputs(values[0].tolist(), forest)
    weights = np.zeros(len(forest.left))
    weights[nodes:] = numpy_helper.to_array(raw["leaf_weights"])
    target = np.full(len(forest.left), -1)
    target[nodes:] = raw["leaf_targetids"]
    result = np.empty((1, n_targets), dtype=object)
    whose = np.array([target[_leaf_below(forest, int(root))] for root in forest.roots])
    for number in range(n_targets):
        result[0, number] = _sum(inputs, forest, forest.roots[whose == number], weights)
    return result


def forest_inputs(columns: Sequence[Value], forest: Forest) -> tuple[list[Node], Forest]:
    """Return the columns that the trees split on, and the trees with these numbers.

    Where the original rounds a column to single precision, the thresholds are moved so that the column need not be.
    """
    inner = forest.left >= 0
    used = np.unique(forest.feature[inner])
    nodes = [columns[int(number)] for number in used]
    single = np.array([isinstance(node, Node) and node.op == "float32" for node in nodes], dtype=bool)
    feature = np.searchsorted(used, np.where(inner, forest.feature, used[0] if len(used) else 0))
    threshold = forest.threshold.copy()
    if single.any():
        moved = inner & single[feature]
        threshold[moved] = double_thresholds(threshold[moved])
    inputs = [node.args[0] if isinstance(node, Node) and node.op == "float32" else _node(node) for node in nodes]
    forest = Forest(forest.roots, forest.left, forest.right, feature, threshold, forest.missing_left, forest.members)
    return [_node(node) for node in inputs], forest


def double_thresholds(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each threshold t, the largest double that, rounded to float32 (half to even), is at most t."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isinf(thresholds), thresholds, _largest(thresholds))


def _largest(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    below = thresholds.astype(np.float32)
    below = np.where(below.astype(np.float64) > thresholds, np.nextafter(below, np.float32(-np.inf)), below)
    above = np.nextafter(below, np.float32(np.inf))
    low, high = below.astype(np.float64), above.astype(np.float64)
    low, high = np.where(np.isinf(low), -(2.0**128), low), np.where(np.isinf(high), 2.0**128, high)
    middle = low + (high - low) / 2.0
    odd = (below.view(np.uint32) & 1).astype(bool)
    return np.where(odd, np.nextafter(middle, -np.inf), middle)


def body_of_sum(
    forest: Forest, leaf: Callable[[int], str], method: str, function: str
) -> Callable[[Names], Iterator[str]]:
    """Return what writes several trees whose answers are put together by ``method``."""

    def body(names: Names) -> Iterator[str]:
        yield start_tag("Segmentation", multipleModelMethod=method)
        for number, root in enumerate(forest.roots, 1):
            yield f"{start_tag('Segment', id=number)}<True/>"
            yield start_tag("TreeModel", functionName=function, splitCharacteristic="binarySplit")
            used = [element("MiningField", name=names[i]) for i in _used(forest, int(root)) or [0]]
            yield element("MiningSchema", "".join(used))
            yield from _tree(forest, int(root), names, leaf)
            yield "</TreeModel></Segment>"
        yield "</Segmentation>"

    return body


def tree_body(forest: Forest, leaf: Callable[[int], str]) -> Callable[[Names], Iterator[str]]:
    """Return what writes the one tree of ``forest``."""
    return lambda names: _tree(forest, int(forest.roots[0]), names, leaf)


def _sum(inputs: Sequence[Node], forest: Forest, roots: Ints, weights: NDArray[np.float64]) -> Value:
    """Return the sum of the trees at ``roots``; trees that are one leaf become part of the first other one."""
    constant = float(sum(weights[root] for root in roots if forest.left[root] < 0))
    trees = np.array([root for root in roots if forest.left[root] >= 0], dtype=np.int64)
    if not len(trees):
        return constant
    part = Forest(
        trees, forest.left, forest.right, forest.feature, forest.threshold, forest.missing_left, forest.members
    )

    def leaf(place: int) -> str:
        return f' score="{digits(weights[place])}">'

    if len(trees) == 1:
        model = Model("TreeModel", "regression", inputs, tree_body(part, leaf), {"splitCharacteristic": "binarySplit"})
    else:
        model = Model("MiningModel", "regression", inputs, body_of_sum(part, leaf, "sum", "regression"))
    return apply("+", model.value(), constant)


def _tree(forest: Forest, root: int, names: Names, leaf: Callable[[int], str]) -> Iterator[str]:
    """Yield the nodes of a tree, depth first; ``leaf`` gives what stands after "<Node" of a leaf."""
    waiting: list[tuple[int, str] | None] = [(root, "<True/>")]
    while waiting:
        item = waiting.pop()
        if item is None:
            yield "</Node>"
            continue
        node, predicate = item
        if forest.left[node] < 0:
            start, _, rest = leaf(node).partition(">")
            yield f"<Node{start}>{predicate}{rest}</Node>"
            continue
        yield f"<Node>{predicate}"
        waiting.append(None)
        waiting.extend(_children(forest, node, names))


def _children(forest: Forest, node: int, names: Names) -> list[tuple[int, str]]:
    """Return the children of ``node`` with their predicates, the one to look at first at the end."""
    left, right, name = int(forest.left[node]), int(forest.right[node]), names[forest.feature[node]]
    missing_left = bool(forest.missing_left[node])
    first, second = (right, left) if missing_left else (left, right)
    if node in forest.members:
        values = [digits(value) for value in forest.members[node]]
        array = element("Array", " ".join(values), n=len(values), type="real")
        kind = "isNotIn" if missing_left else "isIn"
        predicate = element("SimpleSetPredicate", array, field=name, booleanOperator=kind)
    else:
        predicate = _comparison(name, "greaterThan" if missing_left else "lessOrEqual", float(forest.threshold[node]))
    return [(second, "<True/>"), (first, predicate)]


def _comparison(name: str, operator: str, threshold: float) -> str:
    """Return the predicate; an infinite threshold parts missing values from all others."""
    if not np.isinf(threshold):
        return element("SimplePredicate", field=name, operator=operator, value=digits(threshold))
    if (threshold > 0) == (operator == "lessOrEqual"):
        return element("SimplePredicate", field=name, operator="isNotMissing")
    return "<False/>"


def _used(forest: Forest, root: int) -> list[int]:
    """Return the numbers of the columns that the tree at ``root`` splits on."""
    found: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if forest.left[node] >= 0:
            found.add(int(forest.feature[node]))
            waiting += [int(forest.left[node]), int(forest.right[node])]
    return sorted(found)


def _leaf_below(forest: Forest, node: int) -> int:
    while forest.left[node] >= 0:
        node = int(forest.left[node])
    return node


def _node(value: Value) -> Node:
    return value if isinstance(value, Node) else Node("constant", (value,))


def _read(roots: Sequence[int], raw: Mapping[str, Any]) -> Forest:
    """Return the trees of a TreeEnsemble's attributes; leaves are numbered after the inner nodes."""
    feature = np.array(raw["nodes_featureids"], dtype=np.int64)
    nodes, leaves = len(feature), len(raw["leaf_targetids"])
    none = np.full(leaves, -1, dtype=np.int64)
    children = [
        np.array(raw[f"nodes_{side}nodeids"], dtype=np.int64)
        + nodes * np.array(raw[f"nodes_{side}leafs"], dtype=np.int64)
        for side in ("true", "false")
    ]
    tracks = np.array(raw.get("nodes_missing_value_tracks_true", [0] * nodes), dtype=bool)
    splits = numpy_helper.to_array(raw["nodes_splits"]).astype(np.float64)
    modes = numpy_helper.to_array(raw["nodes_modes"])
    if not np.isin(modes, (_LEQ, _LESS, _MEMBER)).all():
        raise UnsupportedModelError("a tree compares in a way that mlship cannot write as PMML")
    splits = np.where(modes == _LESS, np.nextafter(splits, -np.inf), splits)
    return Forest(
        np.array(roots, dtype=np.int64),
        np.concatenate([children[0], none]),
        np.concatenate([children[1], none]),
        np.concatenate([feature, none * 0]),
        np.concatenate([splits, np.zeros(leaves)]),
        np.concatenate([tracks, np.zeros(leaves, dtype=bool)]),
        _members(modes, raw),
    )


def _members(modes: NDArray[Any], raw: Mapping[str, Any]) -> dict[int, NDArray[np.float64]]:
    if "membership_values" not in raw:
        return {}
    values = numpy_helper.to_array(raw["membership_values"])
    sets = np.split(values, np.flatnonzero(np.isnan(values)) + 1)
    return {int(node): part[:-1] for node, part in zip(np.flatnonzero(modes == _MEMBER), sets, strict=False)}
