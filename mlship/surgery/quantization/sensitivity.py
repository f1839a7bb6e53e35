"""Finds which layers must stay in float for a quantized model to stay within the budget: the fewest of the worst."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import onnx

from mlship.optimization import Task
from mlship.quality import Quality
from mlship.surgery.quantization.layers import FEWEST_WEIGHTS, Layer

#: Returns a model with these layers quantized and the others in float.
Make = Callable[[Sequence[Layer]], onnx.ModelProto]


@dataclass(frozen=True)
class Found:
    """A quantized model within the budget, and the layers that it keeps in float."""

    model: onnx.ModelProto
    kept: tuple[Layer, ...] = ()


def within_budget(make: Make, layers: Sequence[Layer], task: Task) -> Found | None:
    """Return a model of ``make`` that ``task`` affords, as many ``layers`` as possible quantized; None where none does.

    Each layer is quantized alone, and then the worst are left out, one more at a time, while enough weights remain
    to gain by (one-at-a-time sensitivity, Wu et al., Integer quantization for deep learning inference, 2020).
    """
    whole = make(layers)
    if task.affords(whole):
        return Found(whole)
    worst = _worst_first(make, layers, task)
    for count in range(1, len(worst)):
        rest = [layer for layer in layers if layer not in worst[:count]]
        if sum(layer.weights for layer in rest) < FEWEST_WEIGHTS or task.left() <= 0:
            return None
        model = make(rest)
        if task.affords(model):
            return Found(model, tuple(layer for layer in layers if layer not in rest))
    return None


def harm(quality: Quality) -> tuple[float, float, int]:
    """Return a key by which qualities are ordered, the best first: what moves first as rounding gets coarser."""
    return quality.score_change, quality.drop, quality.label_changes


def _worst_first(make: Make, layers: Sequence[Layer], task: Task) -> list[Layer]:
    """Order the layers by the harm of quantizing only one; those that there was no time for count as harmless."""
    harms: dict[Layer, tuple[float, float, int]] = {}
    for layer in layers:
        if task.left() <= 0:
            break
        harms[layer] = harm(task.quality(make([layer])))
    return sorted(harms, key=lambda layer: harms[layer], reverse=True)
