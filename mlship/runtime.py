"""Run ONNX files with ONNX Runtime: one way to open a session and to feed it the golden set. Telemetry is off."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded, before it looks for a device id

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

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


#: Blocks of rows start at multiples of this: vectorised functions compute the last few values of a tensor otherwise,
#: and so the values of a row fall to the same part of them as in one run.
STEP = 16

#: What runs a model: the wanted outputs (None: all) and tensors by input name in, arrays in that order out.
Run = Callable[[Sequence[str] | None, Mapping[str, NDArray[Any]]], Sequence[NDArray[Any]]]


class Settings(BaseModel):
    """How a model is run, and what session.json holds.

    An unknown key is misspelt or that of a later version, and refused. The served code ignores it: no key changes an
    answer, and a service must start with the model folder of any version.

    ``intra_op_num_threads``: threads within an operator (0: ONNX Runtime counts the cores of the host, not those of the
    container). ``inter_op_num_threads``: operators side by side, in the execution mode "parallel". ``allow_spinning``:
    idle threads of both pools burn CPU time, so that the next call finds them awake. Calls of more than ``rows_a_run``
    rows are cut into even blocks of at most that many, rounded up to ``STEP`` (0: never); ``parallel_blocks`` threads
    run blocks side by side.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    intra_op_num_threads: int = Field(1, ge=0)
    inter_op_num_threads: int = Field(1, ge=0)
    execution_mode: Literal["sequential", "parallel"] = "sequential"
    allow_spinning: bool = True
    enable_cpu_mem_arena: bool = True
    enable_mem_pattern: bool = True
    rows_a_run: int = Field(0, ge=0)
    parallel_blocks: int = Field(1, ge=1)

    @property
    def threads(self) -> int:
        """Return how many threads work on a call (0: ONNX Runtime decides)."""
        pools = [self.intra_op_num_threads] + [self.inter_op_num_threads] * (self.execution_mode == "parallel")
        return max(*pools, self.parallel_blocks) if all(pools) else 0

    def options(self) -> onnxruntime.SessionOptions:
        """Return what ONNX Runtime is told."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.intra_op_num_threads
        options.inter_op_num_threads = self.inter_op_num_threads
        options.execution_mode = _MODES[self.execution_mode]
        options.enable_cpu_mem_arena = self.enable_cpu_mem_arena
        options.enable_mem_pattern = self.enable_mem_pattern
        for pool in ("intra", "inter"):
            options.add_session_config_entry(f"session.{pool}_op.allow_spinning", str(int(self.allow_spinning)))
        return options


_MODES = {
    "sequential": onnxruntime.ExecutionMode.ORT_SEQUENTIAL,
    "parallel": onnxruntime.ExecutionMode.ORT_PARALLEL,
}


class Session:
    """An ONNX model, ready to answer.

    ``settings`` say how; a number is that of the threads within an operator.
    Raises ModelError when the file does not load.
    """

    def __init__(self, model: Path | bytes, settings: Settings | int = 1) -> None:
        settings = Settings(intra_op_num_threads=settings) if isinstance(settings, int) else settings
        source = str(model) if isinstance(model, Path) else model
        self._name = f"'{model.name}'" if isinstance(model, Path) else "the model"
        with complaints("cannot load the model"):
            self._session = onnxruntime.InferenceSession(source, settings.options(), providers=["CPUExecutionProvider"])
        self._run = in_blocks(self._session.run, settings.rows_a_run, settings.parallel_blocks)
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
        return dict(zip(self.outputs, self._run(None, dict(feed)), strict=True))


def in_blocks(run: Run, rows: int, threads: int) -> Run:
    """Make calls of more than ``rows`` rows into several (0: never), ``threads`` of them side by side.

    Blocks are even, as a short last one would keep the other threads waiting. What ``run`` raises for one is raised.
    """
    if not rows:
        return run
    steps = -(-rows // STEP)
    pool = ThreadPoolExecutor(threads)  # which starts no thread before the first large call

    def cut(outputs: Sequence[str] | None, feed: Mapping[str, NDArray[Any]]) -> Sequence[NDArray[Any]]:
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


def parity(
    model: Path | bytes | Session, golden: Golden, tolerance: Tolerance, settings: Settings | int = 1
) -> Verdict:
    """Replay ``golden`` against an ONNX file, in one batch and for up to 16 rows one by one.

    Raises ModelError when the file does not load, or fails on these rows.
    """
    session = model if isinstance(model, Session) else Session(model, settings)
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
