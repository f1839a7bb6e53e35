"""ONNX operators that move values about, add them up or order them, on arrays of expressions."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlship.errors import UnsupportedModelError
from mlship.pmml.nodes import Node, Table, Value, apply, choose, fold, look_up

Symbols = NDArray[Any]


def find(kind: str) -> Callable[..., Any] | None:
    """Return the function for the operator ``kind``."""
    return _OPERATORS.get(kind)


def _gather(values: Symbols, index: Symbols, axis: int = 0) -> Symbols:
    if index.dtype != object:
        return np.take(np.asarray(values, dtype=object), index, axis=axis)
    moved = np.moveaxis(np.asarray(values, dtype=object), axis, 0)
    result = np.empty((*index.shape, *moved.shape[1:]), dtype=object)
    for place in np.ndindex(*index.shape):
        result[place] = _pick(moved, index[place])
    return np.moveaxis(result, tuple(range(index.ndim)), tuple(range(axis, axis + index.ndim)))


def _pick(values: Symbols, index: Value) -> Any:
    """Return the slice of ``values`` whose number is an expression."""
    if not isinstance(index, Node) or len(values) == 1:
        return values[int(index) if not isinstance(index, Node) else 0]
    result = np.empty(values.shape[1:], dtype=object)
    for place in np.ndindex(*result.shape):
        result[place] = _choice([_python(value) for value in values[(slice(None), *place)]], index)
    return result[()]  # a single value by itself


def _choice(options: Sequence[Value], index: Node) -> Value:
    if any(isinstance(option, Node) for option in options):
        result = options[-1]
        for number in range(len(options) - 2, -1, -1):
            result = choose(apply("equal", index, float(number)), options[number], result)
        return result
    if index.op == "map":  # a look-up of a look-up is one
        table = index.value
        inner = [table.missing, table.default]
        if all(
            isinstance(item, int | float) and 0 <= item < len(options) for item in [*table.entries.values(), *inner]
        ):
            entries = {key: options[int(item)] for key, item in table.entries.items()}
            return look_up(index.args[0], Table(entries, *(options[int(item)] for item in inner)))
    return look_up(index, Table(dict(enumerate(options)), options[-1], options[-1]))


def _python(value: Any) -> Value:
    return value.item() if isinstance(value, np.generic) else value


def _gather_elements(values: Symbols, index: Symbols, axis: int = 0) -> Symbols:
    values, index = np.asarray(values, dtype=object), np.asarray(index, dtype=object)
    result = np.empty(index.shape, dtype=object)
    for place in np.ndindex(*index.shape):
        line = (*place[:axis], slice(None), *place[axis + 1 :]) if axis >= 0 else (*place[:-1], slice(None))
        result[place] = _pick(values[line], index[place])
    return result


def _reshape(values: Symbols, shape: Symbols, allowzero: int = 0) -> Symbols:
    wanted = [
        values.shape[i] if size == 0 and not allowzero else int(size) for i, size in enumerate(shape.ravel().tolist())
    ]
    return values.reshape(wanted)


def _concat(*arrays: Symbols, axis: int) -> Symbols:
    return np.concatenate([np.asarray(array, dtype=object) for array in arrays], axis=axis)


def _split(values: Symbols, sizes: Symbols | None = None, axis: int = 0, num_outputs: int = 0) -> tuple[Symbols, ...]:
    if sizes is None:
        return tuple(np.array_split(values, num_outputs, axis=axis))
    return tuple(np.split(values, np.cumsum(sizes)[:-1], axis=axis))


def _slice(
    values: Symbols, starts: Symbols, ends: Symbols, axes: Symbols | None = None, steps: Symbols | None = None
) -> Symbols:
    chosen = [slice(None)] * values.ndim
    numbers = range(len(starts)) if axes is None else axes.tolist()
    strides = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, step in zip(numbers, starts.tolist(), ends.tolist(), strides, strict=True):
        chosen[axis] = slice(start, end if end > -(2**62) else None, step)
    return values[tuple(chosen)]


def _squeeze(values: Symbols, axes: Symbols | None = None) -> Symbols:
    return np.squeeze(values, axis=None if axes is None else tuple(axes.tolist()))


def _unsqueeze(values: Symbols, axes: Symbols) -> Symbols:
    return np.expand_dims(values, tuple(axes.tolist()))


def _transpose(values: Symbols, perm: Sequence[int] | None = None) -> Symbols:
    return np.transpose(values, perm)


def _expand(values: Symbols, shape: Symbols) -> Symbols:
    return np.asarray(np.broadcast_to(values, np.broadcast_shapes(values.shape, tuple(shape.tolist()))))


def _shape(values: Symbols, start: int = 0, end: int | None = None) -> Symbols:
    return np.array(values.shape[start:end], dtype=np.int64)


def _flatten(values: Symbols, axis: int = 1) -> Symbols:
    return values.reshape(int(np.prod(values.shape[:axis])), -1)


def _reducer(function: Callable[[list[Value]], Value]) -> Callable[..., Symbols]:
    def call(values: Symbols, axes: Symbols | None = None, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Symbols:
        if axes is None or not np.size(axes):
            chosen = list(range(values.ndim)) if not noop_with_empty_axes else []
        else:
            chosen = [int(axis) % values.ndim for axis in np.ravel(axes)]
        kept = [axis for axis in range(values.ndim) if axis not in chosen]
        moved = np.transpose(values, [*kept, *chosen]).reshape(*(values.shape[axis] for axis in kept), -1)
        result = np.empty(moved.shape[:-1], dtype=object)
        for place in np.ndindex(*result.shape):
            result[place] = function(moved[place].tolist())
        return np.expand_dims(result, tuple(sorted(chosen))) if keepdims else result

    return call


def _mean(values: list[Value]) -> Value:
    return apply("/", fold("sum", values), float(len(values)))


def _squares(values: list[Value]) -> Value:
    return fold("sum", [apply("*", value, value) for value in values])


def _product(values: list[Value]) -> Value:
    result: Value = 1.0
    for value in values:
        result = apply("*", value, result)
    return result


def _cumulated(values: Symbols, axis: Symbols, exclusive: int = 0, reverse: int = 0) -> Symbols:
    if exclusive or reverse:
        raise UnsupportedModelError("PMML has no running sum from the other end")
    moved = np.moveaxis(values, int(axis), -1).copy()
    for place in np.ndindex(*moved.shape[:-1]):
        for i in range(1, moved.shape[-1]):
            moved[place][i] = apply("+", moved[place][i - 1], moved[place][i])
    return np.moveaxis(moved, -1, int(axis))


def _scatter_elements(
    values: Symbols, index: Symbols, updates: Symbols, axis: int = 0, reduction: bytes = b"none"
) -> Symbols:
    """Add each of ``updates`` to the place along ``axis`` that ``index`` gives."""
    if reduction != b"add":
        raise UnsupportedModelError("mlship writes scattered values as PMML only where they are added")
    result = np.array(values, dtype=object)
    for place in np.ndindex(*index.shape):
        for number in range(result.shape[axis]):
            target = (*place[: axis % result.ndim], number, *place[axis % result.ndim + 1 :])
            hit = apply("equal", _python(index[place]), float(number))
            result[target] = apply("+", result[target], choose(hit, updates[place], 0.0))
    return result


def _pad(
    values: Symbols, pads: Symbols, fill: Symbols | None = None, axes: Symbols | None = None, mode: bytes = b"constant"
) -> Symbols:
    if mode != b"constant":
        raise UnsupportedModelError(f"mlship does not write padding of mode '{mode.decode()}' as PMML")
    numbers = range(values.ndim) if axes is None else [int(axis) % values.ndim for axis in axes]
    half = len(numbers)
    widths = [(0, 0)] * values.ndim
    for place, axis in enumerate(numbers):
        widths[axis] = int(pads[place]), int(pads[place + half])
    return np.pad(values, widths, constant_values=0.0 if fill is None else fill.item())


def _top(
    values: Symbols,
    count: Symbols,
    axis: int = -1,
    largest: int = 1,
    sorted: int = 1,  # as ONNX spells it
) -> tuple[Symbols, Symbols]:
    """Take the largest or smallest out one by one; of equal ones the first."""
    extreme: Literal["max", "min"] = "max" if largest else "min"
    worst = -np.inf if largest else np.inf
    moved = np.moveaxis(values, axis, -1)
    size = int(np.ravel(count)[0])
    best, places = (np.empty((*moved.shape[:-1], size), dtype=object) for _ in range(2))
    for line in np.ndindex(*moved.shape[:-1]):
        rest = moved[line].tolist()
        for turn in range(size):
            found = fold(extreme, rest)
            place = fold(
                "min", [choose(apply("equal", x, found), float(i), float(len(rest))) for i, x in enumerate(rest)]
            )
            best[line][turn], places[line][turn] = found, place
            if turn + 1 < size:
                rest = [choose(apply("equal", place, float(i)), worst, x) for i, x in enumerate(rest)]
    return np.moveaxis(best, -1, axis), np.moveaxis(places, -1, axis)


_OPERATORS: dict[str, Callable[..., Any]] = {
    "Concat": _concat,
    "CumSum": _cumulated,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Pad": _pad,
    "ReduceL1": _reducer(lambda values: fold("sum", [apply("abs", value) for value in values])),
    "ReduceL2": _reducer(lambda values: apply("sqrt", _squares(values))),
    "ReduceMax": _reducer(lambda values: fold("max", values)),
    "ReduceMean": _reducer(_mean),
    "ReduceMin": _reducer(lambda values: fold("min", values)),
    "ReduceProd": _reducer(_product),
    "ReduceSum": _reducer(lambda values: fold("sum", values)),
    "ReduceSumSquare": _reducer(_squares),
    "Reshape": _reshape,
    "ScatterElements": _scatter_elements,
    "Shape": _shape,
    "Slice": _slice,
    "Split": _split,
    "Squeeze": _squeeze,
    "TopK": _top,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
