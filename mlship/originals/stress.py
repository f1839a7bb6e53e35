"""Stress rows: sample rows with one value pushed to where converted models go wrong."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.golden import Tensors
from mlship.originals.knowledge import Known
from mlship.signature import MISSING_STRING, Column

#: At most this many columns are stressed, and this many thresholds a column: golden sets stay small.
MOST_COLUMNS, MOST_THRESHOLDS = 40, 12

Group = tuple[str, dict[str, NDArray[Any]]]


def groups(base: Tensors, columns: Sequence[Column], known: Sequence[Known]) -> list[Group]:
    """Return groups of stressed rows, each with the name of what was done; the rows are copies of those in ``base``."""
    rows = len(next(iter(base.values())))
    result: list[Group] = []
    chosen = np.unique(np.linspace(0, len(columns) - 1, num=min(MOST_COLUMNS, len(columns)), dtype=np.int64))
    for number in chosen:
        column = columns[number]
        values = _texts(column) if column.type == "string" else _numbers(column, known[number])
        for done, pushed in values:
            picked = [(int(number) + i) % rows for i in range(len(pushed))]
            copy = {name: array[picked].copy() for name, array in base.items()}
            copy[column.tensor][:, column.index] = pushed
            result.append((f"stress: {column.name} {done}", copy))
    return result


def accepted(candidates: Sequence[Group], answer: Callable[[Tensors], object]) -> list[Group]:
    """Keep the groups that the original answers; what it refuses (ValueError, TypeError) is no fair question."""
    if not candidates:
        return []
    try:
        answer(join(candidates))
    except (ValueError, TypeError):
        half = len(candidates) // 2
        if half == 0:
            return []
        return accepted(candidates[:half], answer) + accepted(candidates[half:], answer)
    return list(candidates)


def join(parts: Sequence[Group]) -> dict[str, NDArray[Any]]:
    """Put the rows of all groups into one batch."""
    return {name: np.concatenate([tensors[name] for _, tensors in parts]) for name in parts[0][1]}


def _numbers(column: Column, known: Known) -> Iterator[tuple[str, list[Any]]]:
    yield "missing", [np.nan]
    if column.type == "boolean":
        yield "true, false", [1.0, 0.0]
        return
    low, high = column.minimum or 0.0, column.maximum or 0.0
    span = high - low or 1.0
    yield "outside the range seen", [np.floor(low - span), np.ceil(high + span)]
    yield "lowest, highest, zero", [low, high, 0.0]
    if known.categories is not None:
        yield (
            "each category",
            [item for item in known.categories[:MOST_THRESHOLDS] if not pd.isna(item)],
        )
    if known.thresholds:
        every = np.unique(known.thresholds)
        picked = every[np.unique(np.linspace(0, len(every) - 1, num=min(MOST_THRESHOLDS, len(every)), dtype=np.int64))]
        if column.type == "integer":
            yield "beside a threshold", [*np.floor(picked), *np.ceil(picked)]
        else:
            yield "on a threshold", list(picked)
            yield "one ulp beside a threshold", [*np.nextafter(picked, np.inf), *np.nextafter(picked, -np.inf)]
        yield "beyond 24 bits", [2.0**24 + 1]


def _texts(column: Column) -> Iterator[tuple[str, list[Any]]]:
    yield "missing", [MISSING_STRING]
    yield "empty", [""]
    yield "unseen", ["never seen before"]
    yield "not ASCII", ["Ünïcødé 年龄"]
    if column.categories:
        yield "each category", list(column.categories)
