"""Counts of terms as their originals keep them: only those that occur, sorted by row and column."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from mlship.graphs.builder import Graph, Matrix, Terms


def counted(g: Graph, count: str, rows: str, columns: str, width: int, weights: str | None = None) -> Terms:
    """Return how often each column occurs in each row, from one pair of ``rows`` and ``columns`` an occurrence.

    ``weights``: what an occurrence counts for; a term whose weights cancel out stays, with the value 0.
    """
    keys = g.op("Add", g.op("Mul", rows, _whole(width)), columns)
    unique, _, inverse, counts = g.ops("Unique", 4, keys, sorted=1)
    if weights is None:
        values = g.op("Cast", counts, to=TensorProto.DOUBLE)
    else:
        values = _added(g, g.op("Shape", unique), inverse, weights)
    return Terms(count, width, g.op("Div", unique, _whole(width)), g.op("Mod", unique, _whole(width)), values)


def mapped(terms: Terms, function: Callable[[str], str]) -> Terms:
    """Return the terms with other values."""
    return replace(terms, values=function(terms.values))


def row_sums(g: Graph, terms: Terms, values: str) -> str:
    """Return the sum of ``values`` in the row of each term, (terms,)."""
    return g.op("Gather", _added(g, terms.count, terms.rows, values), terms.rows)


def matrix(g: Graph, terms: Terms) -> Matrix:
    """Return the terms as a dense matrix, of which ``blocks.product`` knows that it is mostly zeros."""
    shape = g.op("Concat", terms.count, np.array([terms.width], dtype=np.int64), axis=0)
    places = g.op("Concat", _upright(g, terms.rows), _upright(g, terms.columns), axis=1)
    name = g.op("ScatterND", _zeros(g, shape), places, terms.values)
    g.terms[name] = terms
    return Matrix(name, "number", terms.width, sparse=True)


def chosen(g: Graph, terms: Terms, columns: Sequence[int]) -> Terms:
    """Return the terms in the given columns, each of which may be given once, in that order."""
    places = np.full(terms.width, -1, dtype=np.int64)
    places[columns] = np.arange(len(columns))
    moved = g.op("Gather", places, terms.columns)
    kept = g.op("GreaterOrEqual", moved, _whole(0))
    parts = (g.op("Compress", part, kept) for part in (terms.rows, moved, terms.values))
    return Terms(terms.count, len(columns), *parts)


def product(g: Graph, terms: Terms, weights: NDArray[np.float64]) -> str:
    """Return terms . ``weights``, of shape (rows, columns of ``weights``)."""
    shares = g.op("Mul", _upright(g, terms.values), g.op("Gather", weights, terms.columns))
    shape = g.op("Concat", terms.count, np.array([weights.shape[1]], dtype=np.int64), axis=0)
    return g.op("ScatterND", _zeros(g, shape), _upright(g, terms.rows), shares, reduction="add")


def _added(g: Graph, size: str, places: str, values: str) -> str:
    return g.op("ScatterND", _zeros(g, size), _upright(g, places), values, reduction="add")


def _zeros(g: Graph, shape: str) -> str:
    return g.op("ConstantOfShape", shape, value=helper.make_tensor("zero", TensorProto.DOUBLE, [1], [0.0]))


def _upright(g: Graph, values: str) -> str:
    return g.op("Unsqueeze", values, np.array([1], dtype=np.int64))


def _whole(value: int) -> NDArray[np.int64]:
    return np.array(value, dtype=np.int64)
