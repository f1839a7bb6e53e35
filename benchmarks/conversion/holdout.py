"""Converts one fitted model as ``mlship convert`` does, and asks both sides about rows that it was not checked on."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from mlship import parity, runtime, signature
from mlship.converters.onnx import OnnxConverter
from mlship.errors import MlshipError
from mlship.golden import Golden
from mlship.graphs import outputs_of
from mlship.originals import samples
from mlship.originals.adapters import adapted
from mlship.originals.frames import align, to_tensors
from mlship.stages import Original

#: What originals raise for rows that they do not take.
_REFUSALS = (ValueError, TypeError, AttributeError, IndexError, KeyError)

Grade = Literal["double", "single", "noisy", "refused", "wrong", "crashed"]


@dataclass(frozen=True)
class Finding:
    """What became of one model.

    ``grade``: equal in double (labels, and numbers within 1e-9 relative), equal in single precision (1e-4), noisy (as
    equal as the original is to itself from batch to batch), refused with a reason, **wrong** (it passed the gate and
    differs on rows that it was not checked on), or crashed with an error that is not one of mlship's. ``relative`` is
    the largest difference to the largest number of the same row, ``seconds`` the conversion's wall time.
    """

    name: str
    grade: Grade
    why: str = ""
    relative: float = 0.0
    seconds: float = 0.0

    def line(self) -> str:
        """Say it in one line."""
        return f"{self.name:<44} {self.grade:<8} {self.seconds:5.2f} s  {self.why}"


def examine(name: str, model: Any, sample: Any, fresh: Any) -> Finding:
    """Convert ``model`` with ``sample`` (frame or array), then compare answers for ``fresh``, of the same kind.

    The original gets ``fresh`` as it is in memory, the converted model what mlship reads from it as a file. Rows that
    the original refuses (CategoricalNB: an unseen category) are left out.
    """
    with threadpool_limits(1):  # as mlship does
        return _examined(name, model, sample, fresh)


def _examined(name: str, model: Any, sample: Any, fresh: Any) -> Finding:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        kept = saved(sample, folder / "sample")
        try:
            OnnxConverter().convert(Original(folder / name, "joblib", adapted(model)), kept, folder, _quiet)
        except MlshipError as error:
            return Finding(name, "refused", error.message, seconds=time.perf_counter() - started)
        except Exception as error:  # noqa: BLE001  # every failure is told
            return Finding(name, "crashed", f"{type(error).__name__}: {error}", seconds=time.perf_counter() - started)
        seconds = time.perf_counter() - started
        fresh = _answerable(adapted(model), fresh, otherwise=sample)
        new = saved(fresh, folder / "fresh")
        described, golden = _held_out(model, folder, new, fresh)
        content = (folder / "model.onnx").read_bytes()
    verdict = runtime.parity(content, golden, parity.tolerance_of(described))
    coarse: Grade = "noisy" if described.noise else "single"
    grade: Grade = "double" if runtime.parity(content, golden, parity.DOUBLE).passed else coarse
    if not verdict.passed:
        return Finding(name, "wrong", verdict.sentence(), seconds=seconds)
    return Finding(name, grade, "", _relative(content, golden), seconds)


def saved(rows: Any, stem: Path) -> Path:
    """Write rows as a data scientist would: a frame or texts as CSV, an array as .npy; returns the path."""
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        path = stem.with_suffix(".npy")
        np.save(path, rows)
        return path
    path = stem.with_suffix(".csv")
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame({"text": rows})
    frame.to_csv(path, index=False)
    return path


def _answerable(model: Any, rows: Any, otherwise: Any) -> Any:
    ask = getattr(model, next(iter(outputs_of(model).values())))
    try:
        ask(rows)
    except _REFUSALS:
        pass
    else:
        return rows
    kept = []
    for number in range(len(rows)):
        try:
            ask(rows[number : number + 1])
        except _REFUSALS:
            continue
        kept.append(number)
    if not kept:
        return otherwise
    return rows.iloc[kept] if hasattr(rows, "iloc") else rows[kept]


def _held_out(model: Any, folder: Path, new: Path, fresh: Any) -> tuple[signature.Signature, Golden]:
    described = signature.read(folder / "signature.json")
    model = adapted(model)
    texts = [column.name for column in described.columns if column.type == "string"]
    frame = align(samples.read(new, texts), model, None).frame
    inputs = to_tensors(frame, described.columns, described.tensors)
    methods = outputs_of(model)
    answers = {output.name: dense(getattr(model, methods[output.name])(fresh)) for output in described.outputs}
    return described, Golden(inputs, answers, ("held out",) * len(frame))


def _relative(content: bytes, golden: Golden) -> float:
    session = runtime.Session(content)
    found, actual = 0.0, session.run(session.feed(golden.inputs))
    for name, expected in golden.outputs.items():
        if expected.dtype.kind == "f":
            rows = expected.astype(np.float64).reshape(len(expected), -1)
            off = np.abs(actual[name].reshape(rows.shape) - rows).max(axis=1)
            scale = np.abs(rows).max(axis=1)
            found = max(found, float(np.nanmax(off / np.where(scale > 0, scale, 1.0), initial=0.0)))
    return found


def dense(values: Any) -> Any:
    """Return answers as the golden set keeps them: no sparse matrices, booleans as integers, text as objects."""
    array = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    return array.astype(object) if array.dtype.kind == "U" else array


def _quiet(message: str, fraction: float | None = None) -> None: ...


Check = Callable[[], Finding]
