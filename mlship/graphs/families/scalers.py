"""Scalers: the same operations, in the same order, as scikit-learn's transform; sparse columns stay sparse."""

from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, NotOurs

#: A norm below this counts as zero, but in sparse rows.
_TINY = 10 * float(np.finfo(np.float64).eps)


def standard(g: Graph, model: Any, block: Block) -> Block:
    """StandardScaler: (x - mean) / scale."""
    x = numbers(g, block)
    centred = g.op("Sub", x.name, _row(model.mean_)) if model.with_mean else x.name
    return [replace(x, name=g.op("Div", centred, _row(model.scale_)) if model.with_std else centred)]


def min_max(g: Graph, model: Any, block: Block) -> Block:
    """MinMaxScaler: x * scale + min, clipped where asked for."""
    x = numbers(g, block)
    name = g.op("Add", g.op("Mul", x.name, _row(model.scale_)), _row(model.min_))
    return [replace(x, name=_clip(g, name, *model.feature_range) if model.clip else name)]


def max_abs(g: Graph, model: Any, block: Block) -> Block:
    """MaxAbsScaler: x / scale; ``clip`` came with scikit-learn 1.8."""
    x = numbers(g, block)
    name = g.op("Div", x.name, _row(model.scale_))
    return [replace(x, name=_clip(g, name, -1.0, 1.0) if getattr(model, "clip", False) else name)]


def robust(g: Graph, model: Any, block: Block) -> Block:
    """RobustScaler: (x - center) / scale."""
    x = numbers(g, block)
    centred = g.op("Sub", x.name, _row(model.center_)) if model.with_centering else x.name
    return [replace(x, name=g.op("Div", centred, _row(model.scale_)) if model.with_scaling else centred)]


def normalizer(g: Graph, model: Any, block: Block) -> Block:
    """Each row divided by its norm (Normalizer); a row of zeros, or of almost nothing, stays as it is."""
    x = numbers(g, block)
    axis = np.array([1], dtype=np.int64)
    match model.norm:
        case "l1":
            norm = g.op("ReduceSum", g.op("Abs", x.name), axis, keepdims=1)
        case "l2":
            norm = g.op("Sqrt", g.op("ReduceSum", g.op("Mul", x.name, x.name), axis, keepdims=1))
        case "max":
            norm = g.op("ReduceMax", g.op("Abs", x.name), axis, keepdims=1)
        case other:
            raise NotOurs(f"norm={other!r}")
    nothing = g.op("Equal", norm, np.array(0.0)) if x.sparse else g.op("Less", norm, np.array(_TINY))
    return [replace(x, name=g.op("Div", x.name, g.op("Where", nothing, np.array(1.0), norm)))]


def binarizer(g: Graph, model: Any, block: Block) -> Block:
    """Binarizer: 1 above the threshold, else 0."""
    x = numbers(g, block)
    above = g.op("Greater", x.name, np.array(float(model.threshold)))
    return [replace(x, name=g.op("Cast", above, to=TensorProto.DOUBLE))]


def _row(values: Any) -> Any:
    return np.asarray(values, dtype=np.float64).reshape(1, -1)


def _clip(g: Graph, name: str, low: float, high: float) -> str:
    return g.op("Clip", name, np.array(float(low)), np.array(float(high)))
