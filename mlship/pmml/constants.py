"""Constants of ONNX graphs as arrays."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper


def constant(item: TensorProto) -> NDArray[Any]:
    """Return a constant; text as an object array."""
    values = numpy_helper.to_array(item)
    if item.data_type != TensorProto.STRING:
        return values
    texts = [value.decode() if isinstance(value, bytes) else str(value) for value in item.string_data]
    return np.array(texts, dtype=object).reshape(tuple(item.dims))
