"""Run ONNX files with ONNX Runtime: one way to open a session and to feed it the golden set. Telemetry is off."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded, before it looks for a device id

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from mlship.errors import ModelError
from mlship.golden import Golden
from mlship.parity import Tolerance, Verdict, compare

onnxruntime.disable_telemetry_events()
onnxruntime.set_default_logger_severity(3)

_DTYPES = {
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(string)": object,
}


class Session:
    """An ONNX model, ready to answer.

    ``threads`` is the size of the intra-op pool (0: ONNX Runtime decides).
    Raises ModelError when the file does not load.
    """

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        source = str(model) if isinstance(model, Path) else model
        self._name = f"'{model.name}'" if isinstance(model, Path) else "the model"
        with complaints("cannot load the model"):
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self.inputs = {item.name: _DTYPES.get(item.type, np.float32) for item in self._session.get_inputs()}
        self.outputs = [item.name for item in self._session.get_outputs()]

    def feed(self, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Cast golden inputs to the dtypes of this model's inputs; raises ModelError where it takes others."""
        if not self.inputs.keys() <= tensors.keys():
            message = f"{self._name} takes the inputs {_listed(self.inputs)}; the golden set has {_listed(tensors)}"
            raise ModelError(message, "is it a model of this workspace?")
        return {name: tensors[name].astype(dtype, copy=False) for name, dtype in self.inputs.items()}

    def run(self, feed: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Answer for ``feed`` (already in the right dtypes), by output name."""
        return dict(zip(self.outputs, self._session.run(None, dict(feed)), strict=True))


def parity(model: Path | bytes, golden: Golden, tolerance: Tolerance, threads: int = 1) -> Verdict:
    """Replay ``golden`` against an ONNX file, in one batch and for up to 16 rows one by one.

    Raises ModelError when the file does not load, or fails on these rows.
    """
    session = Session(model, threads)
    feed = session.feed(golden.inputs)
    rows = np.unique(np.linspace(0, len(golden) - 1, num=16, dtype=np.int64))
    with complaints("fails on golden rows"):
        together = session.run(feed)
        singles = [session.run({name: values[[row]] for name, values in feed.items()}) for row in rows]
    verdict = compare(golden, together, tolerance)
    joined = {name: np.concatenate([single[name] for single in singles]) for name in session.outputs}
    one_by_one = compare(golden.take(rows), joined, tolerance)
    return one_by_one if verdict.passed and not one_by_one.passed else verdict


def save_optimised(model: Path, target: Path) -> None:
    """Save the graph as ONNX Runtime optimises it, up to the level that is the same on every machine."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    with complaints("cannot optimise the model"):
        onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:8]) + (" ..." if len(every) > 8 else "")


@contextmanager
def complaints(what: str) -> Iterator[None]:
    """Turn what ONNX Runtime raises into ModelError; its exceptions have no common base below Exception."""
    try:
        yield
    except Exception as error:
        raise ModelError(f"ONNX Runtime {what}: {error}") from error
