"""Gaussian processes: means of regressions, and the classifier by Laplace's approximation."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic import pairs
from mlship.graphs.arithmetic.distances import axes
from mlship.graphs.arithmetic.special import erf
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, NotOurs, Result
from mlship.graphs.families import covariances
from mlship.graphs.labels import flat, largest, pick, two_columns

#: The logistic function as a sum of five error functions: their scales and weights.
#: Source: C. K. I. Williams, D. Barber, Bayesian Classification with Gaussian Processes, IEEE PAMI 20 (1998),
#: appendix A; the figures are those of scikit-learn.
_SCALES = np.array([0.41, 0.4, 0.37, 0.44, 0.39])
_WEIGHTS = np.array([-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654])


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """GaussianProcessRegressor: covariance with the training rows . alpha, in units of the target."""
    if not hasattr(model, "X_train_"):
        raise UnsupportedModelError("this GaussianProcessRegressor is not fitted", "call its fit before you save it")
    alpha = np.asarray(model.alpha_, dtype=np.float64)
    alpha = alpha if alpha.ndim == 2 else alpha[:, None]
    mean = g.op("MatMul", _to_training(g, model, numbers(g, block)), alpha)
    spread, centre = (np.atleast_1d(item).reshape(1, -1) for item in (model._y_train_std, model._y_train_mean))
    mean = g.op("Add", g.op("Mul", mean, spread.astype(np.float64)), centre.astype(np.float64))
    single = alpha.shape[1] == 1
    return {"prediction": Result(flat(g, mean)) if single else Result(mean, width=alpha.shape[1])}


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """GaussianProcessClassifier: two classes, or one against the rest or against each other."""
    x, count = numbers(g, block), len(model.classes_)
    if count == 2:
        latent, chance = _binary(g, model.base_estimator_, x)
        above = g.op("Cast", flat(g, g.op("Greater", latent, np.array(0.0))), to=TensorProto.INT64)
        return {
            "prediction": pick(g, above, model.classes_),
            "probabilities": Result(two_columns(g, chance), width=2),
        }
    parts = model.base_estimator_.estimators_
    if any(not hasattr(part, "pi_") for part in parts):
        raise NotOurs("a class without rows of its own")
    latents, chances = (
        g.op("Concat", *names, axis=1) for names in zip(*(_binary(g, part, x) for part in parts), strict=True)
    )
    if model.multi_class == "one_vs_one":
        wins = g.op("Greater", latents, np.array(0.0))
        return {"prediction": pick(g, largest(g, pairs.scores(g, wins, chances, count)), model.classes_)}
    shares = g.op("Div", chances, g.op("ReduceSum", chances, axes(1), keepdims=1))
    return {"prediction": pick(g, largest(g, chances), model.classes_), "probabilities": Result(shares, width=count)}


def _to_training(g: Graph, model: Any, x: Matrix) -> str:
    points = np.asarray(model.X_train_, dtype=np.float64)
    return covariances.between(g, model.kernel_, x.name, points)


def _binary(g: Graph, model: Any, x: Matrix) -> tuple[str, str]:
    """Return mean of the latent function and probability of the second class, both (rows, 1).

    Source: C. E. Rasmussen, C. K. I. Williams, Gaussian Processes for Machine Learning (2006), algorithm 3.2.
    """
    kernel = _to_training(g, model, x)
    mean = g.op("MatMul", kernel, np.asarray(model.y_train_ - model.pi_, dtype=np.float64)[:, None])
    # L is the factor of a matrix with eigenvalues from 1 on, so that its inverse loses nothing
    solver = np.ascontiguousarray((np.linalg.inv(model.L_) * model.W_sr_[None, :]).T)
    explained = g.op("ReduceSumSquare", g.op("MatMul", kernel, solver), axes(1), keepdims=1)
    variance = g.op("Sub", covariances.diagonal(g, model.kernel_, x.name, x.width), explained)
    return mean, _integral(g, mean, variance)


def _integral(g: Graph, mean: str, variance: str) -> str:
    """Return the logistic function averaged over a normal distribution, (rows, 1)."""
    alpha = g.op("Div", np.array(1.0), g.op("Mul", variance, np.array(2.0)))
    scale, weight = _SCALES[None, :], _WEIGHTS[None, :]
    share = g.op("Sqrt", g.op("Div", alpha, g.op("Add", alpha, scale**2)))
    errors = erf(g, g.op("Mul", g.op("Mul", mean, scale), share))
    spread = g.op("Mul", g.op("Mul", variance, np.array(2.0)), np.array(np.pi))
    bound = g.op("Mul", g.op("Sqrt", spread), np.array(2.0))
    factor = g.op("Div", g.op("Sqrt", g.op("Div", np.array(np.pi), alpha)), bound)
    terms = g.op("Mul", g.op("Mul", factor, errors), weight)
    total = g.op("ReduceSum", terms, axes(1), keepdims=1)
    return g.op("Add", total, np.array(0.5 * float(_WEIGHTS.sum())))
