"""Writes ONNX files field by field: as messages of protobuf, and while these are encoded, models take far more room.

Sources: onnx.proto (the numbers of the fields) and Protocol Buffers encoding, "Length-Delimited Records".
"""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from mlship.surgery.encoding import CHUNK, varints

#: Bytes that come one after the other.
Pieces = list[bytes]

_GRAPH = 7  # of ModelProto
_NODE, _INITIALIZER = 1, 5  # of GraphProto
_ATTRIBUTE = 5  # of NodeProto
_TENSOR, _INTS = 5, 8  # of AttributeProto


def node_pieces(node: NodeProto, bulk: dict[str, Any]) -> Pieces:
    """Write a node of a graph, with the arrays and tensors in ``bulk`` as further attributes; empties ``bulk``."""
    pieces = [_plain(node)]
    for name in list(bulk):
        pieces += _field(_ATTRIBUTE, _attribute(name, bulk.pop(name)))
    return _field(_NODE, pieces)


def initializer_pieces(constant: TensorProto) -> Pieces:
    """Write a constant of a graph."""
    return _field(_INITIALIZER, [_plain(constant)])


def written(model: ModelProto, pieces: Pieces) -> bytes:
    """Return the file of ``model``, whose graph has what is in ``pieces``, too; empties ``pieces``."""
    rest = ModelProto()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    head = _field(_GRAPH, [_plain(model.graph), *pieces])[0]
    pieces[:0] = [_plain(rest), head, _plain(model.graph)]
    pieces.reverse()
    file = io.BytesIO()
    while pieces:
        file.write(pieces.pop())
    return file.getvalue()


def _attribute(name: str, value: NDArray[Any] | TensorProto) -> Pieces:
    if isinstance(value, TensorProto):
        head = AttributeProto(name=name, type=AttributeProto.TENSOR)
        return [_plain(head), *_field(_TENSOR, [_plain(value)])]
    head = AttributeProto(name=name, type=AttributeProto.INTS)
    numbers = [varints(value[start : start + CHUNK]) for start in range(0, len(value), CHUNK)]
    return [_plain(head), *_field(_INTS, numbers)]


def _field(number: int, pieces: Pieces) -> Pieces:
    """Put the number of the field (below 16) and its length before its content."""
    return [varints(np.array([number << 3 | 2, sum(map(len, pieces))])), *pieces]


def _plain(message: AttributeProto | GraphProto | ModelProto | NodeProto | TensorProto) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))
