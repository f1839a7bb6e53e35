"""Random features that approximate a kernel (sklearn.kernel_approximation)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix, NotOurs

#: Up to this many components the Fourier transform of a sketch is written as a matrix.
_COMPONENTS = 4096
_INTERVALS = {1: 0.8, 2: 0.5, 3: 0.4}


def fourier(g: Graph, model: Any, block: Block) -> Block:
    """RBFSampler: sqrt(2 / components) cos(x . weights + offset)."""
    return [_cosines(g, model, numbers(g, block).name, (2.0 / model.n_components) ** 0.5)]


def skewed_chi2(g: Graph, model: Any, block: Block) -> Block:
    """SkewedChi2Sampler: the same of log(x + skewedness)."""
    x = g.op("Log", g.op("Add", numbers(g, block).name, np.array(float(model.skewedness))))
    return [_cosines(g, model, x, np.sqrt(2.0) / np.sqrt(model.n_components))]


def additive_chi2(g: Graph, model: Any, block: Block) -> Block:
    """AdditiveChi2Sampler: sqrt(x), then cosines and sines of log(x); 0 stays 0."""
    x = numbers(g, block)
    interval = model.sample_interval or _INTERVALS[model.sample_steps]
    is_zero = g.op("Equal", x.name, np.array(0.0))
    positive = g.op("Where", is_zero, np.array(1.0), x.name)

    def kept(name: str) -> str:
        return g.op("Where", is_zero, np.array(0.0), name)

    parts = [kept(g.op("Sqrt", g.op("Mul", positive, np.array(interval))))]
    logarithm = g.op("Mul", g.op("Log", positive), np.array(interval))
    doubled = g.op("Mul", g.op("Mul", positive, np.array(2.0)), np.array(interval))
    for number in range(1, model.sample_steps):
        factor = g.op("Sqrt", g.op("Div", doubled, np.array(np.cosh(np.pi * number * interval))))
        angle = g.op("Mul", logarithm, np.array(float(number)))
        parts += [kept(g.op("Mul", factor, g.op(wave, angle))) for wave in ("Cos", "Sin")]
    name = parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=1)
    return [Matrix(name, "number", x.width * len(parts), sparse=x.sparse)]


def sketch(g: Graph, model: Any, block: Block) -> Block:
    """PolynomialCountSketch: count sketches of x, one a degree, multiplied by way of their Fourier transforms.

    Half of a transform is enough, as the sketches are real.
    """
    size = model.n_components
    if size > _COMPONENTS:
        raise NotOurs(f"{size:,} components")
    x = g.op("Mul", numbers(g, block).name, np.array(np.sqrt(float(model.gamma))))
    half = size // 2 + 1
    angles = 2.0 * np.pi * (np.outer(np.arange(size), np.arange(half)) % size) / size
    real, imaginary = np.cos(angles), -np.sin(angles)
    product: tuple[str, str] | None = None
    for indices, signs in zip(model.indexHash_, model.bitHash_, strict=True):
        factor = _transform(g, model, x, (real[indices] * signs[:, None], imaginary[indices] * signs[:, None]))
        product = factor if product is None else _multiplied(g, product, factor)
    assert product is not None
    weight = np.full((half, 1), 2.0 / size)
    weight[0] = 1.0 / size
    if size % 2 == 0:
        weight[-1] = 1.0 / size
    back = [np.ascontiguousarray(weight * part.T) for part in (real, imaginary)]
    name = g.op("Add", g.op("MatMul", product[0], back[0]), g.op("MatMul", product[1], back[1]))
    return [Matrix(name, "number", size)]


def _transform(g: Graph, model: Any, x: str, parts: tuple[NDArray[np.float64], ...]) -> tuple[str, str]:
    """Return real and imaginary part of the sketch of ``x``; where coef0 is not 0 its root is one more column."""
    root = np.sqrt(float(model.coef0))
    names = []
    for part in parts:
        if model.coef0 == 0:
            names.append(g.op("MatMul", x, np.ascontiguousarray(part)))
        else:
            names.append(g.op("Add", g.op("MatMul", x, np.ascontiguousarray(part[:-1])), root * part[-1:]))
    return names[0], names[1]


def _multiplied(g: Graph, a: tuple[str, str], b: tuple[str, str]) -> tuple[str, str]:
    """Return the product of two complex numbers."""
    real = g.op("Sub", g.op("Mul", a[0], b[0]), g.op("Mul", a[1], b[1]))
    return real, g.op("Add", g.op("Mul", a[0], b[1]), g.op("Mul", a[1], b[0]))


def _cosines(g: Graph, model: Any, x: str, scale: float) -> Matrix:
    projection = g.op("MatMul", x, np.ascontiguousarray(model.random_weights_))
    cosines = g.op("Cos", g.op("Add", projection, np.asarray(model.random_offset_)[None, :]))
    return Matrix(g.op("Mul", cosines, np.array(scale)), "number", model.n_components)
