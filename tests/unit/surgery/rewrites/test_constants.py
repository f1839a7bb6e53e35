"""Steps that read only constants are computed once."""

import numpy as np

from mlship.surgery.rewrites.constants import fold_constants
from tests.unit.surgery.rewrites.graphs import FLOAT, answers, graph, kinds, node

ROWS = np.ones((2, 3))


def test_steps_of_constants_are_computed_one_after_the_other() -> None:
    nodes = [node("Add", "a a", "b"), node("Exp", "b", "c"), node("Mul", "x c", "y")]
    found = graph(nodes, {"a": np.array(0.5)})
    assert fold_constants(found) == 2
    assert kinds(found) == ["Mul"]
    np.testing.assert_allclose(answers(found, x=ROWS)["y"], np.e)


def test_much_made_of_little_stays() -> None:
    nodes = [node("Expand", "a shape", "b"), node("ReduceSum", "b", "s", keepdims=0), node("Mul", "x s", "y")]
    found = graph(nodes, {"a": np.array(1.0), "shape": np.array([1000, 1000])})
    fold_constants(found)
    assert kinds(found) == ["Expand", "ReduceSum", "Mul"]


def test_quantized_weights_stay_small() -> None:
    nodes = [node("DequantizeLinear", "q s", "w"), node("MatMul", "x w", "y")]
    constants = {"q": np.ones((3, 2), dtype=np.int8), "s": np.array(0.5, dtype=np.float32)}
    found = graph(nodes, constants, inputs={"x": (FLOAT, 3)}, outputs={"y": FLOAT})
    assert fold_constants(found) == 0


def test_what_onnx_runtime_refuses_stays() -> None:
    nodes = [node("Reshape", "a shape", "b"), node("Mul", "x b", "y")]
    found = graph(nodes, {"a": np.ones(5), "shape": np.array([7])})
    assert fold_constants(found) == 0


def test_random_numbers_are_no_constants() -> None:
    nodes = [node("RandomNormalLike", "a", "r"), node("Add", "x r", "y")]
    assert fold_constants(graph(nodes, {"a": np.array(1.0)})) == 0
