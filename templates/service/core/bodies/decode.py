"""From the bytes of a request to the tensors that the model takes.

A decoder is built once from the signature. What is plainly right takes a fast way, a few calls for all rows of several
requests; any doubt sends the same bytes through ``core.bodies.check``, which decides, and names what is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from core.bodies import npy
from core.bodies.check import array_cells, cells, too_many_rows
from core.bodies.columns import Values, by_input, placed
from core.bodies.inputs import NUMBERS, DoubtfulError, Input
from core.bodies.parse import parse_exactly, parse_fast
from core.problems import InvalidRequestError
from core.runtime.signature import Signature

_KINDS: dict[str, set[type]] = {
    "number": NUMBERS,
    "integer": NUMBERS,
    "boolean": {bool, NoneType},
    "string": {str, NoneType},
}


@dataclass(slots=True)  # not frozen: that takes three times as long to make
class Rows:
    """Decoded rows: ``feed`` holds (count, width) arrays by ONNX input name."""

    feed: dict[str, NDArray[Any]]
    count: int

    def cut(self, at: int) -> tuple["Rows", "Rows"]:
        """Return the rows before and from ``at``."""
        first = {name: values[:at] for name, values in self.feed.items()}
        second = {name: values[at:] for name, values in self.feed.items()}
        return Rows(first, at), Rows(second, self.count - at)


def joined(parts: Sequence[Rows]) -> Rows:
    """Return the rows of ``parts``, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    names = parts[0].feed if parts else ()
    feed = {name: np.concatenate([part.feed[name] for part in parts]) for name in names}
    return Rows(feed, sum(part.count for part in parts))


_FEATURES = itemgetter("features")
_DOUBTS = (ValueError, KeyError, TypeError, OverflowError)


class Decoder:
    """Turns request bodies into tensors.

    ``dtypes`` are those of the ONNX inputs: float64, float32, or object for strings. ``ranges`` says whether to refuse
    what is outside the minimum and maximum, or not among the categories, of its column.
    """

    def __init__(
        self, signature: Signature, dtypes: Mapping[str, DTypeLike], max_rows: int, *, ranges: bool = False
    ) -> None:
        self._columns = signature.columns
        self._max_rows = max_rows
        self._ranges = ranges
        self._tensors = tuple(
            Input(tensor, signature.columns, dtypes[tensor.name], ranges=ranges) for tensor in signature.tensors
        )
        self._largest = {tensor.name: tensor.largest for tensor in self._tensors}
        names = [column.name for column in self._columns]
        # itemgetter of one name gives the bare value, not a tuple of one.
        self._pick = itemgetter(*names) if len(names) > 1 else lambda record: (record[names[0]],)
        plain = all(column.type in {"number", "integer"} for column in self._columns)
        self._matrix = self._tensors[0].numbers if plain and len(self._tensors) == 1 else self._by_column

    def decode(self, body: bytes) -> Rows:
        """Return the rows in ``body``; raises InvalidRequestError for anything but right rows."""
        try:
            return self._quickly([self._rows(body, parse_fast(body))])
        except InvalidRequestError:
            raise
        except _DOUBTS:
            return self.parsed(parse_exactly(body))

    def decode_all(self, bodies: Sequence[bytes]) -> tuple[Rows, list[int], dict[int, InvalidRequestError]]:
        """Return the rows of all right bodies, how many each has, and by position what is wrong with the others."""
        if len(bodies) > 1:
            try:
                parts = self._parts(bodies)
                return self._quickly(parts), list(map(len, parts)), {}
            except _DOUBTS:
                pass  # one of them is wrong or odd; the others are decoded fast all the same
        decoded: list[Rows] = []
        refused: dict[int, InvalidRequestError] = {}
        for position, body in enumerate(bodies):
            try:
                decoded.append(self.decode(body))
            except InvalidRequestError as error:
                refused[position] = error
        return joined(decoded), [rows.count for rows in decoded], refused

    def _quickly(self, parts: Sequence[list[Sequence[Any]]]) -> Rows:
        rows = parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))
        if not set(map(type, rows)) <= {list, tuple}:  # tuples are what records became
            raise DoubtfulError
        return Rows(self._matrix(rows), len(rows))

    def from_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> Rows:
        """Return the rows in (rows, width) arrays by ONNX input: numbers with NaN, or strings with None, for null.

        Raises InvalidRequestError for anything but right rows; what is wrong is at ("body", input, row, column).
        """
        count = len(next(iter(arrays.values())))
        try:
            return Rows({tensor.name: tensor.taken(arrays[tensor.name]) for tensor in self._tensors}, count)
        except ValueError:
            columns = array_cells(arrays, self._columns, self._largest, ranges=self._ranges)
            return Rows({tensor.name: tensor.trusted(columns) for tensor in self._tensors}, count)

    def from_columns(self, form: str, values: Sequence[Values]) -> Rows:
        """Return the rows in ``values``, one a column, as ``from_arrays`` does; ``form`` is what they came in."""
        with placed(form):
            return self.from_arrays(by_input(values, self._columns))

    def parsed(self, document: Any) -> Rows:
        """Return the rows in JSON that ``parse_exactly`` has read; raises InvalidRequestError."""
        if npy.is_form(document, self._columns):
            return self.from_columns(npy.FORM, npy.columns(npy.unwrapped(document), self._columns, self._max_rows))
        rows = cells(document, self._columns, self._largest, self._max_rows, ranges=self._ranges)
        columns = list(zip(*rows, strict=True))
        return Rows({tensor.name: tensor.trusted(columns) for tensor in self._tensors}, len(rows))

    def _parts(self, bodies: Sequence[bytes]) -> Sequence[list[Sequence[Any]]]:
        """Return the rows of each of ``bodies``: what can be asked of all of them at once takes half the time so."""
        documents = list(map(parse_fast, bodies))
        alike = set(map(type, documents)) == {dict} and max(map(len, documents)) == 1
        # Every key has a colon. With one key each and no colon to spare, none is repeated.
        if not alike or b"".join(bodies).count(b":") != len(bodies):
            return list(map(self._rows, bodies, documents))
        parts = list(map(_FEATURES, documents))
        if set(map(type, parts)) != {list} or not 0 < min(map(len, parts)) <= max(map(len, parts)) <= self._max_rows:
            raise DoubtfulError
        return parts

    def _rows(self, body: bytes, document: Any) -> list[Sequence[Any]]:
        if type(document) is not dict or len(document) != 1:
            raise DoubtfulError
        form = "features" if "features" in document else "records"
        rows = document.get(form)
        if type(rows) is not list or not rows:
            raise DoubtfulError
        if len(rows) > self._max_rows:
            raise too_many_rows(form, len(rows), self._max_rows)
        if form == "records":
            return self._records(body, rows)
        # The fast parser forgets repeated keys: rule out a second "features", plain or with escapes.
        if body.count(b":") > 1 and (body.count(b'"features"') > 1 or b"\\u" in body):
            raise DoubtfulError
        return rows

    def _records(self, body: bytes, rows: list[Any]) -> list[Sequence[Any]]:
        # Every key has a colon. With all columns present and no colon to spare, no key is unknown or repeated.
        if set(map(type, rows)) != {dict} or body.count(b":") != 1 + len(rows) * len(self._columns):
            raise DoubtfulError
        return list(map(self._pick, rows))

    def _by_column(self, rows: list[Sequence[Any]]) -> dict[str, NDArray[Any]]:
        columns = list(zip(*rows, strict=True))
        if len(columns) != len(self._columns):
            raise DoubtfulError
        for column, values in zip(self._columns, columns, strict=True):
            if not set(map(type, values)) <= _KINDS[column.type]:
                raise DoubtfulError
        return {tensor.name: tensor.checked(columns) for tensor in self._tensors}
