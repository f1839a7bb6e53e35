"""Boosted trees: regressors to the last bit, classifiers up to the last bits of a sigmoid or softmax."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from mlship.parity import DOUBLE, FLOAT, Tolerance

EXACT = Tolerance(0.0, 0.0)
LAST_BITS = Tolerance(0.0, 1e-15)


def _rows(kind):
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(400, 4))
    if kind == "timestamps":
        return 1.7e9 + rng.permutation(np.linspace(0.0, 40.0, 1600)).reshape(400, 4)
    if kind == "ids":
        return 2.0**24 + rng.integers(0, 900, (400, 4)).astype(np.float64)
    return rows


def _holes(rows):
    holes = rows.copy()
    holes[np.random.default_rng(1).random(rows.shape) < 0.15] = np.nan
    return holes


def _thresholds(model):
    if hasattr(model, "_predictors"):
        nodes = np.concatenate([tree.nodes for stage in model._predictors for tree in stage])
        return nodes["num_threshold"][(nodes["is_leaf"] == 0) & np.isfinite(nodes["num_threshold"])]
    return np.concatenate([tree.tree_.threshold for tree in model.estimators_.ravel()])


@pytest.mark.parametrize("kind", ["continuous", "timestamps", "ids"])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile"])
@pytest.mark.parametrize("family", [GradientBoostingRegressor, HistGradientBoostingRegressor])
def test_regressors_are_bit_equal(agrees, hard_rows, family, loss, kind):
    options = {"quantile": 0.8} if (family, loss) == (HistGradientBoostingRegressor, "quantile") else {}
    rows = _rows(kind)
    model = family(loss=loss, random_state=0, **options, **_size(family)).fit(rows, np.sin(rows[:, 0]) + rows[:, 1] % 2)
    checked = agrees(model, hard_rows(rows, _thresholds(model)), EXACT)
    assert checked.conversion.route == (f"{family.__name__}: mlship",)


def _size(family):
    return (
        {"n_estimators": 12} if family in (GradientBoostingRegressor, GradientBoostingClassifier) else {"max_iter": 12}
    )


@pytest.mark.parametrize("kind", ["continuous", "timestamps", "ids"])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("family", [GradientBoostingClassifier, HistGradientBoostingClassifier])
def test_classifiers_agree_to_the_last_bits(agrees, hard_rows, family, classes, kind):
    rows = _rows(kind)
    model = family(random_state=0, **_size(family)).fit(rows, rows.argsort(axis=1)[:, 0] % classes)
    agrees(model, hard_rows(rows, _thresholds(model)), LAST_BITS)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_log_links_agree(agrees, loss):
    rows = _rows("continuous")
    model = HistGradientBoostingRegressor(loss=loss, max_iter=12, random_state=0).fit(rows, np.exp(rows[:, 0]) + 0.1)
    agrees(model, rows, Tolerance(1e-15, 1e-15))


def test_exponential_loss_agrees(agrees):
    rows = _rows("continuous")
    model = GradientBoostingClassifier(loss="exponential", n_estimators=12).fit(rows, (rows[:, 0] > 0).astype(int))
    agrees(model, rows, LAST_BITS)


def test_a_start_at_zero_agrees_and_a_tie_is_the_second_class(agrees):
    rows = np.zeros((20, 1))
    model = GradientBoostingClassifier(init="zero", n_estimators=3).fit(rows, np.arange(20) % 2)
    checked = agrees(model, rows, EXACT)
    assert checked.golden.outputs["prediction"].tolist() == [1] * 20


@pytest.mark.parametrize(
    ("init", "tolerance"),
    [(DecisionTreeRegressor(max_depth=3), DOUBLE), (LinearRegression(), FLOAT)],  # the latter computes in float32
    ids=lambda value: type(value).__name__,
)
def test_a_regressor_that_starts_from_another_model_agrees(agrees, init, tolerance):
    rows = _rows("continuous")
    checked = agrees(GradientBoostingRegressor(init=init, n_estimators=8).fit(rows, rows[:, 0] ** 2), rows, tolerance)
    assert (checked.conversion.precision == "float32") == (tolerance is FLOAT)


@pytest.mark.parametrize(("classes", "loss"), [(2, "log_loss"), (2, "exponential"), (3, "log_loss")])
@pytest.mark.parametrize(
    ("init", "tolerance"),
    [(RandomForestClassifier(5, max_depth=2, random_state=0), DOUBLE), (LogisticRegression(), FLOAT)],
    ids=lambda value: type(value).__name__,
)
def test_a_classifier_that_starts_from_another_model_agrees(agrees, init, tolerance, classes, loss):
    rows = _rows("continuous")
    model = GradientBoostingClassifier(init=init, n_estimators=8, loss=loss)
    agrees(model.fit(rows, rows.argsort(axis=1)[:, 0] % classes), rows, tolerance)


@pytest.mark.parametrize("kind", ["continuous", "timestamps"])
def test_histogram_trees_trained_with_missing_values_agree(agrees, kind):
    rows = _holes(_rows(kind))
    target = np.nan_to_num(rows[:, 0]) + np.isnan(rows[:, 1])
    agrees(HistGradientBoostingRegressor(max_iter=15).fit(rows, target), rows, EXACT)
    agrees(HistGradientBoostingClassifier(max_iter=15).fit(rows, target > np.median(target)), rows, LAST_BITS)


def test_histogram_trees_answer_for_infinite_values(agrees):
    rows = _rows("continuous")
    model = HistGradientBoostingRegressor(max_iter=10).fit(_holes(rows), rows[:, 0])
    rows[::3, 0], rows[::5, 1] = np.inf, -np.inf
    agrees(model, rows, EXACT)


def test_gradient_boosting_with_missing_values_is_refused_by_the_original_too(agrees):
    rows = _rows("continuous")
    model = GradientBoostingRegressor(n_estimators=3).fit(rows, rows[:, 0])
    with pytest.raises(ValueError, match="NaN"):
        agrees(model, _holes(rows))


def test_splits_over_categories_given_as_numbers_are_bit_equal(agrees):
    rng = np.random.default_rng(2)
    rows = np.column_stack([rng.normal(size=600), rng.integers(0, 40, 600), rng.integers(0, 5, 600) * 3.0])
    rows[rng.random(600) < 0.1, 1] = np.nan
    target = np.sin(np.nan_to_num(rows[:, 1], nan=7.0) * 12.9) + rows[:, 0] * (rows[:, 2] == 6)
    model = HistGradientBoostingRegressor(max_iter=25, categorical_features=[1, 2], min_samples_leaf=3).fit(
        rows, target
    )
    unseen = rows.copy()
    unseen[::4, 1], unseen[1::4, 2], unseen[2::4, 1] = 77.0, 1.0, -3.0
    agrees(model, np.concatenate([rows, unseen]), EXACT)


def test_two_hundred_categories_are_bit_equal(agrees):
    codes = np.random.default_rng(2).integers(0, 200, 4000).astype(float)[:, None]
    model = HistGradientBoostingRegressor(max_iter=10, categorical_features=[0], min_samples_leaf=2)
    agrees(
        model.fit(codes, np.sin(codes[:, 0] * 12.9)), np.concatenate([codes, np.arange(-2.0, 210.0)[:, None]]), EXACT
    )


def test_splits_over_categories_given_as_text_agree(agrees):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=500),
            "städte": pd.Categorical(rng.choice(["Köln", "東京", "Ürümqi", "a", "b", "c"], 500)),
            "kind": pd.Categorical(np.where(rng.random(500) < 0.1, None, rng.choice(list("xyz"), 500))),
        }
    )
    target = (frame["städte"].cat.codes * 7 % 4 + frame["kind"].cat.codes + frame["size"] > 1.5).to_numpy()
    model = HistGradientBoostingClassifier(max_iter=20, categorical_features="from_dtype", min_samples_leaf=3)
    agrees(model.fit(frame, target), frame, LAST_BITS)
