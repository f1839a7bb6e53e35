"""LightGBM: gbdt, dart, goss and random forests, in double like the library.

Read from the text that the library writes; what a node compares is NumericalDecision and CategoricalDecision of
include/LightGBM/tree.h, and the links are ConvertOutput of src/objective.
"""

from collections.abc import Collection
from typing import Any

import numpy as np

from mlship.errors import UnsupportedModelError
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Result
from mlship.graphs.ensemble import summed
from mlship.graphs.families.boosters.lightgbm_trees import NONE, ZERO, Booster, parse
from mlship.graphs.families.boosters.links import log1p_exp, sigmoid, softmax
from mlship.graphs.labels import flat, largest, pick

#: kZeroThreshold of the library, a float: smaller numbers count as zero.
_ZERO = float(np.float32(1e-35))
_EXPONENTIAL = {"poisson", "gamma", "tweedie"}
_IDENTITY = {
    "fair",
    "huber",
    "lambdarank",
    "mape",
    "quantile",
    "rank_xendcg",
    "regression",
    "regression_l1",
}


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """LGBMRegressor and LGBMRanker."""
    booster = _read(model)
    answer = _linked(g, booster, _averaged(g, booster, _raw(g, booster, block)))
    return {"prediction": Result(flat(g, answer)) if booster.groups == 1 else Result(answer, width=booster.groups)}


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """LGBMClassifier: the class whose probability is the largest, the first of equals."""
    booster = _read(model)
    raw = _raw(g, booster, block)
    chances = _linked(g, booster, _averaged(g, booster, raw))
    scores = Result(flat(g, raw)) if booster.groups == 1 else Result(raw, width=booster.groups)
    if booster.groups == 1:
        chances = g.op("Concat", g.op("Sub", np.array(1.0), chances), chances, axis=1)
    label = pick(g, largest(g, chances), model.classes_)
    return {"prediction": label, "probabilities": Result(chances, width=max(booster.groups, 2)), "scores": scores}


def _read(model: Any) -> Booster:
    """Read the part of the model that ``predict`` uses: up to the best iteration, where there is one."""
    booster = parse(model.booster_.model_to_string())
    if booster.objective[0] in ("", "custom", "none") or callable(model.objective):
        raise UnsupportedModelError(
            f"this {type(model).__name__} was trained with an objective of its own, whose link is not in the model",
            "train it with one of LightGBM's objectives",
        )
    return booster


def _raw(g: Graph, booster: Booster, block: Block) -> str:
    """Return the sums of the leaves, (rows, groups)."""
    x = _columns(g, booster, numbers(g, block).name)
    return summed(g, x, booster.trees, booster.values.reshape(-1, 1), booster.targets)


def _averaged(g: Graph, booster: Booster, raw: str) -> str:
    """Return the mean over the iterations of a random forest."""
    iterations = len(booster.trees.sizes) // booster.groups
    return g.op("Div", raw, np.array(float(iterations))) if booster.average else raw


def _columns(g: Graph, booster: Booster, x: str) -> str:
    """Give missing values the form in which the trees look for them."""
    width, kinds = booster.features, booster.missing
    missing = g.op("IsNaN", x)
    if np.any(np.abs(booster.trees.threshold) <= 2 * _ZERO) or ZERO in kinds.values():
        tiny = g.op("LessOrEqual", g.op("Abs", x), np.array(_ZERO))
        if ZERO in kinds.values():
            zero_is_missing = g.op("And", _mask(width, [f for f, kind in kinds.items() if kind == ZERO]), tiny)
            x = g.op("Where", tiny, np.array(0.0), x)
            x = g.op("Where", zero_is_missing, np.array(np.nan), x)
        else:
            x = g.op("Where", tiny, np.array(0.0), x)
    ignored = [feature for feature, kind in kinds.items() if kind == NONE]
    if ignored:
        x = g.op("Where", g.op("And", _mask(width, ignored), missing), np.array(0.0), x)
    if booster.categorical:
        whole = g.op("Mul", g.op("Sign", x), g.op("Floor", g.op("Abs", x)))
        x = g.op("Where", _mask(width, booster.categorical), whole, x)
    return x


def _mask(width: int, features: Collection[int]) -> Any:
    return np.isin(np.arange(width), list(features)).reshape(1, -1)


def _linked(g: Graph, booster: Booster, raw: str) -> str:
    """Return what the objective makes of the sums, (rows, groups)."""
    name, options = booster.objective[0], booster.objective[1:]
    slope = next((float(item.removeprefix("sigmoid:")) for item in options if item.startswith("sigmoid:")), 1.0)
    if name in _IDENTITY:
        squared = g.op("Mul", g.op("Sign", raw), g.op("Mul", raw, raw)) if "sqrt" in options else ""
        return squared or raw
    if name in _EXPONENTIAL:
        return g.op("Exp", raw)
    if name in ("binary", "multiclassova", "cross_entropy"):
        return sigmoid(g, raw, slope)
    if name == "multiclass":
        return softmax(g, raw)
    if name == "cross_entropy_lambda":
        return log1p_exp(g, raw)
    raise UnsupportedModelError(f"mlship does not know LightGBM's objective '{name}'")
