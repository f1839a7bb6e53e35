"""From the bytes of a request to the tensors that the model takes.

A decoder is built once from the signature. What is plainly right takes a fast way, a few calls for a whole request; any
doubt sends the same bytes through ``core.check``, which decides, and names what is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from core.check import Cell, cells, too_many_rows
from core.parse import parse_exactly, parse_fast
from core.problems import InvalidRequestError
from core.signature import MISSING_STRING, Column, Signature, Tensor

_NUMBERS: set[type] = {int, float, NoneType}
_KINDS: dict[str, set[type]] = {
    "number": _NUMBERS,
    "integer": _NUMBERS,
    "boolean": {bool, NoneType},
    "string": {str, NoneType},
}


@dataclass(frozen=True)
class Rows:
    """Decoded rows: ``feed`` holds (count, width) arrays by ONNX input name.

    Rows of several requests can be joined along the first axis and answered in one run.
    """

    feed: dict[str, NDArray[Any]]
    count: int


class _DoubtfulError(ValueError):
    """The fast way is not sure; the exact way decides."""


class Decoder:
    """Turns request bodies into tensors.

    ``dtypes`` are those of the ONNX inputs: float64, float32, or object for strings.
    """

    def __init__(self, signature: Signature, dtypes: Mapping[str, DTypeLike], max_rows: int) -> None:
        self._columns = signature.columns
        self._max_rows = max_rows
        self._tensors = tuple(_Tensor(tensor, signature.columns, dtypes[tensor.name]) for tensor in signature.tensors)
        self._largest = {tensor.name: tensor.largest for tensor in self._tensors}
        names = [column.name for column in self._columns]
        # itemgetter of one name gives the bare value, not a tuple of one.
        self._pick = itemgetter(*names) if len(names) > 1 else lambda record: (record[names[0]],)
        plain = all(column.type in {"number", "integer"} for column in self._columns)
        self._matrix = self._tensors[0].numbers if plain and len(self._tensors) == 1 else None

    def decode(self, body: bytes) -> Rows:
        """Return the rows in ``body``; raises InvalidRequestError for anything but right rows."""
        try:
            rows = self._rows(body)
            return Rows(self._matrix(rows) if self._matrix else self._by_column(rows), len(rows))
        except InvalidRequestError:
            raise
        except (ValueError, KeyError, TypeError, OverflowError):
            return self._exactly(body)

    def _exactly(self, body: bytes) -> Rows:
        rows = cells(parse_exactly(body), self._columns, self._largest, self._max_rows)
        columns = list(zip(*rows, strict=True))
        return Rows({tensor.name: tensor.trusted(columns) for tensor in self._tensors}, len(rows))

    def _rows(self, body: bytes) -> list[Sequence[Any]]:
        document = parse_fast(body)
        if type(document) is not dict or len(document) != 1:
            raise _DoubtfulError
        [(form, rows)] = document.items()
        if form not in {"features", "records"} or type(rows) is not list or not rows:
            raise _DoubtfulError
        if len(rows) > self._max_rows:
            raise too_many_rows(form, len(rows), self._max_rows)
        return self._lists(body, rows) if form == "features" else self._records(body, rows)

    def _lists(self, body: bytes, rows: list[Any]) -> list[Sequence[Any]]:
        # The fast parser forgets repeated keys: rule out a second "features", plain or with escapes.
        repeated = body.count(b":") > 1 and (body.count(b'"features"') > 1 or b"\\u" in body)
        if repeated or set(map(type, rows)) != {list}:
            raise _DoubtfulError
        return rows

    def _records(self, body: bytes, rows: list[Any]) -> list[Sequence[Any]]:
        # Every key has a colon. With all columns present and no colon to spare, no key is unknown or repeated.
        if set(map(type, rows)) != {dict} or body.count(b":") != 1 + len(rows) * len(self._columns):
            raise _DoubtfulError
        return list(map(self._pick, rows))

    def _by_column(self, rows: list[Sequence[Any]]) -> dict[str, NDArray[Any]]:
        columns = list(zip(*rows, strict=True))
        if len(columns) != len(self._columns):
            raise _DoubtfulError
        for column, values in zip(self._columns, columns, strict=True):
            if not set(map(type, values)) <= _KINDS[column.type]:
                raise _DoubtfulError
        return {tensor.name: tensor.checked(columns) for tensor in self._tensors}


class _Tensor:
    """How to fill one ONNX input: ``positions`` are the columns that go into it, in its own order."""

    def __init__(self, tensor: Tensor, columns: Sequence[Column], dtype: DTypeLike) -> None:
        mine = sorted(
            (column.index, position) for position, column in enumerate(columns) if column.tensor == tensor.name
        )
        self.name = tensor.name
        self.positions = [position for _, position in mine]
        self.dtype = np.dtype(dtype)
        self.largest = float(np.finfo(self.dtype).max) if self.dtype.kind == "f" else 0.0
        self._nullable = np.array([columns[position].nullable for position in self.positions], dtype=bool)
        whole = [index for index, position in mine if columns[position].type == "integer"]
        self._integers = np.array(whole, dtype=np.intp)
        self._in_order = self.positions == list(range(len(columns)))

    def numbers(self, rows: Sequence[Sequence[Any]]) -> dict[str, NDArray[Any]]:
        """Make the whole feed from rows of numbers, where this is the only input; raises _DoubtfulError."""
        # Asked first, because numpy takes true for 1 and "1" for 1.
        if not set(map(type, chain.from_iterable(rows))) <= _NUMBERS:
            raise _DoubtfulError
        values = np.array(rows, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.positions):
            raise _DoubtfulError
        return {self.name: self._settled(values if self._in_order else values[:, self.positions])}

    def checked(self, columns: Sequence[Sequence[Any]]) -> NDArray[Any]:
        """Check values of the right JSON types, by column; raises _DoubtfulError."""
        if self.dtype.kind == "f":
            numbers = [np.array(columns[position], dtype=np.float64) for position in self.positions]
            return self._settled(np.stack(numbers, axis=1) if len(numbers) > 1 else numbers[0][:, None])
        return np.stack([self._strings(index, columns[at]) for index, at in enumerate(self.positions)], axis=1)

    def trusted(self, columns: Sequence[Sequence[Cell]]) -> NDArray[Any]:
        """Fill the tensor with cells that the exact way has checked."""
        values = np.empty((len(columns[0]), len(self.positions)), dtype=self.dtype)
        for index, position in enumerate(self.positions):
            values[:, index] = columns[position]
        return values

    def _strings(self, index: int, values: Sequence[str | None]) -> NDArray[Any]:
        if MISSING_STRING in values:
            raise _DoubtfulError
        if None in values:
            if not self._nullable[index]:
                raise _DoubtfulError
            values = [MISSING_STRING if value is None else value for value in values]
        return np.array(values, dtype=object)

    def _settled(self, values: NDArray[np.float64]) -> NDArray[Any]:
        """Refuse what is infinite, missing where it must not be, or not whole where it must be; cast the rest."""
        if self._integers.size:
            whole = values[:, self._integers]
            if ((whole != np.floor(whole)) & ~np.isnan(whole)).any():
                raise _DoubtfulError
        if self.dtype != values.dtype:
            with np.errstate(over="ignore"):
                values = values.astype(self.dtype)
        finite = np.isfinite(values)
        if not finite.all() and (np.isinf(values).any() or not (finite | self._nullable).all()):
            raise _DoubtfulError
        return values
