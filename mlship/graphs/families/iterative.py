"""IterativeImputer: the round-robin of regressions that filled the training set, in the same order."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from mlship.errors import UnsupportedModelError
from mlship.graphs.blocks import numbers, select
from mlship.graphs.builder import Block, Graph, Matrix
from mlship.graphs.dispatch import answer
from mlship.graphs.families import imputers

#: Estimators that predict x . coef_ + intercept_ and nothing else.
_LINEAR = {
    *("ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor", "Lars", "LarsCV", "Lasso"),
    *("LassoCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "LinearRegression", "LinearSVR"),
    *("OrthogonalMatchingPursuit", "OrthogonalMatchingPursuitCV", "PassiveAggressiveRegressor", "QuantileRegressor"),
    *("Ridge", "RidgeCV", "SGDRegressor", "TheilSenRegressor"),
}
_MOST_STEPS = 200  # regressions that are written out one by one


def iterative(g: Graph, model: Any, block: Block) -> Block:
    """IterativeImputer, each order, with any estimator that predicts.

    A row without any value is filled as scikit-learn fills it beside rows that have one; alone it would get the
    initial values. Raises UnsupportedModelError for ``sample_posterior``, whose answers are random.
    """
    if model.sample_posterior:
        message = "this IterativeImputer draws its values at random (sample_posterior=True)"
        raise UnsupportedModelError(message, "fit it again with sample_posterior=False")
    x = numbers(g, block)
    filled = numbers(g, imputers.simple(g, model.initial_imputer_, [x]))
    statistics = np.asarray(model.initial_imputer_.statistics_, dtype=np.float64)
    empty = np.asarray(getattr(model, "_is_empty_feature", np.isnan(statistics)))
    every = Matrix(str(imputers.mask(g, x, model.missing_values)), "number", x.width)
    if model.keep_empty_features:
        missing = g.op("And", every.name, ~empty.reshape(1, -1))
    else:
        missing = select(g, [every], np.flatnonzero(~empty).tolist())[0].name
    steps = model.imputation_sequence_ if model.n_iter_ else []
    name = filled.name
    if steps and all(type(step.estimator).__name__ in _LINEAR for step in steps):
        name = _scanned(g, model, filled, missing)
    elif steps:
        name = _unrolled(g, model, filled, missing)
    result: list[Matrix] = [Matrix(name, "number", filled.width)]
    if model.add_indicator:
        result.extend(imputers.indicator(g, model.indicator_, [x]))
    return result


def _scanned(g: Graph, model: Any, filled: Matrix, missing: str) -> str:
    """Let one Scan node run over the regressions, as they differ in nothing but their numbers."""
    steps, width = model.imputation_sequence_, filled.width
    coefficients = np.zeros((len(steps), width, 1))
    for number, step in enumerate(steps):
        coefficients[number, np.asarray(step.neighbor_feat_idx, dtype=np.int64), 0] = np.ravel(step.estimator.coef_)
    features = np.array([step.feat_idx for step in steps], dtype=np.int64)
    scanned = {
        "coefficients": coefficients,
        "intercept": np.array([np.ravel(step.estimator.intercept_)[0] for step in steps]),
        "low": _limits(model._min_value, features),
        "high": _limits(model._max_value, features),
        "chosen": features[:, None] == np.arange(width),
    }
    names = {name: g.constant(values) for name, values in scanned.items()}
    body = _body(missing, width, f"{names['coefficients']}.")
    return g.op("Scan", filled.name, *names.values(), body=body, num_scan_inputs=len(names))


def _body(missing: str, width: int, prefix: str) -> onnx.GraphProto:
    """Return one regression as a graph: (rows, width) and its numbers in, (rows, width) out."""
    kinds = {"coefficients": [width, 1], "intercept": [], "low": [], "high": [], "chosen": [width]}
    inputs = [helper.make_tensor_value_info(f"{prefix}before", TensorProto.DOUBLE, ["N", width])]
    for name, shape in kinds.items():
        kind = TensorProto.BOOL if name == "chosen" else TensorProto.DOUBLE
        inputs.append(helper.make_tensor_value_info(prefix + name, kind, shape))
    steps = [
        ("MatMul", ["before", "coefficients"], "product"),
        ("Add", ["product", "intercept"], "mean"),
        ("Max", ["mean", "low"], "raised"),
        ("Min", ["raised", "high"], "value"),
        ("Where", ["cells", "value", "before"], "after"),
    ]
    nodes = [helper.make_node("And", [missing, f"{prefix}chosen"], [f"{prefix}cells"])]
    nodes += [
        helper.make_node(kind, [prefix + name for name in reads], [prefix + output]) for kind, reads, output in steps
    ]
    output = helper.make_tensor_value_info(f"{prefix}after", TensorProto.DOUBLE, ["N", width])
    return helper.make_graph(nodes, "regression", inputs, [output])


def _unrolled(g: Graph, model: Any, filled: Matrix, missing: str) -> str:
    """Write out every regression, each by the converter of its estimator."""
    steps = model.imputation_sequence_
    if len(steps) > _MOST_STEPS:
        message = (
            f"this IterativeImputer takes {len(steps)} models of {type(steps[0].estimator).__name__} to fill a row"
        )
        raise UnsupportedModelError(message, "fit it with a smaller max_iter, or with a linear estimator")
    name = filled.name
    for step in steps:
        neighbours = select(g, [Matrix(name, "number", filled.width)], [int(i) for i in step.neighbor_feat_idx])
        value = answer(g, step.estimator, neighbours)["prediction"].name
        feature = np.array([step.feat_idx])
        low, high = _limits(model._min_value, feature), _limits(model._max_value, feature)
        value = g.op("Min", g.op("Max", g.op("Reshape", value, np.array([-1, 1], dtype=np.int64)), low), high)
        cells = g.op("And", missing, (np.arange(filled.width) == step.feat_idx).reshape(1, -1))
        name = g.op("Where", cells, value, name)
    return name


def _limits(values: Any, features: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)[features]
