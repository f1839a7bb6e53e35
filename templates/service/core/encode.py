"""From the arrays of the model to the JSON of an answer, in the types that the model was trained with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from core.signature import Output, Type


class Encoder:
    """Writes answers; numbers that JSON cannot carry (NaN, infinities) become null."""

    def __init__(self, outputs: Sequence[Output]) -> None:
        self._types: dict[str, Type] = {output.name: output.type for output in outputs}

    def encode(self, arrays: Mapping[str, NDArray[Any]]) -> bytes:
        """Return the JSON of ``arrays``, by output name, in their order."""
        values = {name: self._values(name, array) for name, array in arrays.items()}
        return orjson.dumps(values, option=orjson.OPT_SERIALIZE_NUMPY)

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
