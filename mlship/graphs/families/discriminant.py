"""Discriminant analysis, linear (as classifier and as projection) and quadratic."""

from typing import Any

import numpy as np

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic.elementary import expit
from mlship.graphs.arithmetic.logarithms import shares_below_largest
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.labels import above_zero, flat, largest, pick, two_columns


def linear(g: Graph, model: Any, block: Block) -> Answers:
    """LinearDiscriminantAnalysis: the sigmoid of the score for two classes, softmax for more."""
    classes = model.classes_
    product = g.op("MatMul", numbers(g, block).name, _doubles(np.asarray(model.coef_).T))
    scores = g.op("Add", product, _doubles(model.intercept_).reshape(1, -1))
    if len(classes) == 2:
        line = flat(g, scores)
        return {
            "prediction": pick(g, above_zero(g, line), classes),
            "probabilities": Result(two_columns(g, expit(g, scores)), width=2),
            "scores": Result(line),
        }
    return {
        "prediction": pick(g, largest(g, scores), classes),
        "probabilities": Result(g.op("Softmax", scores, axis=1), width=len(classes)),
        "scores": Result(scores, width=len(classes)),
    }


def projection(g: Graph, model: Any, block: Block) -> Block:
    """LinearDiscriminantAnalysis as a transformer: the directions that part the classes best."""
    if model.solver == "lsqr":
        message = "a LinearDiscriminantAnalysis with solver='lsqr' cannot transform"
        raise UnsupportedModelError(message, "fit it again with solver='svd'")
    x = numbers(g, block).name
    if model.solver == "svd":
        x = g.op("Sub", x, _doubles(model.xbar_))
    directions = np.asarray(model.scalings_)
    result = g.op("MatMul", x, _doubles(directions))
    count = min(model._max_components, directions.shape[1])
    if count < directions.shape[1]:
        result = g.op("Gather", result, np.arange(count), axis=1)
    return [Matrix(result, "number", count)]


def quadratic(g: Graph, model: Any, block: Block) -> Answers:
    """QuadraticDiscriminantAnalysis: distances to the class means in the axes of each class.

    Axes that a class lacks (their number is the rank of its covariance) are zeros, which add nothing.
    """
    axes = [np.asarray(r) * np.asarray(s) ** -0.5 for r, s in zip(model.rotations_, model.scalings_, strict=True)]
    most = max(axis.shape[1] for axis in axes)
    stacked = np.stack([np.pad(axis, ((0, 0), (0, most - axis.shape[1]))) for axis in axes])
    x = numbers(g, block)
    centred = g.op("Sub", x.name, _doubles(model.means_)[:, None, :])
    turned = g.op("MatMul", centred, _doubles(stacked))
    squares = g.op("ReduceSum", g.op("Mul", turned, turned), np.array([2]), keepdims=0)
    spread = np.array([np.sum(np.log(scaling)) for scaling in model.scalings_])
    distances = g.op("Add", g.op("Transpose", squares, perm=[1, 0]), spread)
    joint = g.op("Add", g.op("Mul", distances, np.array(-0.5)), np.log(_doubles(model.priors_)))
    classes = model.classes_
    return {
        "prediction": pick(g, largest(g, joint), classes),
        "probabilities": Result(shares_below_largest(g, joint), width=len(classes)),
        "scores": _decision(g, joint, len(classes)),
    }


def _decision(g: Graph, joint: str, classes: int) -> Result:
    if classes != 2:
        return Result(joint, width=classes)
    first, second = (g.op("Gather", joint, np.array(number), axis=1) for number in range(2))
    return Result(g.op("Sub", second, first))


def _doubles(values: Any) -> Any:
    return np.ascontiguousarray(values, dtype=np.float64)
