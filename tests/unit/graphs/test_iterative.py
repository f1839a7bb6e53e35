"""The round-robin of regressions, in its own order."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from mlship.errors import UnsupportedModelError

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Early stopping criterion not reached"),
    pytest.mark.filterwarnings("ignore:Skipping features without any observed"),
]


def _rows(missing=np.nan):
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(60, 5))
    rows[:, 1] += 2 * rows[:, 0]
    rows[:, 3] = rows[:, 0] - rows[:, 2] + 0.1 * rows[:, 3]
    rows[rng.random(rows.shape) < 0.2] = missing
    rows[:, 4] = np.arange(60.0)
    return rows


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"add_indicator": True},
        {"skip_complete": True},
        {"n_nearest_features": 2},
        {"min_value": -0.5, "max_value": [0.1, 0.2, 0.3, 0.4, 100]},
        {"max_iter": 1, "initial_strategy": "median"},
        {"max_iter": 0},
        {"estimator": Ridge(), "tol": 1e-9, "max_iter": 25},
        {"estimator": LinearRegression(fit_intercept=False)},
        *({"imputation_order": order} for order in ("roman", "arabic", "descending", "random")),
    ],
    ids=str,
)
def test_every_option_agrees(agrees, options):
    rows = _rows()
    model = IterativeImputer(random_state=0, **options).fit(rows)
    beyond = np.concatenate([rows, rows * 5])
    beyond[::9, 4] = np.nan if not options.get("add_indicator") else 0.0
    agrees(model, beyond)


def test_another_value_can_stand_for_missing(agrees):
    rows = _rows(-1.0)
    agrees(IterativeImputer(missing_values=-1).fit(rows), rows)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("indicate", [False, True])
def test_columns_without_a_value_are_dropped_or_kept(agrees, keep, indicate):
    rows = _rows()
    rows[:, 1] = np.nan
    model = IterativeImputer(keep_empty_features=keep, add_indicator=indicate).fit(rows)
    rows[::3, 1] = 7.0
    agrees(model, rows)


@pytest.mark.parametrize("keep", [False, True])
def test_a_constant_start_agrees(agrees, keep):
    rows = _rows()
    rows[:, 1] = np.nan
    model = IterativeImputer(initial_strategy="constant", fill_value=0.5, keep_empty_features=keep)
    agrees(model.fit(rows), rows)


def test_other_estimators_are_written_out(agrees):
    rows = _rows()
    model = IterativeImputer(RandomForestRegressor(3, max_depth=3, random_state=0), max_iter=2, random_state=0)
    agrees(model.fit(rows), rows)


def test_too_many_of_them_are_refused(agrees):
    rows = _rows()
    model = IterativeImputer(RandomForestRegressor(1, max_depth=1), max_iter=60, tol=0.0).fit(rows)
    with pytest.raises(UnsupportedModelError, match="300 models"):
        agrees.converted(model, rows)


def test_random_answers_are_refused(agrees):
    rows = _rows()
    with pytest.raises(UnsupportedModelError, match="sample_posterior"):
        agrees.converted(IterativeImputer(sample_posterior=True).fit(rows), rows)


def test_a_row_without_values_is_filled_as_beside_others(agrees):
    rows = np.concatenate([_rows(), np.full((1, 5), np.nan)])
    agrees(IterativeImputer().fit(rows), rows)


def test_an_imputer_before_a_classifier_agrees(agrees):
    rows = _rows()
    model = make_pipeline(IterativeImputer(), LogisticRegression()).fit(rows, rows[:, 4] > 30)
    checked = agrees(model, rows)
    assert len(checked.conversion.model.graph.node) < 20
