"""Weights kept in float16."""

import numpy as np
from onnx import helper

from mlship.surgery.graph import Graph
from mlship.surgery.quantization.layers import layers
from mlship.surgery.quantization.storage import halved
from tests.unit.surgery.quantization.networks import answers, graph_of, perceptron, rows


def test_the_file_is_half_as_large_and_answers_nearly_alike() -> None:
    model = perceptron(dtype=np.float32)
    half = halved(model, layers(Graph(model)))
    assert half.ByteSize() < 0.55 * model.ByteSize()
    np.testing.assert_allclose(answers(half, rows()), answers(model, rows()), atol=0.02)


def test_weights_beyond_float16_stay() -> None:
    constants = {"w": np.full((64, 3), 1e6, np.float32)}
    model = graph_of([helper.make_node("MatMul", ["x", "w"], ["y"])], constants, dtype=np.float32)
    assert np.array_equal(answers(halved(model, layers(Graph(model))), rows()), answers(model, rows()))


def test_weights_that_two_layers_share_are_kept_once() -> None:
    constants = {"w": np.eye(64, dtype=np.float32)}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("MatMul", ["m", "w"], ["y"])]
    model = graph_of(nodes, constants, dtype=np.float32)
    half = halved(model, layers(Graph(model)))
    assert [node.op_type for node in half.graph.node] == ["Cast", "MatMul", "MatMul"]
