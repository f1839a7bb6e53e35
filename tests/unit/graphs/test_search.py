"""Binary search in columns of different lengths, held against numpy's."""

import numpy as np

from mlship import runtime
from mlship.graphs.arithmetic.search import last_not_above, shelved
from mlship.graphs.builder import Graph, Matrix, Result


def _places(columns, rows):
    g = Graph()
    x = g.input(Matrix("x", "number", len(columns)))
    shelves = shelved(columns)
    name = g.op("Sub", last_not_above(g, shelves, x.name), shelves.starts)
    model = g.model({"transformed": Result(g.op("Cast", name, to=11), width=len(columns))})
    session = runtime.Session(model.SerializeToString())
    return session.run({"x": rows})["transformed"]


def test_places_are_those_of_searchsorted():
    rng = np.random.default_rng(0)
    columns = [np.sort(rng.integers(-9, 9, size)).astype(float) for size in (0, 1, 2, 3, 7, 8, 100)]
    columns[3][-1] = np.inf
    values = np.concatenate([np.arange(-12.0, 12.0, 0.5), [-0.0, np.inf, -np.inf, 1e300, 5e-324, -5e-324]])
    rows = np.repeat(values[:, None], len(columns), axis=1)
    expected = np.stack([np.searchsorted(column, values, side="right") for column in columns], axis=1)
    assert np.array_equal(_places(columns, rows), expected)


def test_missing_values_are_before_the_first():
    assert _places([np.array([1.0, 2.0]), np.array([])], np.full((2, 2), np.nan)).tolist() == [[0, 0], [0, 0]]
