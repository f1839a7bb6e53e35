"""Attributes of ONNX nodes from arrays of millions of integers: encoded as a whole, never one by one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto, helper

_PACKED_INTS = 0x42  # key of AttributeProto.ints (field 8) where its elements stand together (wire type 2)
#: Elements that are encoded at a time.
CHUNK = 1 << 18


def attach(node: NodeProto, attributes: dict[str, Any]) -> None:
    """Move ``attributes`` into ``node``; an integer array becomes a list of integers. The dict is empty afterwards."""
    for key in list(attributes):
        value = attributes.pop(key)
        made = _integers(key, value) if isinstance(value, np.ndarray) else helper.make_attribute(key, value)
        del value
        node.attribute.add().CopyFrom(made)  # append() would copy through bytes, and leave room for growth behind


def is_bulk(value: Any) -> bool:
    """Say whether this may be much: an array or a tensor."""
    return isinstance(value, np.ndarray | TensorProto)


def _integers(key: str, values: NDArray[Any]) -> AttributeProto:
    """Return the array as an attribute, parsed from its encoded form in pieces.

    Source: Protocol Buffers encoding, "Packed Repeated Fields"; a parser takes them for fields that are not declared
    as packed, too, and adds the pieces of one field together.
    """
    made = AttributeProto(name=key, type=AttributeProto.INTS)
    for start in range(0, len(values), CHUNK):
        content = varints(values[start : start + CHUNK])
        made.MergeFromString(bytes([_PACKED_INTS]) + varints(np.array([len(content)])) + content)
    return made


def varints(values: NDArray[Any]) -> bytes:
    """Encode integers in base 128, lowest digit first, the highest bit set in all but the last."""
    rest = values.astype(np.int64).view(np.uint64)
    digits = max((int(rest.max()).bit_length() + 6) // 7, 1)
    shifted = rest[:, None] >> (np.arange(digits, dtype=np.uint64) * np.uint64(7))
    more = np.zeros(shifted.shape, dtype=bool)
    more[:, :-1] = shifted[:, 1:] > 0
    present = shifted > 0
    present[:, 0] = True
    encoded = (shifted & np.uint64(0x7F)).astype(np.uint8) | (more.astype(np.uint8) << 7)
    return encoded[present].tobytes()
