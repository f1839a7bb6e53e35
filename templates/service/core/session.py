"""An ONNX model: a session of ONNX Runtime, with its telemetry off."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded, before it looks for a device id

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import DTypeLike, NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort

from core.problems import invalid
from core.signature import Signature

onnxruntime.disable_telemetry_events()
onnxruntime.set_default_logger_severity(3)

FILE = "model.onnx"

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


class Session:
    """Runs model.onnx; session.json, where it is there, says on how many threads.

    Raises OSError or ValueError when a file is missing, damaged, or does not fit ``signature``.
    """

    libraries = ("onnxruntime", "numpy")

    def __init__(self, folder: Path, signature: Signature) -> None:
        self.file = folder / FILE
        self.threads = _threads(folder / "session.json")
        self._session = _session(self.file, self.threads)
        self.dtypes = _dtypes(self._session, signature)

    def run(self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Answer for ``feed`` by output name; raises InvalidRequestError where the model refuses the values."""
        try:
            return dict(zip(outputs, self._session.run(outputs, feed), strict=True))
        except _RUNNING_ERRORS as error:
            raise invalid(("body",), "the model cannot answer for these values", "model_error") from error


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
        raise ValueError(f"ONNX Runtime cannot load '{path}': {error}") from error


def _dtypes(session: Any, signature: Signature) -> dict[str, DTypeLike]:
    types = {item.name: item.type for item in session.get_inputs()}
    for tensor in signature.tensors:
        allowed = {"tensor(string)"} if tensor.kind == "string" else {"tensor(double)", "tensor(float)"}
        if types.get(tensor.name) not in allowed:
            raise ValueError(f"input '{tensor.name}' of model.onnx is {types.get(tensor.name)}, not {allowed}")
    strange = {output.name for output in signature.outputs} - {item.name for item in session.get_outputs()}
    if strange or set(types) != {tensor.name for tensor in signature.tensors}:
        raise ValueError("inputs or outputs of model.onnx are not those of signature.json")
    return {name: _DTYPES[kind] for name, kind in types.items()}
