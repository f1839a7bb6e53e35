import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)

from mlship.quality import Budget
from mlship.surgery.graph import Graph
from mlship.surgery.pruning.forests import mean_of, smaller
from mlship.surgery.pruning.rounds import forests
from mlship.surgery.pruning.search import Search
from mlship.surgery.trees import ensembles, read, write
from tests.unit.optimize_support import rows_for, task_for

X, Y = load_digits(return_X_y=True)
A, B, YA, YB = X[:900], X[900:], Y[:900], Y[900:]

CLASSIFIERS = [
    RandomForestClassifier(30, random_state=0),  # pure leaves, several classes in a number
    ExtraTreesClassifier(12, min_samples_leaf=5, random_state=0),  # any shares: a copy for each class
    BaggingClassifier(n_estimators=10, random_state=0),
]


def classes_of(task):
    return next((item.classes for item in task.signature.outputs if item.name == "probabilities"), ())


def mean(model, rows=B, target=None):
    base, task = task_for(model, rows, target)
    (forest,) = forests(base.model)
    return mean_of(forest, task.fit, classes_of(task)), task


def search(task, budget):
    return Search(task.fit, task.signature, budget, task.quality, task.left)


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_each_tree_of_a_forest_answers_as_it_does_alone(model):
    found, task = mean(model.fit(A, YA))
    rows = task.fit.inputs["features"]
    for place in (0, 7):
        alone = model.estimators_[place].predict_proba(rows)
        np.testing.assert_allclose(found.answers[:, place], alone, atol=1e-9)


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_a_forest_with_fewer_trees_answers_the_mean_over_those(model):
    found, task = mean(model.fit(A, YA))
    chosen = np.array([1, 4, 8])
    answers = rows_for(found.model(chosen), task.judge.inputs).outputs["probabilities"]
    rows = task.judge.inputs["features"]
    expected = np.mean([model.estimators_[place].predict_proba(rows) for place in chosen], axis=0)
    np.testing.assert_allclose(answers, expected, atol=1 / 64)  # shares other than k / 2**n are rounded
    assert answers.min() >= 0
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-12)


def test_a_binary_forest_and_a_regressor_are_means_too():
    model = RandomForestClassifier(10, min_samples_leaf=3, random_state=0).fit(A, YA > 4)
    found, task = mean(model)
    answers = rows_for(found.model(np.arange(4)), task.judge.inputs).outputs["probabilities"]
    expected = np.mean([tree.predict_proba(task.judge.inputs["features"]) for tree in model.estimators_[:4]], axis=0)
    np.testing.assert_allclose(answers, expected, atol=1 / 64)
    regressor = RandomForestRegressor(10, random_state=0).fit(A, YA)
    found, task = mean(regressor)
    answers = rows_for(found.model(np.arange(4)), task.judge.inputs).outputs["prediction"]
    expected = np.mean([tree.predict(task.judge.inputs["features"]) for tree in regressor.estimators_[:4]], axis=0)
    np.testing.assert_allclose(answers, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (GradientBoostingRegressor(n_estimators=20), "its trees add up, they are not averaged"),
        (GradientBoostingClassifier(n_estimators=3), "its answer is no mean over its trees"),
        (IsolationForest(n_estimators=5, random_state=0), "its answer is no number that could be a mean over trees"),
    ],
)
def test_what_is_no_mean_over_trees_is_refused_with_the_reason(model, why):
    found, _ = mean(model.fit(A, YA))
    assert found == why


def test_few_trees_of_few_classes_need_no_copies():
    model = RandomForestClassifier(60, max_depth=4, random_state=0).fit(A, YA)
    found, _ = mean(model)
    (pruned,) = forests(found.model(np.arange(20)))
    assert found.forest.copies == 10
    assert len(pruned.ensemble.sizes) < 20 * 10 / 2


def test_the_order_brings_the_first_trees_closer_to_the_whole_than_the_order_of_training():
    found, task = mean(RandomForestRegressor(60, random_state=0).fit(A, YA))
    rows = np.arange(len(task.fit))
    whole = found.of(np.arange(60), rows)
    order = found.order(whole, rows)
    assert sorted(order.tolist()) == list(range(60))
    errors = [np.mean((found.of(first, rows) - whole) ** 2) for first in (order[:10], np.arange(10))]
    assert errors[0] < 0.7 * errors[1]


def test_pruned_forests_are_much_smaller_and_within_the_budget_on_the_rows_to_search_with():
    found, task = mean(RandomForestClassifier(100, random_state=0).fit(A, YA), target=YB)
    budget = Budget(0.01, None, None)
    candidates = list(smaller(found, search(task, budget)))
    assert candidates
    assert candidates[0].facts["trees"] < 60
    assert candidates[0].facts["trees_before"] == 100
    for candidate in candidates:
        assert not budget.objection(task.quality(candidate.model))


def test_nothing_is_left_out_where_no_probability_may_move():
    found, task = mean(RandomForestClassifier(30, random_state=0).fit(A, YA))
    assert not list(smaller(found, search(task, Budget(0.0, 0.0, 0.0))))


def test_numbers_that_hold_several_shares_are_left_alone_where_copies_of_a_tree_differ():
    base, task = task_for(RandomForestClassifier(80, random_state=0).fit(A, YA), B)
    graph = Graph(base.model)
    (node,) = ensembles(graph)
    ensemble = read(node)
    threshold = ensemble.threshold.copy()
    threshold[0] += 1e-6  # decides alike, as pixels are whole numbers
    graph.replace([node], [write(dataclasses.replace(ensemble, threshold=threshold), node)])
    (forest,) = forests(graph.model())
    assert forest.copies == 2
    found = mean_of(forest, task.fit, classes_of(task))
    assert found == "its leaves hold several shares in one number, and copies of a tree are not alike"
