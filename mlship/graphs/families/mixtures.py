"""Gaussian mixtures: the log-likelihood of each component, then the largest and the shares."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from scipy.special import digamma

from mlship.graphs.arithmetic.logarithms import shares
from mlship.graphs.arithmetic.norms import NUMPY
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.labels import largest

Doubles = NDArray[np.float64]


def gaussian(g: Graph, model: Any, block: Block) -> Answers:
    """GaussianMixture: the component that is the most likely, and the shares of all."""
    logs = _log_gaussian(g, model, numbers(g, block))
    with np.errstate(divide="ignore"):
        weights = np.log(model.weights_)
    return _components(g, g.op("Add", logs, weights), len(weights))


def bayesian(g: Graph, model: Any, block: Block) -> Answers:
    """BayesianGaussianMixture: the same with the expected logarithms of precisions and weights."""
    x = numbers(g, block)
    logs = g.op("Sub", _log_gaussian(g, model, x), 0.5 * x.width * np.log(_row(model.degrees_of_freedom_)))
    halves = 0.5 * (_row(model.degrees_of_freedom_) - np.arange(x.width)[:, None])
    log_lambda = x.width * np.log(2.0) + np.sum(digamma(halves), axis=0)
    logs = g.op("Add", logs, 0.5 * (log_lambda - x.width / np.asarray(model.mean_precision_)))
    weights = _expected_log_weights(model)
    return _components(g, g.op("Add", logs, weights), len(weights))


def _components(g: Graph, joint: str, count: int) -> Answers:
    return {
        "prediction": Result(largest(g, joint), TensorProto.INT64),
        "probabilities": Result(shares(g, joint), width=count),
    }


def _log_gaussian(g: Graph, model: Any, x: Matrix) -> str:
    """Return the log density of each row under each component, (rows, components)."""
    factors = np.ascontiguousarray(model.precisions_cholesky_, dtype=np.float64)
    means = np.ascontiguousarray(model.means_, dtype=np.float64)
    count = len(means)
    match model.covariance_type:
        case "full":
            distances = _turned(g, x, means, factors)
            log_det = np.sum(np.log(factors.reshape(count, -1)[:, :: x.width + 1]), axis=1)
        case "tied":
            distances = _turned(g, x, means, np.broadcast_to(factors, (count, *factors.shape)))
            log_det = np.full(count, np.sum(np.log(np.diag(factors))))
        case "diag":
            distances = _along_axes(g, x, means, factors**2)
            log_det = np.sum(np.log(factors), axis=1)
        case _:
            distances = _round(g, x, means, factors**2)
            log_det = x.width * np.log(factors)
    halved = g.op("Mul", g.op("Add", distances, np.array(x.width * math.log(2 * math.pi))), np.array(-0.5))
    return g.op("Add", halved, log_det)


def _turned(g: Graph, x: Matrix, means: Doubles, factors: Doubles) -> str:
    """Return |x . f - mean . f|^2 for each mean and its matrix f."""
    centres = np.stack([mean @ factor for mean, factor in zip(means, factors, strict=True)])
    gaps = g.op("Sub", g.op("MatMul", x.name, np.ascontiguousarray(factors)), centres[:, None, :])
    squares = g.op("ReduceSum", g.op("Mul", gaps, gaps), np.array([2]), keepdims=0)
    return g.op("Transpose", squares, perm=[1, 0])


def _along_axes(g: Graph, x: Matrix, means: Doubles, precisions: Doubles) -> str:
    mixed = g.op("Mul", g.op("MatMul", x.name, _columns(means * precisions)), np.array(2.0))
    own = g.op("MatMul", g.op("Mul", x.name, x.name), _columns(precisions))
    return g.op("Add", g.op("Sub", np.sum(means**2 * precisions, axis=1), mixed), own)


def _round(g: Graph, x: Matrix, means: Doubles, precisions: Doubles) -> str:
    mixed = g.op("Mul", g.op("Mul", g.op("MatMul", x.name, _columns(means)), precisions), np.array(2.0))
    own = g.op("Mul", NUMPY.of_rows(g, x.name, x.width), precisions)
    return g.op("Add", g.op("Sub", np.sum(means**2, axis=1) * precisions, mixed), own)


def _expected_log_weights(model: Any) -> Doubles:
    weights = model.weight_concentration_
    if model.weight_concentration_prior_type == "dirichlet_process":
        total = digamma(weights[0] + weights[1])
        rest = np.cumsum(digamma(weights[1]) - total)[:-1]
        return np.asarray(digamma(weights[0]) - total + np.append(0.0, rest))
    return np.asarray(digamma(weights) - digamma(np.sum(weights)))


def _columns(values: Doubles) -> Doubles:
    return np.ascontiguousarray(values.T)


def _row(values: Any) -> Doubles:
    return np.asarray(values, dtype=np.float64)
