"""Labels that are looked up by number."""

import numpy as np
import onnx
import pytest

from mlship.surgery.rewrites.labels import simplify_labels
from tests.unit.surgery.rewrites.graphs import INT64, STRING, answers, graph, kinds, node

ROWS = np.array([[1.0, 3.0, 2.0], [5.0, 0.0, 1.0], [2.0, 2.0, 2.0]])
LARGEST = [node("ArgMax", "x", "n", axis=1, keepdims=0), node("Gather", "labels n", "y")]
ABOVE = [node("Greater", "x zero", "g"), node("Cast", "g", "n", to=INT64), node("Gather", "labels n", "y")]


def test_the_number_is_the_label_where_labels_count_from_zero() -> None:
    found = graph(LARGEST, {"labels": np.arange(3)}, outputs={"y": INT64})
    assert simplify_labels(found) == 1
    assert kinds(found) == ["ArgMax"]
    assert answers(found, x=ROWS)["y"].tolist() == [1, 0, 0]


@pytest.mark.parametrize("labels", [np.array([1, 2, 3]), np.array(["a", "b", "c"], dtype=object), np.arange(3.0)])
def test_other_labels_are_looked_up_as_before(labels: np.ndarray) -> None:
    assert simplify_labels(graph(LARGEST, {"labels": labels})) == 0


@pytest.mark.parametrize(
    ("labels", "kind"), [(np.array([3, 7]), INT64), (np.array(["no", "yes"], dtype=object), STRING)]
)
def test_one_of_two_labels_is_chosen_directly(labels: np.ndarray, kind: int) -> None:
    found = graph(ABOVE, {"labels": labels, "zero": np.array(0.0)}, outputs={"y": kind})
    assert simplify_labels(found) == 1
    assert kinds(found) == ["Greater", "Where"]
    np.testing.assert_array_equal(answers(found, x=ROWS)["y"], labels[(ROWS > 0).astype(int)])


def test_a_comparison_is_the_label_where_labels_are_zero_and_one() -> None:
    found = graph(ABOVE, {"labels": np.arange(2), "zero": np.array(0.0)}, outputs={"y": INT64})
    simplify_labels(found)
    assert kinds(found) == ["Greater", "Cast"]


def test_the_largest_probability_stays_what_is_looked_for() -> None:
    nodes: list[onnx.NodeProto] = [
        node("Softmax", "x", "p", axis=1),
        node("ArgMax", "p", "n", axis=1, keepdims=0),
        node("Gather", "labels n", "y"),
    ]
    found = graph(nodes, {"labels": np.arange(3)}, outputs={"y": INT64})
    simplify_labels(found)
    assert kinds(found) == ["Softmax", "ArgMax"]


def test_numbers_that_others_read_keep_their_name() -> None:
    found = graph(LARGEST, {"labels": np.arange(3)}, outputs={"y": INT64, "n": INT64})
    assert simplify_labels(found) == 0
