"""Layers as Gemm, and as MatMul and Add."""

import numpy as np
import onnx
import pytest
from onnx import helper

from mlship.surgery.quantization.preparing import as_gemm, as_matmul
from tests.unit.surgery.quantization.networks import answers, graph_of, perceptron, rows


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_a_product_and_its_bias_become_one_gemm() -> None:
    model = perceptron((64, 32, 3), np.float32)
    gemm = as_gemm(model)
    assert kinds(gemm) == ["Gemm", "Relu", "Gemm"]
    np.testing.assert_allclose(answers(gemm, rows()), answers(model, rows()), atol=1e-5)


def test_a_product_that_others_read_keeps_its_add() -> None:
    constants = {"w": np.ones((64, 3), np.float32), "b": np.ones(3, np.float32)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["a"]),
        helper.make_node("Mul", ["a", "m"], ["y"]),
    ]
    assert kinds(as_gemm(graph_of(nodes, constants, dtype=np.float32))) == ["Gemm", "Add", "Mul"]


def test_a_product_of_more_than_matrices_stays() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    model = graph_of(nodes, {"w": np.ones((64, 3), np.float32)}, shape=(5, 64), dtype=np.float32)
    assert kinds(as_gemm(model)) == ["MatMul"]


@pytest.mark.parametrize("options", [{}, {"transB": 1}, {"alpha": 0.5, "beta": 2.0}])
@pytest.mark.parametrize("biased", [True, False])
def test_a_gemm_becomes_a_product(options: dict[str, float], biased: bool) -> None:
    weights = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    constants = {"w": np.ascontiguousarray(weights.T) if "transB" in options else weights, "b": np.ones(3, np.float32)}
    node = helper.make_node("Gemm", ["x", "w", "b"] if biased else ["x", "w"], ["y"], **options)
    model = graph_of([node], constants, dtype=np.float32)
    plain = as_matmul(model)
    assert "Gemm" not in kinds(plain)
    np.testing.assert_allclose(answers(plain, rows()), answers(model, rows()), atol=1e-5)


def test_every_node_has_a_name_of_its_own() -> None:
    names = [node.name for node in as_matmul(perceptron(dtype=np.float32)).graph.node]
    assert all(names)
    assert len(names) == len(set(names))
