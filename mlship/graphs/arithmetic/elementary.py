"""Elementary functions in double that ONNX Runtime has only in float, or only inaccurately near zero.

Right to a few units in the last place, as numpy's and scipy's are. Each takes and returns the name of a value of any
shape; missing values stay, and values outside of the domain become NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.arithmetic.special import arctan, polynomial
from mlship.graphs.builder import Graph

# M. J. Wichura, Algorithm AS 241: The percentage points of the normal distribution, Applied Statistics 37 (1988),
# 477-484 (PPND16): numerators and denominators, lowest power first, in the middle and for tails down to exp(-25).
_CENTRE = (
    (
        3.3871328727963666080,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_TAIL = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
_LARGE = 1e8  # from here on 1 + x * x is x * x


def log1p(g: Graph, x: str) -> str:
    """Return log(1 + x), accurate near 0 (W. Kahan: the rounding error of 1 + x cancels in the quotient)."""
    one = _number(1.0)
    more = g.op("Add", x, one)
    kept = g.op("Or", g.op("Equal", more, one), g.op("Equal", more, _number(np.inf)))
    factor = g.op("Div", x, g.op("Where", kept, one, g.op("Sub", more, one)))
    tiny = g.op("Equal", more, one)
    return g.op("Where", tiny, x, g.op("Where", kept, more, g.op("Mul", g.op("Log", more), factor)))


def expm1(g: Graph, x: str) -> str:
    """Return exp(x) - 1, accurate near 0 (W. Kahan: the rounding error of exp(x) cancels in the quotient)."""
    one = _number(1.0)
    power = g.op("Exp", x)
    less = g.op("Sub", power, one)
    tiny = g.op("Equal", power, one)
    far = g.op("Greater", g.op("Abs", x), _number(36.0))
    safe = g.op("Where", g.op("Or", tiny, far), _number(2.0), power)
    close = g.op("Mul", g.op("Sub", safe, one), g.op("Div", x, g.op("Log", safe)))
    return g.op("Where", tiny, x, g.op("Where", far, less, close))


def cbrt(g: Graph, x: str) -> str:
    """Return the cube root, of negative numbers too: a power, then one step of Newton's method."""
    size = g.op("Abs", x)
    rough = g.op("Pow", size, _number(1 / 3))
    square = g.op("Mul", rough, rough)
    step = g.op("Div", g.op("Sub", rough, g.op("Div", size, square)), _number(3.0))
    settled = g.op("Or", g.op("Equal", size, _number(0.0)), g.op("Equal", size, _number(np.inf)))
    return g.op("Mul", g.op("Sign", x), g.op("Where", settled, size, g.op("Sub", rough, step)))


def tan(g: Graph, x: str) -> str:
    """Return the tangent of ``x``, in radians."""
    return g.op("Div", g.op("Sin", x), g.op("Cos", x))


def arcsin(g: Graph, x: str) -> str:
    """Return the inverse sine, in radians."""
    return arctan(g, g.op("Div", x, _other_leg(g, x)))


def arccos(g: Graph, x: str) -> str:
    """Return the inverse cosine, in radians."""
    one = _number(1.0)
    ratio = g.op("Div", g.op("Sub", one, x), g.op("Add", one, x))
    return g.op("Mul", _number(2.0), arctan(g, g.op("Sqrt", ratio)))


def sinh(g: Graph, x: str) -> str:
    """Return the hyperbolic sine."""
    size = g.op("Abs", x)
    large = g.op("Greater", size, _number(20.0))
    small = expm1(g, g.op("Where", large, _number(0.0), size))
    near = g.op("Mul", _number(0.5), g.op("Add", small, g.op("Div", small, g.op("Add", small, _number(1.0)))))
    return g.op("Mul", g.op("Sign", x), g.op("Where", large, _half_power(g, size), near))


def cosh(g: Graph, x: str) -> str:
    """Return the hyperbolic cosine."""
    size = g.op("Abs", x)
    return g.op("Add", _half_power(g, size), g.op("Mul", _number(0.5), g.op("Exp", g.op("Neg", size))))


def arcsinh(g: Graph, x: str) -> str:
    """Return the inverse hyperbolic sine."""
    size = g.op("Abs", x)
    large = g.op("Greater", size, _number(_LARGE))
    a = g.op("Where", large, _number(1.0), size)
    square = g.op("Mul", a, a)
    root = g.op("Add", _number(1.0), g.op("Sqrt", g.op("Add", square, _number(1.0))))
    near = log1p(g, g.op("Add", a, g.op("Div", square, root)))
    return g.op("Mul", g.op("Sign", x), g.op("Where", large, _log_of_double(g, size), near))


def arccosh(g: Graph, x: str) -> str:
    """Return the inverse hyperbolic cosine; NaN below 1."""
    large = g.op("Greater", x, _number(_LARGE))
    above = g.op("Sub", g.op("Where", large, _number(1.0), x), _number(1.0))
    root = g.op("Sqrt", g.op("Mul", above, g.op("Add", above, _number(2.0))))
    return g.op("Where", large, _log_of_double(g, x), log1p(g, g.op("Add", above, root)))


def arctanh(g: Graph, x: str) -> str:
    """Return the inverse hyperbolic tangent; infinite at 1 and -1, NaN beyond."""
    size = g.op("Abs", x)
    ratio = g.op("Div", g.op("Add", size, size), g.op("Sub", _number(1.0), size))
    return g.op("Mul", g.op("Mul", _number(0.5), g.op("Sign", x)), log1p(g, ratio))


def expit(g: Graph, x: str) -> str:
    """Return 1 / (1 + exp(-x)); written out, as ONNX Runtime's Sigmoid is 0 below -37."""
    return g.op("Div", _number(1.0), g.op("Add", _number(1.0), g.op("Exp", g.op("Neg", x))))


def logit(g: Graph, x: str) -> str:
    """Return log(x / (1 - x)), accurate near 1/2."""
    rest = g.op("Sub", _number(1.0), x)
    twice = g.op("Mul", _number(2.0), g.op("Sub", x, _number(0.5)))
    near = g.op("Sub", log1p(g, twice), log1p(g, g.op("Neg", twice)))
    middle = g.op("And", g.op("Greater", x, _number(0.3)), g.op("Less", x, _number(0.65)))
    return g.op("Where", middle, near, g.op("Log", g.op("Div", x, rest)))


def inverse_normal(g: Graph, p: str) -> str:
    """Return the quantile of the standard normal for ``p`` from 1e-10 to 1 - 1e-10."""
    centred = g.op("Sub", p, _number(0.5))
    inner = g.op("Sub", _number(0.180625), g.op("Mul", centred, centred))
    middle = g.op("Mul", centred, _ratio(g, inner, _CENTRE))
    smaller = g.op("Where", g.op("Less", centred, _number(0.0)), p, g.op("Sub", _number(1.0), p))
    depth = g.op("Sub", g.op("Sqrt", g.op("Neg", g.op("Log", smaller))), _number(1.6))
    tail = g.op("Mul", g.op("Sign", centred), _ratio(g, depth, _TAIL))
    return g.op("Where", g.op("LessOrEqual", g.op("Abs", centred), _number(0.425)), middle, tail)


def _other_leg(g: Graph, x: str) -> str:
    one = _number(1.0)
    return g.op("Sqrt", g.op("Mul", g.op("Sub", one, x), g.op("Add", one, x)))


def _half_power(g: Graph, size: str) -> str:
    """Return exp(size) / 2 without overflow on the way."""
    root = g.op("Exp", g.op("Mul", _number(0.5), size))
    return g.op("Mul", g.op("Mul", _number(0.5), root), root)


def _log_of_double(g: Graph, x: str) -> str:
    return g.op("Add", g.op("Log", x), _number(np.log(2.0)))


def _ratio(g: Graph, x: str, parts: Any) -> str:
    return g.op("Div", polynomial(g, x, parts[0]), polynomial(g, x, parts[1]))


def _number(value: float) -> NDArray[np.float64]:
    return np.array(value, dtype=np.float64)
