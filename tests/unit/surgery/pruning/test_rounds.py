import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestRegressor,
)

from mlship.surgery.pruning import rounds
from mlship.surgery.pruning.rounds import forests
from tests.unit.optimize_support import task_for

X, Y = load_digits(return_X_y=True)
X, Y = X[:400], Y[:400]


@pytest.mark.parametrize(
    ("model", "count", "copies"),
    [
        (RandomForestRegressor(7, random_state=0), 7, 1),
        (ExtraTreesClassifier(5, min_samples_leaf=5, random_state=0), 5, 10),  # a copy of each tree for each class
        (GradientBoostingClassifier(n_estimators=4, max_depth=2), 5, 10),  # and the start values
        (GradientBoostingRegressor(n_estimators=6), 7, 1),
    ],
)
def test_trees_that_belong_together_are_one_round(model, count, copies):
    base, _ = task_for(model.fit(X, Y), X)
    (forest,) = forests(base.model)
    assert (len(forest.counts), forest.copies) == (count, copies)
    assert forest.counts.tolist() == [1] * count


def test_what_the_rounds_add_sums_up_to_the_answer():
    base, task = task_for(GradientBoostingRegressor(n_estimators=20).fit(X, Y), X)
    (forest,) = forests(base.model)
    added = forest.added(task.fit.inputs)
    assert added.shape == (len(task.fit), 21, 1)
    np.testing.assert_allclose(added.sum(axis=(1, 2)), task.fit.outputs["prediction"], rtol=1e-12)


def test_many_trees_are_run_in_parts_with_the_same_result(monkeypatch):
    base, task = task_for(RandomForestRegressor(23, random_state=0).fit(X, Y), X)
    (forest,) = forests(base.model)
    whole = forest.added(task.fit.inputs)
    monkeypatch.setattr(rounds, "_LOADED", 5)
    np.testing.assert_array_equal(forest.added(task.fit.inputs), whole)


def test_neighbouring_rounds_are_put_together_where_there_are_too_many():
    base, task = task_for(RandomForestRegressor(20, max_depth=2, random_state=0).fit(X, Y), X)
    (forest,) = forests(base.model)
    coarse = forest.coarse(rows=10_000_000 // 7, width=1)
    assert coarse.counts.tolist() == [3] * 6 + [2]
    np.testing.assert_allclose(
        coarse.added(task.fit.inputs)[:, 0], forest.added(task.fit.inputs)[:, :3].sum(axis=1), rtol=1e-12
    )


def test_a_model_without_trees_has_no_forests():
    from sklearn.linear_model import LinearRegression

    base, _ = task_for(LinearRegression().fit(X, Y), X)
    assert forests(base.model) == []
