"""Rows of columns for networks: as typed tensors, and in batches where a network takes a fixed number of rows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from onnx import TensorProto, helper

from mlship.graphs.families.networks import Feed

Answers = list[NDArray[Any]]


def matrix_of(rows: Any) -> NDArray[Any]:
    """Return a frame or an array as (rows, columns), of objects where there is text."""
    if isinstance(rows, pd.DataFrame):
        kinds = {dtype.kind for dtype in rows.dtypes}
        return rows.to_numpy(dtype=np.float64 if kinds <= set("iufb") else object)
    return np.asarray(rows)


def tensors_of(matrix: NDArray[Any], feeds: Sequence[Feed]) -> dict[str, NDArray[Any]]:
    """Take rows apart into what each input takes; raises ValueError for missing values where they have no form."""
    result, first = {}, 0
    for feed in feeds:
        part = matrix[:, first : first + feed.width].reshape(-1, *feed.shape)
        result[feed.name] = _typed(part, feed)
        first += feed.width
    return result


def require_finite(matrix: NDArray[Any]) -> None:
    """Raise ValueError for infinite values: no service takes them, and what activations make of them differs."""
    if np.isinf(matrix.astype(np.float64)).any():
        raise ValueError("networks are not asked about infinite values")


def in_batches(ask: Callable[[NDArray[Any]], Answers], matrix: NDArray[Any], rows: int | None) -> Answers:
    """Return all outputs for ``matrix``, asked for ``rows`` rows at a time (None: for all at once).

    The last batch is filled up with copies of its last row. Outputs that are no rows are put one after the other.
    """
    size = rows or len(matrix)
    short = -len(matrix) % size
    padded = np.concatenate([matrix, matrix[-1:].repeat(short, axis=0)]) if short else matrix
    parts = [ask(padded[start : start + size]) for start in range(0, len(padded), size)]
    together = [np.concatenate(values) for values in zip(*parts, strict=True)]
    return [values[: len(matrix)] if len(values) == len(padded) else values for values in together]


def probes(feeds: Sequence[Feed], rows: int = 3) -> NDArray[Any]:
    """Return rows of small whole numbers, and of text where that is taken, to find out what the outputs are."""
    width = sum(feed.width for feed in feeds)
    numbers = (np.arange(rows * width) % 2).reshape(rows, width)
    texts = [feed.type == TensorProto.STRING for feed in feeds for _ in range(feed.width)]
    return np.where(texts, "a", numbers.astype(object)) if any(texts) else numbers.astype(np.float64)


def _typed(values: NDArray[Any], feed: Feed) -> NDArray[Any]:
    if feed.type == TensorProto.STRING:
        if any(not isinstance(value, str) for value in values.ravel()):
            raise ValueError(f"input '{feed.name}' takes text, without missing values")
        return values.astype(object)
    numbers = values.astype(np.float64)
    kind = helper.tensor_dtype_to_np_dtype(feed.type)
    if kind.kind in "iub" and not np.isfinite(numbers).all():
        raise ValueError(f"input '{feed.name}' takes whole numbers, without missing ones")
    with np.errstate(over="ignore"):
        return numbers.astype(kind)
