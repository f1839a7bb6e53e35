"""What each ONNX operator does to expressions; see https://onnx.ai/onnx/operators/ for their definitions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.pmml import shapes, trees
from mlship.pmml.constants import constant
from mlship.pmml.nodes import (
    Node,
    Table,
    Value,
    apply,
    choose,
    dot,
    fold,
    is_missing,
    is_whole,
    kind_of,
    look_up,
    number,
    position,
)

Symbols = NDArray[Any]

_BINARY = {
    "Add": "+",
    "Sub": "-",
    "Mul": "*",
    "Div": "/",
    "Pow": "pow",
    "Equal": "equal",
    "Less": "lessThan",
    "LessOrEqual": "lessOrEqual",
    "Greater": "greaterThan",
    "GreaterOrEqual": "greaterOrEqual",
    "And": "and",
    "Or": "or",
}
_UNARY = {
    "Abs": "abs",
    "Ceil": "ceil",
    "Cos": "cos",
    "Exp": "exp",
    "Floor": "floor",
    "IsNaN": "isMissing",
    "Log": "ln",
    "Not": "not",
    "Sin": "sin",
    "Sqrt": "sqrt",
    "Tanh": "tanh",
}
_SINGLE = (TensorProto.FLOAT, TensorProto.FLOAT16)
_WHOLE = (TensorProto.INT64, TensorProto.INT32, TensorProto.UINT8, TensorProto.INT8)


def find(kind: str) -> Callable[..., Any] | None:
    """Return the function for the operator ``kind``: its inputs, then its attributes by name."""
    if kind in _BINARY:
        function = _BINARY[kind]
        return lambda a, b: _each(lambda x, y: apply(function, x, y), a, b)
    if kind in _UNARY:
        function = _UNARY[kind]
        return lambda a: _each(lambda x: apply(function, x), a)
    return _OTHERS.get(kind) or shapes.find(kind)


def _each(function: Callable[..., Value], *arrays: Any) -> Symbols:
    """Apply ``function`` element by element, broadcasting as numpy does."""
    result = np.frompyfunc(function, len(arrays), 1)(*(np.asarray(array, dtype=object) for array in arrays))
    return np.asarray(result, dtype=object)


def _where(condition: Symbols, yes: Symbols, no: Symbols) -> Symbols:
    return _each(choose, condition, yes, no)


def _cast(values: Symbols, to: int, **_: Any) -> Symbols:
    if to in _SINGLE:
        return _each(_rounded, values)
    if to in _WHOLE:
        return _each(_truncated, values)
    if to == TensorProto.BOOL:
        return _each(lambda x: x if kind_of(x) == "boolean" else apply("notEqual", x, 0.0), values)
    if to == TensorProto.DOUBLE:
        return _each(number, values)
    raise UnsupportedModelError("PMML cannot turn numbers into text as the original does")


def _rounded(value: Value) -> Value:
    if not isinstance(value, Node):
        return float(np.float32(value))
    if value.kind == "boolean" or value.op == "float32":
        return number(value)
    return Node("float32", (value,), whole=value.whole)


def _truncated(value: Value) -> Value:
    value = number(value)
    if not isinstance(value, Node):
        return int(value)
    if value.whole:
        return value
    return choose(apply("lessThan", value, 0.0), apply("ceil", value), apply("floor", value))


def _negative(values: Symbols) -> Symbols:
    return _each(lambda x: apply("*", x, -1.0), values)


def _reciprocal(values: Symbols) -> Symbols:
    return _each(lambda x: apply("/", 1.0, x), values)


def _sign(values: Symbols) -> Symbols:
    return _each(
        lambda x: choose(apply("greaterThan", x, 0.0), 1.0, choose(apply("lessThan", x, 0.0), -1.0, 0.0)), values
    )


def _sigmoid(values: Symbols) -> Symbols:
    return _each(lambda x: apply("/", 1.0, apply("+", apply("exp", apply("*", x, -1.0)), 1.0)), values)


def _relu(values: Symbols) -> Symbols:
    return _each(lambda x: fold("max", [x, 0.0]), values)


def _clip(values: Symbols, low: Symbols | None = None, high: Symbols | None = None) -> Symbols:
    def clip(x: Value) -> Value:
        if low is not None:
            x = choose(apply("lessThan", x, low.item()), low.item(), x)
        if high is not None:
            x = choose(apply("greaterThan", x, high.item()), high.item(), x)
        return x

    return _each(clip, values)


def _several(extreme: str) -> Callable[..., Symbols]:
    def call(*arrays: Symbols) -> Symbols:
        return _each(lambda *values: fold(extreme, values), *arrays)

    return call


def _matmul(a: Symbols, b: Symbols) -> Symbols:
    """Multiply with a constant matrix on either side, or two matrices of expressions."""
    b2, a2 = (b[:, None] if b.ndim == 1 else b), (a[None] if a.ndim == 1 else a)
    if a2.ndim > 2 or b2.ndim > 2:
        a2, b2 = np.broadcast_arrays(a2, b2) if a2.shape == b2.shape else (a2, b2)
        stacks = np.broadcast_shapes(a2.shape[:-2], b2.shape[:-2])
        a2, b2 = np.broadcast_to(a2, stacks + a2.shape[-2:]), np.broadcast_to(b2, stacks + b2.shape[-2:])
        parts = [_matmul(a2[place], b2[place]) for place in np.ndindex(*stacks)]
        return np.array(parts, dtype=object).reshape(*stacks, *parts[0].shape)
    result = np.empty((a2.shape[0], b2.shape[1]), dtype=object)
    for i, j in np.ndindex(*result.shape):
        result[i, j] = _product(a2[i], b2[:, j])
    return result[:, 0] if b.ndim == 1 else result


def _product(left: Symbols, right: Symbols) -> Value:
    if right.dtype != object:
        return dot(left.tolist(), right.tolist())
    if left.dtype != object:
        return dot(right.tolist(), left.tolist())
    return fold("sum", [0.0, *(apply("*", x, y) for x, y in zip(left, right, strict=True))])


def _gemm(
    a: Symbols,
    b: Symbols,
    c: Symbols | None = None,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803  # as ONNX spells it
    transB: int = 0,  # noqa: N803
) -> Symbols:
    result = _matmul(a.T if transA else a, b.T if transB else b)
    result = _each(lambda x: apply("*", x, float(alpha)), result)
    return result if c is None else _each(lambda x, y: apply("+", x, apply("*", y, float(beta))), result, c)


def _softmax(values: Symbols, axis: int = -1) -> Symbols:
    def along(line: Sequence[Value]) -> list[Value]:
        top = fold("max", line)
        powers = [apply("exp", apply("-", value, top)) for value in line]
        total = fold("sum", powers)
        return [apply("/", power, total) for power in powers]

    moved = np.moveaxis(values, axis, -1)
    result = np.empty(moved.shape, dtype=object)
    for place in np.ndindex(*moved.shape[:-1]):
        result[place][:] = along(moved[place].tolist())
    return np.moveaxis(result, -1, axis)


def _label_encoder(values: Symbols, default_tensor: Any = None, **given: Any) -> Symbols:
    keys = next(_listed(given[name]) for name in given if name.startswith("keys_"))
    results = next(_listed(given[name]) for name in given if name.startswith("values_"))
    default = constant(default_tensor).ravel().tolist()[0] if default_tensor is not None else None
    if default is None:
        default = next((_listed([given[name]])[0] for name in given if name.startswith("default_")), -1.0)
    entries: dict[Any, Any] = {}
    missing = default
    for key, result in zip(keys, results, strict=True):
        if is_missing(key):
            missing = result
        else:
            entries.setdefault(key, result)
    table = Table(entries, missing, default)
    return _each(lambda x: look_up(x, table), values)


def _listed(values: Any) -> list[Any]:
    if isinstance(values, TensorProto):
        return list(constant(values).ravel().tolist())
    return [value.decode() if isinstance(value, bytes) else value for value in values]


def _position(extreme: Any) -> Callable[..., Symbols]:
    def call(values: Symbols, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Symbols:
        if select_last_index:
            raise UnsupportedModelError("PMML cannot say which of equal scores is the last")
        moved = np.moveaxis(values, axis, -1)
        result = np.empty(moved.shape[:-1], dtype=object)
        for place in np.ndindex(*result.shape):
            result[place] = position(moved[place].tolist(), extreme)
        return np.expand_dims(result, axis) if keepdims else result

    return call


def _mod(a: Symbols, b: Symbols, fmod: int = 0) -> Symbols:
    def remainder(x: Value, y: Value) -> Value:
        return apply("-", x, apply("*", y, apply("floor", apply("/", x, y))))

    if fmod:
        raise UnsupportedModelError("PMML has no remainder with the sign of the dividend")
    return _each(remainder, a, b)


def _round(values: Symbols) -> Symbols:
    """Round half to even."""

    def rounded(x: Value) -> Value:
        if is_whole(x):
            return x
        below = apply("floor", x)
        rest = apply("-", x, below)
        half = apply("*", apply("floor", apply("/", apply("+", below, 1.0), 2.0)), 2.0)
        above = apply("+", below, 1.0)
        return choose(apply("lessThan", rest, 0.5), below, choose(apply("greaterThan", rest, 0.5), above, half))

    return _each(rounded, values)


def _is_infinite(values: Symbols, detect_negative: int = 1, detect_positive: int = 1) -> Symbols:
    def check(x: Value) -> Value:
        high = apply("greaterThan", x, 1.7976931348623157e308) if detect_positive else False
        low = apply("lessThan", x, -1.7976931348623157e308) if detect_negative else False
        return apply("or", high, low) if detect_positive and detect_negative else high or low

    return _each(check, values)


_OTHERS: dict[str, Callable[..., Any]] = {
    "ArgMax": _position("max"),
    "ArgMin": _position("min"),
    "Cast": _cast,
    "Clip": _clip,
    "Gemm": _gemm,
    "Identity": lambda values: values,
    "IsInf": _is_infinite,
    "LabelEncoder": _label_encoder,
    "MatMul": _matmul,
    "Max": _several("max"),
    "Min": _several("min"),
    "Mod": _mod,
    "Neg": _negative,
    "Reciprocal": _reciprocal,
    "Relu": _relu,
    "Round": _round,
    "Sigmoid": _sigmoid,
    "Sign": _sign,
    "Softmax": _softmax,
    "Sum": _several("sum"),
    "TreeEnsemble": trees.ensemble,
    "Where": _where,
}
