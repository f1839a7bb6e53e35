"""Outlier detectors: scores, and predictions of the very rows whose score is the offset."""

import numpy as np
import pytest
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest

RNG = np.random.default_rng(81)
ROWS = RNG.normal(size=(200, 5)) * [1.0, 10.0, 0.1, 5.0, 1.0]


@pytest.mark.parametrize(
    "model",
    [
        IsolationForest(n_estimators=15, random_state=0),
        IsolationForest(n_estimators=15, random_state=0, max_features=0.5, contamination=0.2),
        IsolationForest(n_estimators=15, random_state=0, max_samples=2),
        IsolationForest(n_estimators=3, random_state=0, max_samples=1),
        IsolationForest(n_estimators=15, random_state=0, bootstrap=True, max_samples=40),
    ],
    ids=str,
)
def test_forests_agree(agrees, hard_rows, model):
    model.fit(ROWS)
    thresholds = np.concatenate([tree.tree_.threshold[tree.tree_.feature >= 0] for tree in model.estimators_])
    agrees.inside(model, hard_rows(ROWS, thresholds) if len(thresholds) else ROWS)


@pytest.mark.parametrize("rows", [201, 101])
@pytest.mark.parametrize("contamination", [0.1, 0.25, 0.5])
@pytest.mark.parametrize(
    "model", [IsolationForest(n_estimators=20, random_state=1), EllipticEnvelope(random_state=0)], ids=str
)
def test_a_row_that_is_itself_the_limit_keeps_its_side(agrees, model, contamination, rows):
    rows = np.resize(ROWS, (rows, 5))
    checked = agrees(model.set_params(contamination=contamination).fit(rows), rows)
    assert checked.conversion.route == (f"{type(model).__name__}: mlship",)
    assert set(checked.golden.outputs["prediction"]) == {-1, 1}


def test_missing_values_follow_the_trees(agrees):
    rows = np.where(RNG.random(ROWS.shape) < 0.1, np.nan, ROWS)
    agrees(IsolationForest(n_estimators=10, random_state=0).fit(rows), rows)


@pytest.mark.parametrize("width", [1, 2, 3, 8, 9, 70])
def test_envelopes_of_any_width_agree(agrees, width):
    rows = np.random.default_rng(width).normal(size=(3 * width + 40, width))
    agrees.inside(EllipticEnvelope(random_state=0, assume_centered=width == 2).fit(rows), rows * 2.0)
