"""Small graphs to rewrite, and what they answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mlship.runtime import Session
from mlship.surgery.graph import Graph

DOUBLE, FLOAT, STRING, INT64 = TensorProto.DOUBLE, TensorProto.FLOAT, TensorProto.STRING, TensorProto.INT64


def node(kind: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    """Make a node; ``inputs`` are words."""
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def encoder(source: str, output: str, keys: Sequence[Any], values: Sequence[Any], default: Any) -> onnx.NodeProto:
    """Make a LabelEncoder of text or of doubles."""
    kind: Any = object if isinstance(keys[0], str) else np.float64
    tensors = {
        "keys_tensor": numpy_helper.from_array(np.array(keys, dtype=kind)),
        "values_tensor": numpy_helper.from_array(np.array(values)),
        "default_tensor": numpy_helper.from_array(np.array([default])),
    }
    return node("LabelEncoder", source, output, domain="ai.onnx.ml", **tensors)


def graph(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    *,
    inputs: Mapping[str, tuple[int, int]] | None = None,
    outputs: Mapping[str, int] | None = None,
) -> Graph:
    """Return a graph; ``inputs``: element type and width by name, by default x with three doubles; outputs: y."""
    given = [
        helper.make_tensor_value_info(name, kind, ["N", width])
        for name, (kind, width) in (inputs or {"x": (DOUBLE, 3)}).items()
    ]
    made = [helper.make_tensor_value_info(name, kind, None) for name, kind in (outputs or {"y": DOUBLE}).items()]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(helper.make_graph(nodes, "g", given, made, tensors), opset_imports=opsets, ir_version=10)
    return Graph(model)


def answers(graph: Graph, **rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what the graph answers for ``rows`` by input."""
    return Session(graph.model().SerializeToString()).run(rows)


def kinds(graph: Graph) -> list[str]:
    """Return the operators in order."""
    graph.tidy()
    return [item.op_type for item in graph.nodes]
