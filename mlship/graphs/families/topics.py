"""LatentDirichletAllocation: the share of each topic in a document, by the iteration of its variational E-step."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic.distances import filled, transposed
from mlship.graphs.arithmetic.norms import axes
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix

_DOUBLE, _INT, _BOOL = TensorProto.DOUBLE, TensorProto.INT64, TensorProto.BOOL
_SERIES_FROM = 6  # where the asymptotic series of digamma is good enough
_TINY = 1e-6  # up to which it is -gamma - 1 / x


def shares_of_topics(g: Graph, model: Any, block: Block) -> Block:
    """Return (rows, topics); every row stops on its own, as documents do in scikit-learn.

    Source: M. D. Hoffman, D. M. Blei, F. Bach, Online Learning for Latent Dirichlet Allocation, NIPS 2010, algorithm 1.
    """
    x = numbers(g, block).name
    words = np.ascontiguousarray(model.exp_dirichlet_component_, dtype=np.float64)
    by_word, tiny = g.constant(transposed(words)), np.array(np.finfo(np.float64).eps)
    prior, tolerance = np.array(float(model.doc_topic_prior_)), np.array(float(model.mean_change_tol))

    def iteration(_: str, __: str, topics: str, weights: str, active: str) -> list[str]:
        norm = g.op("Add", g.op("MatMul", weights, words), tiny)
        better = g.op("Mul", weights, g.op("MatMul", g.op("Div", x, norm), by_word))
        better = g.op("Add", better, prior)
        change = g.op("ReduceMean", g.op("Abs", g.op("Sub", topics, better)), axes(1), keepdims=1)
        topics = g.op("Where", active, better, topics)
        weights = g.op("Where", active, _expected(g, better), weights)
        active = g.op("And", active, g.op("GreaterOrEqual", change, tolerance))
        some = g.op("Cast", g.op("ReduceMax", g.op("Cast", active, to=_INT), keepdims=0), to=_BOOL)
        return [some, topics, weights, active]

    body = g.body(
        [(_INT, 0), (_BOOL, 0), (_DOUBLE, 2), (_DOUBLE, 2), (_BOOL, 2)], iteration, [_BOOL, _DOUBLE, _DOUBLE, _BOOL]
    )
    ones = filled(g, x, len(words), 1.0)
    active = g.op("Cast", filled(g, x, 1, 1.0), to=_BOOL)
    limit = np.array(int(model.max_doc_update_iter))
    topics = g.ops("Loop", 3, limit, "", ones, _expected(g, ones), active, body=body)[0]
    total = g.op("ReduceSum", topics, axes(1), keepdims=1)
    return [Matrix(g.op("Div", topics, total), "number", len(words))]


def _expected(g: Graph, topics: str) -> str:
    """Return exp(E[log p]) for Dirichlet distributed p."""
    total = g.op("ReduceSum", topics, axes(1), keepdims=1)
    return g.op("Exp", g.op("Sub", _digamma(g, topics), _digamma(g, total)))


def _digamma(g: Graph, x: str) -> str:
    """Return digamma as coarsely as scikit-learn: J. Bernardo, Algorithm AS 103, Applied Statistics 25 (1976)."""
    one, result, at = np.array(1.0), g.constant(np.array(0.0)), x
    for _ in range(_SERIES_FROM):
        below = g.op("Less", at, np.array(float(_SERIES_FROM)))
        result = g.op("Where", below, g.op("Sub", result, g.op("Div", one, at)), result)
        at = g.op("Where", below, g.op("Add", at, one), at)
    r = g.op("Div", one, at)
    result = g.op("Add", result, g.op("Sub", g.op("Log", at), g.op("Mul", r, np.array(0.5))))
    r = g.op("Mul", r, r)
    inner = g.op("Sub", np.array(1.0 / 120.0), g.op("Mul", r, np.array(1.0 / 252.0)))
    result = g.op("Sub", result, g.op("Mul", r, g.op("Sub", np.array(1.0 / 12.0), g.op("Mul", r, inner))))
    near_zero = g.op("Sub", np.array(-np.euler_gamma), g.op("Div", one, x))
    return g.op("Where", g.op("LessOrEqual", x, np.array(_TINY)), near_zero, result)
