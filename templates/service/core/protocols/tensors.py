"""Tensors of the Open Inference Protocol: their datatypes, those that were sent, and those of an answer.

Source: "Predict Protocol - Version 2" (tensor data types, tensor contents) and Triton's "Binary tensor data extension":
numbers are little-endian, BOOL is one byte, each element of BYTES has its length (uint32) before it; all in row-major
order.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from core.runtime.signature import Type

BYTES = "BYTES"

#: How the elements of each datatype of numbers lie in binary data.
NUMBERS: dict[str, DTypeLike] = {
    "BOOL": "|u1",
    "UINT8": "|u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "|i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}

#: The datatype of each JSON type.
DATATYPES: dict[Type, str] = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": BYTES}

#: What stands before each element of BYTES: its length.
LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Given:
    """An input as it was sent: ``data`` is a list (JSON; flat, or a list of rows), an array, or binary data."""

    name: str
    datatype: str
    shape: Sequence[int]
    data: "list[Any] | NDArray[Any] | bytes | memoryview"


@dataclass(frozen=True, slots=True)
class Made:
    """An output: ``values`` are int64, bool, floats or strings (as objects)."""

    name: str
    datatype: str
    values: NDArray[Any]
    parameters: dict[str, Any] = field(default_factory=dict)

    def flat(self) -> Any:
        """Return the values in row-major order, as orjson writes them."""
        return self.values.ravel().tolist() if self.datatype == BYTES else np.ascontiguousarray(self.values.ravel())

    def binary(self) -> bytes:
        """Return the values as binary data."""
        if self.datatype != BYTES:
            return self.values.astype(NUMBERS[self.datatype]).tobytes()
        texts = [text.encode() for text in self.values.ravel().tolist()]
        return b"".join(chain.from_iterable((LENGTH.pack(len(text)), text) for text in texts))


def made(name: str, kind: Type, values: NDArray[Any], parameters: dict[str, Any]) -> Made:
    """Return an output of the JSON type ``kind``."""
    if kind == "boolean":
        values = values.astype(np.bool_)
    elif kind == "integer":
        values = values.astype(np.int64, copy=False)
    return Made(name, DATATYPES[kind], values, parameters)
