"""Stacks: every method of the first layer, columns passed through, text in between."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor, StackingClassifier, StackingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

ROWS = np.random.default_rng(9).normal(size=(150, 3))
BOTH = [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=3, random_state=0)), ("c", LinearSVC())]
REGRESSORS = [("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=3)), ("c", RandomForestRegressor(4))]


def _target(classes):
    return np.argsort(ROWS, axis=1)[:, 0] % classes


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", ["auto", "predict"])
def test_classifiers_agree(agrees, method, classes, passthrough):
    model = StackingClassifier(BOTH, stack_method=method, passthrough=passthrough, cv=2).fit(ROWS, _target(classes))
    assert agrees(model, ROWS).conversion.route[-1] == "StackingClassifier: mlship"


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("method", "members"), [("predict_proba", BOTH[:2]), ("decision_function", BOTH[::2])])
def test_named_methods_agree(agrees, method, members, classes):
    agrees(StackingClassifier(members, stack_method=method, cv=2).fit(ROWS, _target(classes)), ROWS)


@pytest.mark.parametrize("final", [RandomForestClassifier(5, random_state=0), LinearSVC()], ids=str)
@pytest.mark.parametrize("labels", [["no", "perhaps", "yes"], [1.0, 2.0, 5.0]], ids=str)
def test_labels_come_back_from_every_final_estimator(agrees, labels, final):
    model = StackingClassifier(BOTH, final, cv=2).set_params(b="drop")
    agrees(model.fit(ROWS, np.array(labels)[_target(3)]), ROWS)


def test_estimators_that_were_fitted_before_agree(agrees):
    members = [(name, model.fit(ROWS, _target(3))) for name, model in BOTH]
    agrees(StackingClassifier(members, cv="prefit").fit(ROWS, _target(3)), ROWS)


@pytest.mark.parametrize("passthrough", [False, True])
def test_regressors_agree(agrees, passthrough):
    agrees(StackingRegressor(REGRESSORS, passthrough=passthrough, cv=2).fit(ROWS, ROWS[:, 0] ** 2), ROWS)


def test_text_columns_inside_agree(agrees):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a b": rng.normal(size=90), "town": rng.choice(["Köln", "東京", "x"], 90).astype(object)})
    target = (frame["a b"] > 0).astype(int) + (frame["town"] == "x")
    columns = make_column_transformer((StandardScaler(), ["a b"]), (OneHotEncoder(handle_unknown="ignore"), ["town"]))
    members = [("l", make_pipeline(columns, LogisticRegression())), ("t", make_pipeline(columns, LinearSVC()))]
    agrees(StackingClassifier(members, cv=2).fit(frame, target), frame)


@pytest.mark.parametrize("stack", [StackingClassifier(BOTH, cv=2), StackingRegressor(REGRESSORS, cv=2)], ids=repr)
def test_as_a_step_it_gives_its_first_layer(agrees, stack):
    agrees(make_pipeline(stack, LinearRegression()).fit(ROWS, _target(2)), ROWS)
