"""Missing values: looked up with the others, or filled in one step for columns side by side."""

import numpy as np

from mlship.surgery.rewrites.imputers import encode_missing, join_imputers
from tests.unit.surgery.rewrites.graphs import DOUBLE, INT64, STRING, answers, encoder, graph, kinds, node

TEXTS = np.array([["a"], ["?"], ["b"], ["unknown"]], dtype=object)
CONSTANTS = {"gone": np.array([["?"]], dtype=object), "fill": np.array([["b"]], dtype=object)}
FILLED = [node("Equal", "t gone", "e"), node("Where", "e fill t", "f")]


def test_a_missing_text_is_looked_up_with_the_others() -> None:
    nodes = [*FILLED, encoder("f", "y", ["a", "b"], [4, 5], -1)]
    found = graph(nodes, CONSTANTS, inputs={"t": (STRING, 1)}, outputs={"y": INT64})
    assert encode_missing(found) == 1
    assert kinds(found) == ["LabelEncoder"]
    assert answers(found, t=TEXTS)["y"].ravel().tolist() == [4, 5, 5, -1]


def test_what_was_a_key_before_stands_for_what_it_is_filled_with() -> None:
    nodes = [*FILLED, encoder("f", "y", ["a", "?"], [4, 5], -1)]
    found = graph(nodes, CONSTANTS, inputs={"t": (STRING, 1)}, outputs={"y": INT64})
    encode_missing(found)
    assert answers(found, t=TEXTS)["y"].ravel().tolist() == [4, -1, -1, -1]


def test_a_missing_number_is_looked_up_with_the_others() -> None:
    nodes = [node("IsNaN", "x", "e"), node("Where", "e two x", "f"), encoder("f", "y", [1.0, 2.0], [4, 5], -1)]
    found = graph(nodes, {"two": np.array([[2.0]])}, inputs={"x": (DOUBLE, 1)}, outputs={"y": INT64})
    assert encode_missing(found) == 1
    assert answers(found, x=np.array([[1.0], [np.nan], [2.0], [3.0]]))["y"].ravel().tolist() == [4, 5, 5, -1]


def test_a_filled_column_that_others_read_stays() -> None:
    nodes = [*FILLED, encoder("f", "y", ["a", "b"], [4, 5], -1)]
    found = graph(nodes, CONSTANTS, inputs={"t": (STRING, 1)}, outputs={"y": INT64, "f": STRING})
    assert encode_missing(found) == 0


def test_columns_side_by_side_are_filled_together() -> None:
    nodes = [
        *(
            step
            for name in "pq"
            for step in (node("IsNaN", name, f"e{name}"), node("Where", f"e{name} {name}0 {name}", f"f{name}"))
        ),
        node("Concat", "r fp fq", "y", axis=1),
    ]
    constants = {"p0": np.array([[1.0]]), "q0": np.array([[2.0]])}
    found = graph(nodes, constants, inputs=dict.fromkeys("pqr", (DOUBLE, 1)))
    assert join_imputers(found) == 1
    assert kinds(found) == ["Concat", "IsNaN", "Where", "Concat"]
    rows = np.array([[5.0], [np.nan]])
    assert answers(found, p=rows, q=rows[::-1], r=rows)["y"].tolist()[0] == [5.0, 5.0, 2.0]


def test_one_filled_column_stays_as_it_is() -> None:
    nodes = [node("IsNaN", "p", "e"), node("Where", "e p0 p", "f"), node("Concat", "f q", "y", axis=1)]
    found = graph(nodes, {"p0": np.array([[1.0]])}, inputs=dict.fromkeys("pq", (DOUBLE, 1)))
    assert join_imputers(found) == 0
