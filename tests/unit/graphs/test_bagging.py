"""Bagging: trees laid out as one forest, and any other estimator."""

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeRegressor

from mlship.parity import Tolerance

EXACT = Tolerance(0.0, 0.0)
ROWS = np.random.default_rng(10).normal(size=(150, 5))


def _target(classes):
    return np.argsort(ROWS[:, :3], axis=1)[:, 0] % classes


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "inner", [DecisionTreeClassifier(), DecisionTreeClassifier(min_samples_leaf=3), None], ids=["pure", "mixed", "none"]
)
def test_trees_over_some_of_the_columns_are_bit_equal(agrees, inner, classes):
    model = BaggingClassifier(inner, 20, max_features=0.6, bootstrap_features=True, random_state=0)
    checked = agrees(model.fit(ROWS, _target(classes)), ROWS, EXACT)
    ensembles = [node for node in checked.conversion.model.graph.node if node.op_type == "TreeEnsemble"]
    assert len(ensembles) == 1


@pytest.mark.parametrize("inner", [LogisticRegression(), RidgeClassifier()], ids=str)
@pytest.mark.parametrize("labels", [["no", "yes"], [1.5, 2.5, 3.5], [False, True]], ids=str)
def test_other_estimators_agree(agrees, inner, labels):
    target = np.array([str(x) for x in labels] if isinstance(labels[0], float) else labels)[_target(len(labels))]
    agrees(BaggingClassifier(inner, 7, max_features=3, random_state=0).fit(ROWS, target), ROWS)


@pytest.mark.parametrize("inner", [DecisionTreeClassifier(max_depth=3), LogisticRegression()], ids=str)
def test_members_that_saw_some_of_the_classes_only_agree(agrees, inner):
    target = _target(2)
    target[:4] = 2
    agrees(BaggingClassifier(inner, 8, max_samples=0.15, random_state=0).fit(ROWS, target), ROWS)


@pytest.mark.parametrize(
    "inner", [DecisionTreeRegressor(), ExtraTreeRegressor(max_depth=3), LinearRegression()], ids=str
)
@pytest.mark.parametrize("targets", [1, 2])
def test_regressors_agree(agrees, inner, targets):
    target = ROWS[:, 0] ** 2 if targets == 1 else ROWS[:, :2] ** 2
    model = BaggingRegressor(inner, 9, max_features=0.7, random_state=0).fit(ROWS, target)
    agrees(model, ROWS, Tolerance() if isinstance(inner, LinearRegression) else EXACT)
