"""Graphs that can be asked and changed."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mlship.runtime import Session
from mlship.surgery.graph import Graph, attributes


@pytest.fixture
def model() -> onnx.ModelProto:
    """y = (x + 1) * 2, and z = x + 1; a node that nobody reads; one constant as a node."""
    nodes = [
        helper.make_node("Constant", [], ["two"], value=numpy_helper.from_array(np.array(2.0))),
        helper.make_node("Add", ["x", "one"], ["z"]),
        helper.make_node("Mul", ["z", "two"], ["y"]),
        helper.make_node("Neg", ["z"], ["unread"]),
    ]
    tensor = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in "xyz"]
    one = numpy_helper.from_array(np.array(1.0), "one")
    graph = helper.make_graph(nodes, "g", tensor[:1], tensor[1:], [one])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def answers(model: onnx.ModelProto) -> dict[str, list[list[float]]]:
    session = Session(model.SerializeToString())
    found = session.run({"x": np.array([[1.0], [5.0]])})
    return {name: values.tolist() for name, values in found.items()}


def test_a_graph_written_again_answers_alike(model: onnx.ModelProto) -> None:
    again = Graph(model).model()
    assert answers(again) == answers(model) == {"y": [[4.0], [12.0]], "z": [[2.0], [6.0]]}
    assert again.opset_import == model.opset_import
    assert again.ir_version == model.ir_version


def test_nodes_that_nobody_reads_are_dropped(model: onnx.ModelProto) -> None:
    assert [node.op_type for node in Graph(model).model().graph.node] == ["Add", "Mul"]


def test_values_know_who_makes_and_who_reads_them(model: onnx.ModelProto) -> None:
    graph = Graph(model)
    assert graph.producer("z").op_type == "Add"
    assert graph.producer("x") is None
    assert [node.op_type for node in graph.readers("z")] == ["Mul", "Neg"]
    assert graph.only_reader("x").op_type == "Add"
    assert graph.only_reader("z") is None  # it is an output of the graph


def test_replacing_leaves_the_model_that_it_came_from_alone(model: onnx.ModelProto) -> None:
    before, graph = model.SerializeToString(), Graph(model)
    product = graph.producer("y")
    three = graph.add_constant(np.array(3.0))
    new = graph.node("Mul", ["z", three])
    new.output[0] = "y"
    graph.replace([product], [new])
    assert answers(graph.model())["y"] == [[6.0], [18.0]]
    assert model.SerializeToString() == before


def test_readers_are_rewired(model: onnx.ModelProto) -> None:
    graph = Graph(model)
    graph.rewire("z", "x")
    assert answers(graph.model())["y"] == [[2.0], [10.0]]


def test_what_a_subgraph_reads_is_kept() -> None:
    then = helper.make_graph([helper.make_node("Identity", ["hidden"], ["a"])], "t", [], [_untyped("a")])
    otherwise = helper.make_graph([helper.make_node("Identity", ["x"], ["b"])], "e", [], [_untyped("b")])
    nodes = [
        helper.make_node("Neg", ["x"], ["hidden"]),
        helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=otherwise),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1]) for name in "xy"]
    yes = numpy_helper.from_array(np.array(True), "yes")
    built = helper.make_graph(nodes, "g", ends[:1], ends[1:], [yes])
    model = helper.make_model(built, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    assert answers(Graph(model).model())["y"] == [[-1.0], [-5.0]]


def test_attributes_come_as_plain_values(model: onnx.ModelProto) -> None:
    node = helper.make_node("N", [], ["y"], mode="fast", axes=[0, 1], value=numpy_helper.from_array(np.ones(2)))
    found = attributes(node)
    assert (found["mode"], found["axes"], found["value"].tolist()) == ("fast", [0, 1], [1.0, 1.0])


def _untyped(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.DOUBLE, None)
