"""Axes of plots: where a value lies, and which values to label so that labels neither crowd nor leave one guessing."""

import math
from collections.abc import Callable
from dataclasses import dataclass

#: Longest axis, in decades, that each choice of labels a decade suits: one above the other, and side by side.
_ABOVE: dict[tuple[int, ...], float] = {(1, 2, 5): 2.5}
_BESIDE: dict[tuple[int, ...], float] = {(1, 2, 5): 1.3, (1, 3): 2.2}

#: From a value to a place in SVG units.
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis, in SVG units."""

    at: float
    label: str


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """Return what maps ``low`` to ``start`` and ``high`` to ``end``, in SVG units, and all else in proportion."""
    return lambda value: start + (value - low) / (high - low) * (end - start)


def decades(smallest: float, largest: float) -> tuple[float, float]:
    """Return the limits of a logarithmic axis: room of a tenth of a decade on both sides, at least a decade."""
    low, high = math.log10(smallest) - 0.1, math.log10(largest) + 0.1
    missing = max(0.0, 1.0 - (high - low)) / 2
    return low - missing, high + missing


def labels(low: float, high: float, *, beside: bool = False) -> list[float]:
    """Choose the values to label between two powers of ten: some a decade where that is not too many, else 1 or fewer.

    ``beside``: the labels stand side by side, where they need more room than one above the other.
    """
    choices = _BESIDE if beside else _ABOVE
    steps = next((steps for steps, longest in choices.items() if high - low < longest), (1,))
    stride = 1 + int((high - low) / 4.5) if beside else 1
    values = [step * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1, stride) for step in steps]
    return [value for value in values if low <= math.log10(value) <= high]


def rounds(low: float, high: float, most: int = 6) -> list[float]:
    """Choose at most ``most`` round values, 1, 2 or 5 times a power of ten apart, to label on a linear axis."""
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]
