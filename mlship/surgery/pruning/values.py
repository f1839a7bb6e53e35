"""What flows through a graph: the values at chosen places, and the part of a graph that lies behind one of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray

from mlship.runtime import Session, complaints
from mlship.surgery.graph import Graph


def observed(
    model: onnx.ModelProto, names: Sequence[str], inputs: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the values called ``names`` of ``model`` for rows of its inputs.

    Raises ModelError where the model does not load, or fails on these rows.
    """
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = Session(probe.SerializeToString())
    with complaints("fails on the rows to prune with"):
        return session.run(session.feed(inputs))


def behind(model: onnx.ModelProto, value: str, kind: int) -> Session | None:
    """Return what computes the outputs of ``model`` from ``value`` (rows, any), of the ONNX element type ``kind``.

    None where that needs the inputs of the model too.
    """
    graph = Graph(model)
    graph.nodes = [node for node in graph.nodes if value not in node.output]
    rest = graph.model()
    if any(not graph.inputs.keys().isdisjoint(node.input) for node in rest.graph.node):
        return None
    del rest.graph.input[:]
    rest.graph.input.append(onnx.helper.make_tensor_value_info(value, kind, ["N", None]))
    return Session(rest.SerializeToString())
