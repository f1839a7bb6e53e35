"""Functions for which ONNX Runtime has no double kernel: erf and arctan, and the distribution functions from them.

Right to a few units in the last place, in the tails too (relative, as scipy's), for infinite and missing values too.
Each takes and returns the name of a value of any shape.
"""

from collections.abc import Sequence

import numpy as np

from mlship.graphs.builder import Graph

# W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969), 631-637: numerators and
# denominators, lowest power first, of erf(x) / x in x^2 up to 0.46875, of exp(x^2) erfc(x) in x up to 4, and of
# x^2 (1 / sqrt(pi) - x exp(x^2) erfc(x)) in 1 / x^2 above.
_NEAR = (
    (3209.37758913846947, 377.485237685302021, 113.864154151050156, 3.16112374387056560, 0.185777706184603153),
    (2844.23683343917062, 1282.61652607737228, 244.024637934444173, 23.6012909523441209, 1.0),
)
_MIDDLE = (
    (
        1230.33935479799725,
        2051.07837782607147,
        1712.04761263407058,
        881.952221241769090,
        298.635138197400131,
        66.1191906371416295,
        8.88314979438837594,
        0.564188496988670089,
        2.15311535474403846e-8,
    ),
    (
        1230.33935480374942,
        3439.36767414372164,
        4362.61909014324716,
        3290.79923573345963,
        1621.38957456669019,
        537.181101862009858,
        117.693950891312499,
        15.7449261107098347,
        1.0,
    ),
)
_FAR = (
    (
        6.58749161529837803e-4,
        1.60837851487422766e-2,
        1.25781726111229246e-1,
        3.60344899949804439e-1,
        3.05326634961232344e-1,
        1.63153871373020978e-2,
    ),
    (
        2.33520497626869185e-3,
        6.05183413124413191e-2,
        5.27905102951428412e-1,
        1.87295284992346725,
        2.56852019228982242,
        1.0,
    ),
)
_MIDDLE_FROM, _FAR_FROM, _ZERO_FROM = 0.46875, 4.0, 28.0
#: Terms of the Taylor series of arctan, enough below tan(pi / 32).
_ARCTAN = tuple((-1.0) ** k / (2 * k + 1) for k in range(9))


def erf(g: Graph, x: str) -> str:
    """Return the error function of ``x``."""
    size = g.op("Abs", x)
    far = g.op("Mul", g.op("Sign", x), g.op("Sub", _number(1.0), _tail(g, size)))
    return g.op("Where", _is_near(g, size), _near(g, x, size), far)


def erfc(g: Graph, x: str) -> str:
    """Return 1 - erf(``x``), with all digits where that is small."""
    size = g.op("Abs", x)
    tail = _tail(g, size)
    far = g.op("Where", g.op("Less", x, _number(0.0)), g.op("Sub", _number(2.0), tail), tail)
    return g.op("Where", _is_near(g, size), g.op("Sub", _number(1.0), _near(g, x, size)), far)


def normal_cdf(g: Graph, x: str) -> str:
    """Return the distribution function of the standard normal at ``x``."""
    return g.op("Mul", _number(0.5), erfc(g, g.op("Mul", x, _number(-np.sqrt(0.5)))))


def arctan(g: Graph, x: str) -> str:
    """Return the inverse tangent of ``x``, in radians."""
    size = g.op("Abs", x)
    is_large, angle = _folded_angle(g, size)
    turned = g.op("Where", is_large, g.op("Sub", _number(np.pi / 2), angle), angle)
    return g.op("Mul", g.op("Sign", x), turned)


def cauchy_cdf(g: Graph, x: str) -> str:
    """Return the distribution function of the standard Cauchy distribution at ``x``."""
    is_large, angle = _folded_angle(g, g.op("Abs", x))
    tail = g.op("Where", is_large, angle, g.op("Sub", _number(np.pi / 2), angle))
    both = g.op("Where", g.op("Greater", x, _number(0.0)), g.op("Sub", _number(np.pi), tail), tail)
    return g.op("Div", both, _number(np.pi))


def polynomial(g: Graph, x: str, coefficients: Sequence[float]) -> str:
    """Return the polynomial in ``x`` with these coefficients, lowest power first, by Horner's rule."""
    *others, highest = coefficients
    result = g.op("Mul", x, _number(highest))
    for coefficient in others[:0:-1]:
        result = g.op("Mul", g.op("Add", result, _number(coefficient)), x)
    return g.op("Add", result, _number(others[0]))


def _is_near(g: Graph, size: str) -> str:
    return g.op("LessOrEqual", size, _number(_MIDDLE_FROM))


def _near(g: Graph, x: str, size: str) -> str:
    """Return erf for ``size`` (of ``x``) up to 0.46875; other values are put to 0 so that nothing overflows."""
    x = g.op("Where", _is_near(g, size), x, _number(0.0))
    return g.op("Mul", x, _ratio(g, g.op("Mul", x, x), _NEAR))


def _tail(g: Graph, size: str) -> str:
    """Return erfc for ``size`` from 0.46875 on; missing values stay."""
    y = g.op("Where", g.op("Greater", size, _number(_ZERO_FROM)), _number(_ZERO_FROM), size)
    is_far = g.op("Greater", y, _number(_FAR_FROM))
    middle = _ratio(g, g.op("Where", is_far, _number(_FAR_FROM), y), _MIDDLE)
    beyond = g.op("Where", g.op("Less", y, _number(_FAR_FROM)), _number(_FAR_FROM), y)
    inverse = g.op("Div", _number(1.0), g.op("Mul", beyond, beyond))
    correction = g.op("Mul", inverse, _ratio(g, inverse, _FAR))
    far = g.op("Div", g.op("Sub", _number(1.0 / np.sqrt(np.pi)), correction), beyond)
    return g.op("Mul", _bell(g, y), g.op("Where", is_far, far, middle))


def _bell(g: Graph, y: str) -> str:
    """Return exp(-y^2): y^2 in two parts, the first of them exact, as its rounding error would count."""
    steps = _number(16.0)
    rough = g.op("Div", g.op("Floor", g.op("Mul", y, steps)), steps)
    rest = g.op("Mul", g.op("Sub", y, rough), g.op("Add", y, rough))
    return g.op("Mul", g.op("Exp", g.op("Neg", g.op("Mul", rough, rough))), g.op("Exp", g.op("Neg", rest)))


def _folded_angle(g: Graph, size: str) -> tuple[str, str]:
    """Return whether ``size`` is above 1, and the inverse tangent of 1 / size there, of size elsewhere."""
    is_large = g.op("Greater", size, _number(1.0))
    inverse = g.op("Div", _number(1.0), g.op("Where", is_large, size, _number(1.0)))
    x = g.op("Where", is_large, inverse, size)
    for _ in range(3):  # half the angle
        root = g.op("Sqrt", g.op("Add", _number(1.0), g.op("Mul", x, x)))
        x = g.op("Div", x, g.op("Add", _number(1.0), root))
    series = polynomial(g, g.op("Mul", x, x), _ARCTAN)
    return is_large, g.op("Mul", g.op("Mul", _number(8.0), x), series)


def _ratio(g: Graph, x: str, parts: tuple[Sequence[float], Sequence[float]]) -> str:
    return g.op("Div", polynomial(g, x, parts[0]), polynomial(g, x, parts[1]))


def _number(value: float) -> np.ndarray[tuple[()], np.dtype[np.float64]]:
    return np.array(value, dtype=np.float64)
