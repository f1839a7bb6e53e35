"""Neural networks of scikit-learn: perceptrons with several layers, and the restricted Boltzmann machine."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic.elementary import expit
from mlship.graphs.blocks import product
from mlship.graphs.builder import Answers, Block, Graph, Matrix, NotOurs, Result
from mlship.graphs.labels import flat, largest, pick, two_columns


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """MLPClassifier: a sigmoid for two classes, a softmax for more, a sigmoid each for several labels a row."""
    chances, width, classes = _forward(g, model, block), int(model.n_outputs_), model.classes_
    if model._label_binarizer.y_type_.startswith("multilabel"):
        return {"prediction": _above_half(g, chances, width), "probabilities": Result(chances, width=width)}
    if width > 1:
        return {"prediction": pick(g, largest(g, chances), classes), "probabilities": Result(chances, width=width)}
    if len(classes) == 1:
        index = g.op("Expand", np.array([0]), g.op("Shape", chances, start=0, end=1))
    else:
        index = flat(g, _above_half(g, chances, 1).name)
    return {"prediction": pick(g, index, classes), "probabilities": Result(two_columns(g, chances), width=2)}


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """MLPRegressor: the last layer as it is, or its exp where the loss is Poisson's."""
    values, width = _forward(g, model, block), int(model.n_outputs_)
    return {"prediction": Result(flat(g, values)) if width == 1 else Result(values, width=width)}


def boltzmann(g: Graph, model: Any, block: Block) -> Block:
    """BernoulliRBM: the probabilities of the hidden units."""
    weights = np.asarray(model.components_)
    chances = expit(g, _layer(g, block, weights.T, model.intercept_hidden_))
    return [Matrix(chances, "number", len(weights))]


def _forward(g: Graph, model: Any, block: Block) -> str:
    last = len(model.coefs_) - 1
    for number, (weights, offsets) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        sums = _layer(g, block, weights, offsets)
        name = _activated(g, model.out_activation_ if number == last else model.activation, sums)
        block = [Matrix(name, "number", weights.shape[1])]
    return block[0].name


def _layer(g: Graph, block: Block, weights: Any, offsets: Any) -> str:
    sums = product(g, block, np.ascontiguousarray(weights, dtype=np.float64))
    return g.op("Add", sums, np.asarray(offsets, dtype=np.float64).reshape(1, -1))


def _activated(g: Graph, function: str, x: str) -> str:
    match function:
        case "identity":
            return x
        case "relu":
            return g.op("Relu", x)
        case "tanh":
            return g.op("Tanh", x)
        case "logistic":
            return expit(g, x)
        case "exp":
            return g.op("Exp", x)
        case "softmax":
            return g.op("Softmax", x, axis=1)
        case other:
            raise NotOurs(f"activation={other!r}")


def _above_half(g: Graph, chances: str, width: int) -> Result:
    above = g.op("Greater", chances, np.array(0.5))
    return Result(g.op("Cast", above, to=TensorProto.INT64), TensorProto.INT64, width)
