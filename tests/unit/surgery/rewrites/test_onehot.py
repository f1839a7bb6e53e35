"""One-hot columns before a product become rows looked up."""

from typing import Any

import numpy as np
import onnx
import pytest

from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.onehot import gather_one_hot
from tests.unit.surgery.rewrites.graphs import DOUBLE, INT64, STRING, answers, encoder, graph, kinds, node

RANDOM = np.random.default_rng(0)
TEXTS = np.array([["a"], ["b"], ["never seen"], ["c"], ["a"]], dtype=object)
OTHERS = np.array([["x"], ["y"], ["x"], ["no"], ["y"]], dtype=object)
NUMBERS = RANDOM.normal(size=(5, 2))
INPUTS = {"t": (STRING, 1), "u": (STRING, 1), "x": (DOUBLE, 2)}
CODED = encoder("t", "code", ["a", "b", "c"], [0, 1, 2], -1)
HOT = [CODED, node("Equal", "code three", "e"), node("Cast", "e", "hot", to=DOUBLE)]
BOTH = [
    CODED,
    encoder("u", "other", ["x", "y"], [0, 1], -1),
    node("Concat", "code other", "codes", axis=1),
    node("Gather", "codes from", "spread", axis=1),
    node("Equal", "spread five", "e"),
    node("Cast", "e", "hot", to=DOUBLE),
]
CONSTANTS = {
    "three": np.array([[0, 1, 2]]),
    "from": np.array([0, 0, 0, 1, 1]),
    "five": np.array([[0, 1, 2, 0, 1]]),
    "b": np.array([[0.25]]),
}


def looked_up(nodes: list[onnx.NodeProto], **constants: Any) -> Graph:
    """Rewrite, and hold the answers against those of the graph before, one row alone and all rows."""
    rows: dict[str, Any] = {"t": TEXTS, "u": OTHERS, "x": NUMBERS}
    before, after = (graph(nodes, CONSTANTS | constants, inputs=INPUTS) for _ in range(2))
    assert gather_one_hot(after) == 1
    for part in (slice(None), slice(2, 3)):
        some = {name: values[part] for name, values in rows.items()}
        np.testing.assert_allclose(answers(after, **some)["y"], answers(before, **some)["y"], rtol=1e-13, atol=1e-14)
    return after


def test_one_column_of_weights_is_looked_up_by_text() -> None:
    found = looked_up([*HOT, node("MatMul", "hot W", "z"), node("Add", "z b", "y")], W=RANDOM.normal(size=(3, 1)))
    assert kinds(found) == ["LabelEncoder"]


def test_several_columns_of_weights_are_rows_of_a_table() -> None:
    found = looked_up([*HOT, node("MatMul", "hot W", "y")], W=RANDOM.normal(size=(3, 4)))
    assert kinds(found) == ["LabelEncoder", "GatherND"]


@pytest.mark.parametrize("columns", [1, 3])
def test_two_texts_and_numbers_add_up(columns: int) -> None:
    nodes = [*BOTH, node("Concat", "hot x", "j", axis=1), node("MatMul", "j W", "y")]
    found = looked_up(nodes, W=RANDOM.normal(size=(7, columns)))
    assert kinds(found).count("LabelEncoder") == 2
    assert "Equal" not in kinds(found)


def test_chosen_one_hot_columns_are_looked_up_too() -> None:
    nodes = [*BOTH, node("Gather", "hot some", "g", axis=1), node("MatMul", "g W", "y")]
    looked_up(nodes, some=np.array([4, 1]), W=RANDOM.normal(size=(2, 3)))


def test_codes_that_are_searched_for_are_looked_up_all_at_once() -> None:
    nodes = [
        node("Gather", "table k", "codes"),
        node("Gather", "codes from", "spread", axis=1),
        node("Equal", "spread five", "e"),
        node("Cast", "e", "hot", to=DOUBLE),
        node("MatMul", "hot W", "y"),
    ]
    constants = {**CONSTANTS, "table": np.array([-1, 0, 1, 2]), "W": RANDOM.normal(size=(5, 3))}
    before, after = (graph(nodes, constants, inputs={"k": (INT64, 2)}) for _ in range(2))
    assert gather_one_hot(after) == 1
    places = np.array([[0, 0], [1, 2], [3, 1], [2, 3]])
    np.testing.assert_allclose(answers(after, k=places)["y"], answers(before, k=places)["y"], rtol=1e-13)
    assert kinds(after) == ["Gather", "Add", "Gather", "ReduceSum"]


def test_codes_of_unknown_range_stay() -> None:
    nodes = [node("Equal", "k three", "e"), node("Cast", "e", "hot", to=DOUBLE), node("MatMul", "hot W", "y")]
    found = graph(nodes, {**CONSTANTS, "W": np.ones((3, 2))}, inputs={"k": (INT64, 1)})
    assert gather_one_hot(found) == 0


def test_one_hot_columns_that_others_read_stay() -> None:
    nodes = [*HOT, node("MatMul", "hot W", "y"), node("Neg", "hot", "n")]
    found = graph(
        nodes, {**CONSTANTS, "W": np.ones((3, 2))}, inputs={"t": (STRING, 1)}, outputs={"y": DOUBLE, "n": DOUBLE}
    )
    assert gather_one_hot(found) == 0


@pytest.mark.parametrize("count", [3, 12])
def test_many_texts_are_looked_up_side_by_side(count: int) -> None:
    names = [f"t{number}" for number in range(count)]
    nodes = [
        *(encoder(name, f"{name}c", ["a", "b"], [0, 1], -1) for name in names),
        node("Concat", " ".join(f"{name}c" for name in names), "codes", axis=1),
        node("Gather", "codes from", "spread", axis=1),
        node("Equal", "spread hot", "e"),
        node("Cast", "e", "h", to=DOUBLE),
        node("MatMul", "h W", "y"),
    ]
    constants = {"from": np.repeat(np.arange(count), 2), "hot": np.tile([0, 1], count).reshape(1, -1)}
    constants["W"] = RANDOM.normal(size=(2 * count, 3))
    before, after = (graph(nodes, constants, inputs=dict.fromkeys(names, (STRING, 1))) for _ in range(2))
    assert gather_one_hot(after) == 1
    rows = {name: RANDOM.choice(np.array(["a", "b", "?"], dtype=object), size=(7, 1)) for name in names}
    np.testing.assert_allclose(answers(after, **rows)["y"], answers(before, **rows)["y"], rtol=1e-12, atol=1e-13)
    assert ("Concat" in kinds(after)) is (count > 8)
