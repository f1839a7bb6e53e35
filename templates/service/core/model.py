"""The model folder: an ONNX session and the signature that says what goes in and out of it."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded, before it looks for a device id

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import DTypeLike, NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort

from core.problems import invalid
from core.signature import Signature, read

onnxruntime.disable_telemetry_events()
onnxruntime.set_default_logger_severity(3)

_DTYPES: dict[str, DTypeLike] = {
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(string)": np.object_,
}
_LOADING_ERRORS = (
    ort.Fail,
    ort.InvalidArgument,
    ort.InvalidGraph,
    ort.InvalidProtobuf,
    ort.NoSuchFile,
    ort.NotImplemented,
)
# What a kernel raises for values that the signature allows and the model does not.
_RUNNING_ERRORS = (ort.Fail, ort.InvalidArgument, ort.RuntimeException)


class ModelFolderError(ValueError):
    """The model folder is not there, or its files do not fit together."""


@dataclass(frozen=True)
class Model:
    """A loaded model. ``dtypes`` are those of its inputs; the digests are sha256 in hex; ``threads`` answer one run."""

    signature: Signature
    dtypes: Mapping[str, DTypeLike]
    session: Any
    threads: int
    model_digest: str
    signature_digest: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in the order of the signature."""
        return tuple(output.name for output in self.signature.outputs)

    def run(self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Answer for ``feed`` by output name; raises InvalidRequestError where the model refuses the values."""
        try:
            return dict(zip(outputs, self.session.run(outputs, feed), strict=True))
        except _RUNNING_ERRORS as error:
            raise invalid(("body",), "the model cannot answer for these values", "model_error") from error


def load(folder: Path) -> Model:
    """Load the model in ``folder``: model.onnx, signature.json and, where it is there, session.json.

    Raises ModelFolderError when a file is missing, damaged, or does not fit the others.
    """
    try:
        signature = read(folder / "signature.json")
        threads = _threads(folder / "session.json")
        digests = [
            hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("model.onnx", "signature.json")
        ]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ModelFolderError(f"the model folder '{folder}' cannot be read: {error}") from error
    session = _session(folder / "model.onnx", threads)
    dtypes = _dtypes(session, signature)
    return Model(signature, dtypes, session, threads, *digests)


def _threads(path: Path) -> int:
    # One unless measured otherwise: ONNX Runtime would count the cores of the host, not those of the container.
    return int(json.loads(path.read_bytes()).get("intra_op_num_threads", 1)) if path.exists() else 1


def _session(path: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _LOADING_ERRORS as error:
        raise ModelFolderError(f"ONNX Runtime cannot load '{path}': {error}") from error


def _dtypes(session: Any, signature: Signature) -> dict[str, DTypeLike]:
    types = {item.name: item.type for item in session.get_inputs()}
    for tensor in signature.tensors:
        allowed = {"tensor(string)"} if tensor.kind == "string" else {"tensor(double)", "tensor(float)"}
        if types.get(tensor.name) not in allowed:
            raise ModelFolderError(f"input '{tensor.name}' of model.onnx is {types.get(tensor.name)}, not {allowed}")
        filled = sorted(column.index for column in signature.columns if column.tensor == tensor.name)
        if filled != list(range(tensor.width)):
            raise ModelFolderError(f"signature.json does not fill the input '{tensor.name}' of width {tensor.width}")
    strange = {output.name for output in signature.outputs} - {item.name for item in session.get_outputs()}
    if strange or set(types) != {tensor.name for tensor in signature.tensors}:
        raise ModelFolderError("inputs or outputs of model.onnx are not those of signature.json")
    return {name: _DTYPES[kind] for name, kind in types.items()}
