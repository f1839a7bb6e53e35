"""Isotonic regression: a line through the thresholds."""

from typing import Any

import numpy as np

from mlship.graphs.arithmetic.interpolation import interpolated
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, NotOurs, Result
from mlship.graphs.labels import flat


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """IsotonicRegression: one number a row."""
    return {"prediction": Result(_line(g, model, block))}


def _line(g: Graph, model: Any, block: Block) -> str:
    x = numbers(g, block)
    knots, levels = np.asarray(model.X_thresholds_), np.asarray(model.y_thresholds_)
    if x.width != 1:
        raise NotOurs(f"it takes one column, not {x.width}")
    if knots.dtype != np.float64:
        raise NotOurs(f"it was fitted in {knots.dtype}")
    values = flat(g, x.name)
    if len(levels) == 1:
        return g.op("Expand", levels.astype(np.float64), g.op("Shape", values))
    line = interpolated(g, knots, levels, values)
    low, high = np.array(knots[0]), np.array(knots[-1])
    inside = g.op("And", g.op("GreaterOrEqual", values, low), g.op("LessOrEqual", values, high))
    match model.out_of_bounds:
        case "clip":
            return line
        case "nan":
            return g.op("Where", inside, line, np.array(np.nan))
        case _:  # a place beyond the table, which ONNX Runtime refuses where scikit-learn raises
            zeros = g.op("Gather", np.array([0.0]), g.op("Where", inside, np.array(0), np.array(1)))
            return g.op("Add", line, zeros)
