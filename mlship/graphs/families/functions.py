"""FunctionTransformer over the functions of numpy and scipy that ONNX can compute exactly in double."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.special
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic import elementary, special
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph
from mlship.graphs.families.calls import BINARY, WITH_OPTIONS, Unsuitable

Unary = Callable[[Graph, str], str]


def function(g: Graph, model: Any, block: Block) -> Block:
    """FunctionTransformer: nothing, or a known function with its arguments (``kw_args``, functools.partial).

    Raises UnsupportedModelError for any other function, and for arguments that change more than the values.
    """
    if model.func is None:
        return block
    called, before, options = _unfolded(model.func, model.kw_args or {})
    x = numbers(g, block)
    try:
        name = _computed(g, called, x.name, before, options)
    except Unsuitable as error:
        raise UnsupportedModelError(f"FunctionTransformer calls {_name(called)} {error}", _HINT) from error
    return [replace(x, name=name)]


def _computed(g: Graph, called: Any, x: str, before: tuple[Any, ...], options: Mapping[str, Any]) -> str:
    unary = next((known for item, known in _UNARY if item is called), None)
    if unary is not None:
        if before or options:
            raise Unsuitable(f"with arguments ({', '.join([*map(repr, before), *options])})")
        return unary(g, x)
    binary = next((known for item, known in BINARY if item is called), None)
    if binary is not None:
        return binary(g, x, before, options)
    several = next((known for item, known in WITH_OPTIONS if item is called), None)
    if several is not None:
        return several(g, x, before, options)
    raise Unsuitable("which has no equivalent in ONNX that is known to mlship")


def _unfolded(called: Any, options: Mapping[str, Any]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Return the function within partial objects, its arguments before the data, and its named ones."""
    before: tuple[Any, ...] = ()
    named = dict(options)
    while isinstance(called, partial):
        before = (*called.args, *before)
        named = {**called.keywords, **named}
        called = called.func
    return called, before, named


def _name(called: Any) -> str:
    if isinstance(called, np.ufunc):
        return f"'{called.__name__}'"
    module, name = getattr(called, "__module__", None), getattr(called, "__qualname__", type(called).__name__)
    return f"'{module}.{name}'" if module and module != "numpy" else f"'{name}'"


def _op(kind: str) -> Unary:
    return lambda g, x: g.op(kind, x)


def _scaled_log(base: float) -> Unary:
    """Logarithm to another base, exact for its powers: rounded where that is within an ulp or two."""

    def log(g: Graph, x: str) -> str:
        value = g.op("Div", g.op("Log", x), np.array(np.log(base)))
        whole = g.op("Round", value)
        return g.op("Where", g.op("Equal", g.op("Pow", np.array(base), whole), x), whole, value)

    return log


def _flag(test: Callable[[Graph, str], str]) -> Unary:
    return lambda g, x: g.op("Cast", test(g, x), to=TensorProto.DOUBLE)


def _is_finite(g: Graph, x: str) -> str:
    return g.op("Less", g.op("Abs", x), np.array(np.inf))


def _sign(g: Graph, x: str) -> str:
    return g.op("Where", g.op("IsNaN", x), x, g.op("Sign", x))


_UNARY: list[tuple[Any, Unary]] = [
    (np.abs, _op("Abs")),
    (np.fabs, _op("Abs")),
    (np.positive, _op("Identity")),
    (np.negative, _op("Neg")),
    (np.square, lambda g, x: g.op("Mul", x, x)),
    (np.sqrt, _op("Sqrt")),
    (np.cbrt, elementary.cbrt),
    (np.reciprocal, lambda g, x: g.op("Div", np.array(1.0), x)),
    (np.exp, _op("Exp")),
    (np.exp2, lambda g, x: g.op("Pow", np.array(2.0), x)),
    (np.expm1, elementary.expm1),
    (np.log, _op("Log")),
    (np.log2, _scaled_log(2.0)),
    (np.log10, _scaled_log(10.0)),
    (np.log1p, elementary.log1p),
    (np.sin, _op("Sin")),
    (np.cos, _op("Cos")),
    (np.tan, elementary.tan),
    (np.arcsin, elementary.arcsin),
    (np.arccos, elementary.arccos),
    (np.arctan, special.arctan),
    (np.sinh, elementary.sinh),
    (np.cosh, elementary.cosh),
    (np.tanh, _op("Tanh")),
    (np.arcsinh, elementary.arcsinh),
    (np.arccosh, elementary.arccosh),
    (np.arctanh, elementary.arctanh),
    (np.deg2rad, lambda g, x: g.op("Mul", x, np.array(np.pi / 180))),
    (np.radians, lambda g, x: g.op("Mul", x, np.array(np.pi / 180))),
    (np.rad2deg, lambda g, x: g.op("Mul", x, np.array(180 / np.pi))),
    (np.degrees, lambda g, x: g.op("Mul", x, np.array(180 / np.pi))),
    (np.sign, _sign),
    (np.floor, _op("Floor")),
    (np.ceil, _op("Ceil")),
    (np.rint, _op("Round")),
    (np.trunc, lambda g, x: g.op("Mul", _sign(g, x), g.op("Floor", g.op("Abs", x)))),
    (np.isnan, _flag(_op("IsNaN"))),
    (np.isinf, _flag(_op("IsInf"))),
    (np.isfinite, _flag(_is_finite)),
    (scipy.special.expit, elementary.expit),
    (scipy.special.logit, elementary.logit),
    (scipy.special.erf, special.erf),
    (scipy.special.erfc, special.erfc),
    (scipy.special.ndtr, special.normal_cdf),
    (scipy.special.cbrt, elementary.cbrt),
    (scipy.special.log1p, elementary.log1p),
    (scipy.special.expm1, elementary.expm1),
]

_HINT = (
    "numpy's elementwise functions convert (log1p, sqrt, clip, nan_to_num, power ...), alone or in functools.partial; "
    "for another one use them, or compute that column before the model"
)
