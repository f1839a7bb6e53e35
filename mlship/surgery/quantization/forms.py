"""The forms that a model with layers can be put into: each a model within the budget, with what to say about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import onnx

from mlship.optimization import Task
from mlship.quality import FEWEST_ROWS
from mlship.surgery.graph import Graph
from mlship.surgery.quantization import integers
from mlship.surgery.quantization.blocks import Bits, blocked
from mlship.surgery.quantization.calibration import CALIBRATIONS, Calibration, Tensors, chosen, complete, ranges
from mlship.surgery.quantization.layers import FEWEST_WEIGHTS, Layer, layers
from mlship.surgery.quantization.preparing import as_gemm, as_matmul
from mlship.surgery.quantization.sensitivity import Found, Make, harm, within_budget
from mlship.surgery.quantization.storage import halved

Form = Literal["float32", "static", "dynamic", "float16", "weights8", "weights4"]


@dataclass(frozen=True)
class Made:
    """A model, a few words for its name, and facts about it as JSON values."""

    name: str
    model: onnx.ModelProto
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Static:
    """How static int8 is made: with which calibration (none: the best of all), on how many rows, how finely scaled."""

    calibration: Calibration | None = None
    rows: int = 512
    per_channel: bool = True
    portable: bool = True

    def make(self, model: onnx.ModelProto, task: Task) -> Made | None:
        """Return ``model``, in float32, in static int8; None where the rows are too few, or it costs too much.

        Rows with missing or infinite numbers are left out, as a range has no place for them.
        """
        usable = int(complete(task.fit.inputs).sum())
        if usable < FEWEST_ROWS:
            return None
        gemm = as_gemm(model)
        found = layers(Graph(gemm))
        inputs = chosen(task.fit.inputs, self.rows, task.seed)
        how, scales = self._calibrated(gemm, found, inputs, task)
        make = partial(integers.static, gemm, ranges=scales, per_channel=self.per_channel, portable=self.portable)
        facts = {
            "calibration": how,
            "calibration_rows": len(next(iter(inputs.values()))),
            "rows_left_out": len(task.fit) - usable,
            "weight_bits": 7 if self.portable else 8,
        }
        return _made("int8", within_budget(make, found, task), found, facts)

    def _calibrated(
        self, model: onnx.ModelProto, found: Sequence[Layer], inputs: Tensors, task: Task
    ) -> tuple[Calibration, Any]:
        """Return the calibration whose int8 model does the least harm to the rows to fit with, and its ranges."""
        tried: list[tuple[tuple[float, float, int], Calibration, Any]] = []
        for how in (self.calibration,) if self.calibration else CALIBRATIONS:
            if tried and task.left() <= 0:
                break
            task.progress(f"calibrating: {how}")
            scales = ranges(model, inputs, how, integers.KINDS)
            whole = integers.static(model, found, scales, per_channel=self.per_channel, portable=self.portable)
            tried.append((harm(task.quality(whole)), how, scales))
        _, how, scales = min(tried, key=lambda item: item[0])
        return how, scales


def dynamic(model: onnx.ModelProto, task: Task, *, per_channel: bool, portable: bool) -> Made | None:
    """Return ``model``, in float32, in dynamic int8: an answer depends on the other rows of a batch."""
    plain = as_matmul(model)
    make = partial(integers.dynamic, plain, per_channel=per_channel, portable=portable)
    return _of_matmuls("dynamic int8", plain, make, task, {"depends_on_batch": True})


def blocks(model: onnx.ModelProto, task: Task, bits: Bits) -> Made | None:
    """Return ``model``, in float32, with the weights of its MatMul and Gemm in ``bits``, 32 to a scale."""
    plain = as_matmul(model)
    make = partial(blocked, plain, bits=bits)
    return _of_matmuls(f"{bits}-bit weights", plain, make, task, {"weight_bits": bits})


def half(model: onnx.ModelProto, task: Task) -> Made | None:
    """Return ``model``, in float32, with its weights in float16 in the file; it computes in float32 all the same."""
    found = layers(Graph(model))
    within = within_budget(partial(halved, model), found, task)
    return _made("float16 weights", within, found, {"weight_bits": 16})


def _of_matmuls(name: str, model: onnx.ModelProto, make: Make, task: Task, facts: Mapping[str, Any]) -> Made | None:
    """Return what ``make`` makes of the layers that are MatMul, where these are worth it."""
    found = [layer for layer in layers(Graph(model)) if len(layer.shape) == 2]
    if sum(layer.weights for layer in found) < FEWEST_WEIGHTS:
        return None
    return _made(name, within_budget(make, found, task), found, facts)


def _made(name: str, found: Found | None, every: Sequence[Layer], facts: Mapping[str, Any]) -> Made | None:
    if found is None:
        return None
    kept = [layer.title for layer in found.kept]
    label = f"{name}, {len(kept)} of {len(every)} layers in float" if kept else name
    return Made(label, found.model, {**facts, "layers_in_float": kept})
