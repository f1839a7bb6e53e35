"""Categories: OneHotEncoder and OrdinalEncoder, for numbers and for text, with unknown and missing values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.blocks import each, joined
from mlship.graphs.builder import ML, Block, Graph, Matrix, tensor
from mlship.graphs.missing import is_null
from mlship.signature import MISSING_STRING


def one_hot(g: Graph, model: Any, block: Block) -> Block:
    """OneHotEncoder; an unknown category with ``handle_unknown="error"`` gives zeros, where the original stops."""
    infrequent = getattr(model, "infrequent_categories_", None)
    answer = []
    for number, column in enumerate(each(g, block)):
        categories = model.categories_[number]
        places = _group(categories, infrequent[number] if infrequent else None)
        other = int(places.max(initial=-1))
        unknown = other if _takes_unknown(model, infrequent, number) else -1
        dropped = None if model.drop_idx_ is None else model.drop_idx_[number]
        size = other + 1
        if dropped is not None:
            places, unknown = _drop(places, unknown, int(places[dropped]))
            size -= 1
        if size:
            codes = _look_up(g, column, categories, places, np.int64(unknown))
            hot = g.op("Equal", codes, np.arange(size, dtype=np.int64).reshape(1, -1))
            answer.append(Matrix(g.op("Cast", hot, to=TensorProto.DOUBLE), "number", size))
    return [joined(g, answer)]


def ordinal(g: Graph, model: Any, block: Block) -> Block:
    """OrdinalEncoder; an unknown category with ``handle_unknown="error"`` gives -1, where the original stops."""
    infrequent = getattr(model, "infrequent_categories_", None)
    unknown = model.unknown_value if model.handle_unknown == "use_encoded_value" else -1
    answer = []
    for number, column in enumerate(each(g, block)):
        categories = model.categories_[number]
        has_nan = len(categories) > 0 and _key(categories[-1]) == "nan"
        known = categories[:-1] if has_nan else categories
        codes = _group(known, infrequent[number] if infrequent else None).astype(np.float64)
        if has_nan:
            codes = np.append(codes, float(model.encoded_missing_value))
        answer.append(Matrix(_look_up(g, column, categories, codes, np.float64(unknown)), "number", 1))
    return [joined(g, answer)]


def _takes_unknown(model: Any, infrequent: Sequence[Any] | None, number: int) -> bool:
    """Say whether unknown categories of this column count as infrequent ones."""
    return (
        model.handle_unknown in ("infrequent_if_exist", "warn")
        and infrequent is not None
        and infrequent[number] is not None
    )


def _group(categories: Sequence[Any], infrequent: Sequence[Any] | None) -> NDArray[np.int64]:
    """Return the code of each category: frequent ones in order, then one for all infrequent ones."""
    rare = {_key(category) for category in infrequent} if infrequent is not None else set()
    is_rare = np.array([_key(category) in rare for category in categories], dtype=bool)
    codes = np.cumsum(~is_rare) - 1
    return np.where(is_rare, np.count_nonzero(~is_rare), codes).astype(np.int64)


def _drop(places: NDArray[np.int64], unknown: int, dropped: int) -> tuple[NDArray[np.int64], int]:
    """Take the column ``dropped`` out; what pointed there points nowhere (-1)."""
    every = np.append(places, unknown)
    every = np.where(every == dropped, -1, every - (every > dropped))
    return every[:-1], int(every[-1])


def _look_up(g: Graph, column: Matrix, categories: Sequence[Any], codes: NDArray[Any], unknown: np.generic) -> str:
    """Return the code of each value of ``column`` (rows, 1)."""
    missing: Any = MISSING_STRING if column.kind == "string" else np.nan
    known: dict[Any, Any] = {}
    for category, code in zip(categories, codes, strict=True):
        if is_null(category):
            if _key(category) == column.null:
                known[missing] = code
        elif column.kind == "string":
            known[str(category)] = code
        elif not isinstance(category, str):  # text among the categories cannot occur in a column of numbers
            known[float(category)] = code
    known = known or {missing: unknown}
    return g.op(
        "LabelEncoder",
        column.name,
        domain=ML,
        keys_tensor=tensor(np.array(list(known), dtype=object if column.kind == "string" else np.float64)),
        values_tensor=tensor(np.array(list(known.values()), dtype=unknown.dtype)),
        default_tensor=tensor(np.array([unknown])),
    )


def _key(category: Any) -> Any:
    """Return something that equals itself: "none", "nan", or the category in a tuple."""
    if is_null(category):
        return "none" if category is None else "nan"
    return (category,)
