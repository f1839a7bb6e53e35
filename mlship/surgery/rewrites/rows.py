"""Rows to hold a rewritten graph against the one before: given ones, and made-up ones within and far outside."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.signature import MISSING_STRING, Column, Signature

Tensors = Mapping[str, NDArray[Any]]

#: How many of the given rows are used, and how many are made up of each kind.
_GIVEN, _MADE_UP = 1000, 100

#: How often a value in extreme rows is an extreme one.
_SHARE = 0.1


def trial_rows(signature: Signature, given: Tensors, seed: int) -> tuple[Tensors, Tensors]:
    """Return some of the ``given`` rows, and made-up ones, both as tensors (rows, width) by input.

    The made-up rows are normally distributed over the range of each column, then the same with some values far outside,
    zero, tiny or missing where the column may miss one; texts are given ones and one that nobody knows.
    """
    random = np.random.default_rng(seed)
    count = len(next(iter(given.values())))
    chosen = np.sort(random.choice(count, size=min(count, _GIVEN), replace=False))
    made_up = {name: _empty(values) for name, values in given.items()}
    for column in signature.columns:
        values = _column(column, given[column.tensor][:, column.index], random)
        made_up[column.tensor][:, column.index] = values
    return {name: values[chosen] for name, values in given.items()}, made_up


def _empty(values: NDArray[Any]) -> NDArray[Any]:
    return np.empty((2 * _MADE_UP, values.shape[1]), dtype=values.dtype)


def _column(column: Column, given: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    if column.type == "string":
        usual: NDArray[Any] = random.choice(given, size=2 * _MADE_UP)
        extremes: Sequence[Any] = ["never seen before", "", *([MISSING_STRING] if column.nullable else [])]
    else:
        known = given[np.isfinite(given)]
        low, high = (known.min(), known.max()) if len(known) else (0.0, 1.0)
        span = max(high - low, 1.0)
        usual = random.normal((low + high) / 2, span / 2, size=2 * _MADE_UP)
        extremes = [low - 1e6 * span, high + 1e6 * span, 0.0, 1e-300, *([np.nan] if column.nullable else [])]
    if column.type in ("integer", "boolean"):
        usual = np.round(np.clip(usual, low, high))
    strange = np.arange(2 * _MADE_UP) >= _MADE_UP
    strange &= random.random(2 * _MADE_UP) < _SHARE
    return np.where(strange, random.choice(np.array(extremes, dtype=given.dtype), size=2 * _MADE_UP), usual)
