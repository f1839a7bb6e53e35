"""Basis splines, inside and outside of the knots."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

RNG = np.random.default_rng(0)
ROWS = np.column_stack([RNG.normal(size=60), RNG.exponential(50, 60), RNG.integers(0, 24, 60)])
BEYOND = np.concatenate([ROWS, ROWS * 3 - 20, -ROWS])


def _on_knots(model):
    return np.concatenate([spline.t.reshape(-1, 1).repeat(3, axis=1) for spline in model.bsplines_])


@pytest.mark.parametrize("knots", ["uniform", "quantile"])
@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
def test_every_extrapolation_agrees(agrees, extrapolation, degree, knots):
    model = SplineTransformer(6, degree, knots=knots, extrapolation=extrapolation).fit(ROWS)
    if degree == 0 and extrapolation == "constant":  # scikit-learn fails above the last knot
        rows = np.concatenate([ROWS, -np.abs(ROWS) - 9])
    else:
        rows = np.concatenate([BEYOND, _on_knots(model)])
    agrees(model, rows)


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "error"])
def test_dense_and_sparse_output_agree_up_to_the_last_knot(agrees, extrapolation, sparse):
    model = SplineTransformer(extrapolation=extrapolation, sparse_output=sparse, include_bias=False)
    agrees(model.fit(ROWS), ROWS)


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic", "error"])
def test_missing_values_become_zeros(agrees, extrapolation):
    rows = ROWS.copy()
    rows[::5, 1] = np.nan
    rows[::7] = np.nan
    model = SplineTransformer(extrapolation=extrapolation, handle_missing="zeros", knots="quantile")
    agrees(model.fit(rows), rows)


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
def test_two_knots_and_given_knots_agree(agrees, extrapolation):
    agrees(SplineTransformer(2, 1, extrapolation=extrapolation).fit(ROWS), BEYOND)
    knots = np.array([[-2.0, 0, 0], [0, 10, 3], [0.5, 20, 20], [2, 100, 23]])
    agrees(SplineTransformer(knots=knots, degree=2, extrapolation=extrapolation).fit(ROWS), BEYOND)


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "periodic"])
def test_repeated_knots_and_constant_columns_agree(agrees, extrapolation):
    rows = ROWS.copy()
    rows[:, 0] = np.where(rows[:, 0] > 0.5, rows[:, 0], 0.5)
    if extrapolation == "periodic":
        rows[:, 1] = 3.0
    agrees(SplineTransformer(6, knots="quantile", extrapolation=extrapolation).fit(rows), rows)


def test_beyond_the_knots_an_original_that_stops_gives_nan(agrees):
    model = SplineTransformer(extrapolation="error").fit(ROWS)
    answers = agrees.answers(agrees.converted(model, ROWS), ROWS[:3] + 1e9)["transformed"]
    assert np.isnan(answers).all()


def test_a_missing_value_gives_nan_where_the_original_stops(agrees):
    model = SplineTransformer().fit(ROWS)
    answers = agrees.answers(agrees.converted(model, ROWS), np.array([[np.nan, 1.0, 2.0]]))["transformed"]
    assert np.isnan(answers[0, :7]).all()
    assert not np.isnan(answers[0, 7:]).any()


def test_splines_before_a_linear_model_agree(agrees):
    agrees(make_pipeline(SplineTransformer(), Ridge()).fit(ROWS, ROWS[:, 1]), BEYOND[:1])


def test_many_columns_make_few_nodes(agrees):
    rows = RNG.normal(size=(40, 200))
    checked = agrees(SplineTransformer(20).fit(rows), rows * 1.1)
    assert len(checked.conversion.model.graph.node) < 100
