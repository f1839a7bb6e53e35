"""Which parts of a graph can be kept in fewer bits, and why none can."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from mlship.surgery.graph import Graph
from mlship.surgery.quantization.layers import layers, refusal
from tests.unit.optimize_support import task_for
from tests.unit.surgery.quantization.networks import graph_of, perceptron

ROWS, KINDS = (part[:300] for part in load_digits(return_X_y=True))


def test_matrix_products_are_layers_in_their_order() -> None:
    found = layers(Graph(perceptron((64, 128, 3))))
    assert [layer.title for layer in found] == ["layer 1 (64 x 128)", "layer 2 (128 x 3)"]
    assert [layer.weights for layer in found] == [8192, 384]


def test_the_shape_of_a_transposed_gemm_is_from_and_to() -> None:
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
    assert layers(Graph(graph_of([node], {"w": np.ones((3, 64))})))[0].shape == (64, 3)


def test_a_product_of_two_computed_matrices_is_no_layer() -> None:
    nodes = [helper.make_node("Transpose", ["x"], ["t"]), helper.make_node("MatMul", ["x", "t"], ["y"])]
    assert layers(Graph(graph_of(nodes, {}))) == []


def test_what_is_compared_afterwards_is_no_layer() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("TopK", ["m", "one"], ["y", "places"]),
    ]
    assert layers(Graph(graph_of(nodes, {"w": np.ones((64, 500)), "one": np.array([1])}))) == []


def test_a_network_of_many_weights_is_worth_it() -> None:
    model = perceptron()
    assert refusal(model, layers(Graph(model))) == ""


def test_few_weights_are_too_few() -> None:
    model = graph_of([helper.make_node("MatMul", ["x", "w"], ["y"])], {"w": np.ones((64, 10))})
    assert refusal(model, layers(Graph(model))) == "its matrix product holds 640 weights, too few to gain (from 10,000)"


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (RandomForestClassifier(7, random_state=0), "7 trees compare, they don't multiply"),
        (RandomForestClassifier(7, max_leaf_nodes=9, random_state=0), "7 trees compare, they don't multiply"),
        (GradientBoostingClassifier(n_estimators=2, random_state=0), "20 trees compare, they don't multiply"),
        (GradientBoostingRegressor(n_estimators=9, random_state=0), "9 trees compare, they don't multiply"),
        (SVC(), "kernels measure distances to training rows, which rounding would move"),
        (KNeighborsClassifier(), "neighbours are compared by their distances, which rounding would move"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_models_that_do_not_multiply_are_refused_in_their_own_words(model: object, why: str) -> None:
    base, _ = task_for(model.fit(ROWS, KINDS), ROWS)  # type: ignore[attr-defined]
    assert refusal(base.model, layers(Graph(base.model))) == why


def test_the_trees_of_the_older_operators_are_counted() -> None:
    trees = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        nodes_treeids=[0, 1],
        nodes_nodeids=[0, 0],
        nodes_modes=["LEAF", "LEAF"],
    )
    model = graph_of([trees], {}, dtype=np.float32)
    assert refusal(model, []) == "2 trees compare, they don't multiply"


@pytest.mark.parametrize("kind", ["QuantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "MatMulNBits"])
def test_a_quantized_graph_is_left_alone(kind: str) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])
    graph = helper.make_graph([helper.make_node(kind, ["x"], ["y"])] * 2, "graph", [value], [])
    assert refusal(onnx.ModelProto(graph=graph), []) == f"it is quantized already: 2 {kind}"
