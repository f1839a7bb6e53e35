"""SplineTransformer: the basis splines of every column at once, by the recurrence that scipy evaluates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.arithmetic.search import Shelves, last_not_above, shelved
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix

Doubles = NDArray[np.float64]


def splines(g: Graph, model: Any, block: Block) -> Block:
    """SplineTransformer, each extrapolation; what the original refuses, beyond the knots or missing, gives NaN."""
    x = numbers(g, block)
    knots = np.stack([spline.t for spline in model.bsplines_])
    count = model.bsplines_[0].c.shape[1]
    name = _basis(g, knots, model.degree, count, _periodic(g, model, knots, x.name))
    cubed = g.op("Unsqueeze", x.name, np.array([2], dtype=np.int64))
    if model.extrapolation in ("constant", "linear"):
        name = _extrapolated(g, model, cubed, name)
    elif model.extrapolation == "error":
        first, last = _columned(knots[:, model.degree]), _columned(knots[:, -model.degree - 1])
        outside = g.op("Or", g.op("Less", cubed, first), g.op("Greater", cubed, last))
        name = g.op("Where", outside, np.array(np.nan), name)
    of_missing = np.array(0.0 if getattr(model, "handle_missing", "error") == "zeros" else np.nan)
    name = g.op("Where", g.op("IsNaN", cubed), of_missing, name)
    width = x.width * count
    name = g.op("Reshape", name, np.array([-1, width], dtype=np.int64))
    if not model.include_bias:
        kept = np.arange(width).reshape(-1, count)[:, :-1].ravel()
        name, width = g.op("Gather", name, kept, axis=1), len(kept)
    return [Matrix(name, "number", width, sparse=getattr(model, "sparse_output", False))]


def _periodic(g: Graph, model: Any, knots: Doubles, x: str) -> str:
    """Return ``x`` moved into the base interval, if the splines are periodic; the remainder is numpy's."""
    if model.extrapolation != "periodic":
        return x
    first = knots[:, model.degree].reshape(1, -1)
    period = knots[:, -model.degree - 1].reshape(1, -1) - first
    constant = period <= 0  # a column with a single value
    turn = np.where(constant, 1.0, period)
    rest = g.op("Mod", g.op("Sub", x, first), turn, fmod=1)
    rest = g.op("Where", g.op("Less", rest, np.array(0.0)), g.op("Add", rest, turn), rest)
    moved = g.op("Add", rest, first)
    return g.op("Where", constant, np.array(0.0), moved) if constant.any() else moved


def _basis(g: Graph, knots: Doubles, degree: int, count: int, x: str) -> str:
    """Return (rows, columns, count): the basis splines at ``x``, of which degree + 1 are not zero.

    ``knots`` (columns, knots). Recurrence: C. de Boor, A Practical Guide to Splines, 1978, chapter X; ends of intervals
    without length count as 0 there. The tables hold, for each interval, the knots that the recurrence takes.
    """
    inner = knots[:, degree + 1 : -degree - 1]
    shelves = shelved(list(inner))
    place = last_not_above(g, shelves, x)
    cubed = g.op("Unsqueeze", x, np.array([2], dtype=np.int64))
    value = g.op("Sub", cubed, cubed)
    value = g.op("Exp", g.op("Where", g.op("IsNaN", cubed), np.array(0.0), value))  # 1 in the shape of x
    for order in range(1, degree + 1):
        left, right = _ends(knots, shelves, degree, order)
        length = np.where(right == left, np.inf, right - left)
        share = g.op("Div", value, g.op("Gather", length, place))
        falling = g.op("Mul", share, g.op("Sub", g.op("Gather", right, place), cubed))
        rising = g.op("Mul", share, g.op("Sub", cubed, g.op("Gather", left, place)))
        value = g.op("Add", _padded(g, falling, after=1), _padded(g, rising, before=1))
    interval = np.arange(len(shelves.values)) - np.repeat(shelves.starts.ravel(), inner.shape[1] + 1)
    slots = (interval.reshape(-1, 1) + np.arange(degree + 1)) % count
    shape = g.op("Concat", g.op("Shape", x), np.array([count], dtype=np.int64), axis=0)
    empty = g.op("Expand", np.zeros((1, 1, 1)), shape)
    return g.op("ScatterElements", empty, g.op("Gather", slots, place), value, axis=2, reduction="add")


def _ends(knots: Doubles, shelves: Shelves, degree: int, order: int) -> tuple[Doubles, Doubles]:
    """Return (places, order): the knots at which the splines of one order less begin and end, by interval."""
    columns = np.repeat(np.arange(len(knots)), (shelves.ends - shelves.starts).ravel() + 1)
    interval = np.arange(len(shelves.values)) - np.repeat(
        shelves.starts.ravel(), (shelves.ends - shelves.starts).ravel() + 1
    )
    last = (interval + degree).reshape(-1, 1) + np.arange(1, order + 1)
    return knots[columns[:, None], last - order], knots[columns[:, None], last]


def _padded(g: Graph, name: str, before: int = 0, after: int = 0) -> str:
    return g.op("Pad", name, np.array([0, 0, before, 0, 0, after], dtype=np.int64))


def _extrapolated(g: Graph, model: Any, x: str, inside: str) -> str:
    """Return ``inside`` between the boundaries, and the constant or straight continuation beyond."""
    degree, below, above = model.degree, [], []
    for spline in model.bsplines_:
        first, last = spline.t[degree], spline.t[-degree - 1]
        if model.extrapolation == "linear" and degree <= 1:
            degree += 1  # scikit-learn raises it from column to column, which moves the boundaries of later ones
        early = np.arange(spline.c.shape[1]) < degree
        below.append(_line(spline, first, early, model.extrapolation))
        above.append(_line(spline, last, early[::-1], model.extrapolation))
    low, high = (tuple(np.stack(parts)[None] for parts in zip(*lines, strict=True)) for lines in (below, above))
    answer = g.op("Where", g.op("Less", x, low[0]), _straight(g, x, *low), inside)
    return g.op("Where", g.op("Greater", x, high[0]), _straight(g, x, *high), answer)


def _line(spline: Any, at: float, kept: NDArray[np.bool_], extrapolation: str) -> tuple[Doubles, Doubles, Doubles]:
    """Return the place, value and slope of the continuation, for each of a column's splines."""
    slope = spline(at, nu=1) if extrapolation == "linear" else 0.0
    return np.array([at]), np.where(kept, spline(at), 0.0), np.where(kept, slope, 0.0)


def _straight(g: Graph, x: str, at: Doubles, value: Doubles, slope: Doubles) -> str:
    return g.op("Add", value, g.op("Mul", g.op("Sub", x, at), slope))


def _columned(values: Doubles) -> Doubles:
    return values.reshape(1, -1, 1)
