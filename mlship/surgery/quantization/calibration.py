"""Finds the range of each value of a float32 graph on rows of the user's: what static int8 is scaled by."""

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import shape_inference

from mlship.runtime import Session, complaints
from mlship.surgery.quantization.quiet import quiet

Calibration = Literal["minmax", "entropy", "percentile"]
Tensors = Mapping[str, NDArray[Any]]

#: The quickest first. Entropy: the range with the least Kullback-Leibler divergence (Migacz, 8-bit inference with
#: TensorRT, 2017); percentile: without the outermost numbers (Wu et al., Integer quantization, 2020).
CALIBRATIONS: Mapping[Calibration, str] = {"minmax": "MinMax", "percentile": "Percentile", "entropy": "Entropy"}
#: Share of the numbers, in per cent, that a percentile keeps.
_KEPT = 99.99
_ROWS_AT_ONCE = 64


def complete(inputs: Tensors) -> NDArray[np.bool_]:
    """Return which rows of ``inputs`` have no missing and no infinite number, (rows,)."""
    found = np.ones(len(next(iter(inputs.values()))), dtype=bool)
    for values in inputs.values():
        if values.dtype.kind == "f":
            found &= np.isfinite(values).reshape(len(found), -1).all(axis=1)
    return found


def chosen(inputs: Tensors, count: int, seed: int) -> dict[str, NDArray[Any]]:
    """Return at most ``count`` complete rows of ``inputs``, drawn by ``seed``, in order.

    They can be divided into batches of one size: onnxruntime's histograms take no others.
    """
    rows = np.flatnonzero(complete(inputs))
    count = min(count, len(rows))
    count -= count % math.ceil(count / _ROWS_AT_ONCE)
    rows = np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))
    return {name: values[rows] for name, values in inputs.items()}


def ranges(model: onnx.ModelProto, inputs: Tensors, how: Calibration, kinds: Sequence[str]) -> Any:
    """Return the ranges of what operators of ``kinds`` read and answer for ``inputs``, as onnxruntime keeps them.

    Raises ModelError where the model does not answer for these rows.
    """
    with quiet():
        from onnxruntime.quantization import CalibrationMethod, create_calibrator
    feed = Session(model.SerializeToString()).feed(inputs)
    options = {"percentile": _KEPT} if how == "percentile" else {}
    with tempfile.TemporaryDirectory(prefix="mlship-") as folder, quiet(), complaints("cannot calibrate the model"):
        path = Path(folder) / "model.onnx"
        onnx.save(shape_inference.infer_shapes(model), path)
        calibrator = create_calibrator(
            path,
            list(kinds),
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=CalibrationMethod[CALIBRATIONS[how]],
            extra_options=options,
        )
        calibrator.collect_data(_Reader(feed))
        return calibrator.compute_data()


class _Reader:
    """Hands out a feed in small batches, as onnxruntime's CalibrationDataReader does."""

    def __init__(self, feed: Tensors) -> None:
        self._batches = _batches(feed)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._batches, None)


def _batches(feed: Tensors) -> Iterator[dict[str, NDArray[Any]]]:
    rows = len(next(iter(feed.values())))
    size = rows // math.ceil(rows / _ROWS_AT_ONCE)
    for start in range(0, rows, size):
        yield {name: values[start : start + size] for name, values in feed.items()}
