"""Columns of the inputs that no answer depends on."""

import numpy as np
import onnx
import pytest

from mlship.surgery.rewrites.unused import unused_columns
from tests.unit.surgery.rewrites.graphs import DOUBLE, graph, node

CONSTANTS = {
    "W": np.array([[1.0], [0.0], [2.0]]),
    "m": np.ones((1, 3)),
    "chosen": np.array([2, 1]),
    "V": np.ones((2, 1)),
}


@pytest.mark.parametrize(
    ("nodes", "unused"),
    [
        ([node("Sub", "x m", "c"), node("MatMul", "c W", "y")], [1]),
        ([node("Gather", "x chosen", "g", axis=1), node("MatMul", "g V", "y")], [0]),
        ([node("Concat", "x x", "j", axis=1), node("Gather", "j chosen", "g", axis=1), node("Neg", "g", "y")], [0]),
        ([node("Exp", "x", "y")], []),
        ([node("Identity", "x", "y")], []),
        ([node("MatMul", "x W", "z"), node("Exp", "x", "e"), node("Add", "z e", "y")], []),
    ],
)
def test_columns_are_found_through_the_graph(nodes: list[onnx.NodeProto], unused: list[int]) -> None:
    assert unused_columns(graph(nodes, CONSTANTS)) == ({"x": unused} if unused else {})


def test_an_input_that_nobody_reads_is_unused() -> None:
    found = graph([node("Neg", "x", "y")], {}, inputs={"x": (DOUBLE, 1), "z": (DOUBLE, 2)})
    assert unused_columns(found) == {"z": [0, 1]}
