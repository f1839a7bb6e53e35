"""Scalers: the same operations in the same order, so the same bits."""

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)

from mlship.graphs.builder import Graph, Matrix
from mlship.graphs.dispatch import transform
from mlship.parity import Tolerance

ROWS = np.random.default_rng(4).normal(size=(60, 3)) * [1.0, 1e-3, 1e9]


@pytest.mark.parametrize(
    "model",
    [
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        StandardScaler(with_mean=False, with_std=False),
        MinMaxScaler(),
        MinMaxScaler((-1, 2), clip=True),
        MaxAbsScaler(),
        RobustScaler(),
        RobustScaler(with_centering=False),
        RobustScaler(with_scaling=False),
        Binarizer(),
        Binarizer(threshold=0.5),
    ],
    ids=str,
)
def test_column_scalers_are_bit_equal(agrees, model):
    model.fit(ROWS)
    beyond = np.concatenate([ROWS, ROWS * 3, np.nextafter(ROWS, np.inf)])
    agrees(model, beyond, Tolerance(0.0, 0.0))


@pytest.mark.parametrize(
    "model", [StandardScaler(), MinMaxScaler(clip=True), MaxAbsScaler(clip=True), RobustScaler()], ids=str
)
def test_missing_values_stay_missing(agrees, model):
    rows = ROWS.copy()
    rows[::7, 1] = np.nan
    agrees(model.fit(ROWS), rows, Tolerance(0.0, 0.0))


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_rows_are_normalised_and_rows_of_zeros_kept(agrees, norm):
    agrees(Normalizer(norm).fit(ROWS), np.concatenate([ROWS, np.zeros((2, 3)), -ROWS]))


def test_a_constant_column_is_not_divided_by_zero(agrees):
    rows = np.column_stack([np.ones(10), np.arange(10.0)])
    agrees(StandardScaler().fit(rows), rows, Tolerance(0.0, 0.0))


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_rows_of_almost_nothing_are_not_blown_up(agrees, norm):
    rows = np.array([[1e-16, 0.0, 0.0], [1e-15, 2e-15, 0.0], [1e-14, 0.0, 0.0]])
    agrees(Normalizer(norm).fit(rows), rows, Tolerance(1e-15, 0.0))


@pytest.mark.parametrize(
    "scaler",
    [
        *(StandardScaler(with_mean=False), MaxAbsScaler(), RobustScaler(with_centering=False), Binarizer()),
        *(Normalizer(norm) for norm in ("l1", "l2", "max")),
    ],
    ids=str,
)
def test_sparse_columns_stay_sparse(agrees, scaler):
    rows = np.random.default_rng(0).integers(0, 4, size=(50, 2)).astype(float)
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), scaler).fit(rows)
    agrees(model, np.concatenate([rows, rows + 9]))
    g = Graph()
    block = [g.input(Matrix("x", "number", 2))]
    assert all(matrix.sparse for matrix in transform(g, model, block))
