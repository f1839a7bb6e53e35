"""QuantileTransformer: ranks among the quantiles, spread uniformly or normally."""

from typing import Any

import numpy as np

from mlship.graphs.arithmetic.elementary import inverse_normal
from mlship.graphs.arithmetic.search import Shelves, last_not_above, shelved
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix

#: scikit-learn keeps ranks this far from 0 and 1 before it makes them normal.
_BOUND = 1e-7


def quantile(g: Graph, model: Any, block: Block) -> Block:
    """QuantileTransformer, both output distributions; missing values stay, and so do the zeros of sparse columns."""
    x = numbers(g, block)
    quantiles = np.asarray(model.quantiles_, dtype=np.float64)
    low, high = quantiles[:1], quantiles[-1:]
    ranks = _ranks(g, quantiles, np.asarray(model.references_, dtype=np.float64), x.name)
    if model.output_distribution == "uniform":
        is_low, is_high = g.op("Equal", x.name, low), g.op("Equal", x.name, high)
    else:
        is_low = g.op("Less", g.op("Sub", x.name, np.array(_BOUND)), low)
        is_high = g.op("Greater", g.op("Add", x.name, np.array(_BOUND)), high)
    name = g.op("Where", is_low, np.array(0.0), g.op("Where", is_high, np.array(1.0), ranks))
    if model.output_distribution == "normal":
        edge = _BOUND - np.spacing(1)
        name = inverse_normal(g, g.op("Clip", name, np.array(edge), np.array(1 - edge)))
    if x.sparse:
        name = g.op("Where", g.op("Equal", x.name, np.array(0.0)), np.array(0.0), name)
    return [Matrix(name, "number", x.width, sparse=x.sparse)]


def _ranks(g: Graph, quantiles: Any, references: Any, x: str) -> str:
    """Return the mean of interpolating upwards and downwards, which differ where quantiles are equal.

    numpy.interp: slope * (x - left) + level; downwards everything is negated.
    """
    shelves = shelved(list(quantiles.T))
    values = g.constant(shelves.values)
    place = last_not_above(g, shelves, x)
    one = np.array(1, dtype=np.int64)
    left = g.op("Max", place, shelves.starts + 1)
    right = g.op("Min", g.op("Add", place, one), shelves.ends)
    from_left = g.op("Gather", values, left)
    from_right = g.op("Gather", values, right)
    levels = g.constant(references)
    before = g.op("Add", shelves.starts, one)
    level_left = g.op("Gather", levels, g.op("Sub", left, before))
    level_right = g.op("Gather", levels, g.op("Sub", right, before))
    width = g.op("Where", g.op("Equal", left, right), np.array(1.0), g.op("Sub", from_right, from_left))
    slope = g.op("Div", g.op("Sub", level_right, level_left), width)
    up = g.op("Add", g.op("Mul", slope, g.op("Sub", x, from_left)), level_left)
    down = g.op("Sub", g.op("Mul", slope, g.op("Sub", from_right, x)), level_right)
    on_quantile = g.op("Neg", _first_levels(g, shelves, quantiles, references, left) or level_left)
    down = g.op("Where", g.op("Equal", x, from_left), on_quantile, down)
    return g.op("Mul", np.array(0.5), g.op("Sub", up, down))


def _first_levels(g: Graph, shelves: Shelves, quantiles: Any, references: Any, place: str) -> str | None:
    """Return the level of the first quantile that is equal to the one at ``place``; None where all differ."""
    if (np.diff(quantiles, axis=0) > 0).all():
        return None
    firsts = [np.append(0.0, references[np.searchsorted(column, column)]) for column in quantiles.T]
    return g.op("Gather", np.concatenate(firsts), place)
