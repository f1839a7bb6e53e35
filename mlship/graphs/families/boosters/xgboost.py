"""XGBoost: gbtree, dart and gblinear, in float32 and in the library's own order of operations.

XGBoost rounds rows to float32, goes left where ``x < threshold``, and adds leaves to the base score in float32, tree by
tree. Read from the JSON that the library writes (https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html).
"""

import json
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.ensemble import Floats, Ints, after, constants, summed
from mlship.graphs.families.boosters.links import as_double, exp_float, sigmoid_float, softmax_float
from mlship.graphs.families.boosters.xgboost_trees import Booster, categorical, parse, trees_of
from mlship.graphs.labels import flat, largest, pick

_EXPONENTIAL = {"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"}
_LOGISTIC = {"binary:logistic", "reg:logistic"}
_IDENTITY = {
    "binary:logitraw",
    "rank:map",
    "rank:ndcg",
    "rank:pairwise",
    "reg:absoluteerror",
    "reg:expectileerror",
    "reg:linear",
    "reg:pseudohubererror",
    "reg:quantileerror",
    "reg:squarederror",
    "reg:squaredlogerror",
}


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """XGBRegressor, XGBRFRegressor and XGBRanker: the objective's answer, one or several columns."""
    booster = _read(model)
    return {"prediction": _result(g, _linked(g, booster, _margin(g, model, booster, block)), booster)}


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """XGBClassifier and XGBRFClassifier: labels as the class itself finds them (xgboost/sklearn.py, predict)."""
    booster = _read(model)
    margin = _margin(g, model, booster, block)
    if model.objective == "multi:softmax":
        label = pick(g, largest(g, margin), np.arange(booster.groups))
        return {"prediction": label, "probabilities": _doubled(g, softmax_float(g, margin), booster.groups)}
    chances = _linked(g, booster, margin)
    if booster.groups > 1 and model.n_classes_ != 2:
        label = pick(g, largest(g, chances), np.arange(booster.groups))
        return {"prediction": label, "probabilities": _doubled(g, chances, booster.groups)}
    above = g.op("Greater", chances, np.array(0.5, dtype=np.float32))
    if booster.groups > 1:  # several yes-or-no labels a row; 0.0 and 1.0
        return {
            "prediction": Result(g.op("Cast", above, to=TensorProto.DOUBLE), width=booster.groups),
            "probabilities": _doubled(g, chances, booster.groups),
        }
    rest = g.op("Sub", np.array(1.0, dtype=np.float32), chances)
    return {
        "prediction": Result(flat(g, g.op("Cast", above, to=TensorProto.INT64)), TensorProto.INT64),
        "probabilities": _doubled(g, g.op("Concat", rest, chances, axis=1), 2),
    }


def _read(model: Any) -> Booster:
    """Read the part of the model that ``predict`` uses: up to the best iteration, where there is one."""
    booster = model.get_booster()
    best = None if booster.attr("best_iteration") is None else int(booster.best_iteration) + 1
    return parse(json.loads(booster.save_raw(raw_format="json")), best)


def _margin(g: Graph, model: Any, booster: Booster, block: Block) -> str:
    """Return the raw scores in float, (rows, groups)."""
    g.precision = "float32"
    x = _columns(g, model, block)
    if booster.kind == "gblinear":
        return _linear(g, booster, x)
    trees, weights, targets = trees_of(booster)
    coded = categorical(trees)
    if coded:
        is_code = np.isin(np.arange(booster.features), coded).reshape(1, -1)
        x = g.op("Where", is_code, g.op("Floor", x), x)
    base = booster.base.reshape(-1, weights.shape[1])  # trees that carry all targets have one start
    first: Ints = np.arange(len(base), dtype=np.int64)
    every = after(constants(len(base), np.float32), trees)
    return summed(g, x, every, np.concatenate([base, weights]), np.concatenate([first, targets]))


def _columns(g: Graph, model: Any, block: Block) -> str:
    """Return the rows in float32, with NaN for what is missing; so are zeros that a sparse matrix does not store."""
    pieces = [_stored(g, piece) for piece in block]
    x = g.op("Cast", numbers(g, pieces).name, to=TensorProto.FLOAT)
    missing = model.missing
    if missing is None or np.isnan(missing):
        return x
    nothing = np.array(np.nan, dtype=np.float32)
    return g.op("Where", g.op("Equal", x, np.array(missing, dtype=np.float32)), nothing, x)


def _stored(g: Graph, piece: Matrix) -> Matrix:
    if not piece.sparse or piece.kind == "string":
        return piece
    name = g.op("Where", g.op("Equal", piece.name, np.array(0.0)), np.array(np.nan), piece.name)
    return Matrix(name, "number", piece.width)


def _linear(g: Graph, booster: Booster, x: str) -> str:
    """Return bias + base score, then the products column by column; what is missing is left out."""
    weights = booster.weights
    products = g.op("Mul", g.op("Unsqueeze", x, np.array([2], dtype=np.int64)), weights[None, :-1])
    zero = np.array(0.0, dtype=np.float32)
    start: Floats = (weights[-1] + booster.base[0]).reshape(1, 1, -1)  # the first base score, for all groups
    rows = g.op("Shape", x, start=0, end=1)
    shape = g.op("Concat", rows, np.array([1, booster.groups], dtype=np.int64), axis=0)
    terms = g.op("Concat", g.op("Expand", start, shape), g.op("Where", g.op("IsNaN", products), zero, products), axis=1)
    sums = g.op("CumSum", terms, np.array(1, dtype=np.int64))
    return g.op("Gather", sums, np.array(booster.features, dtype=np.int64), axis=1)


def _linked(g: Graph, booster: Booster, margin: str) -> str:
    """Return what the objective makes of the raw scores, in float."""
    name = booster.objective
    if name in _IDENTITY:
        return margin
    if name in _LOGISTIC:
        return sigmoid_float(g, margin)
    if name in _EXPONENTIAL:
        return exp_float(g, margin)
    if name == "binary:hinge":
        return g.op("Cast", g.op("Greater", margin, np.array(0.0, dtype=np.float32)), to=TensorProto.FLOAT)
    if name == "multi:softprob":
        return softmax_float(g, margin)
    if name == "multi:softmax":
        return g.op("Cast", g.op("ArgMax", margin, axis=1, keepdims=1), to=TensorProto.FLOAT)
    raise UnsupportedModelError(f"mlship does not know XGBoost's objective '{name}'")


def _result(g: Graph, answer: str, booster: Booster) -> Result:
    doubled, width = as_double(g, answer), 1 if booster.objective == "multi:softmax" else booster.groups
    return Result(flat(g, doubled)) if width == 1 else Result(doubled, width=width)


def _doubled(g: Graph, name: str, width: int) -> Result:
    return Result(as_double(g, name), width=width)
