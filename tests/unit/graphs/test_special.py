"""Functions that ONNX Runtime lacks in double, held against scipy's and numpy's."""

import numpy as np
import pytest
from onnx import checker
from scipy import special as scipy_special
from scipy import stats

from mlship import runtime
from mlship.graphs.arithmetic import special
from mlship.graphs.builder import Graph, Matrix, Result

POWERS = 10.0 ** np.arange(-300, 300, 7)
POINTS = np.concatenate([np.linspace(-37, 37, 20_001), np.linspace(-1, 1, 20_001), POWERS, -POWERS])
HARD = [0.0, -0.0, 0.46875, np.nextafter(0.46875, 1), 4.0, -4.0, np.nextafter(4, 5), 1.0, -1.0, np.inf, -np.inf, np.nan]

REFERENCES = {
    "erf": scipy_special.erf,
    "erfc": scipy_special.erfc,
    "normal_cdf": scipy_special.ndtr,
    "arctan": np.arctan,
    "cauchy_cdf": stats.cauchy.cdf,
}


def _computed(name, values):
    g = Graph()
    x = g.input(Matrix("x", "number", 1))
    model = g.model({"prediction": Result(getattr(special, name)(g, x.name), width=1)})
    checker.check_model(model, full_check=True)
    return runtime.Session(model.SerializeToString()).run({"x": values.reshape(-1, 1)})["prediction"][:, 0]


@pytest.mark.parametrize("name", REFERENCES)
def test_every_digit_is_right_in_the_middle_and_in_the_tails(name):
    values = np.concatenate([POINTS, HARD])
    with np.errstate(all="ignore"):
        expected = REFERENCES[name](values)
    found = _computed(name, values)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-307)  # scipy itself: 6e-14 at erfc(26)


def test_a_polynomial_starts_with_its_lowest_power():
    g = Graph()
    x = g.input(Matrix("x", "number", 1))
    model = g.model({"prediction": Result(special.polynomial(g, x.name, (3.0, 0.0, 2.0)), width=1)})
    found = runtime.Session(model.SerializeToString()).run({"x": np.array([[2.0]])})
    assert found["prediction"] == [[11.0]]
