"""CatBoost on numeric columns: rows are rounded to float32 and compared ``x > border``, leaves are added in double.

Read from the JSON that the library writes (https://catboost.ai/docs/concepts/json-tree-format).
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Answers, Block, Graph, Result
from mlship.graphs.ensemble import summed
from mlship.graphs.families.boosters.catboost_trees import Booster, parse
from mlship.graphs.families.boosters.links import sigmoid, softmax
from mlship.graphs.families.trees import as_float32
from mlship.graphs.labels import flat, largest, pick

_MULTILABEL = ("MultiLogloss", "MultiCrossEntropy")
_ONE_VS_ALL = "MultiClassOneVsAll"


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """CatBoostRegressor and CatBoostRanker: the raw value; its exponential for Poisson and Tweedie."""
    loss = _loss(model)
    if loss == "RMSEWithUncertainty":
        raise UnsupportedModelError(
            "CatBoost's RMSEWithUncertainty answers with mean and variance, which mlship does not convert",
            "train it with the loss RMSE",
        )
    booster = _read(model)
    raw = _raw(g, booster, block)
    answer = g.op("Exp", raw) if loss in ("Poisson", "Tweedie") else raw
    return {"prediction": Result(flat(g, answer)) if booster.groups == 1 else Result(answer, width=booster.groups)}


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """CatBoostClassifier: for more than two classes labels are (rows, 1), as the library gives them."""
    loss, booster = _loss(model), _read(model)
    raw = _raw(g, booster, block)
    if loss in _MULTILABEL:
        above = g.op("Cast", g.op("Greater", raw, np.array(0.0)), to=TensorProto.INT64)
        return {
            "prediction": Result(above, TensorProto.INT64, booster.groups),
            "probabilities": Result(sigmoid(g, raw), width=booster.groups),
        }
    if booster.groups == 1:
        above = g.op("Greater", raw, np.array(_threshold(model)))
        label = pick(g, flat(g, g.op("Cast", above, to=TensorProto.INT64)), model.classes_)
        chance = sigmoid(g, raw)
        chances = g.op("Concat", g.op("Sub", np.array(1.0), chance), chance, axis=1)
        return {"prediction": label, "probabilities": Result(chances, width=2)}
    label = pick(g, largest(g, raw), model.classes_)
    column = g.op("Reshape", label.name, np.array([-1, 1], dtype=np.int64))
    chances = sigmoid(g, raw) if loss == _ONE_VS_ALL else softmax(g, raw)
    return {
        "prediction": Result(column, label.type, 1),
        "probabilities": Result(chances, width=booster.groups),
    }


def _loss(model: Any) -> str:
    return str(model.get_all_params().get("loss_function", "")).partition(":")[0]


def _threshold(model: Any) -> float:
    """Return the raw value above which a row is of the second class."""
    chance = float(model.get_probability_threshold() or 0.5)
    return float(np.log(chance / (1.0 - chance)))


def _read(model: Any) -> Booster:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        return parse(json.loads(path.read_text("utf-8")))


def _raw(g: Graph, booster: Booster, block: Block) -> str:
    """Return scale * sum + bias, (rows, groups)."""
    total = summed(g, as_float32(g, block), booster.trees, booster.values)
    scaled = total if booster.scale == 1.0 else g.op("Mul", total, np.array(booster.scale))
    return g.op("Add", scaled, booster.bias.reshape(1, -1))
