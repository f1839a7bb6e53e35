"""Squared norms of rows, to the last bit: they nearly cancel where distances are computed from products.

A row that the model was trained on is then as far from itself as in scikit-learn, which is not always 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

from mlship.graphs.builder import Graph

Points = NDArray[np.float64]
_BLOCK = 16


@dataclass(frozen=True)
class Norms:
    """One way to add up squares: ``of_rows`` gives (rows, 1) for rows of so many columns, ``of_points`` (points,)."""

    of_rows: Callable[[Graph, str, int], str]
    of_points: Callable[[Points], Points]


def axes(*numbers: int) -> NDArray[np.int64]:
    """Return axis numbers, or places, as ONNX takes them."""
    return np.array(numbers, dtype=np.int64)


def _by_einsum(g: Graph, x: str, width: int) -> str:
    """Add up as numpy's einsum does: two lanes, and within eight columns from the last pair to the first."""
    order = np.arange(width)
    whole = width // 8 * 8
    blocks = order[:whole].reshape(-1, 4, 2)[:, ::-1].reshape(-1)
    order = np.concatenate([blocks, order[whole:]])
    lanes = [order[order % 2 == lane] for lane in (0, 1)]
    sums = [
        g.op("ReduceSumSquare", g.op("Gather", x, lane.astype(np.int64), axis=1), axes(1), keepdims=1)
        for lane in lanes
        if len(lane)
    ]
    return sums[0] if len(sums) == 1 else g.op("Add", *sums)


def _by_blas(g: Graph, x: str, width: int) -> str:
    """Add up as OpenBLAS's ddot does on x86 with AVX2: sixteen lanes with fused sums, then the rest one by one.

    A MatMul of ONNX Runtime sums with fused operations from first to last, too.
    """
    whole = width // _BLOCK * _BLOCK
    if not whole:
        return g.op("ReduceSumSquare", x, axes(1), keepdims=1)
    blocks = g.op("Reshape", g.op("Gather", x, np.arange(whole), axis=1), np.array([0, -1, _BLOCK]))
    lanes = [g.op("Unsqueeze", g.op("Transpose", blocks, perm=[0, 2, 1]), axes(axis)) for axis in (2, 3)]
    total = g.op("Reshape", g.op("MatMul", *lanes), axes(-1, _BLOCK))
    for period in (4, 4, 4):  # halves of each register, then registers in pairs, twice
        total = _folded(g, total, period)
    total = g.op("Reshape", total, axes(-1, 2))
    rest = [] if whole == width else [g.op("Gather", x, np.arange(whole, width), axis=1)]
    parts = [total, *(g.op("Mul", part, part) for part in rest)]
    count = 2 + width - whole
    joined = parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=1)
    return g.op("MatMul", joined, np.ones((count, 1)))


def _folded(g: Graph, values: str, period: int) -> str:
    """Add the second half of each ``period`` columns to the first."""
    split = g.op("Reshape", values, np.array([0, -1, 2, period // 2]))
    folded = g.op("ReduceSum", split, axes(2), keepdims=0)
    return g.op("Flatten", folded, axis=1)


def _einsum(points: Points) -> Points:
    return np.asarray(np.einsum("ij,ij->i", points, points), dtype=np.float64)


def _ddot(points: Points) -> Points:
    return np.array([blas.ddot(row, row) for row in np.ascontiguousarray(points)], dtype=np.float64)


#: sklearn.utils.extmath.row_norms.
NUMPY = Norms(_by_einsum, _einsum)
#: sklearn.metrics._pairwise_distances_reduction, behind the neighbours by brute force.
BLAS = Norms(_by_blas, _ddot)
