"""The values of tensors that were sent, from JSON or binary data to arrays; what is wrong is named by row and column.

Source: "Predict Protocol - Version 2" and Triton's "Binary tensor data extension".
"""

from collections.abc import Sequence
from itertools import chain, islice
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from core.problems import MOST_PROBLEMS, InvalidRequestError, Problem, invalid, shown
from core.protocols.tensors import BYTES, LENGTH, NUMBERS, Given

_INTEGERS = {name: np.iinfo(np.dtype(kind)) for name, kind in NUMBERS.items() if np.dtype(kind).kind in "iu"}
_RANGES = {name: (int(info.min), int(info.max)) for name, info in _INTEGERS.items()} | {"BOOL": (0, 1)}
_JSON_NUMBERS: set[type] = {int, float, NoneType}
_JSON_FLAGS: set[type] = {bool, int, NoneType}
_JSON_STRINGS: set[type] = {str, NoneType}


def count_rows(given: Given, width: int) -> int:
    """Return how many rows an input has: its shape is [rows, width], or [rows] where ``width`` is 1."""
    shape = tuple(given.shape)
    if not shape or shape[0] < 0 or (shape[1:] != (width,) and not (width == 1 and len(shape) == 1)):
        told = f"the shape [rows, {width}] is expected, not {_short(shape)}"
        raise invalid(("body", given.name, "shape"), told, "shape")
    return shape[0]


def numbers(given: Given, names: Sequence[str]) -> NDArray[np.float64]:
    """Return the values (rows, columns) of an input of numbers, NaN where one is missing; ``names`` are the columns."""
    if given.datatype not in NUMBERS:
        raise invalid(("body", given.name, "datatype"), _unlike(given.datatype, NUMBERS), "datatype")
    if isinstance(given.data, list):
        values = _listed_numbers(given, names)
    elif isinstance(given.data, np.ndarray):
        values = given.data
        _check_count(given, names, len(values), "values")
    else:
        kind = np.dtype(NUMBERS[given.datatype])
        _check_count(given, names, len(given.data), "bytes", kind.itemsize)
        values = np.frombuffer(given.data, kind)
    if given.datatype in _RANGES:
        _check_range(given, names, values)
    return values.astype(np.float64).reshape(-1, len(names))


def strings(given: Given, names: Sequence[str]) -> NDArray[np.object_]:
    """Return the values (rows, columns) of an input of strings, None where one is missing."""
    if given.datatype != BYTES:
        raise invalid(("body", given.name, "datatype"), _unlike(given.datatype, (BYTES,)), "datatype")
    if isinstance(given.data, list):
        values = _flat(given, names)
        if not set(map(type, values)) <= _JSON_STRINGS:
            raise _strange(given, names, values, _JSON_STRINGS, "a string")
    else:
        pieces = _pieces(given, names)
        values = [_text(piece, place(given.name, index, names)) for index, piece in enumerate(pieces)]
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape(-1, len(names))


def place(name: str, index: int, names: Sequence[str]) -> tuple[str | int, ...]:
    """Return where element ``index`` of the input ``name`` is: its row and its column."""
    return ("body", name, index // len(names), names[index % len(names)])


def _listed_numbers(given: Given, names: Sequence[str]) -> NDArray[np.float64]:
    flat = _flat(given, names)
    allowed = _JSON_FLAGS if given.datatype == "BOOL" else _JSON_NUMBERS
    if not set(map(type, flat)) <= allowed:
        raise _strange(given, names, flat, allowed, "true or false" if given.datatype == "BOOL" else "a number")
    try:
        values = np.array(flat, dtype=np.float64)
    except OverflowError:
        values = np.array([_double(value) for value in flat], dtype=np.float64)
    missing = np.isnan(values)
    if missing.any() and (strays := [int(i) for i in np.flatnonzero(missing) if flat[i] is not None]):
        told = "NaN is not JSON; null stands for a missing value"
        raise InvalidRequestError(
            [Problem(place(given.name, i, names), told, "finite_number") for i in strays[:MOST_PROBLEMS]]
        )
    return values


def _double(value: float | None) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.inf


def _flat(given: Given, names: Sequence[str]) -> list[Any]:
    data: Any = given.data
    if data and type(data[0]) is list and len(given.shape) == 2:
        if set(map(type, data)) != {list} or set(map(len, data)) != {len(names)}:
            raise _wrong_row(given, len(names))
        if len(data) != given.shape[0]:
            raise _wrong_count(given, given.shape[0], len(data), "rows")
        data = list(chain.from_iterable(data))
    _check_count(given, names, len(data), "values")
    flat: list[Any] = data
    return flat


def _wrong_row(given: Given, width: int) -> InvalidRequestError:
    """Make the error for the first row that is not a list of ``width`` values."""
    rows = enumerate(given.data)
    number, values = next((row, values) for row, values in rows if type(values) is not list or len(values) != width)
    found = f"one of {len(values)}" if isinstance(values, list) else shown(values)
    return invalid(("body", given.name, number), f"a list of {width} values is expected, not {found}", "too_short")


def _check_count(given: Given, names: Sequence[str], found: int, what: str, size: int = 1) -> None:
    expected = given.shape[0] * len(names) * size
    if found != expected:
        raise _wrong_count(given, expected, found, what)


def _wrong_count(given: Given, expected: int, found: int, what: str) -> InvalidRequestError:
    told = f"{expected} {what} are expected for the shape {_short(given.shape)}, found {found}"
    return invalid(("body", given.name, "data"), told, "too_short" if found < expected else "too_long")


def _check_range(given: Given, names: Sequence[str], values: NDArray[Any]) -> None:
    least, most = _RANGES[given.datatype]
    wrong = (values < least) | (values > most)
    if values.dtype.kind == "f":
        wrong |= (values != np.floor(values)) & ~np.isnan(values)
    if wrong.any():
        strays = np.flatnonzero(wrong)[:MOST_PROBLEMS].tolist()
        told = [f"a value of {given.datatype} is expected, not {shown(values[index].item())}" for index in strays]
        places = [place(given.name, index, names) for index in strays]
        raise InvalidRequestError([Problem(*pair, "datatype") for pair in zip(places, told, strict=True)])


def _strange(
    given: Given, names: Sequence[str], values: Sequence[Any], allowed: set[type], expected: str
) -> InvalidRequestError:
    """Make the error for elements that are not of the ``allowed`` types."""
    strays = ((index, value) for index, value in enumerate(values) if type(value) not in allowed)
    return InvalidRequestError(
        [
            Problem(place(given.name, index, names), f"{expected} is expected, not {shown(value)}", "datatype")
            for index, value in islice(strays, MOST_PROBLEMS)
        ]
    )


def _pieces(given: Given, names: Sequence[str]) -> list[bytes]:
    """Return the elements of BYTES."""
    if isinstance(given.data, np.ndarray):
        _check_count(given, names, len(given.data), "values")
        return list(given.data)
    data, expected, at = bytes(given.data), given.shape[0] * len(names), 0
    pieces: list[bytes] = []
    while at < len(data) and len(pieces) < expected:
        start = at + LENGTH.size
        at = start + (LENGTH.unpack_from(data, at)[0] if start <= len(data) else len(data))
        if at > len(data):
            told = "the data ends before the element does"
            raise invalid(place(given.name, len(pieces), names), told, "too_short")
        pieces.append(data[start:at])
    if at < len(data):
        raise invalid(("body", given.name, "data"), f"{len(data) - at} bytes are left over", "too_long")
    _check_count(given, names, len(pieces), "values")
    return pieces


def _text(piece: bytes, where: tuple[str | int, ...]) -> str:
    try:
        return piece.decode()
    except UnicodeDecodeError as error:
        raise invalid(where, "the string is not UTF-8", "string_unicode") from error


def _unlike(datatype: str, allowed: Sequence[str] | dict[str, DTypeLike]) -> str:
    return f"{' or '.join(allowed)} is expected, not {shown(datatype)}"


def _short(shape: Sequence[int]) -> str:
    text = str(list(shape[:5]))
    return text if len(shape) <= 5 and len(text) <= 60 else "another one"
