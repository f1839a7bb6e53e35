"""LabelPropagation and LabelSpreading: the label distributions of the training rows, weighted by nearness."""

from typing import Any

import numpy as np

from mlship.graphs.arithmetic import distances
from mlship.graphs.arithmetic.distances import axes
from mlship.graphs.arithmetic.nearest import nearest
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Result
from mlship.graphs.families import kernels
from mlship.graphs.labels import largest, pick


def propagated(g: Graph, model: Any, block: Block) -> Answers:
    """Kernel rbf: all training rows count; knn: the nearest ones, alike. Then each row is divided by its sum."""
    kernels.refuse(model.kernel)
    x = numbers(g, block)
    shares = np.ascontiguousarray(model.label_distributions_, dtype=np.float64)
    if model.kernel == "knn":
        found = nearest(g, model.nn_fit, x, model.nn_fit.n_neighbors)
        votes = g.op("ReduceSum", g.op("Gather", shares, found.indices), axes(1), keepdims=0)
    else:
        square = distances.expanded(g, x.name, kernels.dense(model.X_), points_first=True)
        kernel = g.op("Exp", g.op("Mul", square, np.array(-float(model.gamma))))
        votes = g.op("MatMul", kernel, shares)
    chances = g.op("Div", votes, g.op("ReduceSum", votes, axes(1), keepdims=1))
    return {
        "prediction": pick(g, largest(g, chances), model.classes_),
        "probabilities": Result(chances, width=len(model.classes_)),
    }
