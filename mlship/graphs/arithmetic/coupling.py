"""Probabilities of several classes from those of their pairs, by the iteration that libsvm uses."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic import pairs
from mlship.graphs.arithmetic.distances import axes, filled
from mlship.graphs.builder import Graph

_DOUBLE, _INT, _BOOL = TensorProto.DOUBLE, TensorProto.INT64, TensorProto.BOOL
_LEAST = 1e-7  # of the probability of a pair


def probabilities(g: Graph, decisions: str, slopes: Any, offsets: Any, classes: int) -> str:
    """Return (rows, classes); ``decisions`` (rows, pairs) are above 0 in favour of the first class of a pair.

    Rows stop on their own, as in libsvm, when no class is further than 0.005 / classes from the optimum.
    Source: T.-F. Wu, C.-J. Lin, R. C. Weng, Probability Estimates for Multi-class Classification by Pairwise Coupling,
    JMLR 5 (2004), algorithm 2; J. C. Platt's sigmoid for the pairs.
    """
    square, diagonal = _quadratic(g, _chances(g, decisions, slopes, offsets), classes)

    def iteration(_: str, __: str, p: str, active: str) -> list[str]:
        slope = _product(g, square, p)
        value = g.op("ReduceSum", g.op("Mul", p, slope), axes(1), keepdims=1)
        error = g.op("ReduceMax", g.op("Abs", g.op("Sub", slope, value)), axes(1), keepdims=1)
        active = g.op("And", active, g.op("Not", g.op("Less", error, np.array(0.005 / classes))))
        better = _sweep(g, square, diagonal, (p, slope, value), classes)
        return [_any(g, active), g.op("Where", active, better, p), active]

    types = [(_INT, 0), (_BOOL, 0), (_DOUBLE, 2), (_BOOL, 2)]
    body = g.body(types, iteration, [_BOOL, _DOUBLE, _BOOL])
    start = filled(g, decisions, classes, 1.0 / classes)
    active = g.op("Cast", filled(g, decisions, 1, 1.0), to=_BOOL)
    limit = np.array(max(100, classes), dtype=np.int64)
    return g.ops("Loop", 2, limit, "", start, active, body=body)[0]


def _chances(g: Graph, decisions: str, slopes: Any, offsets: Any) -> str:
    """Return the probability of the first class of each pair."""
    slope, offset = (np.asarray(values, dtype=np.float64)[None, :] for values in (slopes, offsets))
    exponent = g.op("Add", g.op("Mul", decisions, slope), offset)
    size = g.op("Exp", g.op("Neg", g.op("Abs", exponent)))
    total = g.op("Add", np.array(1.0), size)
    above = g.op("GreaterOrEqual", exponent, np.array(0.0))
    chances = g.op("Div", g.op("Where", above, size, np.array(1.0)), total)
    return g.op("Clip", chances, np.array(_LEAST), np.array(1.0 - _LEAST))


def _quadratic(g: Graph, chances: str, classes: int) -> tuple[str, str]:
    """Return the matrix Q of the problem, (rows, classes, classes), and its diagonal (rows, classes).

    Q[t, j] is -r[j, t] r[t, j], Q[t, t] the sum of r[j, t]^2, where r[i, j] is the probability of i against j.
    """
    every = g.op("Concat", chances, g.op("Sub", np.array(1.0), chances), axis=1)
    order, count = pairs.pairs(classes), classes * (classes - 1) // 2
    place = np.zeros((classes, classes), dtype=np.int64)
    place[order[:, 0], order[:, 1]] = np.arange(count)
    place[order[:, 1], order[:, 0]] = np.arange(count) + count
    off = 1.0 - np.eye(classes)
    toward = g.op("Mul", g.op("Gather", every, np.ascontiguousarray(place.T), axis=1), off)  # [t, j] = r[j, t]
    back = g.op("Mul", g.op("Gather", every, place, axis=1), off)
    diagonal = g.op("ReduceSumSquare", toward, axes(2), keepdims=0)
    mixed = g.op("Neg", g.op("Mul", toward, back))
    square = g.op("Add", mixed, g.op("Mul", g.op("Unsqueeze", diagonal, axes(2)), np.eye(classes)))
    return square, diagonal


def _sweep(g: Graph, square: str, diagonal: str, state: tuple[str, str, str], classes: int) -> str:
    """Update one class after the other; ``state`` is p and Q p, both (rows, classes), and p Q p (rows, 1)."""

    def update(t: str, go_on: str, p: str, slope: str, value: str) -> list[str]:
        at = g.op("Reshape", t, axes(1))
        own, bend = g.op("Gather", slope, at, axis=1), g.op("Gather", diagonal, at, axis=1)
        step = g.op("Div", g.op("Sub", value, own), bend)
        scale = g.op("Add", np.array(1.0), step)
        here = g.op("Cast", g.op("Equal", np.arange(classes)[None, :], t), to=_DOUBLE)
        p = g.op("Div", g.op("Add", p, g.op("Mul", here, step)), scale)
        twice = g.op("Add", g.op("Mul", step, bend), g.op("Mul", np.array(2.0), own))
        value = g.op("Div", g.op("Div", g.op("Add", value, g.op("Mul", step, twice)), scale), scale)
        row = g.op("Gather", square, t, axis=1)
        slope = g.op("Div", g.op("Add", slope, g.op("Mul", step, row)), scale)
        return [g.op("Identity", go_on), p, slope, value]

    types = [(_INT, 0), (_BOOL, 0), (_DOUBLE, 2), (_DOUBLE, 2), (_DOUBLE, 2)]
    body = g.body(types, update, [_BOOL, _DOUBLE, _DOUBLE, _DOUBLE])
    return g.ops("Loop", 3, np.array(classes, dtype=np.int64), "", *state, body=body)[0]


def _product(g: Graph, square: str, p: str) -> str:
    return g.op("Squeeze", g.op("MatMul", square, g.op("Unsqueeze", p, axes(2))), axes(2))


def _any(g: Graph, flags: str) -> str:
    """Return whether any of ``flags`` (rows, 1) is set."""
    return g.op("Cast", g.op("ReduceMax", g.op("Cast", flags, to=_INT), keepdims=0), to=_BOOL)
