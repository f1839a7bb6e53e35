"""Power transforms of either kind, and powers at which the formula changes."""

import numpy as np
import pytest
from sklearn.preprocessing import PowerTransformer

RNG = np.random.default_rng(0)
ROWS = np.column_stack([RNG.normal(size=80), RNG.exponential(30, 80), -RNG.exponential(5, 80), np.full(80, 2.0)])


@pytest.mark.parametrize("standardize", [True, False])
def test_yeo_johnson_agrees(agrees, standardize):
    model = PowerTransformer(standardize=standardize).fit(ROWS)
    agrees(model, np.concatenate([ROWS, ROWS * 1e-9, -ROWS, ROWS * 0]))


@pytest.mark.parametrize("standardize", [True, False])
def test_box_cox_agrees(agrees, standardize):
    rows = np.abs(ROWS[:, :3]) + 1e-3
    model = PowerTransformer(method="box-cox", standardize=standardize).fit(rows)
    agrees(model, np.concatenate([rows, rows * 1e-6, rows * 1e3]))


@pytest.mark.parametrize("power", [0.0, 1e-18, 1e-10, 1.0, 2.0, 2.0 + 1e-10, -3.0, 5.0])
def test_special_powers_agree(agrees, power):
    model = PowerTransformer(standardize=False).fit(ROWS)
    model.lambdas_ = np.full(4, power)
    agrees(model, np.concatenate([ROWS, -ROWS, ROWS * 1e-12]))


def test_missing_values_stay(agrees):
    rows = ROWS.copy()
    rows[::5, 0] = np.nan
    agrees(PowerTransformer().fit(rows), rows)
    positive = np.abs(rows[:, :2]) + 0.1
    agrees(PowerTransformer(method="box-cox").fit(positive), positive)
