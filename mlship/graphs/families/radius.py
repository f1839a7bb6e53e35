"""Neighbours within a radius (sklearn.neighbors): classes, values and graphs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.arithmetic.distances import axes
from mlship.graphs.arithmetic.nearest import within
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.families.neighbors import refuse_function, targets_of, values_of
from mlship.graphs.labels import largest, pick, together

#: Metrics for which that path is not there.
_SLOW = {"cosine", "euclidean", "hamming", "sqeuclidean"}
_ZERO = np.array(0.0)


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """RadiusNeighborsClassifier: a vote a neighbour, weighted or not; several targets give a prediction only.

    A row without neighbours gets the outlier label; where there is none the graph fails on it, as the original does.
    """
    weights = _weights(g, model, block)
    alone = _is_alone(g, weights)
    classes, targets = targets_of(model)
    answers = [
        _class_answers(g, model, (weights, alone), (kinds, target), number)
        for number, (kinds, target) in enumerate(zip(classes, targets, strict=True))
    ]
    if model.outputs_2d_:
        return {"prediction": together(g, [prediction for prediction, _ in answers])}
    prediction, shares = answers[0]
    return {"prediction": prediction, "probabilities": Result(shares, width=len(classes[0]))}


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """RadiusNeighborsRegressor: the mean of the neighbours' targets; without any, numpy's NaN in the targets' type."""
    weights = _weights(g, model, block)
    targets = np.asarray(model._y)
    with np.errstate(invalid="ignore"):
        nothing = np.full_like(targets.reshape(len(targets), -1)[:1], np.nan).astype(np.float64)
    targets = targets.astype(np.float64)
    total = g.op("ReduceSum", weights, axes(1), keepdims=1)
    mean = g.op("Div", g.op("MatMul", weights, targets.reshape(len(targets), -1)), total)
    return {"prediction": values_of(g, g.op("Where", _is_alone(g, weights), nothing, mean), targets)}


def graph(g: Graph, model: Any, block: Block) -> Block:
    """RadiusNeighborsTransformer: 1, or the distance, at each neighbour."""
    near, distances = within(g, model, numbers(g, block), model.radius)
    edges = distances if model.mode == "distance" else np.array(1.0)
    return [Matrix(g.op("Where", near, edges, _ZERO), "number", model.n_samples_fit_, sparse=True)]


def _weights(g: Graph, model: Any, block: Block) -> str:
    """Return the weight of every training row, (rows, training rows), 0 beyond the radius.

    Where a training row is at no distance, only such ones count.
    """
    refuse_function(model)
    near, distances = within(g, model, numbers(g, block), model.radius)
    if model.weights in (None, "uniform"):
        return g.op("Cast", near, to=TensorProto.DOUBLE)
    equal = g.op("Cast", g.op("And", near, g.op("Equal", distances, _ZERO)), to=TensorProto.DOUBLE)
    any_equal = g.op("Cast", g.op("ReduceMax", equal, axes(1), keepdims=1), to=TensorProto.BOOL)
    inverse = g.op("Where", near, g.op("Div", np.array(1.0), distances), _ZERO)
    return g.op("Where", any_equal, equal, inverse)


def _is_alone(g: Graph, weights: str) -> str:
    """Return whether a row has no neighbours, (rows, 1)."""
    return g.op("Equal", g.op("ReduceMax", weights, axes(1), keepdims=1), _ZERO)


def _class_answers(
    g: Graph, model: Any, found: tuple[str, str], target: tuple[NDArray[Any], NDArray[np.int64]], number: int
) -> tuple[Result, str]:
    """Return prediction and class shares for one target: its classes, and the class numbers of the training rows."""
    (weights, alone), (kinds, members) = found, target
    votes = g.op("MatMul", weights, np.eye(len(kinds))[members])
    total = g.op("ReduceSum", votes, axes(1), keepdims=1)
    shares = g.op("Div", votes, g.op("Where", alone, np.array(1.0), total))
    given = None if model.outlier_label_ is None else model.outlier_label_[number]
    shares = g.op("Where", alone, _outlier_shares(model, kinds, given), shares)
    none = g.op("Equal", g.op("ReduceMax", shares, axes(1), keepdims=0), _ZERO)
    chosen = g.op("Where", none, np.array(len(kinds), dtype=np.int64), largest(g, shares))
    labels = kinds if given is None else np.concatenate([kinds, np.asarray([given], dtype=kinds.dtype)])
    return pick(g, chosen, labels), shares


def _outlier_shares(model: Any, kinds: NDArray[Any], given: Any) -> NDArray[np.float64]:
    """Return the class shares of a row without neighbours.

    scikit-learn has a fast path for arrays, which looks for the label as it was given among the numbers of the classes.
    """
    fast = model.weights == "uniform" and model._fit_method == "brute" and not model.outputs_2d_
    if fast and model.effective_metric_ not in _SLOW and not hasattr(model, "feature_names_in_"):
        matches = [isinstance(model.outlier_label, int) and place == model.outlier_label for place in range(len(kinds))]
    else:
        matches = [] if given is None else list(kinds == given)
    return np.array([matches or [False] * len(kinds)], dtype=np.float64)
