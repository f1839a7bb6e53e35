"""Lays trees out as one ai.onnx.ml 5 TreeEnsemble, array by array and never node by node.

In double, or in float32 where thresholds, sets and weights are float32 arrays.

A leaf of that operator carries one weight for one target, so leaves with several values need a copy of the trees for
each (https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsemble.html). ONNX Runtime adds trees up in their order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.builder import ML, Graph, tensor
from mlship.surgery.tree_layout import numbered

Ints = NDArray[np.integer[Any]]
Doubles = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

_LEQ, _MEMBER = 0, 6  # node modes


@dataclass(frozen=True)
class Trees:
    """The nodes of many trees, one tree after the other, roots first.

    ``sizes``: the number of nodes of each tree; the other arrays are (nodes,). ``left``, ``right``: children as
    positions within their tree, negative in leaves. A row goes left where ``x[feature] <= threshold``, or where x is
    missing and ``missing_left``. ``members``: the values that go left, for nodes that split categories, by position.
    """

    sizes: Ints
    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats
    missing_left: NDArray[np.bool_]
    members: Mapping[int, Floats]


def joined_ints(parts: Sequence[Ints]) -> Ints:
    """Join arrays of node numbers; 32 bits do, as large forests are what needs memory."""
    return np.concatenate(parts, dtype=np.int32, casting="same_kind")


def on_leaves(trees: Trees, values: Doubles) -> Doubles:
    """Spread ``values`` (leaves, width) over all nodes: (nodes, width), zero where there is no leaf."""
    spread = np.zeros((len(trees.left), values.shape[1]))
    spread[trees.left < 0] = values
    return spread


def constants(count: int, dtype: type[np.floating[Any]] = np.float64) -> Trees:
    """Return ``count`` trees that are one leaf each; ``dtype`` is that of the trees that they go with."""
    ones, none = np.ones(count, dtype=np.int32), np.full(count, -1, dtype=np.int32)
    return Trees(ones, none, none, ones * 0, np.zeros(count, dtype=dtype), np.zeros(count, dtype=bool), {})


def after(first: Trees, second: Trees) -> Trees:
    """Return the trees of ``first``, then those of ``second``."""
    shift = len(first.left)
    return Trees(
        np.concatenate([first.sizes, second.sizes]),
        np.concatenate([first.left, second.left]),
        np.concatenate([first.right, second.right]),
        np.concatenate([first.feature, second.feature]),
        np.concatenate([first.threshold, second.threshold]),
        np.concatenate([first.missing_left, second.missing_left]),
        {**first.members, **{position + shift: values for position, values in second.members.items()}},
    )


def summed(g: Graph, x: str, trees: Trees, weights: Floats, targets: Ints | None = None) -> str:
    """Return the sum of the leaves that each row of ``x`` reaches, (rows, targets), in the type of the trees.

    ``weights``: (nodes, copies), of which those of leaves count. ``targets``: the target of each tree, by default
    all 0; copy number c of the trees adds to target + c.
    """
    numbers = numbered(trees.sizes, trees.left, trees.right)
    nodes, leaves = numbers.nodes, numbers.leaves
    copies = weights.shape[1]
    targets = np.zeros(len(trees.sizes), dtype=np.int32) if targets is None else targets
    modes = np.full(len(trees.left), _LEQ, dtype=np.uint8)
    modes[list(trees.members)] = _MEMBER
    optional: dict[str, Any] = {}
    if trees.missing_left[nodes].any():
        optional["nodes_missing_value_tracks_true"] = np.tile(trees.missing_left[nodes], copies)
    if trees.members:
        optional["membership_values"] = tensor(_delimited([trees.members[place] for place in sorted(trees.members)]))
    for side, (number, is_leaf) in numbers.children.items():
        optional[f"nodes_{side}leafs"] = np.tile(is_leaf, copies)
        optional[f"nodes_{side}nodeids"] = _shifted(
            number, np.where(is_leaf, np.int32(len(leaves)), np.int32(len(nodes))), copies
        )
    return g.op(
        "TreeEnsemble",
        x,
        domain=ML,
        n_targets=int(targets.max()) + copies,
        tree_roots=_shifted(numbers.roots, len(nodes), copies),
        nodes_featureids=np.tile(np.maximum(trees.feature[nodes], 0), copies),
        nodes_splits=tensor(np.tile(trees.threshold[nodes], copies)),
        nodes_modes=tensor(np.tile(modes[nodes], copies)),
        leaf_targetids=_shifted(np.repeat(targets, trees.sizes)[leaves], 1, copies),
        leaf_weights=tensor(weights[leaves].T.ravel()),
        **optional,
    )


def _shifted(numbers: Ints, step: Any, copies: int) -> Ints:
    """Return ``copies`` copies of ``numbers``, each higher than the last by ``step``."""
    if copies == 1:
        return numbers
    return np.concatenate([numbers + copy * step for copy in range(copies)])


def _delimited(sets: Sequence[Floats]) -> Floats:
    """Join sets of values, each followed by NaN."""
    return np.concatenate([np.append(values, values.dtype.type(np.nan)) for values in sets])
