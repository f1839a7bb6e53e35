"""An ONNX model: a session of ONNX Runtime, with its telemetry off."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded, before it looks for a device id

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import DTypeLike, NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort

from core.problems import invalid
from core.runtime.signature import Signature

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


#: Blocks of rows start at multiples of this: vectorised functions compute the last few values of a tensor otherwise,
#: and so the values of a row fall to the same part of them as in one run.
STEP = 16

Run = Callable[[Sequence[str], Mapping[str, NDArray[Any]]], Sequence[NDArray[Any]]]


@dataclass(frozen=True)
class Settings:
    """How the model is run; one thread unless measured otherwise, as ONNX Runtime would count the cores of the host.

    Calls of more than ``rows_a_run`` rows are cut into even blocks of at most that many, rounded up to ``STEP`` (0:
    never), and ``parallel_blocks`` threads run them side by side. ``execution_mode`` is "sequential" or "parallel". The
    others are ONNX Runtime's own. Raises ValueError for a value that cannot be.
    """

    intra_op_num_threads: int = 1
    inter_op_num_threads: int = 1
    execution_mode: str = "sequential"
    allow_spinning: bool = True
    enable_cpu_mem_arena: bool = True
    enable_mem_pattern: bool = True
    rows_a_run: int = 0
    parallel_blocks: int = 1

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            lowest = 1 if field.name == "parallel_blocks" else 0
            if type(value) is not type(field.default) or (type(value) is int and value < lowest):
                raise ValueError(f"{field.name} cannot be {value!r}")
        if self.execution_mode not in _MODES:
            raise ValueError(f"execution_mode cannot be {self.execution_mode!r}: it is {' or '.join(_MODES)}")

    @property
    def threads(self) -> int:
        """Return how many threads work on a call (0: ONNX Runtime decides)."""
        pools = [self.intra_op_num_threads] + [self.inter_op_num_threads] * (self.execution_mode == "parallel")
        return max(*pools, self.parallel_blocks) if all(pools) else 0


_MODES = {
    "sequential": onnxruntime.ExecutionMode.ORT_SEQUENTIAL,
    "parallel": onnxruntime.ExecutionMode.ORT_PARALLEL,
}


class Session:
    """Runs model.onnx as session.json, where it is there, says.

    Raises OSError, ValueError or TypeError when a file is missing, damaged, or does not fit ``signature``.
    """

    libraries = ("onnxruntime", "numpy")

    def __init__(self, folder: Path, signature: Signature) -> None:
        self.file = folder / FILE
        settings = _settings(folder / "session.json")
        session = _session(self.file, settings)
        self.threads = settings.threads
        self.dtypes = _dtypes(session, signature)
        # The same options each time: to make them anew takes an eighth of the time of a small model.
        run = partial(session.run, run_options=onnxruntime.RunOptions())
        self._run = in_blocks(run, settings.rows_a_run, settings.parallel_blocks)

    def run(self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Answer for ``feed`` by output name; raises InvalidRequestError where the model refuses the values."""
        try:
            return dict(zip(outputs, self._run(outputs, feed), strict=True))
        except _RUNNING_ERRORS as error:
            raise invalid(("body",), "the model cannot answer for these values", "model_error") from error


def in_blocks(run: Run, rows: int, threads: int) -> Run:
    """Make calls of more than ``rows`` rows into several (0: never), ``threads`` of them side by side.

    Blocks are even, as a short last one would keep the other threads waiting. What ``run`` raises for one is raised.
    """
    if not rows:
        return run
    steps = -(-rows // STEP)
    pool = ThreadPoolExecutor(threads)  # one for all requests; it starts no thread before the first large call

    def cut(outputs: Sequence[str], feed: Mapping[str, NDArray[Any]]) -> Sequence[NDArray[Any]]:
        count = len(next(iter(feed.values()), ()))
        if count <= rows:
            return run(outputs, feed)
        every = -(-count // STEP)
        blocks = -(-every // steps)
        edges = pairwise(every * block // blocks * STEP for block in range(blocks + 1))
        feeds = [{name: values[start:end] for name, values in feed.items()} for start, end in edges]
        parts = (pool.map if threads > 1 else map)(lambda block: run(outputs, block), feeds)
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    return cut


def _settings(path: Path) -> Settings:
    """Read what this code knows: other keys are those of another version, and none of them changes an answer."""
    if not path.exists():
        return Settings()
    told = json.loads(path.read_bytes())
    if not isinstance(told, dict):
        raise TypeError(f"'{path}' is not a JSON object")
    try:
        return Settings(**{field.name: told[field.name] for field in fields(Settings) if field.name in told})
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from error


def _session(path: Path, settings: Settings) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.intra_op_num_threads
    options.inter_op_num_threads = settings.inter_op_num_threads
    options.execution_mode = _MODES[settings.execution_mode]
    options.enable_cpu_mem_arena = settings.enable_cpu_mem_arena
    options.enable_mem_pattern = settings.enable_mem_pattern
    for pool in ("intra", "inter"):
        options.add_session_config_entry(f"session.{pool}_op.allow_spinning", str(int(settings.allow_spinning)))
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
