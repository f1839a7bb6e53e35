"""Functions of numpy that take arguments besides the data: clip, round, nan_to_num, and arithmetic with a number."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.builder import Graph

Before = tuple[Any, ...]
Options = Mapping[str, Any]
Call = Callable[[Graph, str, Before, Options], str]


class Unsuitable(Exception):  # noqa: N818  # the reason for an error that its catcher raises
    """These arguments cannot be had in ONNX; the message continues "calls <function> "."""


def _clip(g: Graph, x: str, before: Before, options: Options) -> str:
    given = _only(before, options, {"a_min", "a_max", "min", "max"})
    low, high = (_limit(given, f"a_{end}", end) for end in ("min", "max"))
    if low is not None:
        x = g.op("Max", x, low)
    return g.op("Min", x, high) if high is not None else x


def _round(g: Graph, x: str, before: Before, options: Options) -> str:
    """Numpy's way: multiply, round half to even, divide."""
    decimals = int(_only(before, options, {"decimals"}).get("decimals", 0))
    if decimals == 0:
        return g.op("Round", x)
    there, back = ("Mul", "Div") if decimals > 0 else ("Div", "Mul")
    scale = np.array(10.0 ** abs(decimals))
    return g.op(back, g.op("Round", g.op(there, x, scale)), scale)


def _nan_to_num(g: Graph, x: str, before: Before, options: Options) -> str:
    given = _only(before, options, {"copy", "nan", "posinf", "neginf"})
    largest = np.finfo(np.float64).max
    high, low = given.get("posinf"), given.get("neginf")
    answer = g.op("Where", g.op("IsNaN", x), _number(given.get("nan", 0.0)), x)
    answer = g.op("Where", g.op("Equal", x, _number(np.inf)), _number(largest if high is None else high), answer)
    return g.op("Where", g.op("Equal", x, _number(-np.inf)), _number(-largest if low is None else low), answer)


def _arithmetic(kind: str) -> Call:
    """Return the operator for a number and then the data, as in functools.partial(np.multiply, 2.0)."""

    def call(g: Graph, x: str, before: Before, options: Options) -> str:
        if len(before) != 1 or options:
            raise Unsuitable("without the number that is to stand before the data")
        return g.op(kind, _number(before[0]), x)

    return call


#: Functions of two arguments; the first is given.
BINARY: list[tuple[Any, Call]] = [
    (np.add, _arithmetic("Add")),
    (np.subtract, _arithmetic("Sub")),
    (np.multiply, _arithmetic("Mul")),
    (np.divide, _arithmetic("Div")),
    (np.power, _arithmetic("Pow")),
    (np.float_power, _arithmetic("Pow")),
    (np.maximum, _arithmetic("Max")),
    (np.minimum, _arithmetic("Min")),
]

WITH_OPTIONS: list[tuple[Any, Call]] = [
    (np.clip, _clip),
    (np.round, _round),
    (np.around, _round),
    (np.nan_to_num, _nan_to_num),
]


def _only(before: Before, options: Options, names: set[str]) -> Options:
    others = sorted(set(options) - names)
    if before or others:
        raise Unsuitable(f"with arguments that mlship does not know: {', '.join([*map(repr, before), *others])}")
    return options


def _limit(options: Options, *names: str) -> NDArray[np.float64] | None:
    value = next((options[name] for name in names if options.get(name) is not None), None)
    return None if value is None else _number(value)


def _number(value: Any) -> NDArray[np.float64]:
    """Return a number, or one number a column, as double."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Unsuitable(f"with {value!r}, which is no number") from error
    if array.ndim > 1:
        raise Unsuitable("with a table of numbers")
    return array
