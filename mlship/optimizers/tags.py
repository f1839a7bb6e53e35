"""Puts the numbers of points where they hide neither each other nor a point, however close the points are."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: Half the height of a number, half the width of a digit, and half the width of a point, in SVG units.
_TALL, _WIDE, _POINT = 6.0, 3.9, 6.5

#: Distances of a number's middle from its point; one that is further than the second is tied to it by a line.
_DISTANCES = (13.0, 17.0, 23.0, 30.0, 40.0, 52.0, 66.0, 82.0, 100.0, 120.0)


@dataclass(frozen=True)
class Tag:
    """The middle of a number, in SVG units, and whether a line must tie it to its point."""

    x: float
    y: float
    tied: bool


@dataclass(frozen=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "_Box") -> bool:
        apart = self.right <= other.left or other.right <= self.left
        return not (apart or self.bottom <= other.top or other.bottom <= self.top)

    def within(self, other: "_Box") -> bool:
        across = other.left <= self.left and self.right <= other.right
        return across and other.top <= self.top and self.bottom <= other.bottom


def placed(
    points: Sequence[tuple[float, float]], texts: Sequence[str], area: tuple[float, float, float, float]
) -> list[Tag]:
    """Return where the text of each point goes: as near as possible, the first points having the first choice.

    ``area`` is (left, top, right, bottom). Where nothing is free, a text goes above its point.
    """
    whole = _Box(*area)
    taken = [_Box(x - _POINT, y - _POINT, x + _POINT, y + _POINT) for x, y in points]
    found = []
    for (x, y), text in zip(points, texts, strict=True):
        free = (tag for tag in _around(x, y) if _fits(_box(tag, text), whole, taken))
        tag = next(free, Tag(x, y - _DISTANCES[0], tied=False))
        taken.append(_box(tag, text))
        found.append(tag)
    return found


def _around(x: float, y: float) -> Iterator[Tag]:
    """Yield places around a point, the nearest first, above before beside before below."""
    for distance in _DISTANCES:
        turns = 8 if distance < _DISTANCES[2] else 16
        for turn in sorted(range(turns), key=lambda turn: min(turn, turns - turn)):
            angle = 2 * math.pi * turn / turns
            place = x + distance * math.sin(angle), y - distance * math.cos(angle)
            yield Tag(*place, tied=distance > _DISTANCES[1])


def _box(tag: Tag, text: str) -> _Box:
    half = _WIDE * len(text) + 1
    return _Box(tag.x - half, tag.y - _TALL, tag.x + half, tag.y + _TALL)


def _fits(box: _Box, whole: _Box, taken: Sequence[_Box]) -> bool:
    return box.within(whole) and not any(box.meets(other) for other in taken)
