"""Regressors trained on a transformed target."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from mlship.errors import UnsupportedModelError

ROWS = np.random.default_rng(14).normal(size=(150, 3))
TARGET = np.exp(ROWS[:, 0]) + 0.1
TRANSFORMERS = [
    FunctionTransformer(),
    FunctionTransformer(np.log1p, np.expm1),
    MaxAbsScaler(),
    MinMaxScaler((-2, 3)),
    PowerTransformer(),
    PowerTransformer("box-cox", standardize=False),
    QuantileTransformer(n_quantiles=20),
    QuantileTransformer(n_quantiles=30, output_distribution="normal"),
    RobustScaler(),
    RobustScaler(with_centering=False),
    StandardScaler(),
    StandardScaler(with_mean=False),
    make_pipeline(FunctionTransformer(np.log, np.exp), StandardScaler()),
]


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:Some values in column")
@pytest.mark.parametrize("targets", [1, 2])
@pytest.mark.parametrize("inner", [LinearRegression(), DecisionTreeRegressor(max_depth=5)], ids=str)
@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_every_scale_agrees(agrees, transformer, inner, targets):
    model = TransformedTargetRegressor(inner, transformer=transformer, check_inverse=False)
    checked = agrees(model.fit(ROWS, TARGET if targets == 1 else np.column_stack([TARGET, TARGET**2])), ROWS)
    assert checked.conversion.route[-1] == "TransformedTargetRegressor: mlship"


@pytest.mark.parametrize(("func", "inverse"), [(np.log, np.exp), (np.sqrt, np.square), (np.log1p, np.expm1)])
def test_functions_agree(agrees, func, inverse):
    agrees(TransformedTargetRegressor(func=func, inverse_func=inverse).fit(ROWS, TARGET), ROWS)


def test_a_target_of_one_column_stays_one_column(agrees):
    model = TransformedTargetRegressor(transformer=StandardScaler()).fit(ROWS, TARGET[:, None])
    assert agrees(model, ROWS).golden.outputs["prediction"].shape == (150, 1)


def test_powers_at_their_limits_agree(agrees):
    model = TransformedTargetRegressor(transformer=PowerTransformer(standardize=False), check_inverse=False)
    model.fit(ROWS, ROWS[:, 0])
    for power in (0.0, 2.0, 1.0, -0.5):
        model.transformer_.lambdas_ = np.array([power])
        rows = ROWS[(np.abs(ROWS[:, 0]) < 0.4)] if power < 0 else ROWS
        agrees(model, rows)


def test_an_unknown_function_is_refused(agrees):
    model = TransformedTargetRegressor(func=np.log, inverse_func=lambda x: np.exp(x) + 0.0).fit(ROWS, TARGET)
    with pytest.raises(UnsupportedModelError):
        agrees.converted(model, ROWS)
