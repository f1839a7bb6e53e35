"""Looks values up among the categories of their columns, for text and for numbers, unknown and missing ones too."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.arithmetic.search import last_not_above, shelved
from mlship.graphs.blocks import each, joined
from mlship.graphs.builder import ML, Block, Graph, Matrix, tensor
from mlship.graphs.missing import is_null
from mlship.signature import MISSING_STRING

_FEW = 4  # so many columns of numbers are looked up one by one: less work for a single row


def look_up(
    g: Graph, block: Block, categories: Sequence[Any], codes: Sequence[NDArray[Any]], unknown: NDArray[Any]
) -> str:
    """Return (rows, columns): for each value the code of its category, or its column's ``unknown``.

    ``categories`` and ``codes`` go together, one pair of arrays a column; all codes have the dtype of ``unknown``.
    """
    answer = []
    start = 0
    for piece in block:
        mine = slice(start, start + piece.width)
        if piece.kind == "number" and piece.width > _FEW:
            answer.append(_searched(g, piece, categories[mine], codes[mine], unknown[mine]))
        else:
            columns = enumerate(each(g, [piece]), start)
            answer.extend(_hashed(g, item, categories[i], codes[i], unknown[i]) for i, item in columns)
        start += piece.width
    return answer[0] if len(answer) == 1 else g.op("Concat", *answer, axis=1)


def key(category: Any) -> Any:
    """Return something that equals itself: "none", "nan", or the category in a tuple."""
    if is_null(category):
        return "none" if category is None else "nan"
    return (category,)


def merged(g: Graph, block: Block) -> Block:
    """Join columns of numbers that stand side by side, so that they are looked up together."""
    answer: list[Matrix] = []
    for kind, group in groupby(block, key=lambda piece: piece.kind):
        pieces = list(group)
        answer.extend([joined(g, pieces)] if kind == "number" else pieces)
    return answer


def _known(column: Matrix, categories: Sequence[Any], codes: NDArray[Any]) -> dict[Any, Any]:
    """Return code by category, as this column's values are written in the graph."""
    missing: Any = MISSING_STRING if column.kind == "string" else np.nan
    known: dict[Any, Any] = {}
    for category, code in zip(categories, codes, strict=True):
        if is_null(category):
            if key(category) == column.null:
                known[missing] = code
        elif column.kind == "string":
            known[str(category)] = code
        elif not isinstance(category, str):  # text among the categories cannot occur in a column of numbers
            known[float(category)] = code
    return known


def _hashed(g: Graph, column: Matrix, categories: Sequence[Any], codes: NDArray[Any], unknown: Any) -> str:
    missing: Any = MISSING_STRING if column.kind == "string" else np.nan
    known = _known(column, categories, codes) or {missing: unknown}
    return g.op(
        "LabelEncoder",
        column.name,
        domain=ML,
        keys_tensor=tensor(np.array(list(known), dtype=object if column.kind == "string" else np.float64)),
        values_tensor=tensor(np.array(list(known.values()), dtype=unknown.dtype)),
        default_tensor=tensor(np.array([unknown])),
    )


def _searched(
    g: Graph, piece: Matrix, categories: Sequence[Any], codes: Sequence[NDArray[Any]], unknown: NDArray[Any]
) -> str:
    """Look numbers up by binary search, all columns at once."""
    columns, table, of_missing = [], [], []
    for items, numbers, other in zip(categories, codes, unknown, strict=True):
        known = _known(piece, items, numbers)
        of_missing.append(next((code for value, code in known.items() if np.isnan(value)), other))
        pairs = sorted((value, code) for value, code in known.items() if not np.isnan(value))
        columns.append(np.array([value for value, _ in pairs], dtype=np.float64))
        table.append(np.array([other, *(code for _, code in pairs)], dtype=unknown.dtype))
    shelves = shelved(columns)
    place = last_not_above(g, shelves, piece.name)
    found = g.op("Equal", g.op("Gather", g.constant(shelves.values), place), piece.name)
    code = g.op("Gather", np.concatenate(table), g.op("Where", found, place, shelves.starts))
    missing = np.array(of_missing, dtype=unknown.dtype)
    if np.array_equal(missing, unknown):
        return code
    return g.op("Where", g.op("IsNaN", piece.name), missing.reshape(1, -1), code)
