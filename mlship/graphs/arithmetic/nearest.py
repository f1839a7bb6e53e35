"""The training rows nearest to a new row, or within a radius, as the estimators of sklearn.neighbors find them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic import heap
from mlship.graphs.arithmetic.distances import axes
from mlship.graphs.arithmetic.metrics import Metric, metric_of
from mlship.graphs.arithmetic.point_trees import tree_of, visited
from mlship.graphs.builder import Graph, Matrix
from mlship.graphs.families import kernels

_TYPES = [TensorProto.DOUBLE, TensorProto.INT64]
#: Metrics for which scikit-learn, without a tree, partitions all distances; ties then fall as numpy leaves them.
_PARTITIONED = {"cosine", "hamming"}


@dataclass(frozen=True)
class Neighbours:
    """Distances and numbers of training rows, both (rows, neighbours), the nearest first."""

    distances: str
    indices: str


def nearest(g: Graph, model: Any, x: Matrix, count: int) -> Neighbours:
    """Return the ``count`` nearest rows of those that ``model`` was trained on.

    Of rows that are equally far those are taken that scikit-learn takes with one thread. Its own choice by brute force
    among more than 256 training rows depends on its number of threads.
    """
    metric, points = metric_of(model), kernels.dense(model._fit_X)
    reduced, total = metric.reduced(g, x.name, points), len(points)
    found = g.ops("TopK", 2, reduced, axes(min(count + 1, total)), axis=1, largest=0)
    if count < total:
        last, following = (g.op("Gather", found[0], axes(at), axis=1) for at in (count - 1, count))
        found = [g.op("Slice", item, axes(0), axes(count), axes(1)) for item in found]
        if metric.name not in _PARTITIONED or model._fit_method != "brute":
            plain = g.body([], lambda: [g.op("Identity", name) for name in found], _TYPES)
            other = g.body([], lambda: _by_heap(g, model, metric, (x.name, reduced), count), _TYPES)
            tied = _any_tied(g, last, following)
            found = g.ops("If", 2, tied, then_branch=other, else_branch=plain)
    return Neighbours(metric.rooted(g, found[0]), found[1])


def within(g: Graph, model: Any, x: Matrix, radius: float) -> tuple[str, str]:
    """Return which training rows are at most ``radius`` away (bool), and all distances, both (rows, training rows)."""
    metric = metric_of(model)
    reduced = metric.reduced(g, x.name, kernels.dense(model._fit_X))
    return g.op("LessOrEqual", reduced, np.array(metric.limit(float(radius)))), metric.rooted(g, reduced)


def _any_tied(g: Graph, last: str, following: str) -> str:
    """Return whether in any row the following distance is that of the last neighbour."""
    tied = g.op("Cast", g.op("Equal", last, following), to=TensorProto.INT64)
    return g.op("Cast", g.op("ReduceMax", tied, keepdims=0), to=TensorProto.BOOL)


def _by_heap(g: Graph, model: Any, metric: Metric, given: tuple[str, str], count: int) -> list[str]:
    """Return what scikit-learn's heap keeps; ``given`` are the rows and all their reduced distances."""
    x, reduced = given
    total, tree = len(model._fit_X), tree_of(model)
    places = None
    if tree is not None:
        reduced = g.op("Gather", reduced, tree.order, axis=1)
        places = visited(g, tree, metric, x)
        reduced = reduced if places is None else g.op("GatherElements", reduced, places, axis=1)
    values, columns = heap.kept(g, reduced, total, count)
    values, rank = g.ops("TopK", 2, values, axes(count), axis=1, largest=0)
    columns = g.op("GatherElements", columns, rank, axis=1)
    if places is not None:
        columns = g.op("GatherElements", places, columns, axis=1)
    return [values, columns if tree is None else g.op("Gather", tree.order, columns)]
