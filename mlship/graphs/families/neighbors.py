"""Neighbours by number (sklearn.neighbors): classes, values, outliers and graphs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic.distances import axes, filled
from mlship.graphs.arithmetic.nearest import Neighbours, nearest
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.labels import above_zero, flat, largest, pick, together

Classes = list[NDArray[Any]]


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """KNeighborsClassifier: a vote a neighbour, weighted or not; several targets give a prediction only."""
    found = nearest(g, model, numbers(g, block), model.n_neighbors)
    weights = weights_of(g, model, found)
    classes, targets = targets_of(model)
    votes = []
    for kinds, target in zip(classes, targets, strict=True):
        theirs = g.op("Unsqueeze", g.op("Gather", target, found.indices), axes(2))
        belongs = g.op("Cast", g.op("Equal", theirs, np.arange(len(kinds))), to=TensorProto.DOUBLE)
        cast = belongs if weights is None else g.op("Mul", belongs, g.op("Unsqueeze", weights, axes(2)))
        votes.append(g.op("ReduceSum", cast, axes(1), keepdims=0))
    chosen = [pick(g, largest(g, vote), kinds) for vote, kinds in zip(votes, classes, strict=True)]
    if model.outputs_2d_:
        return {"prediction": together(g, chosen)}
    total = g.op("ReduceSum", votes[0], axes(1), keepdims=1)
    return {"prediction": chosen[0], "probabilities": Result(g.op("Div", votes[0], total), width=len(classes[0]))}


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """KNeighborsRegressor: the mean of the neighbours' targets, weighted or not."""
    found = nearest(g, model, numbers(g, block), model.n_neighbors)
    weights = weights_of(g, model, found)
    targets = np.asarray(model._y, dtype=np.float64)
    values = g.op("Gather", targets.reshape(len(targets), -1), found.indices)
    if weights is None:
        mean = g.op("Div", g.op("ReduceSum", values, axes(1), keepdims=0), np.array(float(model.n_neighbors)))
    else:
        share = g.op("Mul", values, g.op("Unsqueeze", weights, axes(2)))
        total = g.op("ReduceSum", weights, axes(1), keepdims=1)
        mean = g.op("Div", g.op("ReduceSum", share, axes(1), keepdims=0), total)
    return {"prediction": values_of(g, mean, targets)}


def outliers(g: Graph, model: Any, block: Block) -> Answers:
    """LocalOutlierFactor with novelty=True: -1 where the density is lower than that of the neighbours, else 1."""
    if not model.novelty:
        raise UnsupportedModelError("this LocalOutlierFactor cannot answer for new rows", "train it with novelty=True")
    found = nearest(g, model, numbers(g, block), model.n_neighbors_)
    count = np.array(float(model.n_neighbors_))
    farthest = np.ascontiguousarray(model._distances_fit_X_[:, model.n_neighbors_ - 1], dtype=np.float64)
    reach = g.op("Max", found.distances, g.op("Gather", farthest, found.indices))
    mean = g.op("Div", g.op("ReduceSum", reach, axes(1), keepdims=1), count)
    density = g.op("Div", np.array(1.0), g.op("Add", mean, np.array(1e-10)))
    ratios = g.op("Div", g.op("Gather", np.asarray(model._lrd, dtype=np.float64), found.indices), density)
    factor = g.op("Div", g.op("ReduceSum", ratios, axes(1), keepdims=0), count)
    scores = g.op("Sub", g.op("Neg", factor), np.array(float(model.offset_)))
    sides = g.op("Gather", np.array([-1, 1], dtype=np.int64), above_zero(g, scores, or_equal=True))
    return {"prediction": Result(sides, TensorProto.INT64), "scores": Result(scores)}


def graph(g: Graph, model: Any, block: Block) -> Block:
    """KNeighborsTransformer: 1, or the distance, at each neighbour; for distances there is one neighbour more."""
    x, total = numbers(g, block), model.n_samples_fit_
    by_distance = model.mode == "distance"
    found = nearest(g, model, x, model.n_neighbors + by_distance)
    edges = found.distances if by_distance else g.op("Add", g.op("Mul", found.distances, np.array(0.0)), np.array(1.0))
    name = g.op("ScatterElements", filled(g, x.name, total, 0.0), found.indices, edges, axis=1)
    return [Matrix(name, "number", total, sparse=True)]


def weights_of(g: Graph, model: Any, found: Neighbours) -> str | None:
    """Return the weights of neighbours, None where all are alike; where some are at no distance only these count."""
    refuse_function(model)
    if model.weights in (None, "uniform"):
        return None
    return inverse(g, found.distances)


def inverse(g: Graph, distances: str) -> str:
    """Return 1 / distance; in rows where that is infinite, 1 there and 0 elsewhere."""
    weights = g.op("Div", np.array(1.0), distances)
    endless = g.op("Cast", g.op("IsInf", weights), to=TensorProto.DOUBLE)
    any_endless = g.op("Cast", g.op("ReduceMax", endless, axes(1), keepdims=1), to=TensorProto.BOOL)
    return g.op("Where", any_endless, endless, weights)


def refuse_function(model: Any) -> None:
    """Raise UnsupportedModelError where weights come from a function."""
    if callable(model.weights):
        name = getattr(model.weights, "__name__", type(model.weights).__name__)
        raise UnsupportedModelError(
            f"the weights of this {type(model).__name__} come from a function of yours, '{name}'",
            "train with weights='distance' or weights='uniform'",
        )


def targets_of(model: Any) -> tuple[Classes, list[NDArray[np.int64]]]:
    """Return the classes of each target, and the class numbers (training rows,) of each."""
    numbered = np.asarray(model._y, dtype=np.int64)
    if not model.outputs_2d_:
        return [np.asarray(model.classes_)], [numbered.reshape(-1)]
    return list(model.classes_), [np.ascontiguousarray(column) for column in numbered.T]


def values_of(g: Graph, values: str, targets: NDArray[np.float64]) -> Result:
    """Give ``values`` (rows, targets) the shape that predict gives them."""
    return Result(flat(g, values)) if targets.ndim == 1 else Result(values, width=targets.shape[1])
