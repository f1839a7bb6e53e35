"""TransformedTargetRegressor: a regressor, and the way back from the scale that it was trained on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from mlship.graphs.arithmetic.elementary import log1p
from mlship.graphs.arithmetic.interpolation import interpolated
from mlship.graphs.arithmetic.special import normal_cdf
from mlship.graphs.blocks import each, joined
from mlship.graphs.builder import Answers, Block, Graph, Matrix, NotOurs, Result
from mlship.graphs.dispatch import answer
from mlship.graphs.families.functions import function
from mlship.graphs.families.meta import as_matrix
from mlship.graphs.labels import flat, upright

_BOUND = 1e-7  # QuantileTransformer takes what is this near to an end of the normal distribution for the end
_SPACING = float(np.spacing(1.0))


def transformed(g: Graph, model: Any, block: Block) -> Answers:
    """TransformedTargetRegressor, over transformers whose inverse is known."""
    prediction = as_matrix(g, answer(g, model.regressor_, block)["prediction"])
    result = joined(g, [_back(g, model.transformer_, prediction)])
    if model._training_dim == 1 and result.width == 1:
        return {"prediction": Result(flat(g, result.name))}
    return {"prediction": Result(result.name, width=result.width)}


def _back(g: Graph, transformer: Any, x: Matrix) -> Matrix:
    """Return the transformer's inverse_transform."""
    if hasattr(transformer, "steps"):
        for _, step in reversed(transformer.steps):
            x = x if step is None or isinstance(step, str) else _back(g, step, x)
        return x
    kind = type(transformer).__name__
    if kind not in _INVERSES:
        raise NotOurs(f"the target comes back through a {kind}")
    return Matrix(_INVERSES[kind](g, transformer, x), "number", x.width)


def _standard(g: Graph, scaler: Any, x: Matrix) -> str:
    name = g.op("Mul", x.name, _row(scaler.scale_)) if scaler.with_std else x.name
    return g.op("Add", name, _row(scaler.mean_)) if scaler.with_mean else name


def _min_max(g: Graph, scaler: Any, x: Matrix) -> str:
    return g.op("Div", g.op("Sub", x.name, _row(scaler.min_)), _row(scaler.scale_))


def _max_abs(g: Graph, scaler: Any, x: Matrix) -> str:
    return g.op("Mul", x.name, _row(scaler.scale_))


def _robust(g: Graph, scaler: Any, x: Matrix) -> str:
    name = g.op("Mul", x.name, _row(scaler.scale_)) if scaler.with_scaling else x.name
    return g.op("Add", name, _row(scaler.center_)) if scaler.with_centering else name


def _power(g: Graph, transformer: Any, x: Matrix) -> str:
    name = _standard(g, transformer._scaler, x) if transformer.standardize else x.name
    one_way = _box_cox if transformer.method == "box-cox" else _yeo_johnson
    parts = each(g, [Matrix(name, "number", x.width)])
    columns = [one_way(g, part.name, float(power)) for part, power in zip(parts, transformer.lambdas_, strict=True)]
    return columns[0] if len(columns) == 1 else g.op("Concat", *columns, axis=1)


def _box_cox(g: Graph, x: str, power: float) -> str:
    """Invert the transform of G. E. P. Box and D. R. Cox, Journal of the Royal Statistical Society B 26 (1964)."""
    if power == 0:
        return g.op("Exp", x)
    return g.op("Exp", g.op("Div", log1p(g, g.op("Mul", x, np.array(power))), np.array(power)))


def _yeo_johnson(g: Graph, x: str, power: float) -> str:
    """Invert the transform of I.-K. Yeo and R. A. Johnson, Biometrika 87 (2000), 954-959."""
    one = np.array(1.0)
    if abs(power) < _SPACING:
        above = g.op("Sub", g.op("Exp", x), one)
    else:
        base = g.op("Add", g.op("Mul", x, np.array(power)), one)
        above = g.op("Sub", g.op("Pow", base, np.array(1 / power)), one)
    if abs(power - 2) > _SPACING:
        base = g.op("Add", g.op("Mul", np.array(-(2 - power)), x), one)
        below = g.op("Sub", one, g.op("Pow", base, np.array(1 / (2 - power))))
    else:
        below = g.op("Sub", one, g.op("Exp", g.op("Neg", x)))
    return g.op("Where", g.op("GreaterOrEqual", x, np.array(0.0)), above, below)


def _quantile(g: Graph, transformer: Any, x: Matrix) -> str:
    columns = []
    for part, quantiles in zip(each(g, [x]), transformer.quantiles_.T, strict=True):
        rank = flat(g, part.name)
        if transformer.output_distribution == "normal":
            rank = normal_cdf(g, rank)
            is_low = g.op("Less", g.op("Sub", rank, np.array(_BOUND)), np.array(0.0))
            is_high = g.op("Greater", g.op("Add", rank, np.array(_BOUND)), np.array(1.0))
        else:
            is_low, is_high = g.op("Equal", rank, np.array(0.0)), g.op("Equal", rank, np.array(1.0))
        value = interpolated(g, transformer.references_, quantiles, rank)
        value = g.op("Where", is_high, np.array(float(quantiles[-1])), value)
        columns.append(upright(g, g.op("Where", is_low, np.array(float(quantiles[0])), value)))
    return columns[0] if len(columns) == 1 else g.op("Concat", *columns, axis=1)


def _function(g: Graph, transformer: Any, x: Matrix) -> str:
    inverse = FunctionTransformer(transformer.inverse_func, kw_args=transformer.inv_kw_args)
    return joined(g, function(g, inverse, [x])).name


def _row(values: Any) -> Any:
    return np.asarray(values, dtype=np.float64).reshape(1, -1)


_INVERSES: dict[str, Callable[[Graph, Any, Matrix], str]] = {
    "FunctionTransformer": _function,
    "MaxAbsScaler": _max_abs,
    "MinMaxScaler": _min_max,
    "PowerTransformer": _power,
    "QuantileTransformer": _quantile,
    "RobustScaler": _robust,
    "StandardScaler": _standard,
}
