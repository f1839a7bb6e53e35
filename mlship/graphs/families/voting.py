"""VotingClassifier and VotingRegressor."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.dispatch import answer
from mlship.graphs.families.meta import added, as_matrix, asked, is_label, line
from mlship.graphs.labels import largest, pick


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """VotingClassifier: the mean of the probabilities, or the class with the most votes; of several, the first."""
    members = [answer(g, member, block) for member in model.estimators_]
    if model.voting == "soft":
        chances = [asked(item, member, "predict_proba").name for item, member in _pairs(members, model)]
        mean = _average(g, chances, model)
        probabilities = Result(mean, width=len(model.classes_))
        return {"prediction": pick(g, largest(g, mean), model.classes_), "probabilities": probabilities}
    numbers = np.arange(len(model.classes_))
    weights = _weights(model) or [1.0] * len(members)
    votes = [
        g.op("Mul", g.op("Cast", is_label(g, item["prediction"], numbers), to=TensorProto.DOUBLE), np.array(weight))
        for item, weight in zip(members, weights, strict=True)
    ]
    return {"prediction": pick(g, largest(g, added(g, votes)), model.classes_)}


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """VotingRegressor: the weighted mean of the predictions."""
    lines = [line(g, answer(g, member, block)["prediction"]) for member in model.estimators_]
    return {"prediction": Result(_average(g, lines, model))}


def transform(g: Graph, model: Any, block: Block) -> Block:
    """Give what each estimator says: predictions (classes as numbers), or the probabilities of soft voting."""
    members = [answer(g, member, block) for member in model.estimators_]
    if getattr(model, "voting", "hard") == "hard":
        return _joined(g, [as_matrix(g, item["prediction"]) for item in members])
    if not model.flatten_transform:
        message = "this VotingClassifier transforms to three dimensions"
        raise UnsupportedModelError(message, "fit it with flatten_transform=True")
    return _joined(g, [as_matrix(g, asked(item, member, "predict_proba")) for item, member in _pairs(members, model)])


def _pairs(members: Sequence[Answers], model: Any) -> list[tuple[Answers, Any]]:
    return list(zip(members, model.estimators_, strict=True))


def _joined(g: Graph, parts: Sequence[Matrix]) -> Block:
    width = sum(part.width for part in parts)
    return [Matrix(g.op("Concat", *(part.name for part in parts), axis=1), "number", width)]


def _average(g: Graph, names: Sequence[str], model: Any) -> str:
    """Return numpy.average: the sum, each times its weight, over the sum of the weights."""
    weights = _weights(model)
    if weights is None:
        return g.op("Div", added(g, names), np.array(float(len(names))))
    weighted = [g.op("Mul", name, np.array(weight)) for name, weight in zip(names, weights, strict=True)]
    return g.op("Div", added(g, weighted), np.array(float(np.sum(weights))))


def _weights(model: Any) -> list[float] | None:
    """Return the weights of the estimators that are not dropped."""
    if model.weights is None:
        return None
    pairs = zip(model.estimators, model.weights, strict=True)
    return [float(weight) for (_, member), weight in pairs if not isinstance(member, str)]
