"""From the arrays of the model to the JSON of an answer, in the types that the model was trained with."""

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from core.runtime.signature import Output, Type


class Encoder:
    """Writes answers; numbers that JSON cannot carry (NaN, infinities) become null."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._types: dict[str, Type] = {output.name: output.type for output in outputs}

    def encode(self, arrays: Mapping[str, NDArray[Any]]) -> bytes:
        """Return the JSON of ``arrays``, by output name, in their order."""
        return orjson.dumps(self.values(arrays), option=orjson.OPT_SERIALIZE_NUMPY)

    def values(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Return ``arrays`` in the types of the signature: contiguous arrays, lists of strings."""
        return {name: self._values(name, array) for name, array in arrays.items()}

    def encode_each(self, arrays: Mapping[str, NDArray[Any]], counts: Sequence[int]) -> list[bytes]:
        """Return the JSON for each of several requests: the first ``counts[0]`` rows are those of the first, and so on.

        Each is, to the byte, what ``encode`` makes of its rows.
        """
        if len(counts) == 1:
            return [self.encode(arrays)]
        if len(arrays) == 1 and len(counts) == sum(counts):
            [(name, array)] = arrays.items()
            if array.ndim == 1 and self._types[name] != "string":
                return self._numbers(name, array)
        values = [(name, _listed(self._values(name, array))) for name, array in arrays.items()]
        return [
            orjson.dumps({name: rows[start:end] for name, rows in values}, option=orjson.OPT_SERIALIZE_NUMPY)
            for start, end in pairwise(accumulate(counts, initial=0))
        ]

    def _numbers(self, name: str, array: NDArray[Any]) -> list[bytes]:
        # One number each: written together, and cut where the commas are.
        written = orjson.dumps(self._values(name, array), option=orjson.OPT_SERIALIZE_NUMPY)
        before, after = b"{%b:[" % orjson.dumps(name), b"]}"
        return [before + number + after for number in written[1:-1].split(b",")]

    def _values(self, name: str, array: NDArray[Any]) -> Any:
        kind = self._types[name]
        if kind == "string":
            return array.tolist()
        if kind == "boolean":
            return array.astype(np.bool_)
        if kind == "integer" and array.dtype.kind == "f":
            return array.astype(np.int64)
        # orjson writes C-contiguous arrays by itself: no list of Python floats in between.
        return np.ascontiguousarray(array)


def _listed(values: Any) -> Any:
    # A slice of a list is written in less time than a slice of an array. Not so with float32: as Python floats its
    # numbers would have the digits of a double.
    return values.tolist() if isinstance(values, np.ndarray) and values.dtype != np.float32 else values
