"""Clusterers that answer for new rows: the nearest centre, and the distances to all centres."""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic.distances import expanded, transposed
from mlship.graphs.arithmetic.norms import BLAS, NUMPY, Norms
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, NotOurs, Result
from mlship.graphs.ensemble import Trees, summed
from mlship.graphs.labels import flat, pick

#: Birch keeps the norms of its subclusters from fitting, and those of rows are computed as for the others.
_MIXED = Norms(BLAS.of_rows, NUMPY.of_points)


def k_means(g: Graph, model: Any, block: Block) -> Answers:
    """KMeans and MiniBatchKMeans: the nearest centre."""
    ranks = _ranks(g, numbers(g, block).name, model.cluster_centers_)
    return {"prediction": Result(_smallest(g, ranks), TensorProto.INT64)}


def bisecting(g: Graph, model: Any, block: Block) -> Answers:
    """BisectingKMeans: down a tree, at each fork to the nearer of two centres.

    The gaps between the two ranks are the columns of a decision tree: left where left is not farther.
    """
    x = numbers(g, block)
    nodes = _in_order(model._bisecting_tree)
    places = {id(node): place for place, node in enumerate(nodes)}
    forks = [node for node in nodes if node.left is not None]
    columns = {id(node): column for column, node in enumerate(forks)}
    gaps = _gaps(g, x, forks, getattr(model, "_X_mean", 0.0)) if forks else x.name
    count = len(nodes)
    tree = Trees(
        sizes=np.array([count]),
        left=np.array([places.get(id(node.left), -1) for node in nodes]),
        right=np.array([places.get(id(node.right), -1) for node in nodes]),
        feature=np.array([columns.get(id(node), 0) for node in nodes]),
        threshold=np.zeros(count),
        missing_left=np.zeros(count, dtype=bool),
        members={},
    )
    labels = np.array([[-1.0 if node.left is not None else float(node.label)] for node in nodes])
    reached = g.op("Cast", flat(g, summed(g, gaps, tree, labels)), to=TensorProto.INT64)
    return {"prediction": Result(reached, TensorProto.INT64)}


def birch(g: Graph, model: Any, block: Block) -> Answers:
    """Birch: the label of the nearest subcluster."""
    ranks = expanded(g, numbers(g, block).name, _doubles(model.subcluster_centers_), norms=_MIXED)
    return {"prediction": pick(g, _smallest(g, ranks), model.subcluster_labels_)}


def nearest_centre(g: Graph, model: Any, block: Block) -> Answers:
    """MeanShift and AffinityPropagation: the nearest centre, or -1 where fitting found none."""
    x = numbers(g, block)
    if not hasattr(model, "cluster_centers_"):
        raise NotOurs("it was fitted on precomputed affinities")
    if not len(model.cluster_centers_):
        rows = g.op("Shape", x.name, start=0, end=1)
        none = g.op("Expand", np.array([-1]), rows)
        return {"prediction": Result(none, TensorProto.INT64)}
    ranks = expanded(g, x.name, _doubles(model.cluster_centers_), norms=BLAS)
    return {"prediction": Result(_smallest(g, ranks), TensorProto.INT64)}


def distances(g: Graph, model: Any, block: Block) -> Block:
    """KMeans, MiniBatchKMeans and BisectingKMeans as transformers: the distance to each centre."""
    return _distances(g, block, model.cluster_centers_)


def birch_distances(g: Graph, model: Any, block: Block) -> Block:
    """Birch as a transformer: the distance to each subcluster."""
    return _distances(g, block, model.subcluster_centers_)


def agglomeration(g: Graph, model: Any, block: Block) -> Block:
    """FeatureAgglomeration: the mean, sum, maximum or minimum of the columns of each cluster."""
    x = numbers(g, block)
    labels = np.asarray(model.labels_)
    count = int(labels.max()) + 1
    pool = _pooling(model.pooling_func)
    return [Matrix(pool(g, x.name, labels, count), "number", count)]


def _in_order(root: Any) -> list[Any]:
    """Return the nodes below ``root``, which comes first."""
    nodes, open_nodes = [], [root]
    while open_nodes:
        node = open_nodes.pop()
        nodes.append(node)
        if node.left is not None:
            open_nodes.extend((node.right, node.left))
    return nodes


def _gaps(g: Graph, x: Matrix, forks: list[Any], mean: Any) -> str:
    """Return how much farther the left centre of each fork is than the right one, (rows, forks)."""
    sides = []
    for side in ("left", "right"):
        centres = np.stack([getattr(node, side).center for node in forks])
        sides.append(_ranks(g, x.name, centres + mean))
    return g.op("Sub", *sides)


def _ranks(g: Graph, x: str, centres: Any) -> str:
    """Return |c|^2 - 2 x.c, which ranks centres as the distance does: (rows, centres)."""
    centres = _doubles(centres)
    norms = np.einsum("ij,ij->i", centres, centres).reshape(1, -1)
    return g.op("Add", g.op("MatMul", x, transposed(-2.0 * centres)), norms)


def _smallest(g: Graph, ranks: str) -> str:
    """Return the number of the first smallest column."""
    return g.op("ArgMin", ranks, axis=1, keepdims=0)


def _distances(g: Graph, block: Block, centres: Any) -> Block:
    name = g.op("Sqrt", expanded(g, numbers(g, block).name, _doubles(centres)))
    return [Matrix(name, "number", len(centres))]


def _pooling(function: Any) -> Callable[[Graph, str, Any, int], str]:
    if function is np.mean:
        return lambda g, x, labels, count: g.op("Div", _sums(g, x, labels, count), np.bincount(labels).astype(float))
    if function is np.sum:
        return _sums
    if function is np.max:
        return lambda g, x, labels, count: _extremes(g, x, labels, count, "max")
    if function is np.min:
        return lambda g, x, labels, count: _extremes(g, x, labels, count, "min")
    raise NotOurs(f"pooling_func={getattr(function, '__name__', function)!r}")


def _sums(g: Graph, x: str, labels: Any, count: int) -> str:
    return g.op("MatMul", x, np.eye(count)[labels])


def _extremes(g: Graph, x: str, labels: Any, count: int, which: str) -> str:
    """Return the largest or smallest value of each cluster, (rows, count)."""
    shape = g.op("Concat", g.op("Shape", x, start=0, end=1), np.array([count]), axis=0)
    worst = g.op("Expand", np.array(-np.inf if which == "max" else np.inf), shape)
    places = g.op("Expand", labels.astype(np.int64).reshape(1, -1), g.op("Shape", x))
    return g.op("ScatterElements", worst, places, x, axis=1, reduction=which)


def _doubles(values: Any) -> Any:
    return np.ascontiguousarray(values, dtype=np.float64)
