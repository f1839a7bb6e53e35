"""Products of columns, in scikit-learn's order of multiplying."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures

from mlship.parity import Tolerance

ROWS = np.random.default_rng(0).normal(size=(40, 4)) * [1.0, 1e3, 1e-3, 7.0]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("interaction", [True, False])
@pytest.mark.parametrize("degree", [1, 2, 3, 4, 6, (0, 2), (2, 3), (3, 3), (1, 4), (0, 1)], ids=str)
def test_every_degree_is_bit_equal(agrees, degree, interaction, bias):
    model = PolynomialFeatures(degree, interaction_only=interaction, include_bias=bias)
    agrees(model.fit(ROWS), ROWS, Tolerance(0.0, 0.0))


def test_a_bias_alone_and_a_single_row_agree(agrees):
    agrees(PolynomialFeatures((0, 0)).fit(ROWS), ROWS[:1])
    agrees(PolynomialFeatures(3).fit(ROWS[:, :1]), ROWS[:1, :1])


def test_many_columns_make_few_nodes(agrees):
    rows = np.random.default_rng(1).normal(size=(5, 64))
    checked = agrees(PolynomialFeatures(2).fit(rows), rows)
    assert len(checked.conversion.model.graph.node) < 10


def test_products_of_sparse_columns_agree(agrees):
    rows = np.random.default_rng(2).integers(0, 3, size=(30, 3))
    model = make_pipeline(OneHotEncoder(), PolynomialFeatures(3, interaction_only=True), Ridge())
    agrees(model.fit(rows, rows[:, 0]), rows)
