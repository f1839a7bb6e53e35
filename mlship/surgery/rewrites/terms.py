"""A product by a constant, pulled back through what makes its operand: sums, scalings, products, columns side by side.

For x . W where x is (z - m) / s, or z . A, or columns side by side, the same answer is z . W' + b with other constants.
All of it is computed in double, whatever the precision of the graph.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.surgery.graph import attributes
from mlship.surgery.rewrites.index import Index

Doubles = NDArray[np.float64]

#: A shift by more than so many times a column's unit is left as it is, by element type: x . w - m . w is as many times
#: less precise than (x - m) . w. This leaves 1e-12 of a double, and 1e-5 of a float.
_FARTHEST_SHIFT: dict[int, float] = {TensorProto.DOUBLE: 1e4, TensorProto.FLOAT: 1e2}


@dataclass(frozen=True)
class Term:
    """``source`` . ``weights``, one share of a product; the source is (rows, width), the weights (width, columns).

    ``unit``: by what each column was scaled between source and product, (width,). ``read``: which columns the original
    reads at all, (width,); a column that it does not read must not be read, as 0 times a missing value is missing.
    """

    source: str
    weights: Doubles
    unit: Doubles
    read: NDArray[np.bool_]


@dataclass(frozen=True)
class Pulled:
    """What a term is equal to: a sum of ``terms`` and ``offset``, (columns,)."""

    terms: tuple[Term, ...]
    offset: Doubles


def start(source: str, weights: NDArray[Any]) -> Term:
    """Return the term of a product by ``weights`` (width, columns)."""
    width = len(weights)
    return Term(source, weights.astype(np.float64), np.ones(width), np.ones(width, dtype=bool))


def pulled(index: Index, term: Term) -> Pulled | None:
    """Return ``term`` in terms of what its source is made of; None where that is nothing linear, or used elsewhere."""
    node = index.made.get(term.source)
    if node is None or index.reader(term.source) is None or node.domain or node.op_type not in _STEPS:
        return None
    return _STEPS[node.op_type](index, node, term)


def row_of(array: NDArray[Any] | None, width: int) -> Doubles | None:
    """Return a finite constant that acts alike on all rows as (width,), or None."""
    if array is None or array.dtype.kind != "f" or not np.isfinite(array).all():
        return None
    if array.ndim > 2 or (array.ndim == 2 and len(array) != 1) or array.shape[-1:] not in ((), (1,), (width,)):
        return None
    return np.broadcast_to(array.astype(np.float64).reshape(-1), (width,))


def _constant_of(index: Index, node: onnx.NodeProto, term: Term) -> tuple[str, Doubles, bool] | None:
    """Return the operand of an elementwise node that varies, the row that does not, and whether that comes first."""
    width = len(term.weights)
    for place in (0, 1):
        row = row_of(index.graph.constant(node.input[place]), width)
        other = node.input[1 - place]
        if row is not None and index.width(other) == width:
            return other, row, place == 0
    return None


def _shift(index: Index, node: onnx.NodeProto, term: Term) -> Pulled | None:
    found = _constant_of(index, node, term)
    if found is None:
        return None
    source, row, first = found
    if np.max(np.abs(row * term.unit), initial=0.0) > _FARTHEST_SHIFT.get(index.types[source].kind, 0.0):
        return None
    minus = node.op_type == "Sub"
    offset = (-row if minus and not first else row) @ term.weights
    return Pulled((replace(term, source=source, weights=-term.weights if minus and first else term.weights),), offset)


def _scale(index: Index, node: onnx.NodeProto, term: Term) -> Pulled | None:
    found = _constant_of(index, node, term)
    if found is None or (node.op_type == "Div" and (found[2] or not found[1].all())):
        return None
    source, row, _ = found
    factor = 1 / row if node.op_type == "Div" else row
    weights = term.weights / row[:, None] if node.op_type == "Div" else term.weights * row[:, None]
    if not np.isfinite(weights).all():
        return None
    return _one(replace(term, source=source, weights=weights, unit=term.unit * factor))


def _negate(index: Index, node: onnx.NodeProto, term: Term) -> Pulled | None:
    return _one(replace(term, source=node.input[0], weights=-term.weights))


def _product(index: Index, node: onnx.NodeProto, term: Term) -> Pulled | None:
    """Join two products where the joint one multiplies no more than the two."""
    found = product_of(index, node)
    if found is None:
        return None
    inner, bias = found
    outer = term.weights
    if inner.shape[0] * outer.shape[1] > inner.size + outer.size:
        return None
    offset = np.zeros(outer.shape[1]) if bias is None else bias @ outer
    return Pulled((start(node.input[0], inner @ outer),), offset)


def product_of(index: Index, node: onnx.NodeProto) -> tuple[Doubles, Doubles | None] | None:
    """Return weights (width, columns) and bias (columns,) of a product of a matrix by a constant; None for others."""
    if node.domain or node.op_type not in ("MatMul", "Gemm"):
        return None
    about = attributes(node)
    weights = index.graph.constant(node.input[1])
    if weights is None or weights.ndim != 2 or weights.dtype.kind != "f" or about.get("transA"):
        return None
    weights = (weights.T if about.get("transB") else weights).astype(np.float64) * about.get("alpha", 1.0)
    if index.width(node.input[0]) != len(weights) or not np.isfinite(weights).all():
        return None
    if len(node.input) < 3 or not node.input[2]:
        return weights, None
    bias = row_of(index.graph.constant(node.input[2]), weights.shape[1])
    return None if bias is None else (weights, bias * about.get("beta", 1.0))


def _side_by_side(index: Index, node: onnx.NodeProto, term: Term) -> Pulled | None:
    widths = [width for name in node.input if (width := index.width(name)) is not None]
    if attributes(node)["axis"] not in (1, -1) or len(widths) < len(node.input) or sum(widths) != len(term.weights):
        return None
    pieces = [slice(end - width, end) for end, width in zip(np.cumsum(widths).tolist(), widths, strict=True)]
    parts = (
        Term(name, term.weights[piece], term.unit[piece], term.read[piece])
        for name, piece in zip(node.input, pieces, strict=True)
    )
    return _several(term, [part for part in parts if part.read.any()])


def _columns(index: Index, node: onnx.NodeProto, term: Term) -> Pulled | None:
    """Spread the weights of chosen columns over the columns that they were chosen from."""
    chosen, width = index.graph.constant(node.input[1]), index.width(node.input[0])
    if chosen is None or width is None or chosen.ndim != 1 or attributes(node).get("axis", 0) not in (1, -1):
        return None
    if len(chosen) != len(term.weights):
        return None
    weights, unit, read = np.zeros((width, term.weights.shape[1])), np.zeros(width), np.zeros(width, dtype=bool)
    np.add.at(weights, chosen, term.weights)
    np.maximum.at(unit, chosen, np.abs(term.unit))
    np.logical_or.at(read, chosen, term.read)
    return _one(Term(node.input[0], weights, unit, read))


def _one(term: Term) -> Pulled:
    return _several(term, [term])


def _several(term: Term, terms: list[Term]) -> Pulled:
    return Pulled(tuple(terms), np.zeros(term.weights.shape[1]))


_STEPS: Mapping[str, Callable[[Index, onnx.NodeProto, Term], Pulled | None]] = {
    "Add": _shift,
    "Concat": _side_by_side,
    "Div": _scale,
    "Gather": _columns,
    "Gemm": _product,
    "MatMul": _product,
    "Mul": _scale,
    "Neg": _negate,
    "Sub": _shift,
}
