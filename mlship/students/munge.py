"""Makes up rows that look like given ones, for a teacher to answer.

The method is MUNGE of C. Bucila, R. Caruana and A. Niculescu-Mizil, "Model compression" (KDD 2006), algorithm 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from mlship.signature import Column
from mlship.students.columns import reader, table

#: The chance that a value is exchanged for one near its neighbour's: p of the paper.
CHANCE = 0.2


def munged(
    tensors: Mapping[str, NDArray[Any]], columns: Sequence[Column], *, count: int, seed: int
) -> dict[str, NDArray[Any]]:
    """Return ``count`` changed copies of rows, of which there are two at least: tensors (count, width) by name.

    In each, some values are exchanged for what the nearest row has. Numbers are drawn from a normal distribution around
    the neighbour's value, its deviation being the distance of the two, and stay within what was seen; texts, booleans
    and missing values are taken over as they are, so that none is new.
    """
    random = np.random.default_rng(seed)
    sources = np.resize(np.arange(len(next(iter(tensors.values())))), count)
    nearest = _nearest(tensors, columns)[sources]
    made = {name: values[sources] for name, values in tensors.items()}
    for column in columns:
        own = made[column.tensor][:, column.index]
        theirs = tensors[column.tensor][nearest, column.index]
        values = theirs if column.type in ("string", "boolean") else _between(own, theirs, column, random)
        changed = random.random(len(own)) < CHANCE
        own[changed] = values[changed]
    return made


def _between(
    own: NDArray[Any], theirs: NDArray[Any], column: Column, random: np.random.Generator
) -> NDArray[np.float64]:
    """Draw numbers around the neighbours'; where one of the two is missing, it is the neighbour's."""
    both = ~(np.isnan(own) | np.isnan(theirs))
    drawn = random.normal(np.where(both, theirs, 0.0), np.where(both, np.abs(own - theirs), 0.0))
    drawn = np.rint(drawn) if column.type == "integer" else drawn
    seen = own[~np.isnan(own)]
    drawn = np.clip(drawn, seen.min(), seen.max()) if len(seen) else drawn
    return np.where(both, drawn, theirs)


def _nearest(tensors: Mapping[str, NDArray[Any]], columns: Sequence[Column]) -> NDArray[np.int64]:
    """Return for each row the number of the one that is nearest to it, with all columns scaled alike."""
    rows = table(tensors, columns)
    matrix = reader(columns, rows, scaled=True).transform(rows)
    places = NearestNeighbors(n_neighbors=2).fit(matrix).kneighbors(matrix, return_distance=False)
    first, second = places.T
    return np.asarray(np.where(first == np.arange(len(matrix)), second, first))
