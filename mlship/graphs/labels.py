"""Class labels, and how scores and probabilities become one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Graph, Result


def pick(g: Graph, index: str, classes: Any) -> Result:
    """Return the label for each class number in ``index`` (rows,): int64 (booleans too), double or string."""
    labels = np.asarray(classes)
    if labels.dtype.kind in "OUS":
        return Result(
            g.op("Gather", np.array([str(label) for label in labels], dtype=object), index), TensorProto.STRING
        )
    if labels.dtype.kind == "f":
        return Result(g.op("Gather", labels.astype(np.float64), index))
    return Result(g.op("Gather", labels.astype(np.int64), index), TensorProto.INT64)


def together(g: Graph, results: Sequence[Result]) -> Result:
    """Put predictions for several targets, (rows,) or (rows, width) each, side by side; integers may become doubles.

    Raises UnsupportedModelError where some are text and others numbers.
    """
    kinds = {result.type for result in results}
    if TensorProto.STRING in kinds and len(kinds) > 1:
        message = "some targets of the model are text and others numbers, which cannot be one output"
        raise UnsupportedModelError(message, "train one model for each target")
    kind = kinds.pop() if len(kinds) == 1 else TensorProto.DOUBLE
    parts = [upright(g, cast(g, result, kind), result.width) for result in results]
    name = parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=1)
    return Result(name, kind, sum(result.width or 1 for result in results))


def cast(g: Graph, result: Result, kind: int) -> str:
    """Return ``result`` as ONNX element type ``kind``."""
    return result.name if result.type == kind else g.op("Cast", result.name, to=kind)


def upright(g: Graph, name: str, width: int | None = None) -> str:
    """Make (rows,) into (rows, 1); leave (rows, width) as it is."""
    return g.op("Reshape", name, np.array([-1, 1], dtype=np.int64)) if width is None else name


def largest(g: Graph, scores: str) -> str:
    """Return the number of the first largest column of ``scores`` (rows, classes), as numpy's argmax."""
    return g.op("ArgMax", scores, axis=1, keepdims=0)


def above_zero(g: Graph, scores: str, *, or_equal: bool = False) -> str:
    """Return 1 where ``scores`` (rows,) is above zero, else 0."""
    kind = "GreaterOrEqual" if or_equal else "Greater"
    return g.op("Cast", g.op(kind, scores, np.array(0.0)), to=TensorProto.INT64)


def flat(g: Graph, name: str) -> str:
    """Make (rows, 1) into (rows,)."""
    return g.op("Reshape", name, np.array([-1], dtype=np.int64))


def two_columns(g: Graph, positive: str) -> str:
    """Return (rows, 2): 1 - p and p, for ``positive`` (rows, 1)."""
    return g.op("Concat", g.op("Sub", np.array(1.0), positive), positive, axis=1)


def shared_out(g: Graph, shares: str, classes: int) -> str:
    """Divide each row by its sum; a row of zeros becomes uniform, as in scikit-learn's one-vs-rest probabilities."""
    total = g.op("ReduceSum", shares, np.array([1], dtype=np.int64), keepdims=1)
    none = g.op("Equal", total, np.array(0.0))
    shares = g.op("Where", none, np.array(1.0), shares)
    return g.op("Div", shares, g.op("Where", none, np.array(float(classes)), total))
