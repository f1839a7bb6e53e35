"""Partial least squares and canonical correlation: as regressors, and as projections of the features."""

from typing import Any

import numpy as np

from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.labels import flat


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """PLSRegression, PLSCanonical and CCA: one column for each target that they were fitted on."""
    coefficients = _doubles(model.coef_)
    product = g.op("MatMul", _centred(g, model, block), _doubles(coefficients.T))
    name = g.op("Add", product, _doubles(model.intercept_).reshape(1, -1))
    if model._predict_1d:
        return {"prediction": Result(flat(g, name))}
    return {"prediction": Result(name, width=len(coefficients))}


def rotated(g: Graph, model: Any, block: Block) -> Block:
    """PLSRegression, PLSCanonical and CCA as transformers: the scores of the scaled features."""
    return _scores(g, model, block, model.x_rotations_)


def weighted(g: Graph, model: Any, block: Block) -> Block:
    """PLSSVD: the scores of the scaled features."""
    return _scores(g, model, block, model.x_weights_)


def _scores(g: Graph, model: Any, block: Block, directions: Any) -> Block:
    scaled = g.op("Div", _centred(g, model, block), _doubles(model._x_std).reshape(1, -1))
    return [Matrix(g.op("MatMul", scaled, _doubles(directions)), "number", directions.shape[1])]


def _centred(g: Graph, model: Any, block: Block) -> str:
    return g.op("Sub", numbers(g, block).name, _doubles(model._x_mean).reshape(1, -1))


def _doubles(values: Any) -> Any:
    return np.ascontiguousarray(values, dtype=np.float64)
