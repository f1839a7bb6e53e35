"""What tests of optimisation start from: a fitted model, converted, and the task of making it smaller or faster."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
from numpy.typing import NDArray

from mlship import graphs
from mlship.optimization import Candidate, Task
from mlship.originals.visit import Visited, visit
from mlship.quality import Budget, Quality, Rows, assess
from mlship.runtime import Session

BUDGET = Budget(accuracy_drop=0.01, label_changes=None, score_change=None)


def task_for(
    model: Any,
    rows: NDArray[Any] | pd.DataFrame,
    target: NDArray[Any] | None = None,
    *,
    budget: Budget = BUDGET,
    batches: tuple[int, ...] = (1, 100),
    seconds: float = 60,
    seed: int = 0,
) -> tuple[Candidate, Task]:
    """Convert a fitted ``model``; one half of ``rows``, chosen by ``seed``, is to fit with, the other to judge with."""
    visited = _visited(model, rows)
    signature = visited.signature
    names = [output.name for output in signature.outputs]
    converted = graphs.convert(model, signature.tensors, signature.columns, outputs=names)
    signature = signature.model_copy(update={"precision": converted.precision})
    base = Candidate("converted", onnx.load_from_string(converted.content))
    whole = rows_for(base.model, visited.golden.plain().inputs, target)
    order = np.random.default_rng(seed).permutation(len(whole))
    judge, fit = (whole.take(np.sort(part)) for part in np.array_split(order, 2))
    end = time.monotonic() + seconds
    task = Task(
        signature=signature,
        fit=fit,
        judge=judge,
        budget=budget,
        objective="latency",
        batches=batches,
        seed=seed,
        quality=quality_on(fit, signature),
        left=lambda: end - time.monotonic(),
        progress=lambda message, fraction=None: None,
    )
    return base, task


def rows_for(model: onnx.ModelProto, inputs: Any, target: NDArray[Any] | None = None) -> Rows:
    """Return ``inputs`` (arrays by tensor) with what ``model`` answers for them."""
    session = Session(model.SerializeToString())
    return Rows(inputs, session.run(session.feed(inputs)), target)


def quality_on(rows: Rows, signature: Any) -> Callable[[onnx.ModelProto], Quality]:
    """Return what assesses the answers of a model for ``rows``."""

    def quality(model: onnx.ModelProto) -> Quality:
        session = Session(model.SerializeToString())
        return assess(signature, rows, session.run(session.feed(rows.inputs)))

    return quality


def _visited(model: Any, rows: NDArray[Any] | pd.DataFrame) -> Visited:
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(rows, pd.DataFrame):
            sample = Path(folder) / "sample.parquet"
            rows.to_parquet(sample, index=False)
        else:
            sample = Path(folder) / "sample.npy"
            np.save(sample, rows)
        return visit(model, sample, target=None, rows=len(rows), seed=0)
