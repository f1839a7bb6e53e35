"""Geometry of the plots of an optimisation: quality against size, and against time at each batch size, in SVG units."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlship import axes, formats
from mlship.optimizers import tags
from mlship.optimizers.tags import Tag

WIDTH, HEIGHT = 320.0, 306.0
LEFT, RIGHT, TOP, BOTTOM = 54.0, 22.0, 26.0, 46.0

#: The smallest range of scores that is drawn, and how far below the worst within the budget the axis goes at least.
_LEAST, _BELOW = 0.01, 0.015

_EDGE = 7.0

Kind = Literal["chosen", "base", "within", "beyond"]


@dataclass(frozen=True)
class Point:
    """A candidate, by the number of its row; ``below``: its score lies below the axis; ``reach``: x of its interval."""

    x: float
    y: float
    number: int
    kind: Kind
    below: bool
    reach: tuple[float, float] | None
    tag: Tag
    title: str


@dataclass(frozen=True)
class Panel:
    """A plot; ``front`` is the path of its Pareto front, ``allowed`` the y of the worst score within the budget."""

    title: str
    caption: str
    points: tuple[Point, ...]
    x: tuple[axes.Tick, ...]
    y: tuple[axes.Tick, ...]
    front: str
    allowed: float | None
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


@dataclass(frozen=True)
class _Place:
    """A candidate on its way to a point: ``value`` is its size or time, ``low`` to ``high`` what it may be."""

    number: int
    candidate: Mapping[str, Any]
    value: float
    low: float
    high: float
    words: str

    @property
    def score(self) -> float:
        return float(self.candidate["quality"]["score"])

    @property
    def kind(self) -> Kind:
        if self.candidate["chosen"]:
            return "chosen"
        if not self.number:
            return "base"
        return "within" if self.candidate["within_budget"] else "beyond"


def panels(document: Mapping[str, Any]) -> list[Panel]:
    """Lay out the plots of ``document`` (the content of candidates.json): those that have anything to show.

    Candidates without a score are on none of them, those that were not timed only on that of the size.
    """
    scored = [
        (number, candidate)
        for number, candidate in enumerate(document["candidates"])
        if candidate["quality"]["score"] is not None
    ]
    if not scored:
        return []
    limits = _scores([candidate for _, candidate in scored])
    allowed = _allowed(document)
    sizes = [_sized(number, candidate) for number, candidate in scored]
    found = [_panel("Size", "size of the model file", sizes, limits, allowed, formats.size)]
    for batch in document["asked"]["batch"]:
        timed = [
            _timed(number, candidate, str(batch)) for number, candidate in scored if str(batch) in candidate["times"]
        ]
        title = f"{batch:,} row{'s' * (batch > 1)} a call"
        if timed:
            found.append(_panel(title, "time a call", timed, limits, allowed, formats.seconds))
    return found


def _sized(number: int, candidate: Mapping[str, Any]) -> _Place:
    size = float(candidate["size_bytes"])
    return _Place(number, candidate, size, size, size, formats.size(size))


def _timed(number: int, candidate: Mapping[str, Any], batch: str) -> _Place:
    time = candidate["times"][batch]
    seconds, unit = time["seconds"], time["seconds"] / time["estimate"]
    words = f"{formats.seconds(seconds)}, {formats.gain(1 / time['estimate'], 'the converted model')}"
    return _Place(number, candidate, seconds, unit * time["low"], unit * time["high"], words)


def _panel(
    title: str, caption: str, places: Sequence[_Place], limits: tuple[float, float], allowed: float | None, write: Any
) -> Panel:
    low, high = axes.decades(min(place.value for place in places), max(place.value for place in places))
    across = axes.scale(low, high, LEFT, WIDTH - RIGHT)
    upwards = axes.scale(*limits, HEIGHT - BOTTOM, TOP)
    steps = axes.rounds(limits[0], min(limits[1], 1.0))
    digits = max(0, -math.floor(math.log10(steps[1] - steps[0]) + 1e-9))
    return Panel(
        title=title,
        caption=caption,
        points=_points(places, across, upwards, limits[0]),
        x=tuple(
            axes.Tick(across(math.log10(value)), write(value).replace(".0 ", " "))
            for value in axes.labels(low, high, beside=True)
        ),
        y=tuple(axes.Tick(upwards(value), f"{value:.{digits}f}") for value in steps),
        front=_front(places, across, upwards),
        allowed=upwards(allowed) if allowed is not None and limits[0] < allowed < limits[1] else None,
    )


def _points(places: Sequence[_Place], across: axes.Scale, upwards: axes.Scale, lowest: float) -> tuple[Point, ...]:
    """Return the points, the one to be seen best last, so that it is drawn above the others."""
    order: list[Kind] = ["chosen", "base", "within", "beyond"]
    ranked = sorted(places, key=lambda place: (order.index(place.kind), place.value, place.number))
    spots = [(across(math.log10(place.value)), _height(place.score, upwards, lowest)) for place in ranked]
    area = (LEFT + 1, TOP - 10, WIDTH, HEIGHT - BOTTOM - 1)
    put = tags.placed(spots, [str(place.number) for place in ranked], area)
    points = [
        Point(x, y, place.number, place.kind, place.score < lowest, _reach(place, across), tag, _title(place))
        for place, (x, y), tag in zip(ranked, spots, put, strict=True)
    ]
    return tuple(reversed(points))


def _height(score: float, upwards: axes.Scale, lowest: float) -> float:
    return HEIGHT - BOTTOM - _EDGE if score < lowest else upwards(score)


def _reach(place: _Place, across: axes.Scale) -> tuple[float, float] | None:
    if not place.low < place.high:
        return None
    ends = [across(math.log10(max(value, 1e-12))) for value in (place.low, place.high)]
    return max(ends[0], LEFT), min(ends[1], WIDTH - RIGHT)


def _title(place: _Place) -> str:
    words = f"{place.number}: {place.candidate['name']}: score {place.score:.4f}, {place.words}"
    return words + {"chosen": "; kept", "beyond": "; beyond the budget"}.get(place.kind, "")


def _front(places: Sequence[_Place], across: axes.Scale, upwards: axes.Scale) -> str:
    """Return a step line under which lies all that is worse in both: from the bottom to the right edge."""
    allowed = [place for place in places if place.kind != "beyond"]
    steps: list[_Place] = []
    for place in sorted(allowed, key=lambda place: (place.value, -place.score)):
        if not steps or place.score > steps[-1].score:
            steps.append(place)
    if not steps:
        return ""
    corners = " ".join(f"H{across(math.log10(place.value)):.1f} V{upwards(place.score):.1f}" for place in steps)
    return f"M{across(math.log10(steps[0].value)):.1f},{HEIGHT - BOTTOM:.1f} {corners} H{WIDTH - RIGHT:.1f}"


def _scores(candidates: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the limits of the axis of scores: all of them, but not far below those within the budget."""
    every = [float(candidate["quality"]["score"]) for candidate in candidates]
    within = [score for score, candidate in zip(every, candidates, strict=True) if candidate["within_budget"]]
    high, worst = max(every), min(within or every)
    low = max(min(every), worst - max(1.5 * (high - worst), _BELOW))
    short = max(0.0, _LEAST - (high - low))
    high = max(high, min(high + short / 2, 1.0))
    low = min(low, high - _LEAST)
    room = 0.1 * (high - low)
    return low - room, high + room


def _allowed(document: Mapping[str, Any]) -> float | None:
    drop, reference = document["budget"]["accuracy_drop"], document["candidates"][0]["quality"]["score"]
    return None if drop is None or reference is None else reference - drop
