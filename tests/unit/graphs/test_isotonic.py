"""Isotonic regression: on its thresholds, between them and beyond."""

import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression

from mlship import runtime
from mlship.errors import ModelError, UnsupportedModelError
from mlship.golden import Golden
from mlship.parity import DOUBLE

RNG = np.random.default_rng(151)
X = RNG.normal(size=80).round(1)
Y = X + RNG.normal(size=80)


def near(model):
    knots = model.X_thresholds_
    beside = np.concatenate([np.nextafter(knots, -np.inf), knots, np.nextafter(knots, np.inf), X + 0.05])
    return np.concatenate([beside, [-1e9, 1e9]])[:, None]


@pytest.mark.parametrize("bounds", ["nan", "clip"])
@pytest.mark.parametrize("increasing", [True, False])
def test_lines_agree(agrees, bounds, increasing):
    model = IsotonicRegression(out_of_bounds=bounds, increasing=increasing).fit(X[:, None], Y)
    agrees(model, near(model))


@pytest.mark.parametrize("bounds", ["nan", "clip", "raise"])
def test_a_line_through_one_point_agrees(agrees, bounds):
    model = IsotonicRegression(out_of_bounds=bounds).fit([1.0, 1.0], [2.0, 4.0])
    agrees(model, np.array([[0.0], [1.0], [5.0]]))


def test_rows_beyond_are_an_error_where_scikit_learn_raises(agrees):
    model = IsotonicRegression(out_of_bounds="raise").fit(X, Y)
    inside = X[:, None]
    agrees(model, inside)
    content = agrees.converted(model, inside).content
    with pytest.raises(ModelError, match="out of"):
        runtime.parity(content, Golden({"features": inside * 9}, {"prediction": X}, ("sample",) * 80), DOUBLE)


def test_a_line_in_float32_is_refused(agrees):
    model = IsotonicRegression().fit(X.astype(np.float32), Y.astype(np.float32))
    with pytest.raises(UnsupportedModelError, match="float32"):
        agrees.converted(model, X[:, None])
