"""Sparse coding: rows as sums of few atoms of a dictionary."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.arithmetic.distances import filled, transposed
from mlship.graphs.arithmetic.norms import axes
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix, NotOurs

_DOUBLE, _INT, _BOOL = TensorProto.DOUBLE, TensorProto.INT64, TensorProto.BOOL
_TINY = np.array(np.finfo(np.float64).eps)


def learned(g: Graph, model: Any, block: Block) -> Block:
    """DictionaryLearning and MiniBatchDictionaryLearning: codes in the dictionary that they learned."""
    penalty = model.alpha if model.transform_alpha is None else model.transform_alpha
    return _codes(g, model, block, model.components_, penalty)


def given(g: Graph, model: Any, block: Block) -> Block:
    """SparseCoder: codes in the dictionary that it was given."""
    return _codes(g, model, block, model.dictionary, model.transform_alpha)


def _codes(g: Graph, model: Any, block: Block, dictionary: Any, penalty: float | None) -> Block:
    atoms = np.ascontiguousarray(dictionary, dtype=np.float64)
    x = numbers(g, block)
    fits = g.op("MatMul", x.name, transposed(atoms))
    match model.transform_algorithm:
        case "threshold":
            code = _shrunk(g, fits, 1.0 if penalty is None else float(penalty), positive=model.positive_code)
        case "omp":
            count = model.transform_n_nonzero_coefs
            code = _pursued(g, fits, atoms @ atoms.T, _steps(x.width, len(atoms)) if count is None else int(count))
        case other:
            raise NotOurs(f"transform_algorithm={other!r}")
    if not model.split_sign:
        return [Matrix(code, "number", len(atoms))]
    zero = np.array(0.0)
    signs = g.op("Max", code, zero), g.op("Neg", g.op("Min", code, zero))
    return [Matrix(g.op("Concat", *signs, axis=1), "number", 2 * len(atoms))]


def _steps(features: int, atoms: int) -> int:
    return int(min(max(features / 10, 1), atoms))


def _shrunk(g: Graph, fits: str, penalty: float, *, positive: bool) -> str:
    """Return the fits drawn towards 0 by the penalty."""
    rest = g.op("Max", g.op("Sub", g.op("Abs", fits), np.array(penalty)), np.array(0.0))
    code = g.op("Mul", g.op("Sign", fits), rest)
    return g.op("Max", code, np.array(0.0)) if positive else code


def _pursued(g: Graph, fits: str, gram: NDArray[np.float64], steps: int) -> str:
    """Return the codes of orthogonal matching pursuit with at most ``steps`` atoms: (rows, atoms).

    All rows at once: each keeps the atoms it chose as a mask and the inverse of the Cholesky factor of their Gram
    matrix, both over all atoms: row k of the factor belongs to step k. A row stops where scikit-learn does.
    Source: R. Rubinstein, M. Zibulevsky, M. Elad, Efficient Implementation of the K-SVD Algorithm using Batch
    Orthogonal Matching Pursuit, Technion CS-2008-08, algorithm 3.
    """
    atoms = len(gram)
    ones, by_atom = np.eye(atoms), g.constant(np.ascontiguousarray(gram))

    def step(_: str, __: str, code: str, rest: str, basis: str, chosen: str, active: str) -> list[str]:
        size = g.op("Abs", rest)
        best = g.op("ArgMax", size, axis=1, keepdims=0)
        pick = g.op("Gather", ones, best)
        largest = g.op("ReduceMax", size, axes(1), keepdims=1)
        used = g.op("ReduceMax", g.op("Mul", pick, chosen), axes(1), keepdims=1)
        is_new = g.op("And", g.op("Less", used, np.array(0.5)), _enough(g, g.op("Mul", largest, largest), strict=False))
        link = _times(g, basis, g.op("Gather", by_atom, best))
        own = g.op("Unsqueeze", g.op("Gather", np.diag(gram), best), axes(1))
        left = g.op("Sub", own, g.op("ReduceSumSquare", link, axes(1), keepdims=1))
        active = g.op("And", active, g.op("And", is_new, _enough(g, left, strict=True)))
        root = g.op("Sqrt", g.op("Where", active, left, np.array(1.0)))
        row = g.op("Div", g.op("Sub", pick, _back(g, basis, link)), root)
        row = g.op("Where", active, row, np.array(0.0))
        basis = g.op("Concat", basis, g.op("Unsqueeze", row, axes(1)), axis=1)
        better = _back(g, basis, _times(g, basis, fits))
        code = g.op("Where", active, better, code)
        rest = g.op("Where", active, g.op("Sub", fits, g.op("MatMul", better, by_atom)), rest)
        chosen = g.op("Where", active, g.op("Add", chosen, pick), chosen)
        return [_any(g, active), code, rest, basis, chosen, active]

    types = [(_INT, 0), (_BOOL, 0), (_DOUBLE, 2), (_DOUBLE, 2), (_DOUBLE, 3), (_DOUBLE, 2), (_BOOL, 2)]
    body = g.body(types, step, [_BOOL, _DOUBLE, _DOUBLE, _DOUBLE, _DOUBLE, _BOOL])
    zeros = filled(g, fits, atoms, 0.0)
    state = [zeros, fits, g.op("Unsqueeze", zeros, axes(1)), zeros, g.op("Cast", filled(g, fits, 1, 1.0), to=_BOOL)]
    return g.ops("Loop", 5, np.array(steps), "", *state, body=body)[0]


def _enough(g: Graph, values: str, *, strict: bool) -> str:
    return g.op("Greater" if strict else "GreaterOrEqual", values, _TINY)


def _times(g: Graph, basis: str, vector: str) -> str:
    """Return ``basis`` (rows, steps, atoms) times ``vector`` (rows, atoms): (rows, steps)."""
    return g.op("Squeeze", g.op("MatMul", basis, g.op("Unsqueeze", vector, axes(2))), axes(2))


def _back(g: Graph, basis: str, weights: str) -> str:
    """Return the sum of the rows of ``basis``, each by its weight (rows, steps): (rows, atoms)."""
    return g.op("Squeeze", g.op("MatMul", g.op("Unsqueeze", weights, axes(1)), basis), axes(1))


def _any(g: Graph, flags: str) -> str:
    """Return whether any of ``flags`` (rows, 1) is set."""
    return g.op("Cast", g.op("ReduceMax", g.op("Cast", flags, to=_INT), keepdims=0), to=_BOOL)
