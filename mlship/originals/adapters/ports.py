"""Reads an ONNX file's inputs as columns and its outputs as answers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, inliner

from mlship.errors import UnsupportedModelError
from mlship.graphs.families.networks import MOST_COLUMNS, Feed, Reply

FLOATING = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}
_INTEGERS = {
    *(TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64),
    *(TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.BOOL),
}
_LABELS = ("classlabels_int64s", "classlabels_ints", "classlabels_strings")


def feeds_of(model: onnx.ModelProto) -> tuple[tuple[Feed, ...], int | None]:
    """Return the inputs, and the number of rows that the file takes at once (None: any).

    Raises UnsupportedModelError for an input that is no table of numbers or text.
    """
    inputs = _inputs(model.graph)
    if not inputs:
        raise UnsupportedModelError("the ONNX file has no inputs")
    feeds = tuple(_feed(item) for item in inputs)
    require_narrow(feeds)
    fixed = {dim.dim_value for item in inputs for dim in item.type.tensor_type.shape.dim[:1] if dim.dim_value > 0}
    if len(fixed) > 1:
        raise UnsupportedModelError("the inputs of the ONNX file take different numbers of rows")
    return feeds, next(iter(fixed), None)


def require_narrow(feeds: Sequence[Feed]) -> None:
    """Raise UnsupportedModelError where a row is too wide to be columns."""
    width = sum(feed.width for feed in feeds)
    if width > MOST_COLUMNS:
        message = f"the network takes {width:,} numbers a row, and a service of columns at most {MOST_COLUMNS:,}"
        raise UnsupportedModelError(message, "serve images and the like from a server for tensors")


def columns_of(feeds: Sequence[Feed]) -> list[str] | None:
    """Name the columns after the inputs; None where all come in one input."""
    if len(feeds) == 1:
        return None
    return [feed.name if feed.width == 1 else f"{feed.name}_{number}" for feed in feeds for number in range(feed.width)]


def freed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph for any number of rows, without maps among its outputs and without functions of its own."""
    result = onnx.ModelProto()
    result.CopyFrom(inliner.inline_local_functions(model) if model.functions else model)
    graph = result.graph
    if graph.sparse_initializer:
        raise UnsupportedModelError("the ONNX file has sparse constants", "export it with dense ones")
    inputs = _inputs(graph)
    del graph.input[:]
    graph.input.extend(inputs)
    del graph.value_info[:]
    maps = {node.output[0]: node for node in graph.node if node.op_type == "ZipMap"}
    for node in maps.values():
        graph.node.remove(node)
    for item in graph.input:
        item.type.tensor_type.shape.dim[0].dim_param = "N"
    for item in graph.output:
        if item.name in maps:
            item.CopyFrom(helper.make_tensor_value_info(maps[item.name].input[0], TensorProto.FLOAT, None))
        item.type.tensor_type.ClearField("shape")
    return result


def labels_of(model: onnx.ModelProto) -> list[Any] | None:
    """Return the class labels that a node of the graph carries, the last one's; None where there are none."""
    for node in reversed(model.graph.node):
        for attribute in node.attribute:
            values = list(helper.get_attribute_value(attribute)) if attribute.name in _LABELS else []
            if values:
                return [value.decode() if isinstance(value, bytes) else value for value in values]
    return None


def replies_of(names: Sequence[str], answers: Sequence[NDArray[Any]], rows: int) -> dict[str, Reply]:
    """Give the outputs their roles, by what they answer for ``rows`` rows, their first dimension.

    A label for each row is the prediction, and a matrix beside it whose rows sum to 1 the probabilities. Without
    labels, the first floating output is the prediction.
    """
    numbers = [number for number, values in enumerate(answers) if len(values) == rows]
    labels = [number for number in numbers if _is_label(answers[number])]
    floating = [number for number in numbers if answers[number].dtype.kind == "f"]
    if not labels and not floating:
        raise UnsupportedModelError(f"none of the outputs ({', '.join(names)}) is an answer for each row")
    first = labels[0] if labels else floating[0]
    replies = {"prediction": reply(first, answers[first])}
    chances = next((number for number in floating if labels and _are_chances(answers[number])), None)
    if chances is not None:
        width = answers[chances].shape[1]
        replies["probabilities"] = Reply(chances, _type(answers[chances]), width)
    return replies


def _inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Return the inputs that are no constants with a default value."""
    constants = {item.name for item in graph.initializer}
    return [item for item in graph.input if item.name not in constants]


def _feed(item: onnx.ValueInfoProto) -> Feed:
    described = item.type.tensor_type
    if described.elem_type not in {TensorProto.STRING, *FLOATING, *_INTEGERS}:
        raise UnsupportedModelError(f"input '{item.name}' of the ONNX file is no tensor of numbers or text")
    dims = [dim.dim_value for dim in described.shape.dim]
    if not dims or (len(dims) == 1 and dims[0] > 1):
        raise UnsupportedModelError(f"input '{item.name}' of the ONNX file has no dimension for the rows")
    if any(size <= 0 for size in dims[1:]):
        message = f"input '{item.name}' of the ONNX file does not say how many columns it takes"
        raise UnsupportedModelError(message, "export it with all dimensions but the first fixed")
    return Feed(item.name, described.elem_type, tuple(dims[1:]))


def _is_label(values: NDArray[Any]) -> bool:
    return values.dtype.kind in "iubO" and math.prod(values.shape[1:]) == 1


def _are_chances(values: NDArray[Any]) -> bool:
    if values.ndim != 2 or values.shape[1] < 2:
        return False
    return bool((values >= 0).all() and np.allclose(values.sum(axis=1), 1.0, atol=1e-3))


def reply(number: int, values: NDArray[Any]) -> Reply:
    """Describe output ``number`` by what it answers; a single number a row is (rows,)."""
    width = math.prod(values.shape[1:])
    return Reply(number, _type(values), None if width == 1 else width)


def _type(values: NDArray[Any]) -> int:
    return TensorProto.STRING if values.dtype == object else int(helper.np_dtype_to_tensor_dtype(values.dtype))


def as_matrix(values: Any, labels: Sequence[Any] | None) -> NDArray[Any]:
    """Return an output of ONNX Runtime as an array; a list of maps (label -> number) becomes (rows, labels)."""
    if not isinstance(values, list):
        return np.asarray(values)
    order = labels if labels is not None else sorted(values[0])
    rows: Sequence[Mapping[Any, float]] = values
    return np.array([[row[label] for label in order] for row in rows], dtype=np.float32)
