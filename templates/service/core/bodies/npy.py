"""Arrays as .npy files: one array of numbers in, one array out.

Source: "NEP 1: A Simple File Format for NumPy Arrays", and numpy.lib.format for the versions since. The header is a
Python literal that is read here, and not by numpy, because it says how much memory to take: nothing is allocated before
it agrees with the model and with the bytes that are there.
"""

import ast
import base64
import binascii
import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.problems import MOST_PROBLEMS, InvalidRequestError, Problem, invalid, shown
from core.runtime.signature import Column

#: What holds the array: the body itself, or this field of a JSON object, in base64.
FORM = "npy"

_MAGIC = b"\x93NUMPY"
#: By major version: how the length of the header is written.
_LENGTHS = {1: struct.Struct("<H"), 2: struct.Struct("<I"), 3: struct.Struct("<I")}
# numpy pads the header of a matrix to 128 bytes in all.
_LONGEST_HEADER = 1024
_KEYS = {"descr", "fortran_order", "shape"}
_KINDS = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}
# What a literal of at most _LONGEST_HEADER characters can be wrong with, deeply nested ones among them.
_LITERAL_ERRORS = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


def columns(content: bytes, wanted: Sequence[Column], max_rows: int) -> list[NDArray[Any]]:
    """Return the columns of the array (rows, len(wanted)) in ``content``: views of its bytes.

    They hold integers, floats, or, where the array is one of bools, bools. Raises InvalidRequestError: 400 where it is
    no .npy file, 422 where the array is of another shape or type.
    """
    header, start = _header(content)
    dtype, shape = _dtype(header["descr"]), header["shape"]
    if len(shape) != 2 or shape[1] != len(wanted):
        told = f"an array of shape (rows, {len(wanted)}) is expected, not {shown(str(shape))}"
        raise invalid(("body", FORM), told, "shape")
    if shape[0] == 0:
        raise invalid(("body", FORM), "at least one row is expected", "too_short")
    if shape[0] > max_rows:
        told = f"{shown(shape[0])} rows in one request, at most {max_rows} are allowed"
        raise invalid(("body", FORM), told, "too_long")
    if dtype == np.bool_:
        _check_flags(wanted)
    size = shape[0] * len(wanted) * dtype.itemsize
    if len(content) - start != size:
        raise _damaged(f"its header promises {size} bytes of values, {len(content) - start} follow it")
    values = np.frombuffer(content, dtype, offset=start)
    # The first index varies fastest in Fortran's order: what lies one after the other are the columns.
    return list(values.reshape(shape[::-1]) if header["fortran_order"] else values.reshape(shape).T)


def is_form(document: object, wanted: Sequence[Column]) -> bool:
    """Say whether parsed JSON is {"npy": ...}, and the model one that takes it: text is not written as .npy."""
    return (
        isinstance(document, dict) and document.keys() == {FORM} and all(column.type != "string" for column in wanted)
    )


def unwrapped(document: dict[str, Any]) -> bytes:
    """Return the array of {"npy": its base64}; raises InvalidRequestError."""
    text = document[FORM]
    if not isinstance(text, str):
        raise invalid(("body", FORM), f"a string is expected, not {shown(text)}", "string_type")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:  # ValueError: it is not even ASCII
        raise invalid(("body", FORM), "the string is not base64", "base64") from error


def write(values: NDArray[Any]) -> bytes:
    """Return an array as .npy, version 1.0; text has a fixed width in it, as object arrays would need pickle."""
    content = io.BytesIO()
    np.lib.format.write_array(content, values.astype(np.str_) if values.dtype == object else values, allow_pickle=False)
    return content.getvalue()


def _header(content: bytes) -> tuple[dict[str, Any], int]:
    """Return the header, and where the values begin."""
    version = tuple(content[6:8])
    if not content.startswith(_MAGIC) or len(version) != 2:
        raise _damaged("it does not begin like one")
    if version[1] != 0 or version[0] not in _LENGTHS:
        raise _damaged(f"version {version[0]}.{version[1]} of the format is not known")
    length = _LENGTHS[version[0]]
    start = 8 + length.size
    size = length.unpack_from(content, 8)[0] if len(content) >= start else _LONGEST_HEADER + 1
    if size > _LONGEST_HEADER or start + size > len(content):
        raise _damaged("its header is too long, or cut off")
    try:
        header = ast.literal_eval(content[start : start + size].decode().strip())
    except _LITERAL_ERRORS as error:
        raise _damaged("its header is not a Python literal") from error
    if not isinstance(header, dict) or header.keys() != _KEYS or not _is_shape(header["shape"]):
        raise _damaged("its header does not tell descr, fortran_order and shape")
    if not isinstance(header["fortran_order"], bool):
        raise _damaged("fortran_order is neither True nor False")
    return header, start + size


def _is_shape(shape: object) -> bool:
    return isinstance(shape, tuple) and all(type(length) is int and length >= 0 for length in shape)


def _dtype(descr: object) -> np.dtype[Any]:
    if not isinstance(descr, str) or descr[:1] not in {"<", ">", "|", "="} or descr[1:] not in _KINDS:
        told = "an array of bool, int8 to int64, uint8 to uint64 or float16 to float64 is expected"
        raise invalid(("body", FORM), f"{told}, not {shown(str(descr))}", "dtype")
    return np.dtype(descr)


def _check_flags(wanted: Sequence[Column]) -> None:
    kinds = {"number": "numbers", "integer": "whole numbers"}
    problems = [
        Problem(("body", FORM, column.name), f"a column of {kinds[column.type]} is expected, not of bool", "dtype")
        for column in wanted
        if column.type in kinds
    ]
    if problems:
        raise InvalidRequestError(problems[:MOST_PROBLEMS])


def _damaged(why: str) -> InvalidRequestError:
    return invalid(("body", FORM), f"this is not a .npy file: {why}", "npy_invalid", status=400)
