"""The order in which a KDTree or BallTree of scikit-learn visits its points: the nearer child first."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.arithmetic.distances import axes, one_by_one, transposed
from mlship.graphs.arithmetic.metrics import Metric
from mlship.graphs.builder import Graph


@dataclass(frozen=True)
class PointTree:
    """A complete binary tree over points: node i has the children 2 i + 1 and 2 i + 2, the last level are leaves.

    ``order``: numbers of the points, leaf by leaf; ``leaf``: the number of the leaf of each of these. ``bounds`` are
    (2, nodes, columns), lowest and highest values, or with ``radius`` (nodes,) set (1, nodes, columns), centres.
    """

    order: NDArray[np.int64]
    leaf: NDArray[np.int64]
    bounds: NDArray[np.float64]
    radius: NDArray[np.float64] | None

    @property
    def levels(self) -> int:
        """The number of levels, that of the leaves included."""
        return int(self.bounds.shape[1] + 1).bit_length() - 1


def tree_of(model: Any) -> PointTree | None:
    """Return the tree of a fitted estimator of sklearn.neighbors; None where there is no complete one."""
    if model._fit_method not in ("kd_tree", "ball_tree"):
        return None
    _, order, nodes, bounds = (np.asarray(item) for item in model._tree.get_arrays())
    inner = len(nodes) // 2
    if nodes["is_leaf"][:inner].any() or not nodes["is_leaf"][inner:].all():
        return None
    sizes = (nodes["idx_end"] - nodes["idx_start"])[inner:]
    radius = nodes["radius"].astype(np.float64) if model._fit_method == "ball_tree" else None
    return PointTree(order.astype(np.int64), np.repeat(np.arange(len(sizes)), sizes), bounds.astype(np.float64), radius)


def visited(g: Graph, tree: PointTree, metric: Metric, x: str) -> str | None:
    """Return where in ``tree.order`` the points stand in the order of visits, (rows, points); None: as they are."""
    steps = tree.levels - 1
    if not steps:
        return None
    least = _least(g, tree, metric, x)
    inner = np.arange(2**steps - 1)
    firsts, seconds = (g.op("Gather", least, 2 * inner + side, axis=1) for side in (1, 2))
    swapped = g.op("Cast", g.op("Greater", firsts, seconds), to=TensorProto.DOUBLE)
    above, side = _ways(steps)
    turned = g.op("Reshape", g.op("Gather", swapped, above.reshape(-1), axis=1), np.array([0, -1, steps]))
    late = g.op("Abs", g.op("Sub", turned, side.astype(np.float64)))  # 1 where the leaf is in the child visited later
    rank = g.op("MatMul", late, 2.0 ** np.arange(steps - 1, -1, -1))
    ranks = g.op("Gather", rank, tree.leaf, axis=1)
    return g.ops("TopK", 2, ranks, axes(len(tree.order)), axis=1, largest=0)[1]


def _ways(steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each leaf the inner nodes above it, from the root on, and on which side of each it lies (0 or 1)."""
    leaves = np.arange(2**steps)[:, None]
    below = steps - np.arange(steps)
    return 2 ** np.arange(steps) - 1 + (leaves >> below), (leaves >> (below - 1)) & 1


def _least(g: Graph, tree: PointTree, metric: Metric, x: str) -> str:
    """Return the least reduced distance that a point of each node may have, (rows, nodes)."""
    if tree.radius is not None:
        distance = metric.rooted(g, metric.reduced(g, x, tree.bounds[0]))
        least = g.op("Max", g.op("Sub", distance, tree.radius[None, :]), np.array(0.0))
        return _powered(g, metric, least, tree.bounds.shape[1])
    low, high = (transposed(bound) for bound in tree.bounds)
    upright = g.op("Unsqueeze", x, axes(2))
    outside = g.op("Max", g.op("Sub", low, upright), g.op("Sub", upright, high), np.array(0.0))
    kind = "ReduceMax" if metric.name == "chebyshev" else "ReduceSum"
    return g.op(kind, _powered(g, metric, outside, tree.bounds.shape[1]), axes(1), keepdims=0)


def _powered(g: Graph, metric: Metric, values: str, nodes: int) -> str:
    match metric.name:
        case "euclidean":
            return g.op("Mul", values, values)
        case "minkowski":
            return g.op("Pow", values, one_by_one(metric.power, nodes))
        case _:
            return values
