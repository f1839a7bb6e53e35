"""Formulas as statsmodels users write them ("y ~ a * C(b) + np.log(c)"), read without evaluating any of it.

What is known: names of columns, ``Q('any name')``, ``C(column, ...)``, ``I(...)``, numbers, + - * / ** and comparisons,
and the functions of numpy in ``FUNCTIONS``.
"""

import ast
import io
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic import elementary, special
from mlship.graphs.builder import Graph


def _operator(name: str) -> Callable[[Graph, str], str]:
    return lambda g, x: g.op(name, x)


def _logarithm(base: float) -> Callable[[Graph, str], str]:
    return lambda g, x: g.op("Div", g.op("Log", x), np.array(np.log(base)))


#: Functions of numpy, and what adds them to a graph.
FUNCTIONS: dict[str | None, Callable[[Graph, str], str]] = {
    "abs": _operator("Abs"),
    "absolute": _operator("Abs"),
    "arctan": special.arctan,
    "exp": _operator("Exp"),
    "expm1": elementary.expm1,
    "log": _operator("Log"),
    "log10": _logarithm(10.0),
    "log1p": elementary.log1p,
    "log2": _logarithm(2.0),
    "reciprocal": _operator("Reciprocal"),
    "sign": _operator("Sign"),
    "sqrt": _operator("Sqrt"),
    "square": lambda g, x: g.op("Mul", x, x),
}
_COMPARISONS = {"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"}
_OPERATORS: dict[type, str] = {
    ast.Add: "Add",
    ast.Sub: "Sub",
    ast.Mult: "Mul",
    ast.Div: "Div",
    ast.Pow: "Pow",
    ast.Gt: "Greater",
    ast.GtE: "GreaterOrEqual",
    ast.Lt: "Less",
    ast.LtE: "LessOrEqual",
    ast.Eq: "Equal",
}
#: C codes categories; how, is read from the fitted design and not from the formula.
_CALLS = {"C", "I", "Q", "Treatment", "Sum", "Helmert", "Poly", "Diff"}
_HARMLESS = (
    *_OPERATORS,
    *(ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.MatMult, ast.UnaryOp, ast.USub, ast.UAdd, ast.Compare),
    *(ast.List, ast.Tuple, ast.keyword),
)


def is_plain(formula: str) -> bool:
    """Say whether ``formula`` is made of what is known alone, so that a library that evaluates it does no harm."""
    try:
        sides = [_parsed(side) for side in _sides(formula)]
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError, MemoryError):
        return False
    return all(_is_plain(node) for side in sides for node in ast.walk(side))


def columns_of(code: str) -> list[str]:
    """Return the columns that a factor of a formula ("np.log(Q('fare paid'))") reads, in order, each once.

    Raises UnsupportedModelError, quoting the factor, for anything that is not known.
    """
    return list(dict.fromkeys(_read(_factor(code), code).columns()))


def categorical(code: str) -> str:
    """Return ``code`` without C(): the part whose values are the categories."""
    tree = _factor(code)
    if isinstance(tree, ast.Call) and _called(tree) == "C":
        return ast.unparse(tree.args[0])
    return code


def column(code: str) -> str | None:
    """Return the column's name where a factor is a column as it stands, else None."""
    return _column(_factor(code))


def numeric(g: Graph, code: str, values: Mapping[str, str]) -> str:
    """Add the value of a factor to the graph, shape (rows, 1); ``values`` are the columns, in double, by name.

    Raises UnsupportedModelError, quoting the factor, for anything that is not known.
    """
    return _computed(g, _read(_factor(code), code), values)


def refuse(code: str) -> NoReturn:
    """Raise UnsupportedModelError that quotes the factor."""
    raise _refusal(code)


@dataclass(frozen=True)
class _Term:
    """A column, a number, or what ``operator`` (of ONNX, or a function of numpy) makes of ``parts``."""

    operator: str = ""
    parts: tuple["_Term", ...] = ()
    column: str | None = None
    value: float = 0.0

    def columns(self) -> Iterator[str]:
        if self.column is not None:
            yield self.column
        for part in self.parts:
            yield from part.columns()


def _sides(formula: str) -> list[str]:
    """Split a formula at "~"; ":" becomes "@", which Python reads as an operator."""
    sides: list[list[str]] = [[]]
    for token in tokenize.generate_tokens(io.StringIO(formula).readline):
        text = token.string
        if token.type == tokenize.OP and text == "~":
            sides.append([])
        elif token.type not in (tokenize.NEWLINE, tokenize.NL, tokenize.ENDMARKER):
            sides[-1].append("@" if token.type == tokenize.OP and text == ":" else text)
    return [" ".join(side) for side in sides if side]


def _parsed(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def _factor(code: str) -> ast.expr:
    try:
        return _parsed(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refusal(code) from error


def _is_plain(node: ast.AST) -> bool:
    match node:
        case ast.Call():
            return _called(node) in _CALLS or _function(node.func) in FUNCTIONS
        case ast.Attribute():
            return _function(node) in FUNCTIONS
    return isinstance(node, _HARMLESS)


def _read(tree: ast.expr, code: str) -> _Term:
    name = _column(tree)
    if name is not None:
        return _Term(column=name)
    match tree:
        case ast.Constant(value=int() | float() as value):
            return _Term(value=float(value))
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            if type(op) in _OPERATORS:
                return _Term(_OPERATORS[type(op)], (_read(left, code), _read(right, code)))
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
            return _Term("Neg" if isinstance(op, ast.USub) else "Identity", (_read(operand, code),))
        case ast.Call(args=[first, *others], keywords=named):
            function = "Identity" if _called(tree) in ("C", "I") else _function(tree.func)
            if function in {"Identity", *FUNCTIONS} and (_called(tree) == "C" or not (others or named)):
                return _Term(str(function), (_read(first, code),))
    raise _refusal(code)


def _computed(g: Graph, term: _Term, values: Mapping[str, str]) -> str:
    if term.column is not None:
        return values[term.column]
    if not term.operator:
        return g.constant(np.array(term.value))
    parts = [_computed(g, part, values) for part in term.parts]
    if term.operator not in FUNCTIONS:
        name = g.op(term.operator, *parts)
        return g.op("Cast", name, to=TensorProto.DOUBLE) if term.operator in _COMPARISONS else name
    return FUNCTIONS[term.operator](g, parts[0])


def _column(tree: ast.expr) -> str | None:
    match tree:
        case ast.Name(id=name):
            return name
        case ast.Call(args=[ast.Constant(value=str() as name)], keywords=[]) if _called(tree) == "Q":
            return name
    return None


def _called(tree: ast.Call) -> str | None:
    return tree.func.id if isinstance(tree.func, ast.Name) else None


def _function(tree: ast.expr) -> str | None:
    """Return "log" for np.log."""
    match tree:
        case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr=name):
            return name
    return None


def _refusal(code: str) -> UnsupportedModelError:
    known = f"columns, Q(), C(), I(), arithmetic and np.{', np.'.join(map(str, FUNCTIONS))}"
    message = f"the formula's term '{code}' cannot be converted; known are {known}"
    return UnsupportedModelError(message, "compute this column before the model, and train the model on it")
