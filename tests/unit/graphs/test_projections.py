"""Random projections, of dense columns and of sparse ones."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

ROWS = np.random.default_rng(141).normal(size=(60, 30)) * 5.0
PROJECTIONS = [GaussianRandomProjection(4, random_state=0), SparseRandomProjection(4, random_state=0)]


@pytest.mark.parametrize("model", PROJECTIONS, ids=str)
def test_columns_agree(agrees, model):
    checked = agrees(model.fit(ROWS), ROWS)
    assert checked.conversion.route == (f"{type(model).__name__}: mlship",)


@pytest.mark.parametrize("model", PROJECTIONS, ids=str)
def test_sparse_columns_agree(agrees, model):
    pipeline = make_pipeline(OneHotEncoder(), model, LogisticRegression(max_iter=1000))
    agrees(pipeline.fit(ROWS[:, :5].round(), ROWS[:, 0] > 0), ROWS[:, :5].round())
