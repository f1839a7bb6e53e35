"""The kernels of sklearn.gaussian_process: between new rows and the training rows, and of each new row with itself."""

import math
from typing import Any

import numpy as np

from mlship.graphs.arithmetic import distances
from mlship.graphs.arithmetic.distances import Points, axes, filled
from mlship.graphs.builder import Graph, NotOurs
from mlship.graphs.families import kernels


def between(g: Graph, kernel: Any, x: str, points: Points) -> str:
    """Return kernel(x, points), (rows, points)."""
    match _name(kernel):
        case "Sum":
            result = g.op("Add", *(between(g, part, x, points) for part in (kernel.k1, kernel.k2)))
        case "Product":
            result = g.op("Mul", *(between(g, part, x, points) for part in (kernel.k1, kernel.k2)))
        case "Exponentiation":
            result = g.op("Pow", between(g, kernel.kernel, x, points), np.array(float(kernel.exponent)))
        case "ConstantKernel":
            result = filled(g, x, len(points), float(kernel.constant_value))
        case "WhiteKernel":
            result = filled(g, x, len(points), 0.0)
        case "DotProduct":
            product = g.op("MatMul", x, distances.transposed(points))
            result = g.op("Add", product, np.array(float(kernel.sigma_0) ** 2))
        case "PairwiseKernel":
            given = {"gamma": kernel.gamma, **(kernel.pairwise_kernels_kwargs or {})}
            result = kernels.pairwise(g, x, points, kernel.metric, given)
        case _:
            result = _of_distance(g, kernel, x, points)
    return result


def diagonal(g: Graph, kernel: Any, x: str, width: int) -> str:
    """Return kernel.diag(x), (rows, 1); ``width`` is the number of columns of ``x``."""
    match _name(kernel):
        case "Sum":
            result = g.op("Add", *(diagonal(g, part, x, width) for part in (kernel.k1, kernel.k2)))
        case "Product":
            result = g.op("Mul", *(diagonal(g, part, x, width) for part in (kernel.k1, kernel.k2)))
        case "Exponentiation":
            result = g.op("Pow", diagonal(g, kernel.kernel, x, width), np.array(float(kernel.exponent)))
        case "ConstantKernel":
            result = filled(g, x, 1, float(kernel.constant_value))
        case "WhiteKernel":
            result = filled(g, x, 1, float(kernel.noise_level))
        case "DotProduct":
            norm = g.op("ReduceSumSquare", x, axes(1), keepdims=1)
            result = g.op("Add", norm, np.array(float(kernel.sigma_0) ** 2))
        case "PairwiseKernel":
            raise NotOurs("the variance of a PairwiseKernel")
        case _:
            result = filled(g, x, 1, 1.0)
    return result


def _of_distance(g: Graph, kernel: Any, x: str, points: Points) -> str:
    match _name(kernel):
        case "RBF":
            return g.op("Exp", g.op("Mul", _scaled(g, kernel, x, points), np.array(-0.5)))
        case "Matern":
            return _matern(g, float(kernel.nu), _scaled(g, kernel, x, points))
        case "RationalQuadratic":
            scale = 2 * float(kernel.alpha) * float(kernel.length_scale) ** 2
            share = g.op("Div", distances.squared(g, x, points), np.array(scale))
            return g.op("Pow", g.op("Add", share, np.array(1.0)), np.array(-float(kernel.alpha)))
        case "ExpSineSquared":
            distance = g.op("Sqrt", distances.squared(g, x, points))
            sine = g.op("Sin", g.op("Mul", distance, np.array(np.pi / float(kernel.periodicity))))
            share = g.op("Div", sine, np.array(float(kernel.length_scale)))
            return g.op("Exp", g.op("Mul", g.op("Mul", share, share), np.array(-2.0)))
        case name:
            raise NotOurs(f"the kernel {name}")


def _scaled(g: Graph, kernel: Any, x: str, points: Points) -> str:
    """Return squared distances in units of the length scale, of which there may be one a column."""
    scale = np.asarray(kernel.length_scale, dtype=np.float64).reshape(1, -1)
    return distances.squared(g, g.op("Div", x, scale), points / scale)


def _matern(g: Graph, nu: float, square: str) -> str:
    if nu == math.inf:
        return g.op("Exp", g.op("Mul", square, np.array(-0.5)))
    if nu not in (0.5, 1.5, 2.5):
        raise NotOurs(f"a Matern kernel of nu={nu:g}, which needs Bessel functions")
    distance = g.op("Mul", g.op("Sqrt", square), np.array(math.sqrt(2.0 * nu)))
    decay = g.op("Exp", g.op("Neg", distance))
    if nu == 0.5:
        return decay
    factor = g.op("Add", distance, np.array(1.0))
    if nu == 2.5:
        factor = g.op("Add", factor, g.op("Div", g.op("Mul", distance, distance), np.array(3.0)))
    return g.op("Mul", factor, decay)


def _name(kernel: Any) -> str:
    """Return the name of a kernel of scikit-learn; what inherits from one may compute something else."""
    kind = type(kernel)
    if not kind.__module__.startswith("sklearn."):
        raise NotOurs(f"the kernel {kind.__name__}")
    return str(kind.__name__)
