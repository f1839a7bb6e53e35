import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
)

from mlship.quality import Budget
from mlship.surgery.pruning.boosting import truncated
from mlship.surgery.pruning.rounds import forests
from mlship.surgery.pruning.search import Search
from tests.unit.optimize_support import rows_for, task_for

X, Y = load_diabetes(return_X_y=True)


def candidates(model, rows, target=None, drop=0.05):
    base, task = task_for(model, rows, target)
    search = Search(task.fit, task.signature, Budget(drop, None, None), task.quality, task.left)
    return list(truncated(forests(base.model)[0], search)), task


@pytest.mark.parametrize(
    "model", [GradientBoostingRegressor(n_estimators=100), HistGradientBoostingRegressor(max_iter=100)]
)
def test_the_first_rounds_answer_like_the_original_after_as_many(model):
    found, task = candidates(model.fit(X, Y), X)
    rounds = found[0].facts["rounds"]
    answers = rows_for(found[0].model, task.judge.inputs).outputs["prediction"]
    expected = list(model.staged_predict(task.judge.inputs["features"]))[rounds - 1]
    assert rounds < found[0].facts["rounds_before"] <= 100
    np.testing.assert_allclose(answers, expected, rtol=1e-9)


def test_a_round_of_several_classes_goes_as_a_whole():
    rows, labels = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(n_estimators=40).fit(rows, labels)
    found, task = candidates(model, rows, labels)
    rounds = found[0].facts["rounds"]
    answers = rows_for(found[0].model, task.judge.inputs).outputs["probabilities"]
    expected = list(model.staged_predict_proba(task.judge.inputs["features"]))[rounds - 1]
    np.testing.assert_allclose(answers, expected, rtol=1e-9)


def test_rounds_that_only_fit_noise_go_where_the_truth_is_known():
    model = GradientBoostingRegressor(n_estimators=300, random_state=0).fit(X[:220], Y[:220])
    found, task = candidates(model, X[220:], Y[220:])
    assert found[0].facts["rounds"] < 60
    assert task.quality(found[0].model).drop <= 0.05


def test_a_model_that_starts_from_another_model_keeps_that():
    from sklearn.linear_model import LinearRegression

    model = GradientBoostingRegressor(n_estimators=60, init=LinearRegression()).fit(X, Y)
    found, task = candidates(model, X)
    answers = rows_for(found[0].model, task.judge.inputs).outputs["prediction"]
    expected = list(model.staged_predict(task.judge.inputs["features"]))[found[0].facts["rounds"] - 1]
    np.testing.assert_allclose(answers, expected, rtol=1e-6)  # the original adds up in float32
