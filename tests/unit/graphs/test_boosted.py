"""AdaBoost: scores that are sums of weights, and the weighted median."""

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

ROWS = np.random.default_rng(11).normal(size=(200, 3))


def _target(classes):
    return np.argsort(ROWS, axis=1)[:, 0] % classes


@pytest.mark.parametrize("labels", [["no", "yes"], ["é", "日本", "z"], [False, True], [-1, 1], [1.0, 2.0]], ids=str)
@pytest.mark.parametrize("inner", [None, DecisionTreeClassifier(max_depth=3), LogisticRegression()], ids=str)
def test_classifiers_agree(agrees, inner, labels):
    target = np.array(labels)[_target(len(labels))]
    checked = agrees(AdaBoostClassifier(inner, n_estimators=12, random_state=0).fit(ROWS, target), ROWS)
    assert checked.conversion.route[-1] == "AdaBoostClassifier: mlship"


def test_rows_between_all_classes_agree(agrees):
    rows = np.repeat([[0.0], [1.0], [2.0], [3.0]], 6, axis=0)
    target = np.tile([0, 1, 0], 8)
    agrees(AdaBoostClassifier(n_estimators=9, random_state=0).fit(rows, target), rows)


def test_a_single_class_agrees(agrees):
    agrees(AdaBoostClassifier(n_estimators=2).fit(ROWS, np.ones(200)), ROWS)


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
@pytest.mark.parametrize("inner", [None, DecisionTreeRegressor(max_depth=6), LinearRegression()], ids=str)
def test_regressors_agree(agrees, inner, loss):
    model = AdaBoostRegressor(inner, n_estimators=25, loss=loss, random_state=0).fit(ROWS, ROWS[:, 0] ** 3)
    agrees(model, ROWS)


def test_equal_predictions_with_equal_weights_agree(agrees):
    rows = np.arange(12.0)[:, None]
    agrees(AdaBoostRegressor(n_estimators=8, random_state=0).fit(rows, np.round(rows[:, 0] / 5)), rows)
