"""FunctionTransformer over functions of numpy and scipy, in double, near and far from zero."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.special
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from mlship.errors import UnsupportedModelError
from mlship.parity import Tolerance

EXACT = Tolerance(0.0, 0.0)
CLOSE = Tolerance(1e-13, 0.0)
TINY = 10.0 ** np.arange(-300, -1, 12)
WIDE = np.concatenate([np.linspace(-40, 40, 201), TINY, -TINY, [0.0, 1e5, -1e5, 700.0, -700.0, np.nan]])
LARGE = np.concatenate([np.abs(WIDE), 10.0 ** np.arange(0, 300, 7), [np.inf]])
UNIT = np.concatenate([np.linspace(-1, 1, 401), TINY, -TINY, 1 - 10.0 ** np.arange(-16, 0), [np.nan]])

pytestmark = pytest.mark.filterwarnings("ignore:(divide by zero|invalid value|overflow|underflow)")


def _check(agrees, function, values, tolerance=CLOSE, **options):
    rows = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    agrees(FunctionTransformer(function, **options), rows, tolerance)


@pytest.mark.parametrize(
    "function",
    [np.exp, np.exp2, np.expm1, np.cbrt, np.sinh, np.cosh, np.tanh, np.arctan, np.arcsinh, scipy.special.expit],
)
def test_functions_of_every_number_agree(agrees, function):
    tolerance = Tolerance(1e-13, 1e-307)
    _check(agrees, function, np.append(WIDE, [np.inf, -np.inf]), tolerance)


@pytest.mark.parametrize("function", [np.sin, np.cos, np.tan])
def test_angles_agree(agrees, function):
    _check(agrees, function, WIDE, Tolerance(1e-11, 1e-15))


@pytest.mark.parametrize("function", [np.log, np.log1p, np.log2, np.log10, np.sqrt, np.arccosh])
def test_functions_of_positive_numbers_agree(agrees, function):
    _check(agrees, function, np.append(LARGE, [-0.5, -1.0, -3.0]))


@pytest.mark.parametrize(
    "function",
    [np.arcsin, np.arccos, np.arctanh, np.log1p, scipy.special.logit, scipy.special.erf, scipy.special.ndtr],
)
def test_functions_around_zero_and_one_agree(agrees, function):
    _check(agrees, function, UNIT, Tolerance(1e-13, 1e-17 if function is scipy.special.logit else 0.0))


@pytest.mark.parametrize("base", [2.0, 10.0])
def test_logarithms_of_powers_are_whole(agrees, base):
    function = {2.0: np.log2, 10.0: np.log10}[base]
    _check(agrees, function, base ** np.arange(0, 22), EXACT)


@pytest.mark.parametrize(
    "function",
    [
        *(np.abs, np.fabs, np.negative, np.positive, np.square, np.reciprocal, np.sign, np.floor, np.ceil, np.rint),
        *(np.trunc, np.isnan, np.isinf, np.isfinite, np.sqrt, np.round, np.nan_to_num, np.deg2rad, np.degrees),
    ],
)
def test_plain_functions_are_bit_equal(agrees, function):
    _check(agrees, function, np.concatenate([WIDE, [np.inf, -np.inf, 0.5, 1.5, 2.5, -2.5]]), EXACT)


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (np.clip, {"a_min": -1, "a_max": 2.5}),
        (np.clip, {"a_min": 0, "a_max": None}),
        (np.clip, {"min": None, "max": 3}),
        (np.round, {"decimals": 2}),
        (np.around, {"decimals": -1}),
        (np.nan_to_num, {"nan": -5.0, "posinf": 9.0}),
        (partial(np.clip, a_min=0, a_max=10), {}),
        (partial(np.clip, a_min=0), {"a_max": 10}),
        (partial(np.multiply, 2.5), {}),
        (partial(np.add, 1), {}),
        (partial(np.subtract, 1), {}),
        (partial(np.divide, 3.0), {}),
        (partial(np.power, 2.0), {}),
        (partial(np.maximum, 0), {}),
        (partial(np.minimum, 0.5), {}),
        (partial(np.log1p), {}),
    ],
)
def test_functions_with_arguments_are_equal(agrees, function, options):
    values = np.append(WIDE[np.abs(WIDE) < 50], [np.nan, np.inf])
    _check(agrees, function, values, Tolerance(1e-15, 0.0), kw_args=options or None)


def test_an_argument_for_each_column_agrees(agrees):
    rows = np.random.default_rng(0).normal(size=(20, 3))
    agrees(FunctionTransformer(partial(np.multiply, np.array([1.0, 2.0, 3.0]))), rows, EXACT)


def test_functions_of_some_columns_of_a_frame_agree(agrees):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"fare paid": rng.exponential(30, 50), "città": rng.choice(["Köln", "東京"], 50).astype(object)}
    )
    columns = make_column_transformer((FunctionTransformer(np.log1p), ["fare paid"]), (OneHotEncoder(), ["città"]))
    agrees(make_pipeline(columns, Ridge()).fit(frame, rng.normal(size=50)), frame)


def _doubled(values):
    return values * 2


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (_doubled, None, r"_doubled' which has no equivalent"),
        (np.cumsum, None, "'cumsum' which has no equivalent"),
        (np.log1p, {"where": True}, r"'log1p' with arguments \(where\)"),
        (np.clip, {"a_min": "low"}, "'low', which is no number"),
        (np.power, {}, "'power' without the number"),
        (np.clip, {"out": None}, "does not know: out"),
    ],
)
def test_other_functions_are_refused_by_name(agrees, function, options, message):
    with pytest.raises(UnsupportedModelError, match=message) as caught:
        agrees.converted(FunctionTransformer(function, kw_args=options), np.zeros((2, 1)))
    assert "log1p" in caught.value.hint
