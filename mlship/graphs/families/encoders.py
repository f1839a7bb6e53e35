"""Categories: OneHotEncoder and OrdinalEncoder, for numbers and for text, with unknown and missing values."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.arithmetic.categories import key, look_up, merged
from mlship.graphs.builder import Block, Graph, Matrix

Ints = NDArray[np.int64]


def one_hot(g: Graph, model: Any, block: Block) -> Block:
    """OneHotEncoder; an unknown category with ``handle_unknown="error"`` gives zeros, where the original stops."""
    infrequent = getattr(model, "infrequent_categories_", None)
    codes, unknown, sizes = [], [], []
    for number, categories in enumerate(model.categories_):
        places = _group(categories, infrequent[number] if infrequent else None)
        other = int(places.max(initial=-1))
        size = other + 1
        default = other if _takes_unknown(model, infrequent, number) else -1
        dropped = None if model.drop_idx_ is None else model.drop_idx_[number]
        if dropped is not None:
            places, default = _drop(places, default, int(places[dropped]))
            size -= 1
        codes.append(places)
        unknown.append(default)
        sizes.append(size)
    if not sum(sizes):
        return []
    found = look_up(g, merged(g, block), model.categories_, codes, np.array(unknown, dtype=np.int64))
    return [hot(g, found, sizes, sparse=_is_sparse(model))]


def hot(g: Graph, codes: str, sizes: Sequence[int], *, sparse: bool) -> Matrix:
    """Return, side by side, one-hot columns for ``codes`` (rows, columns); a code below 0 gives zeros.

    ``sizes``: how many codes each column has.
    """
    source = np.repeat(np.arange(len(sizes)), sizes)
    code = np.concatenate([np.arange(size, dtype=np.int64) for size in sizes]).reshape(1, -1)
    spread = codes if len(sizes) == 1 else g.op("Gather", codes, source, axis=1)
    name = g.op("Cast", g.op("Equal", spread, code), to=TensorProto.DOUBLE)
    return Matrix(name, "number", len(source), sparse=sparse)


def ordinal(g: Graph, model: Any, block: Block) -> Block:
    """OrdinalEncoder; an unknown category with ``handle_unknown="error"`` gives -1, where the original stops."""
    infrequent = getattr(model, "infrequent_categories_", None)
    unknown = model.unknown_value if model.handle_unknown == "use_encoded_value" else -1
    codes = []
    for number, categories in enumerate(model.categories_):
        has_nan = len(categories) > 0 and key(categories[-1]) == "nan"
        known = categories[:-1] if has_nan else categories
        places = _group(known, infrequent[number] if infrequent else None).astype(np.float64)
        codes.append(np.append(places, float(model.encoded_missing_value)) if has_nan else places)
    every = np.full(len(codes), unknown, dtype=np.float64)
    return [Matrix(look_up(g, merged(g, block), model.categories_, codes, every), "number", len(codes))]


def _is_sparse(model: Any) -> bool:
    """Say whether the output is a sparse matrix; the parameter was called ``sparse`` before scikit-learn 1.2."""
    return bool(getattr(model, "sparse_output", getattr(model, "sparse", False)))


def _takes_unknown(model: Any, infrequent: Sequence[Any] | None, number: int) -> bool:
    """Say whether unknown categories of this column count as infrequent ones."""
    return (
        model.handle_unknown in ("infrequent_if_exist", "warn")
        and infrequent is not None
        and infrequent[number] is not None
    )


def _group(categories: Sequence[Any], infrequent: Sequence[Any] | None) -> Ints:
    """Return the code of each category: frequent ones in order, then one for all infrequent ones."""
    rare = {key(category) for category in infrequent} if infrequent is not None else set()
    is_rare = np.array([key(category) in rare for category in categories], dtype=bool)
    codes = np.cumsum(~is_rare) - 1
    return np.where(is_rare, np.count_nonzero(~is_rare), codes).astype(np.int64)


def _drop(places: Ints, unknown: int, dropped: int) -> tuple[Ints, int]:
    """Take the column ``dropped`` out; what pointed there points nowhere (-1)."""
    every = np.append(places, unknown)
    every = np.where(every == dropped, -1, every - (every > dropped))
    return every[:-1], int(every[-1])
