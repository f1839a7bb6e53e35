"""Steps without effect, and steps done twice, go; names of outputs stay."""

import numpy as np
import onnx
import pytest

from mlship.surgery.rewrites.tidy import remove_no_ops, share_repeats
from tests.unit.surgery.rewrites.graphs import DOUBLE, FLOAT, INT64, answers, graph, kinds, node

ROWS = np.array([[1.0, -2.0, np.nan], [0.0, 1e300, -0.0]])
CONSTANTS = {
    "one": np.array(1.0),
    "zero": np.array([[0.0, 0.0, 0.0]]),
    "wide": np.ones((1, 3)),
    "same": np.array([-1, 3]),
    "flat": np.array([-1]),
    "upright": np.array([-1, 1]),
}


@pytest.mark.parametrize(
    "step",
    [
        node("Identity", "n", "i"),
        node("Cast", "n", "i", to=DOUBLE),
        node("Div", "n one", "i"),
        node("Mul", "wide n", "i"),
        node("Sub", "n zero", "i"),
        node("Reshape", "n same", "i"),
        node("Concat", "n", "i", axis=1),
    ],
)
def test_a_step_without_effect_goes(step: onnx.NodeProto) -> None:
    found = graph([node("Neg", "x", "n"), step, node("Abs", "i", "y")], CONSTANTS)
    assert remove_no_ops(found) == 1
    assert kinds(found) == ["Neg", "Abs"]
    np.testing.assert_array_equal(answers(found, x=ROWS)["y"], np.abs(ROWS))


@pytest.mark.parametrize(
    "steps",
    [
        [node("Cast", "x", "f", to=FLOAT), node("Cast", "f", "y", to=DOUBLE)],
        [node("Add", "x zero", "y")],
        [node("Sub", "one x", "y")],
        [node("Reshape", "x flat", "y")],
    ],
)
def test_a_step_with_effect_stays(steps: list[onnx.NodeProto]) -> None:
    found = graph(steps, CONSTANTS)
    assert remove_no_ops(found) == 0


def test_times_one_that_widens_rows_stays() -> None:
    found = graph([node("Mul", "x wide", "y")], CONSTANTS, inputs={"x": (DOUBLE, 1)})
    assert remove_no_ops(found) == 0


def test_outputs_keep_their_names() -> None:
    nodes = [node("Neg", "x", "n"), node("Identity", "n", "y"), node("Identity", "n", "z")]
    found = graph(nodes, {}, outputs={"y": DOUBLE, "z": DOUBLE})
    remove_no_ops(found)
    assert kinds(found) == ["Neg", "Identity"]
    assert set(answers(found, x=ROWS)) == {"y", "z"}


def test_an_input_that_is_an_output_too_keeps_its_identity() -> None:
    found = graph([node("Identity", "x", "y")], {})
    assert remove_no_ops(found) == 0


def test_a_comparison_is_cast_once() -> None:
    nodes = [node("Greater", "x one", "g"), node("Cast", "g", "i", to=INT64), node("Cast", "i", "y", to=DOUBLE)]
    found = graph(nodes, CONSTANTS)
    remove_no_ops(found)
    assert kinds(found) == ["Greater", "Cast"]
    np.testing.assert_array_equal(answers(found, x=ROWS)["y"], ROWS > 1)


def test_the_last_of_two_reshapes_is_enough() -> None:
    nodes = [node("Reshape", "x flat", "r"), node("Reshape", "r upright", "y")]
    found = graph(nodes, CONSTANTS)
    remove_no_ops(found)
    assert kinds(found) == ["Reshape"]
    assert answers(found, x=ROWS)["y"].shape == (6, 1)


def test_a_repeated_step_is_done_once_also_with_equal_constants() -> None:
    nodes = [node("Add", "x a", "p"), node("Add", "x b", "q"), node("Mul", "p q", "y")]
    found = graph(nodes, {"a": np.array(2.0), "b": np.array(2.0)})
    assert share_repeats(found) == 1
    assert kinds(found) == ["Add", "Mul"]
    np.testing.assert_array_equal(answers(found, x=ROWS[:1])["y"], (ROWS[:1] + 2) ** 2)


def test_steps_that_differ_in_an_attribute_are_no_repeats() -> None:
    nodes = [node("Softmax", "x", "p", axis=0), node("Softmax", "x", "q", axis=1), node("Mul", "p q", "y")]
    assert share_repeats(graph(nodes, {})) == 0


def test_random_numbers_are_drawn_anew() -> None:
    nodes = [node("RandomNormalLike", "x", "p"), node("RandomNormalLike", "x", "q"), node("Sub", "p q", "y")]
    assert share_repeats(graph(nodes, {})) == 0


def test_what_a_subgraph_reads_keeps_its_name() -> None:
    inner = onnx.helper.make_graph(
        [node("Neg", "i", "o")], "inner", [], [onnx.helper.make_tensor_value_info("o", DOUBLE, None)]
    )
    nodes = [
        node("Identity", "x", "i"),
        node("ReduceMax", "x", "m", keepdims=0),
        node("Greater", "m one", "g"),
        node("If", "g", "y", then_branch=inner, else_branch=inner),
    ]
    found = graph(nodes, CONSTANTS)
    remove_no_ops(found)
    np.testing.assert_array_equal(answers(found, x=ROWS[1:])["y"], -ROWS[1:])
