"""Golden rows as requests of the Open Inference Protocol, and as bodies of POST /predict."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.golden import Golden
from mlship.replay import payload
from mlship.signature import MISSING_STRING, Column

#: For each type of a column: datatype, and numpy dtype.
OF_TYPE: dict[str, tuple[str, Any]] = {
    "number": ("FP64", np.float64),
    "integer": ("INT64", np.int64),
    "boolean": ("BOOL", np.bool_),
    "string": ("BYTES", np.object_),
}


def sample(case: Any, rows: int = 12) -> Golden:
    """Return the first rows of the training sample, with their answers."""
    mine = [number for number, origin in enumerate(case.golden.origins) if origin == "sample"]
    return case.golden.take(mine[:rows])


def features(case: Any, golden: Golden) -> dict[str, Any]:
    """Return the rows as a body of POST /predict."""
    return payload(golden, case.signature, np.arange(len(golden)))


def by_tensor(case: Any, golden: Golden) -> list[dict[str, Any]]:
    """Return the rows as one input for each ONNX input."""
    return [
        {
            "name": tensor.name,
            "datatype": "BYTES" if tensor.kind == "string" else "FP64",
            "shape": list(golden.inputs[tensor.name].shape),
            "data": _listed(golden.inputs[tensor.name]),
        }
        for tensor in case.signature.tensors
    ]


def by_column(case: Any, golden: Golden) -> list[dict[str, Any]]:
    """Return the rows as one input for each column, in the datatype that MLServer and KServe give to its values."""
    return [_column(column, golden.inputs[column.tensor][:, column.index]) for column in case.signature.columns]


def _column(column: Column, values: NDArray[Any]) -> dict[str, Any]:
    datatype, dtype = ("FP64", np.float64) if column.nullable and column.type != "string" else OF_TYPE[column.type]
    data = _listed(values.astype(dtype))
    return {"name": column.name, "datatype": datatype, "shape": [len(values)], "data": data}


def _listed(values: NDArray[Any]) -> list[Any]:
    return [None if value == MISSING_STRING or value != value else value for value in values.ravel().tolist()]
