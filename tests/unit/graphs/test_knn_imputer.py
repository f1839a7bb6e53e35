"""Values from the nearest rows that have them."""

import numpy as np
import pytest
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def _rows(missing=np.nan):
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(70, 5)) * [1.0, 1e3, 1e-2, 5.0, 1.0]
    rows[rng.random(rows.shape) < 0.25] = missing
    rows[:, 4] = rng.normal(size=70)
    return rows


def _beyond(rows):
    sparse = rows[:20].copy()
    sparse[:, :3] = np.nan
    return np.concatenate([rows, rows * 1.1 + 0.01, sparse, np.full((2, 5), np.nan)])


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("count", [1, 2, 5, 60, 500])
def test_neighbours_agree(agrees, count, weights):
    rows = _rows()
    agrees(KNNImputer(n_neighbors=count, weights=weights).fit(rows), _beyond(rows))


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_another_value_can_stand_for_missing(agrees, weights):
    rows = _rows(-1.0)
    agrees(KNNImputer(missing_values=-1, weights=weights, add_indicator=True).fit(rows), rows)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("indicate", [False, True])
def test_columns_without_a_value_are_dropped_or_kept(agrees, keep, indicate):
    rows = _rows()
    rows[:, 1] = np.nan
    model = KNNImputer(keep_empty_features=keep, add_indicator=indicate).fit(rows)
    agrees(model, rows)
    later = rows.copy()
    later[::3, 1] = 3.0
    agrees(model, later)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_rows_that_share_nothing_with_a_donor_get_the_mean(agrees, weights):
    rows = np.array([[1.0, np.nan, 2.0], [3.0, np.nan, 4.0], [np.nan, 5.0, np.nan], [np.nan, 7.0, np.nan]])
    agrees(KNNImputer(n_neighbors=1, weights=weights).fit(rows), rows)


def test_a_row_of_the_training_set_is_its_own_neighbour(agrees):
    rows = _rows()
    full = np.where(np.isnan(rows), 0.5, rows)
    model = KNNImputer(weights="distance").fit(full)
    holes = full.copy()
    holes[::2, 0] = np.nan
    agrees(model, np.round(holes, 3))


def test_equally_far_rows_with_equal_values_agree(agrees):
    rows = np.repeat(np.arange(12.0).reshape(6, 2), 5, axis=0)
    holes = rows.copy()
    holes[:, 1] = np.nan
    agrees(KNNImputer(n_neighbors=3).fit(rows), holes)


def test_an_imputer_before_a_classifier_agrees(agrees):
    rows = _rows()
    agrees(make_pipeline(KNNImputer(), LogisticRegression(max_iter=500)).fit(rows, rows[:, 4] > 0), rows)
