"""How far the original agrees with itself: on the same rows in another batch, order and memory layout.

Sums of doubles depend on their order, and BLAS chooses one by the shape of the batch. Where sums cancel (a kernel
regression, a whitening that divides by almost nothing) the original's own answers differ from call to call by more
than an exact conversion is allowed to.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.golden import Tensors
from mlship.originals.stress import Group, join, taken

Answer = Callable[[Tensors], dict[str, NDArray[Any]]]

_ROWS, _SINGLES = 256, 8
#: Up to this, relative, the original counts as steady, on rows of the sample and on stressed ones; an exact conversion
#: is allowed 1e-9.
STEADY, _STRICT = 1e-10, 1e-12
_MOST = 1e-3


def noise(answer: Answer, tensors: Tensors, expected: Tensors) -> float:
    """Return the largest difference of the original's numbers to themselves; 0 where it is steady.

    Asked are the first rows once more, and some of them alone. Not counted is what is more than noise: a thousandth of
    the largest number.
    """
    rows = np.arange(min(_ROWS, len(next(iter(tensors.values())))))
    few = {name: values[rows] for name, values in expected.items()}
    found = [(few, _again(answer, taken(tensors, rows)))]
    for row in rows[:_SINGLES]:
        found.append(({name: values[[row]] for name, values in few.items()}, answer(taken(tensors, [row]))))
    if max(spread(*pair).max() for pair in found) <= STEADY:
        return 0.0
    largest = 0.0
    for name, values in few.items():
        if values.dtype.kind == "f":
            most = _MOST * np.abs(values[np.isfinite(values)]).max(initial=0.0)
            off = max(np.abs(once[name] - again[name]).max() for once, again in found)
            largest = max(largest, float(off) if off <= most else 0.0)
    return largest


def steady(stressed: Sequence[Group], answer: Answer) -> list[Group]:
    """Leave out the rows that the original answers otherwise when it is asked again: their sums cancel."""
    if not stressed:
        return []
    rows = join(stressed)
    kept = spread(answer(rows), _again(answer, rows)) <= _STRICT
    result, first = [], 0
    for name, tensors in stressed:
        count = len(next(iter(tensors.values())))
        stays = np.flatnonzero(kept[first : first + count])
        first += count
        if len(stays):
            result.append((name, taken(tensors, stays) if len(stays) < count else tensors))
    return result


def spread(expected: Tensors, again: Tensors) -> NDArray[np.float64]:
    """Return for each row the largest difference of its numbers, relative to the largest one; inf for other labels."""
    result = np.zeros(len(next(iter(expected.values()))))
    for name, values in expected.items():
        other = again[name]
        if values.dtype.kind != "f":
            off = np.asarray(values != other).reshape(len(result), -1).any(axis=1)
            result[off] = np.inf
            continue
        a, b = values.reshape(len(result), -1), other.reshape(len(result), -1)
        with np.errstate(invalid="ignore"):
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            off = np.where(same, 0.0, np.abs(a - b)).max(axis=1, initial=0.0)
            largest = np.where(np.isfinite(a), np.abs(a), 0.0).max(axis=1, initial=0.0)
        relative = off / np.where(largest > 0, largest, 1.0)
        result = np.maximum(result, np.where(np.isnan(relative), np.inf, relative))
    return result


def _again(answer: Answer, tensors: Tensors) -> dict[str, NDArray[Any]]:
    """Ask about the same rows in reverse, laid out column by column."""
    turned = {name: np.asfortranarray(array[::-1]) for name, array in tensors.items()}
    return {name: values[::-1] for name, values in answer(turned).items()}
