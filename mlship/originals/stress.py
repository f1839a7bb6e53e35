"""Stress rows: sample rows with one value pushed to where converted models go wrong."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.golden import Tensors
from mlship.originals.knowledge import Known
from mlship.signature import MISSING_STRING, Column

#: At most this many columns are stressed, and this many thresholds a column and in all: golden sets stay small.
MOST_COLUMNS, MOST_THRESHOLDS, MOST_THRESHOLDS_IN_ALL = 40, 12, 160
_LONG_TEXT = 10_000

Group = tuple[str, dict[str, NDArray[Any]]]


def groups(base: Tensors, columns: Sequence[Column], known: Sequence[Known]) -> list[Group]:
    """Return groups of stressed rows, each with the name of what was done; the rows are copies of those in ``base``.

    Groups of one kind stand together, as an original that refuses one of them often refuses all.
    """
    rows = len(next(iter(base.values())))
    by_kind: dict[str, list[Group]] = {}
    chosen = np.unique(np.linspace(0, len(columns) - 1, num=min(MOST_COLUMNS, len(columns)), dtype=np.int64))
    thresholds = min(MOST_THRESHOLDS, max(1, MOST_THRESHOLDS_IN_ALL // len(chosen)))
    for number in chosen.tolist():
        column = columns[number]
        text = column.type == "string"
        for done, pushed in _texts(column, known[number]) if text else _numbers(column, known[number], thresholds):
            copy = taken(base, [(number + i) % rows for i in range(len(pushed))])
            copy[column.tensor][:, column.index] = pushed
            by_kind.setdefault(done, []).append((f"stress: {column.name} {done}", copy))
    return [group for kind in by_kind.values() for group in kind]


def is_extreme(group: Group) -> bool:
    """Say whether the rows of ``group`` hold numbers far from those of the sample."""
    return group[0].endswith(("outside the range seen", "beyond 24 bits", "beyond all thresholds", "tiny"))


def accepted(candidates: Sequence[Group], answer: Callable[[Tensors], object]) -> list[Group]:
    """Keep the groups that the original answers; what it refuses is no fair question."""
    if not candidates:
        return []
    try:
        answer(join(candidates))
    except (ValueError, TypeError, AttributeError, ArithmeticError, LookupError):
        half = len(candidates) // 2
        if half == 0:
            return []
        return accepted(candidates[:half], answer) + accepted(candidates[half:], answer)
    return list(candidates)


def join(parts: Sequence[Group]) -> dict[str, NDArray[Any]]:
    """Put the rows of all groups into one batch."""
    return {name: np.concatenate([tensors[name] for _, tensors in parts]) for name in parts[0][1]}


def taken(tensors: Tensors, rows: Any) -> dict[str, NDArray[Any]]:
    """Return a copy of the given rows."""
    return {name: array[rows].copy() for name, array in tensors.items()}


def _numbers(column: Column, known: Known, most: int) -> Iterator[tuple[str, list[Any]]]:
    yield "missing", [np.nan]
    if column.type == "boolean":
        yield "true, false", [1.0, 0.0]
        return
    low, high = column.minimum or 0.0, column.maximum or 0.0
    span = high - low or 1.0
    yield "outside the range seen", [np.floor(low - span), np.ceil(high + span)]
    yield "far outside the range seen", [np.floor(low - 1e6 * span), np.ceil(high + 1e6 * span)]
    yield "lowest, highest, zero", [low, high, 0.0]
    yield "beyond 24 bits", [2.0**24 + 1, -(2.0**24) - 1, 1_700_000_001.0]
    if column.type == "number":
        yield "infinite", [np.inf, -np.inf]
        yield "tiny", [1e-300, -1e-9 * span, 5e-324, -0.0]
    if known.categories is not None:
        yield "each category", [item for item in known.categories[:MOST_THRESHOLDS] if not pd.isna(item)]
    if known.thresholds:
        yield from _beside(known.thresholds, most, whole=column.type == "integer")


def _beside(thresholds: Sequence[float], most: int, *, whole: bool) -> Iterator[tuple[str, list[Any]]]:
    """Yield values on thresholds of trees and beside them, in double and in the float32 that some trees compare."""
    every = np.unique(thresholds)
    picked = every[np.unique(np.linspace(0, len(every) - 1, num=min(most, len(every)), dtype=np.int64))]
    if whole:
        yield "beside a threshold", [*np.floor(picked), *np.ceil(picked)]
        return
    yield "on a threshold", list(picked)
    yield "one ulp beside a threshold", [*np.nextafter(picked, np.inf), *np.nextafter(picked, -np.inf)]
    with np.errstate(over="ignore"):
        single = picked[::3].astype(np.float32)
        steps = np.concatenate([np.nextafter(single, np.float32(end)) for end in (np.inf, -np.inf)]).astype(np.float64)
    yield "one float32 step beside a threshold", list(steps[np.isfinite(steps)])
    yield "beyond all thresholds", [1e30, -1e30]


def _texts(column: Column, known: Known) -> Iterator[tuple[str, list[Any]]]:
    words = known.words or list(column.categories or ()) or ["word"]
    several = " ".join(words[:: max(1, len(words) // 20)])
    yield "missing", [MISSING_STRING]
    yield "empty", [""]
    yield "unseen", ["never seen before"]
    yield "not ASCII", ["Ünïcødé 年龄"]
    yield "in capitals", [words[0].upper(), several.upper(), several.title()]
    yield "with punctuation", [f"{words[0]}, {words[-1]}!", "?!.,;:-_()[]'\"/\\#@ don't e-mail foo_bar x1 »…« \0"]
    yield "with spaces", [f" {words[0]} ", f"  {several}   and\t\ttabs\n\nlines\u00a0\u2003"]
    yield (
        "in several scripts",
        ["STRASSE ẞ İstanbul ΟΔΟΣ ΑΣ. Ёлка Привет", "ภาษาไทย น้ำ हिन्दी में 한국어 ガギ 👍🏽 ﬁ ½ é e\u0301 É E\u0301"],
    )
    yield "long", [f"{several} "[:_LONG_TEXT] * (_LONG_TEXT // min(_LONG_TEXT, len(several) + 1))]
    if column.categories:
        yield "each category", list(column.categories)
