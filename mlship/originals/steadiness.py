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
#: Below this the original counts as steady; what an exact conversion is allowed is ten times that.
STEADY = 1e-10


def noise(answer: Answer, tensors: Tensors, expected: Tensors) -> float:
    """Return the largest difference of the original's numbers to themselves, relative to the largest of their row.

    Asked are the first rows once more, and some of them alone. 0 where the original is steady.
    """
    rows = np.arange(min(_ROWS, len(next(iter(tensors.values())))))
    few = {name: values[rows] for name, values in expected.items()}
    found = spread(few, _again(answer, taken(tensors, rows)))
    for row in rows[:_SINGLES]:
        alone = answer(taken(tensors, [row]))
        found = np.append(found, spread({name: values[[row]] for name, values in expected.items()}, alone))
    largest = float(np.max(found[np.isfinite(found)], initial=0.0))
    return largest if largest > STEADY else 0.0


def steady(stressed: Sequence[Group], answer: Answer, allowed: float) -> list[Group]:
    """Leave out the rows that the original answers otherwise, beyond ``allowed``, when it is asked again."""
    if not stressed:
        return []
    rows = join(stressed)
    kept = spread(answer(rows), _again(answer, rows)) <= allowed
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
