"""Binary search in the sorted values of many columns at once, in a handful of nodes (numpy.searchsorted)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.builder import Graph


@dataclass(frozen=True)
class Shelves:
    """The sorted values of several columns in one array, with an empty place (NaN) in front of each column's.

    ``values`` (places,); ``starts`` (1, columns): the empty place of each column; ``ends`` (1, columns): its last one.
    """

    values: NDArray[np.float64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def shelved(columns: Sequence[NDArray[np.float64]]) -> Shelves:
    """Lay out the values of each column, sorted already, without NaN."""
    counts = np.array([len(column) for column in columns], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts + 1)[:-1]]).astype(np.int64)
    values = np.concatenate([np.append(np.nan, column) for column in columns])
    return Shelves(values, starts.reshape(1, -1), (starts + counts).reshape(1, -1))


def last_not_above(g: Graph, shelves: Shelves, x: str) -> str:
    """Return the place of the last value that is <= ``x`` (rows, columns), int64.

    The empty place where there is none, and for NaN. Less the column's start it is searchsorted with side="right".
    """
    longest = int((shelves.ends - shelves.starts).max())
    values = g.constant(shelves.values)
    place: str | NDArray[np.int64] = shelves.starts
    for power in reversed(range(max(1, longest.bit_length()))):
        step = np.array(2**power, dtype=np.int64)
        if isinstance(place, str):
            further = g.op("Min", g.op("Add", place, step), shelves.ends)
        else:
            further = g.constant(np.minimum(place + step, shelves.ends))
        passed = g.op("LessOrEqual", g.op("Gather", values, further), x)
        place = g.op("Where", passed, further, place)
    return str(place)
