"""Expressions over the columns of one row: what DerivedFields are written from."""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from mlship.signature import MISSING_STRING

Kind = Literal["number", "string", "boolean"]
#: An expression, or a constant: float, int, bool or str; NaN and MISSING_STRING are missing.
Value = Any


class Node:
    """One operation on values of a row.

    ``op`` is a function of PMML 4.4, or "field" (``value``: name of a column), "output" (``value``: a Model and the
    number of one of its outputs), "map" (``value``: a Table) or "float32" (rounded to single precision).
    ``whole`` says that the result is known to be a whole number, ``nullable`` that it can be missing.
    """

    __slots__ = ("args", "kind", "nullable", "op", "value", "whole")

    def __init__(
        self, op: str, args: Sequence[Value] = (), kind: Kind = "number", value: Any = None, *, whole: bool = False
    ) -> None:
        self.op, self.args, self.kind, self.value, self.whole = op, tuple(args), kind, value, whole
        self.nullable = kind != "boolean" and any(map(is_nullable, self.args))


class Table:
    """A look-up: ``entries`` from key to result, ``missing`` for a missing key, ``default`` for all others."""

    __slots__ = ("default", "entries", "missing")

    def __init__(self, entries: dict[Any, Any], missing: Any, default: Any) -> None:
        self.entries, self.missing, self.default = entries, missing, default


def is_missing(value: Value) -> bool:
    """Say whether ``value`` is a constant that stands for a missing value."""
    if isinstance(value, str):
        return value == MISSING_STRING
    return isinstance(value, float) and math.isnan(value)


def kind_of(value: Value) -> Kind:
    """Return the kind of an expression or constant."""
    if isinstance(value, Node):
        return value.kind
    if isinstance(value, bool | np.bool_):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def is_nullable(value: Value) -> bool:
    """Say whether ``value`` can be missing."""
    return value.nullable if isinstance(value, Node) else is_missing(value)


def field(name: str, kind: Kind, *, nullable: bool = False) -> Node:
    """Return a column."""
    node = Node("field", kind=kind, value=name)
    node.nullable = nullable
    return node


def _divide(a: Any, b: Any) -> float:
    with np.errstate(all="ignore"):
        return float(np.float64(a) / np.float64(b))


def _quiet(function: Callable[..., Any]) -> Callable[..., float]:
    def call(*values: Any) -> float:
        with np.errstate(all="ignore"):
            return float(function(*(np.float64(value) for value in values)))

    return call


#: name in PMML -> what it does to constants.
_FOLD: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "pow": _quiet(np.power),
    "exp": _quiet(np.exp),
    "ln": _quiet(np.log),
    "sqrt": _quiet(np.sqrt),
    "abs": abs,
    "floor": _quiet(np.floor),
    "ceil": _quiet(np.ceil),
    "sin": _quiet(np.sin),
    "cos": _quiet(np.cos),
    "tanh": _quiet(np.tanh),
    "equal": operator.eq,
    "notEqual": operator.ne,
    "lessThan": operator.lt,
    "lessOrEqual": operator.le,
    "greaterThan": operator.gt,
    "greaterOrEqual": operator.ge,
    "and": lambda a, b: bool(a) and bool(b),
    "or": lambda a, b: bool(a) or bool(b),
    "not": operator.not_,
    "isMissing": is_missing,
    "isNotMissing": lambda value: not is_missing(value),
}
_COMPARISONS = {"equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"}
_BOOLEAN = _COMPARISONS | {"and", "or", "not", "isMissing", "isNotMissing"}
_JOIN: dict[str, Callable[[Sequence[Any]], Any]] = {"sum": sum, "min": min, "max": max}
_OPPOSITE = {"isMissing": "isNotMissing", "isNotMissing": "isMissing"}
_NEUTRAL = {("+", 0), ("-", 0), ("*", 1), ("/", 1)}


def apply(function: str, *args: Value) -> Value:
    """Return ``function`` of ``args``; constants are folded."""
    if not any(isinstance(arg, Node) for arg in args):
        return _FOLD[function](*args)
    if function == "not" and args[0].op in _OPPOSITE:
        return apply(_OPPOSITE[args[0].op], *args[0].args)
    simpler = _simplified(function, *args) if len(args) == 2 else None
    if simpler is not None:
        return simpler
    kind: Kind = "boolean" if function in _BOOLEAN else "number"
    whole = function in ("floor", "ceil") or (function in "+-*" and all(map(is_whole, args)))
    return Node(function, args, kind, whole=whole)


def _simplified(function: str, a: Value, b: Value) -> Value:
    """Return something that is the same but simpler; None where there is nothing."""
    if not isinstance(b, Node) and kind_of(b) == "number" and (function, b) in _NEUTRAL:
        return a
    if function in ("+", "*") and not isinstance(a, Node) and (function, a) in _NEUTRAL:
        return b
    if function == "equal" and a is b:
        return apply("isNotMissing", a)
    if function == "equal" and isinstance(b, str) and b == MISSING_STRING:
        return apply("isMissing", a)
    return None


def choose(condition: Value, yes: Value, no: Value) -> Value:
    """Return ``yes`` where ``condition`` is true, else ``no``."""
    if not isinstance(condition, Node):
        return yes if condition else no
    if yes is no or (not isinstance(yes, Node) and not isinstance(no, Node) and yes == no):
        return yes
    kind = kind_of(no if is_missing(yes) else yes)
    if kind == "boolean":
        return apply("or", apply("and", condition, yes), apply("and", apply("not", condition), no))
    node = Node("if", (condition, yes, no), kind, whole=is_whole(yes) and is_whole(no))
    filled = condition.op == "isMissing" and condition.args[0] is no  # the value itself where it is not missing
    node.nullable = is_nullable(yes) or (is_nullable(no) and not filled)
    return node


def is_whole(value: Value) -> bool:
    """Say whether ``value`` is known to be a whole number."""
    if isinstance(value, Node):
        return value.whole
    return isinstance(value, int | float) and float(value).is_integer()


def number(value: Value) -> Value:
    """Turn a truth value into 1 or 0; numbers stay."""
    if kind_of(value) != "boolean":
        return value
    return choose(value, 1.0, 0.0)


def fold(function: str, values: Sequence[Value]) -> Value:
    """Return ``function`` ("sum", "min", "max") of many values."""
    constants = [value for value in values if not isinstance(value, Node)]
    others: list[Value] = [value for value in values if isinstance(value, Node)]
    if constants:
        joined = _JOIN[function](constants)
        if function != "sum" or joined != 0 or not others:
            others.append(joined)
    if len(others) == 1:
        return others[0]
    if len(others) == 2 and function == "sum":
        return apply("+", *others)
    return Node(function, others, whole=all(map(is_whole, others)))


def dot(values: Sequence[Value], weights: Sequence[float]) -> Value:
    """Return the weighted sum; a weight of zero leaves its value out."""
    return fold("sum", [0.0, *(apply("*", x, float(w)) for x, w in zip(values, weights, strict=True) if w != 0)])


def position(values: Sequence[Value], extreme: Literal["max", "min"]) -> Value:
    """Return the number of the first largest or smallest value."""
    if len(values) == 1:
        return 0
    if len(values) == 2:
        first = apply("greaterOrEqual" if extreme == "max" else "lessOrEqual", values[0], values[1])
        return choose(first, 0, 1)
    best = fold(extreme, values)
    return fold("min", [choose(apply("equal", value, best), i, len(values)) for i, value in enumerate(values)])


def look_up(key: Value, table: Table) -> Value:
    """Return the entry of ``table`` for ``key``."""
    if not isinstance(key, Node):
        if is_missing(key):
            return table.missing
        return table.entries.get(key, table.default)
    results = [*table.entries.values(), table.missing, table.default]
    kind = kind_of(next((value for value in results if not is_missing(value)), 0.0))
    node = Node("map", (key,), kind, table, whole=all(map(is_whole, results)))
    node.nullable = any(map(is_missing, results))
    return node
