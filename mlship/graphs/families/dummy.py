"""Baselines that look at no feature, and RANSACRegressor, which answers as the estimator that it chose."""

from typing import Any

import numpy as np

from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Answers, Block, Graph, NotOurs, Result
from mlship.graphs.dispatch import answer
from mlship.graphs.labels import pick, together


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """DummyClassifier with the strategies most_frequent, prior and constant; the others draw at random.

    Several targets are answered without probabilities.
    """
    if model.sparse_output_:
        raise NotOurs("it was fitted on sparse targets")
    if model.strategy in ("stratified", "uniform"):
        message = f"a DummyClassifier with strategy='{model.strategy}' answers at random, so no two answers agree"
        raise UnsupportedModelError(message, "fit it again with strategy='prior'")
    index = _zeros(g, block)
    if model.n_outputs_ > 1:
        targets = zip(model.classes_, model.class_prior_, np.ravel(_constant(model)), strict=True)
        return {"prediction": together(g, [pick(g, index, _label(model, *target)) for target in targets])}
    classes, prior = model.classes_, np.asarray(model.class_prior_)
    label = _label(model, classes, prior, np.ravel(_constant(model))[0])
    chances = prior if model.strategy == "prior" else (classes == label[0]).astype(np.float64)
    return {
        "prediction": pick(g, index, label),
        "probabilities": Result(g.op("Gather", chances.reshape(1, -1), index), width=len(classes)),
    }


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """DummyRegressor: the same number, or numbers, for every row."""
    values = np.asarray(model.constant_).reshape(1, -1)
    index = _zeros(g, block)
    if values.size == 1:
        return {"prediction": pick(g, index, values.ravel())}
    return {"prediction": Result(g.op("Gather", values.astype(np.float64), index), width=values.size)}


def consensus(g: Graph, model: Any, block: Block) -> Answers:
    """RANSACRegressor: the answers of the estimator that was fitted on the inliers."""
    return answer(g, model.estimator_, block)


def _constant(model: Any) -> Any:
    return [None] * model.n_outputs_ if model.constant is None else model.constant


def _label(model: Any, classes: Any, prior: Any, constant: Any) -> Any:
    return np.array([constant]) if model.strategy == "constant" else classes[[np.argmax(prior)]]


def _zeros(g: Graph, block: Block) -> str:
    """Return 0 for each row."""
    return g.op("Expand", np.array([0]), g.op("Shape", block[0].name, start=0, end=1))
