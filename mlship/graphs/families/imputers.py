"""Missing values: SimpleImputer and MissingIndicator, for numbers and for text."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.blocks import joined, select
from mlship.graphs.builder import Block, Graph, Matrix
from mlship.graphs.missing import is_nan, is_null
from mlship.signature import MISSING_STRING


def simple(g: Graph, model: Any, block: Block) -> Block:
    """SimpleImputer, each strategy; columns that were empty in training are dropped as the original drops them."""
    statistics = np.asarray(model.statistics_, dtype=object)
    empty = np.array([is_nan(value) for value in statistics])
    kept = np.arange(len(statistics)) if model.keep_empty_features else np.flatnonzero(~empty)
    filled: list[Matrix] = []
    start = 0
    for piece in block:
        filled.append(_fill(g, piece, model.missing_values, statistics[start : start + piece.width]))
        start += piece.width
    answer = select(g, filled, kept.tolist())
    if model.add_indicator:
        answer.extend(indicator(g, model.indicator_, block))
    return answer


def indicator(g: Graph, model: Any, block: Block) -> Block:
    """MissingIndicator: 1 where a value is missing, for the columns that the original reports."""
    if len(model.features_) == 0:
        return []
    flags = [_flags(g, piece, model.missing_values) for piece in block]
    joint = replace(joined(g, flags), sparse=model.sparse is True)
    return select(g, [joint], [int(column) for column in model.features_])


def mask(g: Graph, piece: Matrix, missing: Any) -> str | None:
    """Return where ``piece`` is what the imputer calls missing; None where that cannot occur.

    In text, None and NaN are two things: scikit-learn's default ``missing_values=nan`` leaves None alone, and
    ``missing_values=None`` NaN; only pandas.NA means both.
    """
    if piece.kind == "number":
        if is_null(missing):
            return g.op("IsNaN", piece.name)
        return None if isinstance(missing, str) else g.op("Equal", piece.name, np.array([[float(missing)]]))
    if isinstance(missing, str):
        return g.op("Equal", piece.name, np.array([[missing]], dtype=object))
    either = is_nan(missing) and not isinstance(missing, float)
    if either or (missing is None and piece.null == "none") or (is_nan(missing) and piece.null == "nan"):
        return g.op("Equal", piece.name, np.array([[MISSING_STRING]], dtype=object))
    return None


def _fill(g: Graph, piece: Matrix, missing: Any, statistics: NDArray[Any]) -> Matrix:
    gone = mask(g, piece, missing)
    if gone is None:
        return piece
    if piece.kind == "string":
        values = np.array([MISSING_STRING if is_null(value) else str(value) for value in statistics], dtype=object)
    else:
        values = np.array([_number(value) for value in statistics])
    return replace(piece, name=g.op("Where", gone, values.reshape(1, -1), piece.name))


def _number(value: Any) -> float:
    """Return a statistic as a number; text stays NaN, which like that text is no category of a column of numbers."""
    return np.nan if is_null(value) or isinstance(value, str) else float(value)


def _flags(g: Graph, piece: Matrix, missing: Any) -> Matrix:
    gone = mask(g, piece, missing)
    if gone is None:
        gone = g.op("Not", g.op("Equal", piece.name, piece.name))
    return Matrix(g.op("Cast", gone, to=TensorProto.DOUBLE), "number", piece.width)
