"""Which of several equally distant rows scikit-learn keeps: its heap of the nearest, push by push.

The heap never takes a row as far as its farthest, and a nearer one drives out whichever of the farthest stands at the
top. Neighbours are found without it unless two rows are equally far at the border, as that takes many more steps.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic.distances import axes
from mlship.graphs.builder import Graph

_DOUBLE, _INT, _BOOL = TensorProto.DOUBLE, TensorProto.INT64, TensorProto.BOOL


def kept(g: Graph, ordered: str, total: int, size: int) -> tuple[str, str]:
    """Return the values that the heap ends with, and their columns in ``ordered``, both (rows, size), unsorted.

    ``ordered`` is (rows, total), in the order in which it is pushed.
    """
    values, columns, steps = _candidates(g, ordered, total, size)

    def push(step: str, go_on: str, heap: str, members: str) -> list[str]:
        value, column = (g.op("Gather", item, g.op("Reshape", step, axes(1)), axis=1) for item in (values, columns))
        heap, members = _pushed(g, _Heap(heap, members), value, column, size)
        return [g.op("Identity", go_on), heap, members]

    body = g.body([(_INT, 0), (_BOOL, 0), (_DOUBLE, 2), (_INT, 2)], push, [_BOOL, _DOUBLE, _INT])
    empty = np.full((1, 2 * size + 1), -np.inf)  # children that are not there
    empty[:, :size] = np.inf
    shape = g.op("Concat", g.op("Shape", ordered, start=0, end=1), axes(2 * size + 1), axis=0)
    start = g.op("Expand", empty, shape), g.op("Expand", np.zeros((1, 1), dtype=np.int64), shape)
    heap, members = g.ops("Loop", 2, steps, "", *start, body=body)
    first = np.arange(size)
    return g.op("Gather", heap, first, axis=1), g.op("Gather", members, first, axis=1)


@dataclass(frozen=True)
class _Heap:
    values: str
    columns: str


def _candidates(g: Graph, ordered: str, total: int, size: int) -> tuple[str, str, str]:
    """Return values and columns of what the heap may take, in order, and the number of steps to push them.

    A value past the first ``end`` can only enter when it is below the size-th smallest of those.
    """
    masks = [g.op("Less", _part(g, ordered, 0, size), np.array(np.inf))]
    for end, beyond in _stages(total, size):
        smallest, _ = g.ops("TopK", 2, _part(g, ordered, 0, end), axes(size), axis=1, largest=0)
        bound = g.op("Gather", smallest, axes(size - 1), axis=1)
        masks.append(g.op("Less", _part(g, ordered, end, beyond), bound))
    mask = g.op("Concat", *masks, axis=1)
    counts = g.op("ReduceSum", g.op("Cast", mask, to=_INT), axes(1), keepdims=0)
    most = g.op("ReduceMax", counts, keepdims=0)
    early = g.op("Where", mask, np.arange(total, 0, -1)[None, :], np.array(0))
    rank, columns = g.ops("TopK", 2, early, g.op("Reshape", most, axes(1)), axis=1)
    there = g.op("Greater", rank, np.array(0))
    values = g.op("Where", there, g.op("GatherElements", ordered, columns, axis=1), np.array(np.inf))
    return values, columns, most


def _stages(total: int, size: int) -> Iterator[tuple[int, int]]:
    end = size
    while end < total:
        yield end, min(2 * end, total)
        end *= 2


def _pushed(g: Graph, heap: _Heap, value: str, column: str, size: int) -> tuple[str, str]:
    """Push ``value`` (rows, 1) where it is below the top: it sinks, and the larger child comes up."""
    moving = g.op("Less", value, g.op("Gather", heap.values, axes(0), axis=1))
    place = g.op("Mul", column, np.array(0))
    for _ in range(int(math.log2(size))):
        left = g.op("Add", g.op("Mul", place, np.array(2)), np.array(1))
        right = g.op("Add", left, np.array(1))
        ours, theirs = (_at(g, heap.values, child) for child in (left, right))
        child = g.op("Where", g.op("GreaterOrEqual", ours, theirs), left, right)
        larger = g.op("Max", ours, theirs)
        sinks = g.op("And", moving, g.op("Less", value, larger))
        coming = g.op("Where", sinks, larger, value), g.op("Where", sinks, _at(g, heap.columns, child), column)
        heap = _placed(g, heap, place, moving, coming)
        place, moving = g.op("Where", sinks, child, place), sinks
    heap = _placed(g, heap, place, moving, (value, column))
    return heap.values, heap.columns


def _placed(g: Graph, heap: _Heap, place: str, moving: str, coming: tuple[str, str]) -> _Heap:
    """Put ``coming`` (value, column) at ``place`` in the rows that are ``moving``."""
    names = [
        g.op("ScatterElements", item, place, g.op("Where", moving, new, _at(g, item, place)), axis=1)
        for item, new in zip((heap.values, heap.columns), coming, strict=True)
    ]
    return _Heap(*names)


def _at(g: Graph, values: str, place: str) -> str:
    return g.op("GatherElements", values, place, axis=1)


def _part(g: Graph, values: str, start: int, end: int) -> str:
    return g.op("Slice", values, axes(start), axes(end), axes(1))
