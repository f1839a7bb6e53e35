"""Small graphs with known weights: what tests of quantization start from."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from mlship.runtime import Session

_KINDS = {np.dtype(np.float64): TensorProto.DOUBLE, np.dtype(np.float32): TensorProto.FLOAT}


def graph_of(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, NDArray[Any]],
    *,
    shape: Sequence[int] = (64,),
    dtype: Any = np.float64,
    imports: Sequence[tuple[str, int]] = (("", 21),),
) -> onnx.ModelProto:
    """Return a model from x (rows, *shape) to y, both of ``dtype``."""
    kind = _KINDS[np.dtype(dtype)]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", kind, ["N", *shape])],
        [helper.make_tensor_value_info("y", kind, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    imported = [helper.make_opsetid(*item) for item in imports]
    return helper.make_model(graph, opset_imports=imported, ir_version=10)


def perceptron(sizes: Sequence[int] = (64, 128, 64, 3), dtype: Any = np.float64, scale: float = 0.2) -> onnx.ModelProto:
    """Return a multilayer perceptron of MatMul, Add and Relu with weights drawn by a fixed seed."""
    draw = np.random.default_rng(0)
    nodes, constants, value = [], {}, "x"
    for number, (rows, columns) in enumerate(itertools.pairwise(sizes)):
        constants[f"w{number}"] = (draw.normal(size=(rows, columns)) * scale).astype(dtype)
        constants[f"b{number}"] = (draw.normal(size=(1, columns)) * scale).astype(dtype)
        last = number == len(sizes) - 2
        nodes.append(helper.make_node("MatMul", [value, f"w{number}"], [f"m{number}"]))
        nodes.append(helper.make_node("Add", [f"m{number}", f"b{number}"], ["y" if last else f"a{number}"]))
        if not last:
            nodes.append(helper.make_node("Relu", [f"a{number}"], [value := f"r{number}"]))
    return graph_of(nodes, constants, shape=(sizes[0],), dtype=dtype)


def rows(count: int = 200, width: int = 64) -> NDArray[np.float64]:
    """Return standard normal rows."""
    return np.random.default_rng(1).normal(size=(count, width))


def answers(model: onnx.ModelProto, x: NDArray[Any]) -> NDArray[Any]:
    """Return y for ``x``."""
    session = Session(model.SerializeToString())
    return session.run(session.feed({"x": x}))["y"]
