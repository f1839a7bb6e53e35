"""The fast way into one ONNX input: a few calls for all values of a column, and an error where they are not enough."""

from collections.abc import Sequence
from itertools import chain
from math import isfinite
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from core.bodies.check import Cell
from core.runtime.signature import MISSING_STRING, Column, Tensor

#: What stands for a number in parsed JSON.
NUMBERS: set[type] = {int, float, NoneType}
_PRESENT: set[type] = {int, float}


class DoubtfulError(ValueError):
    """The fast way is not sure; the exact way decides."""


class Input:
    """How to fill one ONNX input: ``positions`` are the columns that go into it, in its own order."""

    def __init__(self, tensor: Tensor, columns: Sequence[Column], dtype: DTypeLike, *, ranges: bool) -> None:
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
        flags = [index for index, position in mine if columns[position].type == "boolean"]
        self._booleans = np.array(flags, dtype=np.intp)
        self._in_order = self.positions == list(range(len(columns)))
        filled = [columns[position] for position in self.positions] if ranges else []
        self._lowest = np.array([-np.inf if column.minimum is None else column.minimum for column in filled])
        self._highest = np.array([np.inf if column.maximum is None else column.maximum for column in filled])
        wanted = ranges or self._integers.size or self._booleans.size  # more than that a number is finite
        self._any_number = self.dtype == np.float64 and self._in_order and not wanted
        self._categories = [column.categories and {None, *column.categories} for column in filled]

    def numbers(self, rows: Sequence[Sequence[Any]]) -> dict[str, NDArray[Any]]:
        """Make the whole feed from rows of numbers, where this is the only input; raises DoubtfulError."""
        if self._any_number and len(rows) == 1:  # of one row, Python's own numbers are asked sooner than numpy is
            [row] = rows
            if len(row) == len(self.positions) and set(map(type, row)) <= _PRESENT and isfinite(sum(row)):
                return {self.name: np.array(rows, dtype=np.float64)}
        # Asked first, because numpy takes true for 1 and "1" for 1.
        if not set(map(type, chain.from_iterable(rows))) <= NUMBERS:
            raise DoubtfulError
        values = np.array(rows, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.positions):
            raise DoubtfulError
        return {self.name: self._settled(values if self._in_order else values[:, self.positions])}

    def checked(self, columns: Sequence[Sequence[Any]]) -> NDArray[Any]:
        """Check values of the right JSON types, by column; raises DoubtfulError."""
        if self.dtype.kind == "f":
            numbers = [np.array(columns[position], dtype=np.float64) for position in self.positions]
            return self._settled(np.stack(numbers, axis=1) if len(numbers) > 1 else numbers[0][:, None])
        return np.stack([self._strings(index, columns[at]) for index, at in enumerate(self.positions)], axis=1)

    def taken(self, values: NDArray[Any]) -> NDArray[Any]:
        """Check an array (rows, width): numbers in float64, or strings; raises ValueError where it is in doubt."""
        if self.dtype.kind == "f":
            if self._booleans.size:
                flags = values[:, self._booleans]
                if not ((flags == 0) | (flags == 1) | np.isnan(flags)).all():
                    raise DoubtfulError
            return self._settled(values)
        columns = [values[:, index].tolist() for index in range(len(self.positions))]
        "".join(filter(None, chain.from_iterable(columns))).encode()  # JSON can write what UTF-8 cannot
        return np.stack([self._strings(index, column) for index, column in enumerate(columns)], axis=1)

    def trusted(self, columns: Sequence[Sequence[Cell]]) -> NDArray[Any]:
        """Fill the tensor with cells that the exact way has checked."""
        values = np.empty((len(columns[0]), len(self.positions)), dtype=self.dtype)
        for index, position in enumerate(self.positions):
            values[:, index] = columns[position]
        return values

    def _strings(self, index: int, values: Sequence[str | None]) -> NDArray[Any]:
        known = self._categories[index] if self._categories else None
        if MISSING_STRING in values or (known and not known.issuperset(values)):
            raise DoubtfulError
        if None in values:
            if not self._nullable[index]:
                raise DoubtfulError
            values = [MISSING_STRING if value is None else value for value in values]
        return np.array(values, dtype=object)

    def _settled(self, values: NDArray[np.float64]) -> NDArray[Any]:
        """Refuse what is infinite, out of range, missing or not whole where it must be; cast the rest."""
        if self._lowest.size and ((values < self._lowest) | (values > self._highest)).any():
            raise DoubtfulError
        if self._integers.size:
            whole = values[:, self._integers]
            if ((whole != np.floor(whole)) & ~np.isnan(whole)).any():
                raise DoubtfulError
        if self.dtype != values.dtype:
            with np.errstate(over="ignore"):
                values = values.astype(self.dtype)
        finite = np.isfinite(values)
        # Of one row, count_nonzero takes a sixth of the time of all().
        if np.count_nonzero(finite) < finite.size and (np.isinf(values).any() or not (finite | self._nullable).all()):
            raise DoubtfulError
        return values
