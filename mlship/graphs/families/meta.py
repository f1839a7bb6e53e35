"""What estimators made of estimators ask of the ones inside them, and the wrappers that only pass that on."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.dispatch import answer, transform
from mlship.graphs.labels import cast, flat, pick, upright

#: Method of the original -> name of the answer that it gives.
ANSWERS = {"predict": "prediction", "predict_proba": "probabilities", "decision_function": "scores"}


def frozen_transform(g: Graph, model: Any, block: Block) -> Block:
    """FrozenEstimator over a transformer: the transformer."""
    return transform(g, model.estimator, block)


def frozen_answer(g: Graph, model: Any, block: Block) -> Answers:
    """FrozenEstimator over a predictor: the predictor."""
    return answer(g, model.estimator, block)


def self_training(g: Graph, model: Any, block: Block) -> Answers:
    """SelfTrainingClassifier: the classifier that it ended with (before scikit-learn 1.6: ``base_estimator_``)."""
    return answer(g, model.estimator_ if hasattr(model, "estimator_") else model.base_estimator_, block)


def asked(answers: Answers, estimator: Any, method: str) -> Result:
    """Return what ``method`` of the inner ``estimator`` gives; raises UnsupportedModelError where it is not there."""
    if ANSWERS[method] not in answers:
        message = f"the {type(estimator).__name__} inside another model is asked for its {ANSWERS[method]}"
        raise UnsupportedModelError(f"{message}, which cannot be converted")
    return answers[ANSWERS[method]]


def first_of(estimator: Any, methods: Sequence[str]) -> str:
    """Return the first of ``methods`` that the estimator has; raises UnsupportedModelError when it has none."""
    for method in methods:
        if hasattr(estimator, method):
            return method
    raise UnsupportedModelError(f"the {type(estimator).__name__} inside another model has no {' or '.join(methods)}")


def response(g: Graph, estimator: Any, answers: Answers, method: str, positive: Any = None) -> Result:
    """Return a classifier's answer as scikit-learn compares it with thresholds, in double.

    For two classes that is (rows,): the probability, or the score, of the class ``positive``, by default the second.
    """
    result = asked(answers, estimator, method)
    classes = getattr(estimator, "classes_", None)
    if method == "predict" or classes is None or isinstance(classes, list) or len(classes) > 2:
        return result
    number = len(classes) - 1 if positive is None else int(np.flatnonzero(np.asarray(classes) == positive)[0])
    if method == "predict_proba":
        return Result(column(g, result.name, number))
    return result if number else Result(g.op("Neg", result.name))


def as_matrix(g: Graph, result: Result) -> Matrix:
    """Return an answer as columns of numbers; raises UnsupportedModelError for text."""
    if result.type == TensorProto.STRING:
        raise UnsupportedModelError("a model inside another one answers with text where numbers are needed")
    return Matrix(upright(g, cast(g, result, TensorProto.DOUBLE), result.width), "number", result.width or 1)


def line(g: Graph, result: Result) -> str:
    """Return an answer with one number a row as (rows,), in double."""
    name = as_matrix(g, result).name
    return flat(g, name)


def column(g: Graph, name: str, number: int) -> str:
    """Return one column of ``name`` (rows, width), (rows,)."""
    return g.op("Gather", name, np.array(number, dtype=np.int64), axis=1)


def side_by_side(g: Graph, lines: Sequence[str]) -> str:
    """Make several (rows,) into (rows, len(lines))."""
    return g.op("Concat", *(upright(g, name) for name in lines), axis=1)


def added(g: Graph, names: Sequence[str]) -> str:
    """Add up in the given order, so that rounding is the original's."""
    return reduce(lambda total, name: g.op("Add", total, name), names)


def encoded(g: Graph, prediction: Result, classes: Any) -> Result:
    """Return the labels in ``classes`` for predictions that are class numbers."""
    return pick(g, cast(g, prediction, TensorProto.INT64), classes)


def is_label(g: Graph, prediction: Result, labels: Any) -> str:
    """Return whether the prediction (rows,) is each of ``labels``: booleans (rows, labels)."""
    name = upright(g, prediction.name)
    if prediction.type == TensorProto.STRING:
        return g.op("Equal", name, np.array([[str(label) for label in labels]], dtype=object))
    kind = np.float64 if prediction.type == TensorProto.DOUBLE else np.int64
    return g.op("Equal", name, np.asarray(labels).astype(kind).reshape(1, -1))
