"""Linear interpolation between knots, as numpy.interp does it."""

from typing import Any

import numpy as np

from mlship.graphs.arithmetic.search import last_not_above, shelved
from mlship.graphs.builder import Graph
from mlship.graphs.labels import flat, upright


def interpolated(g: Graph, knots: Any, levels: Any, x: str) -> str:
    """Return numpy.interp(x, knots, levels) for ``x`` (rows,): slope * (x - left knot) + its level."""
    left, level = np.asarray(knots, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    shelves = shelved([left])
    clipped = g.op("Clip", x, np.array(left[0]), np.array(left[-1]))
    place = flat(g, last_not_above(g, shelves, upright(g, clipped)))
    slope = np.concatenate([[0.0], np.diff(level) / np.diff(left), [0.0]])
    parts = [g.op("Gather", values, place) for values in (slope, shelves.values, np.append(np.nan, level))]
    return g.op("Add", g.op("Mul", parts[0], g.op("Sub", clipped, parts[1])), parts[2])
