"""Calibrated classifiers: every method, with and without an ensemble, over scores and over probabilities."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

INNER = [LinearSVC(), RandomForestClassifier(6, max_depth=3, random_state=0), SGDClassifier(random_state=0)]


def _data(classes=2):
    rows = np.random.default_rng(4).normal(size=(240, 3))
    return rows, np.argsort(rows, axis=1)[:, 0] % classes


@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
@pytest.mark.parametrize("inner", INNER, ids=lambda model: type(model).__name__)
def test_every_method_agrees(agrees, inner, method, classes, ensemble):
    rows, target = _data(classes)
    model = CalibratedClassifierCV(inner, method=method, ensemble=ensemble, cv=3).fit(rows, target)
    checked = agrees(model, np.concatenate([rows, rows * 30, rows[:1] * 0]))
    assert checked.conversion.route[-1] == "CalibratedClassifierCV: mlship"
    assert not any("skl2onnx" in step for step in checked.conversion.route)


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [2.0, 5.0]], ids=str)
def test_labels_of_every_type_come_back(agrees, labels):
    rows, target = _data()
    agrees(CalibratedClassifierCV(LinearSVC(), cv=2).fit(rows, np.array(labels)[target]), rows)


def test_a_frozen_pipeline_over_text_agrees(agrees):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"größe": rng.normal(size=80), "town": rng.choice(["Köln", "東京", "x"], 80).astype(object)})
    target = (frame["größe"] > 0) ^ (frame["town"] == "x")
    columns = make_column_transformer((StandardScaler(), ["größe"]), (OneHotEncoder(), ["town"]))
    inner = make_pipeline(columns, LogisticRegression()).fit(frame, target)
    agrees(CalibratedClassifierCV(FrozenEstimator(inner)).fit(frame, target), frame)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_a_class_that_a_fold_did_not_see_has_no_probability_there(agrees, method):
    rows, target = _data(3)
    target[target == 2] = 1
    target[[0, 80]] = 2
    splits = [(np.arange(1, 240), np.array([0, *range(1, 20)])), (np.arange(100, 240), np.arange(100))]
    model = CalibratedClassifierCV(LinearSVC(), method=method, cv=splits).fit(rows, target)
    agrees(model, rows)


def test_isotonic_steps_are_met_exactly(agrees):
    rows = np.repeat(np.arange(12.0), 10)[:, None]
    target = np.random.default_rng(1).random(120) < rows[:, 0] / 12
    model = CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2).fit(rows, target)
    agrees(model, np.concatenate([rows, rows + 0.5, rows - 100, rows + 100]))


def test_a_booster_inside_agrees(agrees):
    rows, target = _data(3)
    rows[::7, 0] = np.nan
    agrees(CalibratedClassifierCV(HistGradientBoostingClassifier(max_iter=5), cv=2).fit(rows, target), rows)
