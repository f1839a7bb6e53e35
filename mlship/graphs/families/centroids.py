"""NearestCentroid: the class whose centre is nearest."""

from typing import Any

import numpy as np

from mlship.graphs.arithmetic import distances
from mlship.graphs.arithmetic.distances import axes
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, NotOurs, Result
from mlship.graphs.labels import flat, largest, pick


def nearest_centroid(g: Graph, model: Any, block: Block) -> Answers:
    """NearestCentroid: with equal priors the nearest centre, else the largest discriminant score.

    Scores and probabilities are those of the discriminant, which measures in units of the spread within the classes.
    """
    if model.metric not in ("euclidean", "manhattan"):
        raise NotOurs(f"metric={model.metric!r}")
    x, classes = numbers(g, block).name, model.classes_
    centres = np.asarray(model.centroids_, dtype=np.float64)
    scores = _scores(g, model, x, centres)
    if np.isclose(model.class_prior_, 1 / len(classes)).all():
        measure = distances.expanded if model.metric == "euclidean" else distances.manhattan
        nearest = g.op("ArgMin", measure(g, x, centres), axis=1, keepdims=0)
    else:
        nearest = largest(g, scores)
    answers = {"prediction": pick(g, nearest, classes)}
    if model.metric == "manhattan":
        return answers
    if len(classes) == 2:
        first, second = (g.op("Gather", scores, axes(number), axis=1) for number in (0, 1))
        answers["scores"] = Result(flat(g, g.op("Sub", second, first)))
    else:
        answers["scores"] = Result(scores, width=len(classes))
    return {**answers, "probabilities": Result(_chances(g, scores), width=len(classes))}


def _scores(g: Graph, model: Any, x: str, centres: distances.Points) -> str:
    """Return 2 log(prior) - squared distance; columns that do not vary within classes keep their unit.

    Source: T. Hastie, R. Tibshirani, J. Friedman, The Elements of Statistical Learning (2009), equation 18.2.
    """
    spread = np.asarray(model.within_class_std_dev_, dtype=np.float64)
    unit = np.where(spread == 0.0, 1.0, spread)[None, :]
    scaled = g.op("Div", x, unit)
    if model.metric == "euclidean":
        distance = g.op("Sqrt", distances.expanded(g, scaled, centres / unit))
    else:
        distance = distances.manhattan(g, scaled, centres / unit)
    with np.errstate(divide="ignore"):
        prior = 2.0 * np.log(np.asarray(model.class_prior_, dtype=np.float64))[None, :]
    return g.op("Add", g.op("Neg", g.op("Mul", distance, distance)), prior)


def _chances(g: Graph, scores: str) -> str:
    relative = g.op("Sub", scores, g.op("ReduceMax", scores, axes(1), keepdims=1))
    total = g.op("ReduceSum", g.op("Exp", relative), axes(1), keepdims=1)
    return g.op("Exp", g.op("Sub", relative, g.op("Log", total)))
