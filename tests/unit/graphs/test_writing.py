"""Files that are written field by field read back as what was put in."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mlship.graphs.builder import Graph, Matrix, Result, tensor


def _made() -> bytes:
    g = Graph()
    x = g.input(Matrix("x", "number", 3))
    large = np.arange(300_000, dtype=np.int64) * 7
    node = g.op(
        "Made",
        x.name,
        domain="tests",
        large=large,
        few=np.array([-1, 2]),
        none=large[:0],
        one=5,
        word="yes",
        values=tensor(np.array([0.5, np.nan])),
    )
    return g.content({"prediction": Result(g.op("Add", node, np.arange(100.0).reshape(1, -1)))})


@pytest.fixture
def graph() -> onnx.GraphProto:
    return onnx.load_model_from_string(_made()).graph


def test_integers_and_tensors_of_a_node_are_its_attributes(graph: onnx.GraphProto) -> None:
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in graph.node[0].attribute}
    assert np.array_equal(attributes["large"], np.arange(300_000) * 7)
    assert (list(attributes["few"]), list(attributes["none"])) == ([-1, 2], [])
    assert (attributes["one"], attributes["word"]) == (5, b"yes")
    assert np.array_equal(numpy_helper.to_array(attributes["values"]), [0.5, np.nan], equal_nan=True)


def test_constants_names_and_order_are_kept(graph: onnx.GraphProto) -> None:
    assert [node.op_type for node in graph.node] == ["Made", "Add", "Identity"]
    assert np.array_equal(numpy_helper.to_array(graph.initializer[0]), np.arange(100.0).reshape(1, -1))
    assert ([item.name for item in graph.input], [item.name for item in graph.output]) == (["x"], ["prediction"])


def test_the_same_model_makes_the_same_file() -> None:
    assert _made() == _made()
