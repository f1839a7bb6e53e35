"""On constants, each operator gives what ONNX's reference gives."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from mlship.errors import UnsupportedModelError
from mlship.pmml import operators, symbolic
from mlship.pmml.nodes import apply, choose, field

X = np.array([[1.5, -2.25, 0.0, 3.0], [0.5, 2.5, -0.5, 7.0]])
Y = np.array([[2.0, 3.0, 4.0, -1.0], [1.0, 1.0, 2.0, 7.0]])


@pytest.mark.parametrize(
    ("kind", "inputs", "attributes"),
    [
        *((kind, [X, Y], {}) for kind in ("Add", "Sub", "Mul", "Div", "Less", "GreaterOrEqual", "Equal", "Max", "Min")),
        *((kind, [X], {}) for kind in ("Abs", "Exp", "Floor", "Neg", "Relu", "Round", "Sigmoid", "Sign", "Tanh")),
        ("Sqrt", [np.abs(X)], {}),
        ("ArgMax", [X], {"axis": 1, "keepdims": 0}),
        ("ArgMin", [X], {"axis": 1}),
        ("Cast", [X], {"to": TensorProto.INT64}),
        ("Cast", [X / 3], {"to": TensorProto.FLOAT}),
        ("Cast", [X], {"to": TensorProto.BOOL}),
        ("Clip", [X, np.array(-1.0), np.array(2.0)], {}),
        ("Concat", [X, Y], {"axis": 1}),
        ("CumSum", [X, np.array(1)], {}),
        ("Gather", [X, np.array([2, 0])], {"axis": 1}),
        ("GatherElements", [X, np.array([[3, 0], [1, 1]])], {"axis": 1}),
        ("Gemm", [X, Y, np.array([1.0, 2.0])], {"transB": 1, "alpha": 2.0}),
        ("MatMul", [X, Y.T], {}),
        ("Pad", [X, np.array([0, 1, 0, 2])], {}),
        ("ReduceL2", [X, np.array([1])], {"keepdims": 0}),
        ("ReduceMean", [X, np.array([1])], {}),
        ("ReduceSum", [X, np.array([1])], {"keepdims": 1}),
        ("Reshape", [X, np.array([4, -1])], {}),
        (
            "ScatterElements",
            [X, np.array([[0, 0], [3, 1]]), np.array([[1.0, 2.0], [3.0, 4.0]])],
            {"axis": 1, "reduction": "add"},
        ),
        ("Slice", [X, np.array([3]), np.array([-5]), np.array([1]), np.array([-1])], {}),
        ("Softmax", [X], {"axis": 1}),
        ("Split", [X, np.array([1, 3])], {"axis": 1}),
        ("TopK", [X, np.array([2])], {"largest": 0}),
        ("Transpose", [X], {"perm": [1, 0]}),
        ("Where", [X > 0, X, Y], {}),
    ],
)
def test_it_is_the_reference(kind: str, inputs: list[Any], attributes: dict[str, Any]) -> None:
    names = [f"in{i}" for i in range(len(inputs))]
    node = helper.make_node(kind, names, ["a", "b"] if kind in ("TopK", "Split") else ["a"], **attributes)
    expected = ReferenceEvaluator(node).run(None, dict(zip(names, inputs, strict=True)))
    function = operators.find(kind)
    assert function is not None
    values = [item.astype(object) if i == 0 else item for i, item in enumerate(inputs)]
    given = {name: value.encode() if isinstance(value, str) else value for name, value in attributes.items()}
    found = function(*values, **given)
    for want, got in zip(expected, found if isinstance(found, tuple) else (found,), strict=True):
        np.testing.assert_allclose(np.array(got.tolist(), dtype=float), want.astype(float), rtol=1e-15)


def test_a_graph_within_the_graph_is_refused_though_its_inputs_are_constant() -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "b", [], [helper.make_tensor_value_info("y", 11, None)]
    )
    node = helper.make_node("If", ["yes"], ["z"], then_branch=body, else_branch=body)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", 11, None)], [helper.make_tensor_value_info("z", 11, None)]
    )
    graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    with pytest.raises(UnsupportedModelError, match="'If'"):
        symbolic.outputs(helper.make_model(graph), {"x": [field("x", "number")]})


def test_a_model_that_would_take_millions_of_operations_is_refused() -> None:
    weights = np.ones((3000, 3000))
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["z"])],
        "g",
        [helper.make_tensor_value_info("x", 11, None)],
        [helper.make_tensor_value_info("z", 11, None)],
    )
    graph.initializer.append(helper.make_tensor("w", TensorProto.DOUBLE, weights.shape, weights.ravel()))
    with pytest.raises(UnsupportedModelError, match="more than 5,000,000 operations"):
        symbolic.outputs(helper.make_model(graph), {"x": [field("x", "number")] * 3000})


def test_what_does_nothing_is_left_out() -> None:
    x = field("x", "number", nullable=True)
    assert apply("+", x, 0.0) is x
    assert apply("*", 1.0, x) is x
    assert apply("not", apply("isMissing", x)).op == "isNotMissing"
    assert choose(apply("isMissing", x), 3.0, x).nullable is False
    assert apply("+", x, 2.0).nullable
