import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingRegressor, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from mlship.quality import Budget
from mlship.students.fitness import weights, why_not
from tests.unit.optimize_support import task_for
from tests.unit.students.mixed import case

X, Y = load_digits(return_X_y=True)


def refusal(model, rows=X, target=None, **changes):
    base, task = task_for(model, rows, target)
    return why_not(base.model, dataclasses.replace(task, **changes))


def changed(**changes):
    base, task = case()
    return why_not(base.model, dataclasses.replace(task, **changes))


def test_a_forest_with_rows_and_a_budget_is_worth_a_student():
    assert changed() == ""


@pytest.mark.parametrize(
    ("budget", "why"),
    [
        (Budget(), "a student changes labels, and none may change"),
        (Budget(0.01, 0.0, None), "a student changes labels, and none may change"),
        (Budget(0.01, None, 0.01), "probabilities move by more than 0.01"),
    ],
)
def test_a_budget_that_no_student_can_keep_is_named(budget, why):
    assert why in changed(budget=budget)


def test_a_right_label_may_be_worth_no_loss_where_the_truth_is_known():
    _, task = case()
    budget = Budget(0.0, None, None)
    assert changed(budget=budget) == ""
    assert "no accuracy may be lost" in changed(budget=budget, fit=dataclasses.replace(task.fit, target=None))


def test_a_regressor_without_a_budget_is_left_alone():
    model = GradientBoostingRegressor(n_estimators=300).fit(X, Y)
    assert "no R2 may be lost" in refusal(model, budget=Budget())
    assert "no R2 may be lost" in refusal(model, budget=Budget(None, None, 0.01))
    assert refusal(model) == ""


def test_made_up_rows_teach_nothing():
    assert "these are made up" in changed(rows_are_real=False)


@pytest.mark.parametrize("count", [0, 1, 99])
def test_too_few_rows_are_counted(count):
    _, task = case()
    assert f"from 100 rows or more, and there are {count}" in changed(fit=task.fit.take(slice(0, count)))


def test_too_few_rows_of_a_class_are_counted():
    _, task = case()
    no, yes = (np.flatnonzero(task.fit.outputs["prediction"] == label) for label in ("no", "yes"))
    fit = dataclasses.replace(task.fit, target=None).take(np.concatenate([np.tile(yes, 3), no[:7]]))
    assert changed(fit=fit) == "students learn from 20 rows a class, and there are 7 of 'no'"


def test_a_class_that_no_row_is_of_is_named():
    _, task = case()
    fit = task.fit.take(np.tile(np.flatnonzero(task.fit.outputs["prediction"] == "yes"), 3))
    assert changed(fit=fit) == "no row is of the class 'no', so no student can learn it"


def test_a_small_model_is_told_how_small_it_is():
    why = refusal(LogisticRegression(max_iter=50, tol=1e9).fit(X, Y))
    assert why.startswith("the model has 6")
    assert why.endswith("no student is much smaller")


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (KMeans(3, n_init=1), "and this is a clusterer"),
        (IsolationForest(n_estimators=5), "and this is an outlier detector"),
        (LinearSVC(max_iter=2, tol=1e9), "answers with scores"),
    ],
)
def test_models_that_do_something_else_are_refused(model, why):
    assert why in refusal(model.fit(X, Y))


def test_several_labels_a_row_are_refused():
    model = RandomForestClassifier(5).fit(X, np.column_stack([Y, Y]))
    assert "gives 2 labels a row" in refusal(model)


def test_free_text_is_no_category():
    texts = pd.DataFrame({"text": [f"word {number}" for number in range(1000)]})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), RandomForestClassifier(10))
    model.fit(texts, np.arange(1000) % 2)
    assert "column 'text' is free text (500 different values in 500 rows)" in refusal(model, texts)


def test_weights_are_counted_in_constants_and_trees():
    base, _ = task_for(LogisticRegression(max_iter=50, tol=1e9).fit(X, Y), X)
    trees, _ = case()
    assert 650 <= weights(base.model) < 700
    assert weights(trees.model) > 10_000
