"""Values put in place of missing ones: one step for columns side by side, none where the next step looks values up."""

from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.surgery.graph import Graph, attributes
from mlship.surgery.rewrites.encoders import Encoder, encoder_of, written
from mlship.surgery.rewrites.index import Index


class _Filled(NamedTuple):
    """``source`` (rows, width) with ``value`` (1, width) in place of ``missing``."""

    source: str
    missing: Any
    value: NDArray[Any]


def encode_missing(graph: Graph) -> int:
    """Let tables that look filled columns up know what the missing value stands for; return how many tables changed."""
    index, count = Index(graph), 0
    for node in list(graph.nodes):
        encoder = encoder_of(node)
        filled = _filled(index, node.input[0]) if encoder is not None else None
        if encoder is None or filled is None or filled.value.size != 1:
            continue
        new = written(graph, filled.source, _with_missing(encoder, filled))
        if new is not None:
            new.output[0] = node.output[0]
            index.replace([node], [new])
            count += 1
    return count


def join_imputers(graph: Graph) -> int:
    """Fill columns of numbers after they are put side by side, not one by one; return how many steps were saved."""
    index, count = Index(graph), 0
    for node in list(graph.nodes):
        if node.op_type == "Concat" and attributes(node)["axis"] in (1, -1):
            count += _joined(index, node)
    return count


def _joined(index: Index, node: onnx.NodeProto) -> int:
    """Fill neighbours among the operands of a Concat together."""
    graph, saved, operands, new = index.graph, 0, list[str](), list[onnx.NodeProto]()
    run: list[tuple[str, _Filled]] = []
    for name in [*node.input, ""]:
        filled = _filled(index, name) if name else None
        if filled is not None and _is_nan(filled.missing) and filled.value.ndim == 2:
            run.append((name, filled))
            continue
        if len(run) > 1:
            made = _together(graph, [filled for _, filled in run])
            new += made
            operands.append(made[-1].output[0])
            saved += len(run) - 1
        else:
            operands += [name for name, _ in run]
        operands += [name] if name else []
        run = []
    if not saved:
        return 0
    if len(operands) > 1:
        new.append(graph.node("Concat", operands, axis=1))
    new[-1].output[0] = node.output[0]
    index.replace([node], new)
    return saved


def _together(graph: Graph, columns: list[_Filled]) -> list[onnx.NodeProto]:
    values = graph.add_constant(np.concatenate([column.value for column in columns], axis=1), "filled")
    joined = graph.node("Concat", [column.source for column in columns], axis=1)
    missing = graph.node("IsNaN", [joined.output[0]])
    return [joined, missing, graph.node("Where", [missing.output[0], values, joined.output[0]])]


def _filled(index: Index, value: str) -> _Filled | None:
    """Return what ``value`` is filled from, where that is all that happens to it and nothing else reads it."""
    node = index.made.get(value)
    if node is None or node.op_type != "Where" or index.reader(value) is None:
        return None
    constant, test, source = index.graph.constant(node.input[1]), index.made.get(node.input[0]), node.input[2]
    width = index.width(source)
    if constant is None or test is None or width is None or constant.shape not in ((1, width), (1, 1)):
        return None
    row = np.broadcast_to(constant, (1, width))
    if test.op_type == "IsNaN" and test.input[0] == source:
        return _Filled(source, np.nan, row)
    compared = [index.graph.constant(name) for name in test.input] if test.op_type == "Equal" else []
    missing = next((item for item in compared if item is not None), None)
    if missing is None or missing.size != 1 or source not in test.input or _is_nan(missing.reshape(-1)[0]):
        return None
    return _Filled(source, missing.reshape(-1)[0], row)


def _with_missing(encoder: Encoder, filled: _Filled) -> Encoder:
    value = encoder.of(filled.value.reshape(-1)[0])
    others = np.array([not _same(key, filled.missing) for key in encoder.keys], dtype=bool)
    keys = np.append(encoder.keys[others], np.array([filled.missing], dtype=encoder.keys.dtype))
    return Encoder(
        keys, np.append(encoder.values[others], np.array([value], dtype=encoder.values.dtype)), encoder.default
    )


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (_is_nan(one) and _is_nan(other))
