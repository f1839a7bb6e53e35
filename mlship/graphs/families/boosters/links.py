"""From a raw score to the answer of an objective, in the type and the order of operations of the library."""

import numpy as np
from onnx import TensorProto

from mlship.graphs.builder import Graph

_FLOAT, _DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


def as_double(g: Graph, name: str) -> str:
    """Return a float value in double."""
    return g.op("Cast", name, to=_DOUBLE)


def exp_float(g: Graph, x: str) -> str:
    """Return C's expf of a float value: the exponential in double, rounded."""
    return g.op("Cast", g.op("Exp", as_double(g, x)), to=_FLOAT)


def sigmoid_float(g: Graph, x: str) -> str:
    """Return 1 / (1 + expf(-x)) in float (xgboost/src/common/math.h, Sigmoid)."""
    power = g.op("Min", g.op("Neg", x), np.array(88.7, dtype=np.float32))
    one = np.array(1.0, dtype=np.float32)
    return g.op("Div", one, g.op("Add", exp_float(g, power), one))


def softmax_float(g: Graph, x: str) -> str:
    """Return the softmax over columns in float, whose sum is kept in double (xgboost/src/common/math.h, Softmax)."""
    axis = np.array([1], dtype=np.int64)
    powers = exp_float(g, g.op("Sub", x, g.op("ReduceMax", x, axis, keepdims=1)))
    total = g.op("Cast", g.op("ReduceSum", as_double(g, powers), axis, keepdims=1), to=_FLOAT)
    return g.op("Div", powers, total)


def sigmoid(g: Graph, x: str, slope: float = 1.0) -> str:
    """Return 1 / (1 + exp(-slope * x)) in double; written out, as ONNX Runtime's own is 0 below -37."""
    power = g.op("Exp", g.op("Mul", x, np.array(-slope)))
    return g.op("Div", np.array(1.0), g.op("Add", np.array(1.0), power))


def softmax(g: Graph, x: str) -> str:
    """Return the softmax over columns in double."""
    axis = np.array([1], dtype=np.int64)
    powers = g.op("Exp", g.op("Sub", x, g.op("ReduceMax", x, axis, keepdims=1)))
    return g.op("Div", powers, g.op("ReduceSum", powers, axis, keepdims=1))


def log1p_exp(g: Graph, x: str) -> str:
    """Return log(1 + exp(x)) in double, also where exp(x) is lost beside 1.

    log1p(u) = u * log(1 + u) / ((1 + u) - 1), from W. Kahan (Goldberg 1991, theorem 4).
    """
    one = np.array(1.0)
    u = g.op("Exp", x)
    w = g.op("Add", u, one)
    lost, rest = g.op("Equal", w, one), g.op("Sub", w, one)
    quotient = g.op("Div", g.op("Log", w), g.op("Where", lost, one, rest))
    return g.op("Where", lost, u, g.op("Mul", u, quotient))
