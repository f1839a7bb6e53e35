"""What a service speaks: POST /predict as mlship scaffolds it, or the Open Inference Protocol, version 2.

Source of the latter: "Predict Protocol - Version 2" (https://github.com/kserve/open-inference-protocol), HTTP/REST.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from mlship.client import quoted
from mlship.errors import ServiceError
from mlship.golden import Golden
from mlship.replay import arrays, payload
from mlship.signature import MISSING_STRING, Output, Signature

Rows = Sequence[int] | NDArray[np.int64]


class Dialect(Protocol):
    """How golden rows become the body of a POST, and how its answer becomes outputs.

    ``path`` is where requests under load go, ``full_path`` where all outputs are answered.
    """

    @property
    def path(self) -> str: ...

    @property
    def full_path(self) -> str: ...

    def body(self, golden: Golden, signature: Signature, rows: Rows) -> bytes:
        """Write the body that asks for the golden rows of these numbers."""
        ...

    def outputs(self, document: Any, signature: Signature, rows: int) -> dict[str, NDArray[Any]]:
        """Rebuild outputs from the JSON of an answer, as ``replay.arrays`` does; raises ServiceError as that does."""
        ...


@dataclass(frozen=True)
class Predict:
    """POST /predict; under load only the prediction is asked for, where ``predicts`` says that there is one."""

    predicts: bool = True

    @property
    def path(self) -> str:
        return "/predict" if self.predicts else self.full_path

    @property
    def full_path(self) -> str:
        return "/predict?outputs=all"

    def body(self, golden: Golden, signature: Signature, rows: Rows) -> bytes:
        return json.dumps(payload(golden, signature, rows), allow_nan=False).encode()

    def outputs(self, document: Any, signature: Signature, rows: int) -> dict[str, NDArray[Any]]:
        return arrays(document, signature, rows)


@dataclass(frozen=True)
class TensorMetadata:
    """An input as the metadata of a model describes it; ``shape`` has -1 for the number of rows."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class OpenInference:
    """POST /v2/models/NAME/infer with tensors in JSON; all outputs are answered.

    ``inputs`` is the model's metadata: one input for each ONNX input, one for each column, or one of any name that
    takes all columns; empty where the server gives none, and then those of the ONNX model are sent.
    """

    model: str
    version: str = ""
    inputs: tuple[TensorMetadata, ...] = ()

    @property
    def path(self) -> str:
        return f"{model_path(self.model, self.version)}/infer"

    @property
    def full_path(self) -> str:
        return self.path

    def body(self, golden: Golden, signature: Signature, rows: Rows) -> bytes:
        tensors = [_tensor(metadata, values) for metadata, values in self._chosen(golden.take(rows), signature)]
        return json.dumps({"inputs": tensors}, allow_nan=False).encode()

    def outputs(self, document: Any, signature: Signature, rows: int) -> dict[str, NDArray[Any]]:
        tensors = document.get("outputs") if isinstance(document, dict) else None
        if not isinstance(tensors, list) or not all(isinstance(tensor, dict) for tensor in tensors):
            raise ServiceError(f"the service answered {quoted(document)} instead of outputs", _CONTRACT)
        given = {str(tensor.get("name")): tensor.get("data") for tensor in tensors}
        named = {output.name: given[output.name] for output in signature.outputs if output.name in given}
        if not named and len(given) == 1:  # other servers name their only output as they like
            named = {signature.outputs[0].name: next(iter(given.values()))}
        return arrays(
            {o.name: _listed(named[o.name], o) for o in signature.outputs if o.name in named}, signature, rows
        )

    def _chosen(self, golden: Golden, signature: Signature) -> list[tuple[TensorMetadata, NDArray[Any]]]:
        """Return the inputs to send with their values, (rows, width)."""
        columns = {column.name: golden.inputs[column.tensor][:, [column.index]] for column in signature.columns}
        named = {described.name: described for described in self.inputs}
        for candidates in (golden.inputs, columns):
            if named.keys() == candidates.keys():
                return [(named[name], values) for name, values in candidates.items()]
        if not named:
            return [(_described(name, values), values) for name, values in golden.inputs.items()]
        if len(named) == 1 and len(golden.inputs) == 1:
            return list(zip(self.inputs, golden.inputs.values(), strict=True))
        message = f"'{self.model}' takes {_names(named)}; the model of this workspace takes {_names(golden.inputs)}"
        raise ServiceError(message, "is this the service of this workspace?")


def model_path(model: str, version: str = "") -> str:
    """Return where a model is asked for."""
    return f"/v2/models/{quote(model, safe='')}" + (f"/versions/{quote(version, safe='')}" if version else "")


_CONTRACT = "the service must answer POST /v2/models/NAME/infer as the Open Inference Protocol says"


def _described(name: str, values: NDArray[Any]) -> TensorMetadata:
    return TensorMetadata(name, "BYTES" if values.dtype.kind in "OU" else "FP64", (-1, values.shape[1]))


def _tensor(metadata: TensorMetadata, values: NDArray[Any]) -> dict[str, Any]:
    flat = len(metadata.shape) == 1 and values.shape[1] == 1
    data = [_value(value, metadata.datatype) for value in values.ravel().tolist()]
    shape = [len(values)] if flat else list(values.shape)
    return {"name": metadata.name, "shape": shape, "datatype": metadata.datatype, "data": data}


def _value(value: Any, datatype: str) -> Any:
    if isinstance(value, str):
        return None if value == MISSING_STRING else value
    if math.isnan(value):
        return None
    if datatype == "BOOL" and value in (0, 1):
        return bool(value)
    return int(value) if datatype.startswith(("INT", "UINT")) and value == int(value) else value


def _listed(data: Any, output: Output) -> Any:
    """Return the values of a tensor, flat or nested, in the form of POST /predict; what does not fit stays as it is."""
    if not isinstance(data, list):
        return data
    flat = [_typed(value, output) for value in _flat(data)]
    width = output.width
    if width is None:
        return flat
    return data if len(flat) % width else [flat[start : start + width] for start in range(0, len(flat), width)]


def _typed(value: Any, output: Output) -> Any:
    """Return a label that came as another type of number, as servers of other make send it, in its own."""
    if not isinstance(value, int | float):
        return value
    if output.type == "boolean" and value in (0, 1):
        return bool(value)
    return int(value) if output.type == "integer" and isinstance(value, float) and value.is_integer() else value


def _flat(data: list[Any]) -> list[Any]:
    return [value for item in data for value in (_flat(item) if isinstance(item, list) else [item])]


def _names(inputs: Mapping[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in list(inputs)[:10])
