"""Sums, scalings and products by constants become one product, and only where that answers alike and costs no more."""

from collections.abc import Sequence

import numpy as np
import onnx
import pytest

from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.products import fold_affine
from tests.unit.surgery.rewrites.graphs import DOUBLE, FLOAT, answers, graph, kinds, node

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(5, 3))
CONSTANTS = {
    "mean": np.array([[1.0, -2.0, 0.5]]),
    "scale": np.array([[2.0, 0.5, 3.0]]),
    "A": RANDOM.normal(size=(3, 2)),
    "B": RANDOM.normal(size=(2, 2)),
    "b": np.array([[0.1, 0.2]]),
    "half": np.array(0.5),
    "swapped": np.array([2, 0, 1]),
    "two": np.array([2, 0]),
}
SCALED = [node("Sub", "x mean", "c"), node("Div", "c scale", "s")]


def folded(nodes: Sequence[onnx.NodeProto], **others: np.ndarray) -> tuple[Graph, int]:
    """Fold, and hold the answers against those of the graph before."""
    before = graph(nodes, CONSTANTS | others)
    after = graph(nodes, CONSTANTS | others)
    count = fold_affine(after)
    np.testing.assert_allclose(answers(after, x=ROWS)["y"], answers(before, x=ROWS)["y"], rtol=1e-12, atol=1e-13)
    return after, count


@pytest.mark.parametrize(
    "nodes",
    [
        [*SCALED, node("MatMul", "s A", "y")],
        [*SCALED, node("MatMul", "s A", "z"), node("Sub", "z b", "d"), node("MatMul", "d B", "y")],
        [node("MatMul", "x A", "z"), node("Mul", "z half", "h"), node("Sub", "b h", "d"), node("Neg", "d", "y")],
        [node("Sub", "mean x", "c"), node("MatMul", "c A", "z"), node("Div", "z half", "y")],
        [node("Gather", "x swapped", "g", axis=1), node("MatMul", "g A", "z"), node("Add", "b z", "y")],
        [node("Gemm", "x A b", "z", alpha=2.0, beta=0.5), node("Add", "z b", "y")],
        [node("Mul", "x half", "h"), node("Neg", "h", "n"), node("MatMul", "n A", "y")],
    ],
)
def test_a_chain_becomes_one_product(nodes: list[onnx.NodeProto]) -> None:
    found, count = folded(nodes)
    assert count
    assert kinds(found) == ["Gemm"]


def test_pieces_side_by_side_become_one_product() -> None:
    nodes = [
        *SCALED,
        node("Gather", "x two", "g", axis=1),
        node("Mul", "g half", "h"),
        node("Concat", "s h", "j", axis=1),
        node("MatMul", "j C", "y"),
    ]
    found, _ = folded(nodes, C=RANDOM.normal(size=(5, 2)))
    assert kinds(found) == ["Gemm"]


def test_a_column_that_was_not_read_is_not_read_after() -> None:
    nodes = [*SCALED, node("Gather", "s two", "g", axis=1), node("MatMul", "g B", "y")]
    found, _ = folded(nodes)
    assert kinds(found) == ["Gather", "Gemm"]
    missing = ROWS.copy()
    missing[:, 1] = np.nan
    assert np.isfinite(answers(found, x=missing)["y"]).all()


def test_a_missing_value_stays_missing_where_its_weights_are_zero() -> None:
    nodes = [*SCALED, node("MatMul", "s Z", "y")]
    found, _ = folded(nodes, Z=np.array([[1.0], [0.0], [2.0]]))
    missing = ROWS.copy()
    missing[0, 1] = np.nan
    assert np.isnan(answers(found, x=missing)["y"][:, 0]).tolist() == [True, False, False, False, False]


def test_narrow_products_are_not_joined_into_a_wide_one() -> None:
    nodes = [node("MatMul", "x N", "z"), node("MatMul", "z W", "y")]
    found, count = folded(nodes, N=RANDOM.normal(size=(3, 1)), W=RANDOM.normal(size=(1, 9)))
    assert count == 0
    assert kinds(found) == ["MatMul", "MatMul"]


def test_a_far_shift_stays_before_the_product() -> None:
    nodes = [*SCALED[:0], node("Sub", "x far", "c"), node("Div", "c scale", "s"), node("MatMul", "s A", "y")]
    found = graph(nodes, CONSTANTS | {"far": np.full((1, 3), 1.7e9)})
    fold_affine(found)
    assert kinds(found) == ["Sub", "Gemm"]


def test_a_value_that_others_read_stays() -> None:
    nodes = [*SCALED, node("MatMul", "s A", "y"), node("Exp", "s", "e")]
    found = graph(nodes, CONSTANTS, outputs={"y": DOUBLE, "e": DOUBLE})
    assert fold_affine(found) == 0


def test_a_constant_that_widens_rows_stays_out() -> None:
    found = graph([node("MatMul", "x v", "z"), node("Add", "z mean", "y")], {**CONSTANTS, "v": np.ones((3, 1))})
    assert fold_affine(found) == 0


def test_nothing_linear_is_left_as_it_is() -> None:
    nodes = [node("MatMul", "x A", "z"), node("Relu", "z", "r"), node("MatMul", "r B", "y")]
    assert folded(nodes)[1] == 0


def test_a_graph_in_float_stays_in_float() -> None:
    single = {name: array.astype(np.float32) for name, array in CONSTANTS.items() if array.dtype == np.float64}
    found = graph([*SCALED, node("MatMul", "s A", "y")], single, inputs={"x": (FLOAT, 3)}, outputs={"y": FLOAT})
    fold_affine(found)
    rows = ROWS.astype(np.float32)
    wanted = (rows - single["mean"]) / single["scale"] @ single["A"]
    np.testing.assert_allclose(answers(found, x=rows)["y"], wanted, rtol=1e-5, atol=1e-6)
