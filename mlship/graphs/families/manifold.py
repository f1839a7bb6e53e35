"""Embeddings that place a new row by its neighbours (sklearn.manifold)."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic.distances import axes
from mlship.graphs.arithmetic.nearest import nearest
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix, NotOurs
from mlship.graphs.families import kernels

_DOUBLE, _INT, _BOOL = TensorProto.DOUBLE, TensorProto.INT64, TensorProto.BOOL


def isomap(g: Graph, model: Any, block: Block) -> Block:
    """Isomap: shortest ways to all training rows by way of the nearest ones, then the kernel PCA of these."""
    if model.n_neighbors is None:
        raise NotOurs("neighbours within a radius")
    found = nearest(g, model.nbrs_, numbers(g, block), model.n_neighbors)
    onwards = g.op("Gather", np.asarray(model.dist_matrix_, dtype=np.float64), found.indices)
    ways = g.op("Add", onwards, g.op("Unsqueeze", found.distances, axes(2)))
    shortest = g.op("ReduceMin", ways, axes(1), keepdims=0)
    kernel = g.op("Mul", g.op("Mul", shortest, shortest), np.array(-0.5))
    return [kernels.projected(g, kernel, model.kernel_pca_)]


def locally_linear(g: Graph, model: Any, block: Block) -> Block:
    """LocallyLinearEmbedding: the neighbours' places, weighted so that the same weights would rebuild the row."""
    x, count = numbers(g, block), model.n_neighbors
    found = nearest(g, model.nbrs_, x, count)
    points = kernels.dense(model.nbrs_._fit_X)
    offsets = g.op("Sub", g.op("Gather", points, found.indices), g.op("Unsqueeze", x.name, axes(1)))
    gram = g.op("MatMul", offsets, g.op("Transpose", offsets, perm=[0, 2, 1]))
    trace = g.op("ReduceSum", g.op("Mul", gram, np.eye(count)), axes(1, 2), keepdims=1)
    is_positive = g.op("Greater", trace, np.array(0.0))
    extra = g.op("Mul", g.op("Where", is_positive, trace, np.array(1.0)), np.array(float(model.reg)))
    weights = _solved(g, g.op("Add", gram, g.op("Mul", extra, np.eye(count))), count)
    weights = g.op("Div", weights, g.op("ReduceSum", weights, axes(1), keepdims=1))
    embedding = np.ascontiguousarray(model.embedding_, dtype=np.float64)
    places = g.op("Mul", g.op("Gather", embedding, found.indices), weights)
    return [Matrix(g.op("ReduceSum", places, axes(1), keepdims=0), "number", embedding.shape[1])]


def _solved(g: Graph, square: str, count: int) -> str:
    """Return the solution for a right side of ones, (rows, count, 1), of positive definite ``square``.

    Elimination by Gauss and Jordan, which needs no pivoting there: one column a step, all rows at once.
    """
    ones = g.op("ReduceSum", g.op("Mul", square, np.array(0.0)), axes(2), keepdims=1)
    system = g.op("Concat", square, g.op("Add", ones, np.array(1.0)), axis=2)

    def step(number: str, go_on: str, system: str) -> list[str]:
        at = g.op("Reshape", number, axes(1))
        row = g.op("Gather", system, at, axis=1)
        row = g.op("Div", row, g.op("Gather", row, at, axis=2))
        others = g.op("Sub", system, g.op("Mul", g.op("Gather", system, at, axis=2), row))
        here = g.op("Equal", np.arange(count).reshape(1, -1, 1), number)
        return [g.op("Identity", go_on), g.op("Where", here, row, others)]

    body = g.body([(_INT, 0), (_BOOL, 0), (_DOUBLE, 3)], step, [_BOOL, _DOUBLE])
    solved = g.op("Loop", np.array(count, dtype=np.int64), "", system, body=body)
    return g.op("Gather", solved, axes(count), axis=2)
