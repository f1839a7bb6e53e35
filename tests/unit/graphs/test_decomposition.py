"""Decompositions that are a product with a matrix."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import (
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    MiniBatchSparsePCA,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline

RNG = np.random.default_rng(101)
ROWS = RNG.normal(size=(90, 6)) @ RNG.normal(size=(6, 6)) + [0.0, 1000.0, 0.0, 5.0, -2.0, 0.0]


@pytest.mark.parametrize(
    "model",
    [
        FactorAnalysis(2),
        FactorAnalysis(2, rotation="varimax", svd_method="lapack"),
        FastICA(3, random_state=0, max_iter=1000),
        FastICA(3, random_state=0, whiten="arbitrary-variance", max_iter=1000),
        IncrementalPCA(3, whiten=True),
        MiniBatchSparsePCA(3, random_state=0, max_iter=5),
        NeighborhoodComponentsAnalysis(2, max_iter=5, random_state=0),
        PCA(),
        PCA(0.9),
        PCA(3, whiten=True, svd_solver="covariance_eigh"),
        SparsePCA(3, random_state=0, max_iter=5),
        TruncatedSVD(2, random_state=0),
    ],
    ids=str,
)
def test_columns_agree(agrees, model):
    checked = agrees(model.fit(ROWS, ROWS[:, 0] > 0), np.concatenate([ROWS, ROWS * 1e3, ROWS[:2] * 0.0]))
    assert checked.conversion.route == (f"{type(model).__name__}: mlship",)


@pytest.mark.filterwarnings("ignore:FastICA did not converge")
def test_components_without_whitening_agree(agrees):
    agrees(FastICA(whiten=False, random_state=0, max_iter=20).fit(ROWS / 1000.0), ROWS)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_whitening_a_column_without_variance_agrees(agrees):
    rows = np.concatenate([ROWS, np.ones((90, 1))], axis=1)
    agrees(PCA(6, whiten=True).fit(rows), rows)


def test_sparse_components_that_are_all_zero_agree(agrees):
    model = SparsePCA(3, alpha=1e6, random_state=0, max_iter=5).fit(ROWS)
    assert not model.components_.any()
    agrees(model, ROWS)


def test_topics_of_a_text_agree(agrees):
    frame = pd.DataFrame({"text": ["good film", "bad film", "good good plot", "dull", "", "bad plot twist"] * 4})
    model = make_pipeline(make_column_transformer((TfidfVectorizer(), "text")), TruncatedSVD(2, random_state=0))
    agrees(model.fit(frame), frame)
