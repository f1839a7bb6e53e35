"""PolynomialFeatures: one product a degree, of the columns of the degree below with those of the input."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix

Ints = NDArray[np.int64]


def features(g: Graph, model: Any, block: Block) -> Block:
    """PolynomialFeatures; products are multiplied from their last factor to the first, as scikit-learn does."""
    x = numbers(g, block)
    lowest, highest = (0, model.degree) if isinstance(model.degree, int | np.integer) else model.degree
    parts, total = [], 0
    if model.include_bias:
        first = g.op("Gather", x.name, np.array([0], dtype=np.int64), axis=1)
        parts.append(g.op("Pow", first, np.array(0.0)))
        total += 1
    level, starts = x.name, np.arange(x.width)
    for degree in range(1, highest + 1):
        if degree > 1:
            factor, rest = _products(starts, x.width, interaction_only=model.interaction_only)
            if not len(factor):
                break
            level = g.op("Mul", g.op("Gather", level, rest, axis=1), g.op("Gather", x.name, factor, axis=1))
            starts = factor
        if degree >= lowest:
            parts.append(level)
            total += len(starts)
    name = parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=1)
    return [Matrix(name, "number", total, sparse=x.sparse)]


def _products(starts: Ints, width: int, *, interaction_only: bool) -> tuple[Ints, Ints]:
    """Return, for each product of the next degree, its first factor and the number of the product of the others.

    ``starts`` are the first factors of the products of this degree, ascending.
    """
    begin = np.searchsorted(starts, np.arange(width), side="right" if interaction_only else "left")
    rest = [np.arange(place, len(starts), dtype=np.int64) for place in begin]
    factor = np.repeat(np.arange(width, dtype=np.int64), [len(item) for item in rest])
    return factor, np.concatenate(rest)
