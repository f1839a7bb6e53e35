import numpy as np
import pytest

from mlship.signature import MISSING_STRING, Column
from mlship.students.columns import reader, table
from tests.unit.students.mixed import case

NUMBERS = [Column(name=f"x{i}", type="number", tensor="features", index=i) for i in range(2)]


def features(*rows):
    return {"features": np.array(rows, dtype=float)}


def test_numbers_are_an_array():
    assert np.array_equal(table(features([1, 2], [3, 4]), NUMBERS), [[1, 2], [3, 4]])


@pytest.mark.parametrize(("null", "wanted"), [("none", lambda value: value is None), ("nan", np.isnan)])
def test_a_missing_text_is_what_the_model_was_trained_with(null, wanted):
    column = Column(name="city", type="string", tensor="city", index=0, null=null)
    tensors = {"city": np.array([["Rome"], [MISSING_STRING]], dtype=object)}
    assert wanted(table(tensors, [column])["city"].iloc[1])


@pytest.mark.parametrize("scaled", [True, False])
def test_every_kind_of_column_becomes_numbers(scaled):
    _, task = case()
    rows = table(task.fit.inputs, task.signature.columns)
    matrix = reader(task.signature.columns, rows, scaled=scaled).transform(rows)
    assert np.isfinite(matrix).all()


def test_columns_of_one_unit_keep_their_proportions():
    rows = np.array([[0.0, 0], [16, 0.1], [15, 0.2], [3, 0.1]]) * [1, 100]
    read = reader(NUMBERS, rows, scaled=True).transform(rows)
    assert read[:, 1].std() / read[:, 0].std() == pytest.approx(rows[:, 1].std() / rows[:, 0].std())


def test_columns_of_other_units_are_scaled_one_by_one():
    columns = [*NUMBERS, Column(name="x2", type="number", tensor="features", index=2)]
    rows = np.random.default_rng(0).normal(size=(50, 3)) * [1, 1, 1000]
    assert np.allclose(reader(columns, rows, scaled=True).transform(rows).std(axis=0), 1)


def test_trees_read_numbers_as_they_are():
    rows = np.array([[1.0, 2], [3, 4]])
    assert np.array_equal(reader(NUMBERS, rows, scaled=False).transform(rows), rows)
