"""Distances between rows and the points that a model keeps: (rows, points), in the order in which others add them up.

The direct ones sum over the columns from first to last, as scikit-learn's trees and distance metrics do, so that equal
distances stay equal. Shapes: ``x`` is (rows, columns) and ``points`` (points, columns).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.arithmetic.norms import NUMPY, Norms, Points, axes
from mlship.graphs.builder import Graph

__all__ = [
    "Piece",
    "Points",
    "axes",
    "canberra",
    "chebyshev",
    "cosine",
    "cosine_similarity",
    "expanded",
    "filled",
    "manhattan",
    "minkowski",
    "one_by_one",
    "squared",
    "summed",
    "transposed",
    "unequal",
]

#: What one column adds to a distance, given the values of rows and points that can be broadcast.
Piece = Callable[[str, str], str]

#: Up to this many numbers in ``points`` all columns are compared at once, beyond that one after the other: what lies in
#: memory is rows times this, or rows times points.
_AT_ONCE = 1 << 12


def squared(g: Graph, x: str, points: Points) -> str:
    """Return squared euclidean distances from differences: 0 for equal rows, and never lost in rounding."""
    if points.size <= _AT_ONCE:
        difference = g.op("Sub", g.op("Unsqueeze", x, axes(1)), points)
        return g.op("ReduceSumSquare", difference, axes(2), keepdims=0)

    def piece(a: str, b: str) -> str:
        difference = g.op("Sub", a, b)
        return g.op("Mul", difference, difference)

    return summed(g, x, points, piece)


def expanded(g: Graph, x: str, points: Points, *, norms: Norms = NUMPY, points_first: bool = False) -> str:
    """Return squared euclidean distances as |x|^2 - 2 x.y + |y|^2, at least 0: scikit-learn's euclidean_distances.

    Fast for many points, and as inexact as there for rows near each other: ``norms`` are computed as there, and
    ``points_first`` adds them in the order of euclidean_distances(points, x).
    """
    product = g.op("Mul", g.op("MatMul", x, transposed(points)), np.array(-2.0))
    addends: list[str | Points] = [norms.of_rows(g, x, points.shape[1]), norms.of_points(points)[None, :]]
    for addend in reversed(addends) if points_first else addends:
        product = g.op("Add", product, addend)
    return g.op("Max", product, np.array(0.0))


def manhattan(g: Graph, x: str, points: Points) -> str:
    """Return sums of absolute differences."""
    return summed(g, x, points, lambda a, b: g.op("Abs", g.op("Sub", a, b)))


def minkowski(g: Graph, x: str, points: Points, power: float) -> str:
    """Return sums of absolute differences to the given power; the root is not taken."""
    powers = one_by_one(power, len(points))
    return summed(g, x, points, lambda a, b: g.op("Pow", g.op("Abs", g.op("Sub", a, b)), powers))


def chebyshev(g: Graph, x: str, points: Points) -> str:
    """Return largest absolute differences."""
    return summed(g, x, points, lambda a, b: g.op("Abs", g.op("Sub", a, b)), combine="Max")


def canberra(g: Graph, x: str, points: Points) -> str:
    """Return sums of |x - y| / (|x| + |y|), where that is not 0 / 0."""

    def piece(a: str, b: str) -> str:
        total = g.op("Add", g.op("Abs", a), g.op("Abs", b))
        safe = g.op("Where", g.op("Equal", total, np.array(0.0)), np.array(1.0), total)
        return g.op("Div", g.op("Abs", g.op("Sub", a, b)), safe)

    return summed(g, x, points, piece)


def unequal(g: Graph, x: str, points: Points) -> str:
    """Return in how many columns rows and points differ."""
    return summed(g, x, points, lambda a, b: g.op("Cast", g.op("Not", g.op("Equal", a, b)), to=TensorProto.DOUBLE))


def cosine(g: Graph, x: str, points: Points) -> str:
    """Return 1 - the cosine of the angle between rows; a row of zeros has the cosine 0."""
    return g.op("Clip", g.op("Sub", np.array(1.0), cosine_similarity(g, x, points)), np.array(0.0), np.array(2.0))


def cosine_similarity(g: Graph, x: str, points: Points) -> str:
    """Return the product of rows that are divided by their euclidean norm."""
    norm = np.sqrt(NUMPY.of_points(points))
    unit = points / np.where(norm == 0.0, 1.0, norm)[:, None]
    own = g.op("Sqrt", NUMPY.of_rows(g, x, points.shape[1]))
    own = g.op("Where", g.op("Equal", own, np.array(0.0)), np.array(1.0), own)
    return g.op("MatMul", g.op("Div", x, own), transposed(unit))


def summed(g: Graph, x: str, points: Points, piece: Piece, combine: str = "Add") -> str:
    """Combine (Add or Max) what ``piece`` gives for each column, from the first to the last."""
    by_column = transposed(points)
    if points.size <= _AT_ONCE:
        parts = piece(g.op("Unsqueeze", x, axes(2)), g.constant(by_column))
        return g.op("ReduceSum" if combine == "Add" else "ReduceMax", parts, axes(1), keepdims=0)

    def step(total: str, row: str, point: str) -> list[str]:
        return [g.op(combine, total, piece(g.op("Unsqueeze", row, axes(1)), point))]

    body = g.body([(TensorProto.DOUBLE, rank) for rank in (2, 1, 1)], step, [TensorProto.DOUBLE])
    columns = g.op("Transpose", x, perm=[1, 0])
    return g.op("Scan", filled(g, x, len(points), 0.0), columns, by_column, body=body, num_scan_inputs=2)


def filled(g: Graph, x: str, width: int, value: float) -> str:
    """Return (rows of ``x``, width) of one number."""
    rows = g.op("Shape", x, start=0, end=1)
    return g.op("Expand", np.array([[value]]), g.op("Concat", rows, np.array([width], dtype=np.int64), axis=0))


def one_by_one(power: float, count: int) -> Points:
    """Return an exponent a column: ONNX Runtime multiplies where a single 3 is given, which rounds otherwise."""
    return np.full(count, power)


def transposed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the transpose, laid out row by row."""
    return np.ascontiguousarray(np.asarray(values, dtype=np.float64).T)
