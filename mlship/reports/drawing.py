"""A plot as data: what templates/report/charts.js draws."""

from dataclasses import dataclass
from typing import Literal

#: More lines than this in one plot cannot be told apart; further ones are in the tables only.
MOST_LINES = 6

Values = tuple[float | None, ...]
Drawn = Literal["line", "points", "hollow", "both"]


@dataclass(frozen=True)
class Axis:
    """What an axis shows; "nines" are log10(1 / (1 - q)), "index" counts the labels."""

    title: str
    unit: Literal["s", "1/s", "B", "share", "score", "money", "nines", "index"]
    log: bool = False
    zero: bool = False


@dataclass(frozen=True)
class Line:
    """Values over the plot's x; ``order`` holds strokes that connect points by number, else they connect along x."""

    name: str
    values: Values
    colour: int
    drawn: Drawn = "line"
    second: bool = False
    order: tuple[tuple[int, ...], ...] = ()
    low: Values = ()
    high: Values = ()
    named: bool = False


@dataclass(frozen=True)
class Plot:
    """A plot; ``labels`` name the places on x, ``level`` and ``places`` are lines across with their words."""

    title: str
    told: str
    x: tuple[float, ...]
    x_axis: Axis
    y_axis: Axis
    lines: tuple[Line, ...]
    second_axis: Axis | None = None
    labels: tuple[str, ...] = ()
    levels: tuple[tuple[float, str], ...] = ()
    places: tuple[tuple[float, str], ...] = ()
    ticks: tuple[float, ...] = ()
