"""Linear models: RegressionModel, with the link as its normalisation."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mlship.graphs.builder import NotOurs
from mlship.pmml.columns import Block, numbers, plain, row, single
from mlship.pmml.models import Answers, Model, Names
from mlship.pmml.nodes import Node, Value, apply, choose, dot, fold, position
from mlship.pmml.xml import element, start_tag


def regressor(model: Any, block: Block) -> Answers:
    """Whatever predicts x . coef_ + intercept_ for one target."""
    coefficients = np.asarray(model.coef_, dtype=np.float64)
    if coefficients.ndim > 1:
        raise NotOurs("it has several targets")
    intercept = float(np.ravel(model.intercept_)[0])
    x = numbers(block)
    value = apply("+", dot(x, coefficients.tolist()), intercept)
    tables = [(None, coefficients, intercept)]
    return Answers({"prediction": single(value)}, model=regression(x, tables, "regression"))


def logistic(model: Any, block: Block) -> Answers:
    """LogisticRegression and its CV variant: sigmoid for two classes, softmax for more."""
    classes = plain(model.classes_)
    if model.get_params(deep=False).get("multi_class", "auto") not in ("auto", "deprecated"):
        raise NotOurs("multi_class")
    if len(classes) > 2 and model.solver == "liblinear":
        raise NotOurs("one against the rest")
    x = numbers(block)
    intercepts = np.broadcast_to(np.ravel(model.intercept_), len(model.coef_)).tolist()
    scores = [apply("+", dot(x, line.tolist()), b) for line, b in zip(model.coef_, intercepts, strict=True)]
    if len(classes) == 2:
        index = choose(apply("greaterThan", scores[0], 0.0), 1, 0)
        chances = _sigmoids(scores[0])
        zeros = np.zeros_like(model.coef_[0])
        tables = [(classes[1], model.coef_[0], intercepts[0]), (classes[0], zeros, 0.0)]
        native = regression(x, tables, "classification", "logit", classes)
    else:
        index, chances, native = position(scores, "max"), _softmax(scores), _softmax_model(scores, classes)
    values = {"probabilities": row(chances), "scores": row(scores) if len(classes) > 2 else single(scores[0])}
    return Answers({"prediction": single(index), **values}, classes, index, native)


def regression(
    inputs: Sequence[Value],
    tables: Sequence[tuple[Value, Any, float]],
    function: Any,
    normalization: str | None = None,
    classes: tuple[Value, ...] = (),
) -> Model:
    """Return a RegressionModel; ``tables`` are (class or None, coefficients, intercept)."""
    weights = np.array([np.asarray(line, dtype=np.float64) for _, line, _ in tables]).reshape(len(tables), len(inputs))
    fixed = [i for i, value in enumerate(inputs) if not isinstance(value, Node)]
    intercepts = [
        b + sum(float(line[i]) * float(inputs[i]) for i in fixed)
        for line, (_, _, b) in zip(weights, tables, strict=True)
    ]
    used = [i for i, value in enumerate(inputs) if isinstance(value, Node) and (weights[:, i] != 0).any()]

    def body(names: Names) -> Iterator[str]:
        for line, (label, _, _), intercept in zip(weights, tables, intercepts, strict=True):
            yield start_tag("RegressionTable", intercept=intercept, targetCategory=label)
            for name, i in zip(names, used, strict=True):
                if line[i] != 0:
                    yield element("NumericPredictor", name=name, coefficient=float(line[i]))
            yield "</RegressionTable>"

    attributes = {"normalizationMethod": normalization} if normalization else {}
    return Model("RegressionModel", function, [inputs[i] for i in used], body, attributes, classes)


def _sigmoids(score: Value) -> list[Value]:
    positive = apply("/", 1.0, apply("+", apply("exp", apply("*", score, -1.0)), 1.0))
    return [apply("-", 1.0, positive), positive]


def _softmax_model(scores: Sequence[Value], classes: tuple[Value, ...]) -> Model:
    """Return the model on scores less the largest: pypmml's softmax overflows where a score is above 709."""
    top = fold("max", scores)
    shifted = [apply("-", score, top) for score in scores]
    tables = [(label, [float(i == j) for j in range(len(classes))], 0.0) for i, label in enumerate(classes)]
    return regression(shifted, tables, "classification", "softmax", classes)


def _softmax(scores: Sequence[Value]) -> list[Value]:
    top = fold("max", scores)
    powers = [apply("exp", apply("-", score, top)) for score in scores]
    total = fold("sum", powers)
    return [apply("/", power, total) for power in powers]
