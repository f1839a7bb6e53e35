"""Gaussian mixtures: every type of covariance, plain and Bayesian."""

import numpy as np
import pytest
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture

RNG = np.random.default_rng(61)
ROWS = RNG.normal(size=(150, 3)) * [1.0, 2.0, 0.5] + 5.0 * RNG.integers(0, 3, size=(150, 1))


@pytest.mark.parametrize("rows", [ROWS, ROWS * 30.0], ids=["near", "far"])
@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize(
    "model",
    [
        GaussianMixture(3, random_state=0),
        GaussianMixture(1, random_state=0),
        BayesianGaussianMixture(n_components=3, max_iter=500, random_state=0),
        BayesianGaussianMixture(
            n_components=3, max_iter=500, random_state=0, weight_concentration_prior_type="dirichlet_distribution"
        ),
    ],
    ids=str,
)
def test_components_and_shares_agree(agrees, model, covariance, rows):
    checked = agrees(model.set_params(covariance_type=covariance).fit(ROWS), rows)
    assert checked.conversion.route == (f"{type(model).__name__}: mlship",)
