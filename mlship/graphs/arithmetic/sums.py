"""Sums in the order in which numpy adds up contiguous rows, so that what cancels, cancels alike.

numpy sums pairwise: eight running sums within blocks of up to 128, halves of longer rows apart
(numpy/_core/src/umath/loops_utils.h.src).
"""

import numpy as np

from mlship.graphs.builder import Graph

_LANES, _BLOCK = 8, 128


def pairwise(g: Graph, values: str, first: int, count: int) -> str:
    """Return the sums over ``count`` columns from ``first`` of ``values`` (rows, groups, columns), (rows, groups)."""
    if count < _LANES:
        return _in_turn(g, [_column(g, values, first + number) for number in range(count)])
    if count > _BLOCK:
        half = count // 2
        half -= half % _LANES
        return g.op("Add", pairwise(g, values, first, half), pairwise(g, values, first + half, count - half))
    whole = count - count % _LANES
    parts = [_slice(g, values, place, place + _LANES) for place in range(first, first + whole, _LANES)]
    lanes = _in_turn(g, parts)
    for width in (2, 2, 2):  # (0 + 1), (2 + 3), ...; then pairs of these
        even, odd = (_slice(g, lanes, start, _LANES, width) for start in (0, 1))
        lanes = g.op("Add", even, odd)
    rest = [_column(g, values, first + number) for number in range(whole, count)]
    return _in_turn(g, [g.op("Squeeze", lanes, np.array([2])), *rest])


def _in_turn(g: Graph, parts: list[str]) -> str:
    total = parts[0]
    for part in parts[1:]:
        total = g.op("Add", total, part)
    return total


def _column(g: Graph, values: str, number: int) -> str:
    return g.op("Gather", values, np.array(number, dtype=np.int64), axis=2)


def _slice(g: Graph, values: str, start: int, end: int, step: int = 1) -> str:
    return g.op("Slice", values, *(np.array([item], dtype=np.int64) for item in (start, end, 2, step)))
