"""Several targets from estimators of one target each."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

ROWS = np.random.default_rng(13).normal(size=(120, 3))
LABELS = np.column_stack([ROWS[:, 0] > 0, ROWS[:, 1] > 0.3, ROWS.sum(axis=1) > 0]).astype(int)
NUMBERS = np.column_stack([ROWS[:, 0] ** 2, np.sin(ROWS[:, 1])])


@pytest.mark.parametrize(
    "inner", [LinearRegression(), DecisionTreeRegressor(), HistGradientBoostingRegressor(max_iter=5)]
)
def test_regressors_agree(agrees, inner):
    agrees(MultiOutputRegressor(inner).fit(ROWS, NUMBERS), ROWS)
    agrees(RegressorChain(inner, order=[1, 0]).fit(ROWS, NUMBERS), ROWS)


@pytest.mark.parametrize("inner", [LogisticRegression(), RandomForestClassifier(4), Perceptron()], ids=str)
@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"], [False, True], [1.0, 2.0]], ids=str)
def test_classifiers_give_a_label_for_each_target(agrees, inner, labels):
    checked = agrees(MultiOutputClassifier(inner).fit(ROWS, np.array(labels)[LABELS]), ROWS)
    assert [item.name for item in checked.conversion.model.graph.output] == ["prediction"]


def test_targets_with_more_than_two_classes_agree(agrees):
    labels = np.column_stack([np.argsort(ROWS, axis=1)[:, 0], LABELS[:, 1]])
    agrees(MultiOutputClassifier(LogisticRegression()).fit(ROWS, labels), ROWS)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("order", [None, [2, 0, 1]], ids=str)
def test_chains_of_classifiers_agree(agrees, order, method):
    chain = ClassifierChain(LogisticRegression(), order=order, chain_method=method)
    agrees(chain.fit(ROWS, LABELS), ROWS)
    agrees(make_pipeline(StandardScaler(), chain).fit(ROWS, LABELS), ROWS)


def test_one_row_agrees(agrees):
    agrees(MultiOutputRegressor(LinearRegression()).fit(ROWS, NUMBERS), ROWS[:1])
