"""Keeps and multiplies the weights of matrix products in fewer bits: float32 instead of double, int8, 8 or 4 bits."""

import math
from collections.abc import Iterator
from typing import ClassVar, Literal, assert_never

import onnx
from pydantic import Field

from mlship.optimization import Advice, Candidate, Method, Objective, Task
from mlship.quality import FEWEST_ROWS
from mlship.surgery.graph import Graph
from mlship.surgery.quantization import forms
from mlship.surgery.quantization.calibration import Calibration, complete
from mlship.surgery.quantization.forms import Form, Made, Static
from mlship.surgery.quantization.layers import Layer, layers, refusal
from mlship.surgery.quantization.narrowing import narrow

#: What is tried where the user names nothing: the most promising first. Dynamic int8 only where it is asked for, as its
#: answers depend on the batch; 4 bits only for size, as they cost the most and bring no speed.
_TRIED: dict[Objective, tuple[Form, ...]] = {
    "latency": ("static", "float32", "weights8", "float16"),
    "throughput": ("static", "float32", "weights8", "float16"),
    "size": ("weights4", "static", "weights8", "float16", "float32"),
}


class Quantize(Method):
    """Keep the weights of matrix products and convolutions in fewer bits, and multiply in them where that is faster."""

    rank: ClassVar[int] = 40

    forms: tuple[Form, ...] = Field((), description="what to try; none: what can help, all but dynamic")
    calibration: Literal["auto"] | Calibration = Field("auto", description="of static int8; auto: the best of all")
    calibration_rows: int = Field(512, ge=FEWEST_ROWS, description="most rows to calibrate static int8 with")
    per_channel: bool = Field(default=True, description="int8 weights have a scale a column instead of one for all")
    portable: bool = Field(default=True, description="int8 weights of 7 bits: the same answers on x86 without VNNI")

    def advise(self, base: Candidate, task: Task) -> Advice:
        """Count the weights that fewer bits would do for; trees and kernels have none."""
        found = _layers(base.model)
        if why := refusal(base.model, found):
            return Advice(applies=False, why=f"nothing to quantize: {why}")
        if why := _too_few(task):
            return Advice(applies=False, why=why)
        sizes = [(math.prod(item.dims), item.data_type) for item in base.model.graph.initializer]
        total = sum(size for size, kind in sizes if kind in {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE})
        weights = sum(layer.weights for layer in found)
        what = "1 layer holds" if len(found) == 1 else f"{len(found)} layers hold"
        why = f"{what} {weights:,} of {max(total, weights):,} weights"
        return Advice(applies=True, why=why + self._left_out(task))

    def propose(self, base: Candidate, task: Task) -> Iterator[Candidate]:
        """Yield a model in each form that stays within the budget, layers that hurt left in float."""
        narrowed = narrow(base.model)
        model = base.model if narrowed is None else narrowed
        for form in self._tried(task):
            if form == "float32":
                made = None if narrowed is None else Made("float32", narrowed, {})
            elif task.left() <= 0:
                continue
            else:
                task.progress(f"quantizing: {form}")
                made = self._made(form, model, task)
            if made is not None:
                facts = {"form": form, **made.facts}
                yield base.changed("quantize", made.name, made.model, lossless=False, facts=facts)

    def _made(self, form: Form, model: onnx.ModelProto, task: Task) -> Made | None:
        match form:
            case "static":
                how = None if self.calibration == "auto" else self.calibration
                return Static(how, self.calibration_rows, self.per_channel, self.portable).make(model, task)
            case "dynamic":
                return forms.dynamic(model, task, per_channel=self.per_channel, portable=self.portable)
            case "weights8":
                return forms.blocks(model, task, 8)
            case "weights4":
                return forms.blocks(model, task, 4)
            case "float16":
                return forms.half(model, task)
            case "float32":
                return None
            case _:
                assert_never(form)

    def _tried(self, task: Task) -> tuple[Form, ...]:
        return self.forms or _TRIED[task.objective]

    def _left_out(self, task: Task) -> str:
        """Say how many rows cannot be calibrated with, where static int8 would be."""
        usable, rows = int(complete(task.fit.inputs).sum()), len(task.fit)
        if "static" not in self._tried(task) or usable == rows:
            return ""
        if usable < FEWEST_ROWS:
            return f"; no static int8: {usable} of {rows} rows have no missing value, {FEWEST_ROWS} are needed"
        return f"; {rows - usable} of {rows} rows have missing values and calibrate nothing"


def _layers(model: onnx.ModelProto) -> list[Layer]:
    """Return the layers of ``model``; a graph without a product, however many trees it has, is not even copied."""
    products = {"MatMul", "Gemm", "Conv"}
    return layers(Graph(model)) if any(node.op_type in products for node in model.graph.node) else []


def _too_few(task: Task) -> str:
    if not task.rows_are_real:
        return f"the rows are made up; it takes {FEWEST_ROWS} real ones to say what fewer bits cost (--data)"
    if len(task.fit) < FEWEST_ROWS:
        return f"{len(task.fit)} rows to fit with; it takes {FEWEST_ROWS} to say what fewer bits cost"
    return ""
