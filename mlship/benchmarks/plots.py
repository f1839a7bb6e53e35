"""Geometry of the report's plots: curves by percentile on logarithmic axes, ready for an SVG template.

The percentile axis is that of HdrHistogram's plots: 0, 90, 99, 99.9 % at equal distances, log10(1 / (1 - q)).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlship import axes, formats
from mlship.measure import percentile

WIDTH, HEIGHT = 480.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 34.0, 10.0, 46.0

_STEPS = (0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99, 99.995, 99.999)


@dataclass(frozen=True)
class Line:
    """One curve: its ``name``, the number of its colour, and an SVG path; ``marks`` are (x, y, what to read there)."""

    name: str
    colour: int
    path: str
    marks: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class Chart:
    """A plot of latency by percentile; ``left`` to ``right`` and ``top`` to ``bottom`` is the drawing area."""

    lines: tuple[Line, ...]
    x: tuple[axes.Tick, ...]
    y: tuple[axes.Tick, ...]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


def curve(seconds: Sequence[float] | NDArray[np.float64]) -> list[list[float]]:
    """Return [percentile, seconds] pairs as far out as the number of values allows (at least one lies beyond)."""
    count = len(seconds)
    steps = [step for step in _STEPS if step <= 50 or (100 - step) * count >= 100 * (1 - 1e-9)]
    return [[float(step), percentile(seconds, step)] for step in steps]


def latency(curves: Mapping[str, Sequence[Sequence[float]]], colours: Mapping[str, int]) -> Chart:
    """Lay out ``curves`` (name -> [percentile, seconds] pairs); seconds on a logarithmic axis."""
    values = [max(value, 1e-9) for points in curves.values() for _, value in points]
    low, high = axes.decades(min(values), max(values))
    furthest = max(_nines(points[-1][0]) for points in curves.values())
    across = axes.scale(0.0, max(furthest, 1.0), LEFT, WIDTH - RIGHT)
    upwards = axes.scale(low, high, HEIGHT - BOTTOM, TOP)
    lines = tuple(_line(name, colours[name], points, across, upwards) for name, points in curves.items())
    shares = (50, 90, 99, 99.9, 99.99, 99.999)
    x = tuple(
        axes.Tick(across(_nines(share)), f"{share:g}%") for share in shares if _nines(share) <= max(furthest, 1.0)
    )
    y = tuple(axes.Tick(upwards(math.log10(value)), formats.tick(value)) for value in axes.labels(low, high))
    return Chart(lines, x, y)


def _line(name: str, colour: int, points: Sequence[Sequence[float]], across: axes.Scale, upwards: axes.Scale) -> Line:
    places = [(across(_nines(q)), upwards(math.log10(max(value, 1e-9)))) for q, value in points]
    path = "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = [
        (x, y, f"{name}, {q:g} %: {formats.seconds(value)}")
        for (x, y), (q, value) in zip(places, points, strict=True)
        if q in (50, 90, 99, 99.9)
    ]
    return Line(name, colour, path, tuple(marks))


def _nines(q: float) -> float:
    return math.log10(1 / (1 - q / 100))
