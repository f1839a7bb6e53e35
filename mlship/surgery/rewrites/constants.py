"""Steps that read only constants: computed once, here."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from mlship.errors import ModelError
from mlship.runtime import Session, complaints
from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.index import inner_reads
from mlship.surgery.rewrites.tidy import RANDOM

#: What is computed may have so many times the bytes of what it is computed from, or so many bytes.
_TIMES, _BYTES = 1, 4096

_IR_VERSION = 10


def fold_constants(graph: Graph) -> int:
    """Compute steps that read only constants, with ONNX Runtime; return how many are gone.

    A step that makes much of little, such as zeros of a given shape, stays, and so does what ONNX Runtime refuses.
    """
    gone = []
    for node in graph.nodes:
        found = _computed(graph, node)
        if found is not None:
            graph.constants.update(zip(node.output, found, strict=True))
            gone.append(node)
    if gone:
        graph.replace(gone, [])
    return len(gone)


def _computed(graph: Graph, node: onnx.NodeProto) -> list[NDArray[np.generic]] | None:
    operands = {name: graph.constant(name) for name in node.input if name}
    known = {name: array for name, array in operands.items() if array is not None}
    if len(known) < len(operands) or node.op_type in {*RANDOM, "DequantizeLinear"} or inner_reads(node):
        return None
    if "" in node.output or not graph.outputs.keys().isdisjoint(node.output):
        return None
    tensors = [numpy_helper.from_array(array, name) for name, array in known.items()]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output]
    versions = [helper.make_opsetid(*item) for item in graph.versions.items()]
    model = helper.make_model(
        helper.make_graph([node], "constants", [], outputs, tensors), opset_imports=versions, ir_version=_IR_VERSION
    )
    try:
        with complaints("cannot compute a step of constants"):
            found = list(Session(model.SerializeToString()).run({}).values())
    except ModelError:
        return None
    size = sum(array.nbytes for array in known.values())
    return found if sum(array.nbytes for array in found) <= max(_BYTES, _TIMES * size) else None
