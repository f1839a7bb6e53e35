"""The kernels of sklearn.metrics.pairwise, and the estimators that are a kernel and a matrix."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic import distances
from mlship.graphs.arithmetic.distances import Points, axes
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, NotOurs, Result
from mlship.graphs.labels import flat

#: Estimators that leave a parameter at None let the kernel choose: 1 / columns for gamma, 3 and 1 for the others.
_NAMED = ("gamma", "degree", "coef0")


def ridge(g: Graph, model: Any, block: Block) -> Answers:
    """KernelRidge: kernel . dual coefficients, (rows,) or (rows, targets)."""
    given = {name: getattr(model, name) for name in _NAMED}
    dual = np.asarray(model.dual_coef_, dtype=np.float64)
    kernel = pairwise(g, numbers(g, block).name, model.X_fit_, model.kernel, given)
    name = g.op("MatMul", kernel, dual if dual.ndim == 2 else dual[:, None])
    return {"prediction": Result(flat(g, name)) if dual.ndim == 1 else Result(name, width=dual.shape[1])}


def nystroem(g: Graph, model: Any, block: Block) -> Block:
    """Nystroem: kernel to its components . normalization."""
    given = {name: getattr(model, name) for name in _NAMED if getattr(model, name) is not None}
    given |= model.kernel_params or {}
    kernel = pairwise(g, numbers(g, block).name, model.components_, model.kernel, given)
    return [_product(g, kernel, distances.transposed(model.normalization_))]


def principal(g: Graph, model: Any, block: Block) -> Block:
    """KernelPCA: the centred kernel on its scaled eigenvectors; those of eigenvalue 0 give 0."""
    given = {"gamma": model.gamma_, "degree": model.degree, "coef0": model.coef0}
    kernel = pairwise(g, numbers(g, block).name, model.X_fit_, model.kernel, given)
    return [projected(g, kernel, model)]


def projected(g: Graph, kernel: str, model: Any) -> Matrix:
    """Centre a kernel matrix as a KernelPCA does and project it on its eigenvectors."""
    values, vectors = model.eigenvalues_, model.eigenvectors_
    scaled = np.zeros_like(vectors)
    kept = np.flatnonzero(values)
    scaled[:, kept] = vectors[:, kept] / np.sqrt(values[kept])
    return _product(g, _centred(g, kernel, model._centerer), scaled)


def centerer(g: Graph, model: Any, block: Block) -> Block:
    """KernelCenterer: less the means of columns and rows, plus the mean of all; rows are those of new data."""
    x = numbers(g, block)
    return [Matrix(_centred(g, x.name, model), "number", x.width)]


def pairwise(g: Graph, x: str, points: Any, kernel: Any, given: Mapping[str, Any]) -> str:
    """Return pairwise_kernels(x, points, metric=kernel), (rows, points).

    ``given`` are its parameters. Raises UnsupportedModelError for a precomputed kernel or a function.
    """
    refuse(kernel)
    y = dense(points)
    gamma = given.get("gamma")
    gamma = np.array(1.0 / y.shape[1] if gamma is None else float(gamma))
    match kernel:
        case "linear":
            result = g.op("MatMul", x, distances.transposed(y))
        case "cosine":
            result = distances.cosine_similarity(g, x, y)
        case "poly" | "polynomial":
            result = g.op("Pow", _affine(g, x, y, gamma, given), np.array(float(given.get("degree", 3))))
        case "sigmoid":
            result = g.op("Tanh", _affine(g, x, y, gamma, given))
        case "rbf":
            result = g.op("Exp", g.op("Mul", distances.expanded(g, x, y), -gamma))
        case "laplacian":
            result = g.op("Exp", g.op("Mul", distances.manhattan(g, x, y), -gamma))
        case "additive_chi2":
            result = g.op("Neg", _chi2(g, x, y))
        case "chi2":
            result = g.op("Exp", g.op("Mul", _chi2(g, x, y), np.array(-float(given.get("gamma", 1.0)))))
        case _:
            raise NotOurs(f"kernel={kernel!r}")
    return result


def refuse(kernel: Any) -> None:
    """Raise UnsupportedModelError where new rows are not compared with points by a kernel that has a name."""
    if callable(kernel):
        name = getattr(kernel, "__name__", type(kernel).__name__)
        raise UnsupportedModelError(
            f"the kernel is a function of yours, '{name}', which cannot be converted",
            "train with a kernel that has a name, such as kernel='rbf'",
        )
    if kernel == "precomputed":
        raise UnsupportedModelError(
            "kernel='precomputed' asks for the kernel between a new row and all rows that it was trained on",
            "train with a kernel that has a name, such as kernel='rbf'",
        )


def dense(points: Any) -> Points:
    """Return points in double, sparse ones too."""
    return np.asarray(points.toarray() if hasattr(points, "toarray") else points, dtype=np.float64)


def _affine(g: Graph, x: str, y: Points, gamma: Any, given: Mapping[str, Any]) -> str:
    product = g.op("Mul", g.op("MatMul", x, distances.transposed(y)), gamma)
    return g.op("Add", product, np.array(float(given.get("coef0", 1))))


def _chi2(g: Graph, x: str, y: Points) -> str:
    """Return the sum of (x - y)^2 / (x + y), where x + y is not 0."""

    def piece(a: str, b: str) -> str:
        difference, total = g.op("Sub", a, b), g.op("Add", a, b)
        safe = g.op("Where", g.op("Equal", total, np.array(0.0)), np.array(1.0), total)
        return g.op("Div", g.op("Mul", difference, difference), safe)

    return distances.summed(g, x, y, piece)


def _centred(g: Graph, kernel: str, model: Any) -> str:
    rows = np.asarray(model.K_fit_rows_, dtype=np.float64)
    mean = g.op("Div", g.op("ReduceSum", kernel, axes(1), keepdims=1), np.array(float(len(rows))))
    return g.op("Add", g.op("Sub", g.op("Sub", kernel, rows[None, :]), mean), np.array(float(model.K_fit_all_)))


def _product(g: Graph, kernel: str, weights: Any) -> Matrix:
    return Matrix(g.op("MatMul", kernel, np.ascontiguousarray(weights)), "number", weights.shape[1])
