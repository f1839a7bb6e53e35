"""PowerTransformer: Yeo-Johnson and Box-Cox, standardised or not."""

from typing import Any

import numpy as np

from mlship.graphs.arithmetic.elementary import expm1, log1p
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix
from mlship.graphs.families.scalers import standard

_EPSILON = float(np.finfo(np.float64).eps)


def power(g: Graph, model: Any, block: Block) -> Block:
    """PowerTransformer; missing values stay."""
    x = numbers(g, block)
    powers = np.asarray(model.lambdas_, dtype=np.float64).reshape(1, -1)
    name = _box_cox(g, x.name, powers) if model.method == "box-cox" else _yeo_johnson(g, x.name, powers)
    answer = [Matrix(name, "number", x.width)]
    return standard(g, model._scaler, answer) if model.standardize else answer


def _yeo_johnson(g: Graph, x: str, powers: Any) -> str:
    """I.-K. Yeo and R. A. Johnson, Biometrika 87 (2000), 954-959: one formula, with power or 2 - power by the sign."""
    positive = g.op("GreaterOrEqual", x, np.array(0.0))
    up, down = _without_zeros(powers, _EPSILON), _without_zeros(2 - powers, _EPSILON)
    logarithm = log1p(g, g.op("Abs", x))
    raised = _raised(g, logarithm, g.op("Where", positive, up, down))
    return g.op("Where", positive, raised, g.op("Neg", raised))


def _box_cox(g: Graph, x: str, powers: Any) -> str:
    """G. E. P. Box and D. R. Cox, Journal of the Royal Statistical Society B 26 (1964), 211-252."""
    return _raised(g, g.op("Log", x), g.constant(_without_zeros(powers, 1e-19)))


def _raised(g: Graph, logarithm: str, powers: str) -> str:
    """Return (exp(power * logarithm) - 1) / power, and the logarithm itself where power is 0."""
    none = g.op("Equal", powers, np.array(0.0))
    divisor = g.op("Where", none, np.array(1.0), powers)
    return g.op("Where", none, logarithm, g.op("Div", expm1(g, g.op("Mul", powers, logarithm)), divisor))


def _without_zeros(powers: Any, bound: float) -> Any:
    """Return ``powers`` with those that scipy takes for 0 made 0."""
    return np.where(np.abs(powers) < bound, 0.0, powers)
