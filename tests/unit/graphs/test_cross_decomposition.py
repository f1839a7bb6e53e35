"""Partial least squares and canonical correlation: predictions and scores."""

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

RNG = np.random.default_rng(131)
ROWS = RNG.normal(size=(90, 5)) * [1.0, 10.0, 0.1, 5.0, 1.0] + 100.0
TARGETS = ROWS[:, :3] @ RNG.normal(size=(3, 3)) + RNG.normal(size=(90, 3))


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("model", [CCA(2), PLSCanonical(2), PLSRegression(3), PLSSVD(2)], ids=str)
def test_several_targets_agree(agrees, model, scale):
    agrees.inside(model.set_params(scale=scale).fit(ROWS, TARGETS), ROWS * 2.0)


@pytest.mark.parametrize("target", [TARGETS[:, 0], TARGETS[:, :1]], ids=["row", "column"])
def test_one_target_keeps_the_shape_of_the_original(agrees, target):
    checked = agrees(PLSRegression(2).fit(ROWS, target), ROWS)
    assert checked.conversion.route == ("PLSRegression: mlship",)


def test_scores_in_front_of_a_regressor_agree(agrees):
    scores = PLSRegression(2).fit(ROWS, TARGETS)
    agrees(make_pipeline(scores, LinearRegression().fit(scores.transform(ROWS), TARGETS)), ROWS)
