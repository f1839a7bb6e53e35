"""Turns a graph in double into one that computes in float32: half the size, and what some runtimes are faster at."""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from mlship.graphs.builder import tensor

_FLOAT, _DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE


def narrowed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of ``model`` that computes in float32.

    Its inputs stay double and are rounded first, so it is fed like the other; its outputs are float32. Thresholds of
    trees are rounded down: x <= t then decides alike for every x that is a float32.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    renamed = {item.name: f"{item.name}.float32" for item in result.graph.input if _is_double(item)}
    _narrow(result.graph, renamed)
    casts = [helper.make_node("Cast", [name], [single], to=_FLOAT) for name, single in renamed.items()]
    nodes = [*casts, *result.graph.node]
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    for item in result.graph.output:
        if _is_double(item):
            item.type.tensor_type.elem_type = _FLOAT
    return result


def rounds_first(model: onnx.ModelProto) -> bool:
    """Say whether all that the model does with its numbers is to round them to float32 first, as trees do."""
    numbers = {item.name for item in model.graph.input}
    readers = [node for node in model.graph.node if numbers.intersection(node.input)]
    return all(_rounds(node) for node in readers)


def _rounds(node: onnx.NodeProto) -> bool:
    return node.op_type == "Cast" and any(item.name == "to" and item.i == _FLOAT for item in node.attribute)


def _narrow(graph: onnx.GraphProto, renamed: dict[str, str]) -> None:
    _replace_tensors(graph.initializer)
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        for attribute in node.attribute:
            _narrow_attribute(node, attribute, renamed)


def _narrow_attribute(node: onnx.NodeProto, attribute: AttributeProto, renamed: dict[str, str]) -> None:
    if node.op_type == "Cast" and attribute.name == "to" and attribute.i == _DOUBLE:
        attribute.i = _FLOAT
    if attribute.type == AttributeProto.TENSOR and attribute.t.data_type == _DOUBLE:
        attribute.t.CopyFrom(_single(attribute.t, down=attribute.name == "nodes_splits"))
    for graph in (attribute.g, *attribute.graphs):
        _narrow(graph, renamed)
        for item in (*graph.input, *graph.output):
            if _is_double(item):
                item.type.tensor_type.elem_type = _FLOAT


def _replace_tensors(tensors: Iterable[TensorProto]) -> None:
    for item in tensors:
        if item.data_type == _DOUBLE:
            item.CopyFrom(_single(item))


def _single(item: TensorProto, *, down: bool = False) -> TensorProto:
    exact = numpy_helper.to_array(item)
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
        if down:
            rounded = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    return tensor(rounded, item.name)


def _is_double(item: onnx.ValueInfoProto) -> bool:
    return bool(item.type.tensor_type.elem_type == _DOUBLE)
