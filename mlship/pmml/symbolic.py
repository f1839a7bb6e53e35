"""Reads a graph of ours as expressions over one row, so that whatever mlship converts to ONNX can be written as PMML.

A value that depends on the row is an object array of expressions with one row; all else is an ordinary array.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from onnx.reference import ReferenceEvaluator

from mlship.errors import UnsupportedModelError
from mlship.pmml import operators
from mlship.pmml.columns import row
from mlship.pmml.constants import constant
from mlship.pmml.nodes import Node, Value

Symbols = NDArray[Any]

_LIMIT = 5_000_000  # operations on values of a row


def outputs(model: onnx.ModelProto, inputs: Mapping[str, Sequence[Value]]) -> dict[str, Symbols]:
    """Return the outputs of ``model`` as expressions, given those of its inputs, column by column.

    Raises UnsupportedModelError for operators that PMML cannot express.
    """
    values: dict[str, Symbols] = {name: row(columns) for name, columns in inputs.items()}
    values |= {item.name: constant(item) for item in model.graph.initializer}
    cost = 0
    for node in model.graph.node:
        given = [values[name] if name else None for name in node.input]
        cost += _cost(node, given)
        if cost > _LIMIT:
            message = f"written as PMML the model would take more than {_LIMIT:,} operations"
            raise UnsupportedModelError(message, "convert it to ONNX instead: --to onnx")
        results = _run(node, given)
        values.update(zip(node.output, results, strict=False))
    return {item.name: values[item.name] for item in model.graph.output}


def depends(values: Symbols | None) -> bool:
    """Say whether any of ``values`` depends on the row."""
    return values is not None and values.dtype == object and any(isinstance(value, Node) for value in values.flat)


def _cost(node: onnx.NodeProto, given: Sequence[Symbols | None]) -> int:
    """Return about how many operations a node is."""
    sizes = [values.size for values in given if values is not None]
    if not any(map(depends, given)) or node.op_type == "TreeEnsemble":
        return 0
    if node.op_type in ("MatMul", "Gemm"):
        first, second = (values for values in given[:2] if values is not None)
        return int(first.size * second.size // max(first.shape[-1], 1))
    if node.op_type == "TopK" and given[1] is not None:
        return int(sizes[0] * np.ravel(given[1])[0])
    return max(sizes)


def _run(node: onnx.NodeProto, given: Sequence[Symbols | None]) -> list[Symbols]:
    holds_graphs = any(item.type in (item.GRAPH, item.GRAPHS) for item in node.attribute)  # these read from outside too
    if not any(map(depends, given)) and not node.domain and not holds_graphs:
        return _static(node, given)
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    function: Callable[..., Any] | None = operators.find(node.op_type)
    if function is None:
        message = f"PMML has no way to say what the ONNX operator '{node.op_type}' does"
        raise UnsupportedModelError(message, "convert it to ONNX instead: --to onnx")
    result = function(*given, **attributes)
    return list(result) if isinstance(result, tuple) else [result]


def _static(node: onnx.NodeProto, given: Sequence[Symbols | None]) -> list[Symbols]:
    """Compute what does not depend on the row; numbers that came from expressions are plain again."""
    feed = {name: _plain(value) for name, value in zip(node.input, given, strict=True) if name and value is not None}
    return [np.asarray(value) for value in ReferenceEvaluator(node).run(None, feed)]


def _plain(values: Symbols) -> Symbols:
    if values.dtype != object or any(isinstance(value, str) for value in values.flat):
        return values
    return np.array(values.tolist()).reshape(values.shape)
