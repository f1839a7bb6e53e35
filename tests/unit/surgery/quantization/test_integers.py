"""Int8: static and dynamic."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mlship.surgery.graph import Graph
from mlship.surgery.quantization import integers
from mlship.surgery.quantization.calibration import ranges
from mlship.surgery.quantization.layers import layers
from mlship.surgery.quantization.narrowing import narrow
from mlship.surgery.quantization.preparing import as_gemm, as_matmul
from tests.unit.surgery.quantization.networks import answers, graph_of, perceptron, rows

MODEL = perceptron()
GEMM = as_gemm(narrow(MODEL))


def static(model: onnx.ModelProto = GEMM, x: Any = None, **options: Any) -> onnx.ModelProto:
    scales = ranges(model, {"x": rows() if x is None else x}, "minmax", integers.KINDS)
    return integers.static(model, layers(Graph(model)), scales, **options)


def weights(model: onnx.ModelProto) -> list[np.ndarray]:
    arrays = [numpy_helper.to_array(item) for item in model.graph.initializer]
    return [array for array in arrays if array.dtype == np.int8 and array.ndim > 1]


def test_static_int8_is_five_times_smaller_and_answers_nearly_alike() -> None:
    model = static()
    assert model.ByteSize() < MODEL.ByteSize() / 5
    wanted = answers(MODEL, rows())
    assert np.abs(answers(model, rows()) - wanted).max() < 0.05 * np.abs(wanted).max()


def test_static_answers_do_not_depend_on_the_other_rows() -> None:
    model, x = static(), rows(20)
    alone = np.concatenate([answers(model, x[[row]]) for row in range(20)])
    assert np.array_equal(answers(model, x), alone)


def test_static_is_the_same_file_each_time() -> None:
    assert static().SerializeToString() == static().SerializeToString()


def test_the_maker_of_the_model_is_still_named() -> None:
    model = onnx.ModelProto()
    model.CopyFrom(GEMM)
    model.producer_name = "mlship"
    assert static(model).producer_name == "mlship"


def test_portable_weights_have_seven_bits() -> None:
    assert all(np.abs(array.astype(int)).max() <= 64 for array in weights(static()))
    assert all(np.abs(array.astype(int)).max() > 64 for array in weights(static(portable=False)))


@pytest.mark.parametrize(("per_channel", "error"), [(True, 0.1), (False, 10)])
def test_a_scale_a_column_keeps_small_columns(per_channel: bool, error: float) -> None:
    constants = {"w": np.stack([np.full(64, 1000.0), np.full(64, 0.01)], axis=1)}
    model = as_gemm(narrow(graph_of([helper.make_node("MatMul", ["x", "w"], ["y"])], constants)))
    small = answers(static(model, per_channel=per_channel), rows())[:, 1]
    wanted = rows().sum(axis=1) * 0.01
    off = np.abs(small - wanted).max() / np.abs(wanted).max()
    assert off < error
    assert per_channel or off > 0.5


def test_only_the_named_layers_are_quantized() -> None:
    scales = ranges(GEMM, {"x": rows()}, "minmax", integers.KINDS)
    model = integers.static(GEMM, layers(Graph(GEMM))[1:2], scales)
    assert [array.shape for array in weights(model)] == [(128, 64)]


def test_a_convolution_is_quantized() -> None:
    draw = np.random.default_rng(0)
    constants = {"w": draw.normal(size=(8, 1, 3, 3)).astype(np.float32), "b": np.ones(8, np.float32)}
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"]), helper.make_node("Relu", ["c"], ["y"])]
    model = as_gemm(graph_of(nodes, constants, shape=(1, 8, 8), dtype=np.float32))
    x = rows(64).reshape(-1, 1, 8, 8)
    found, wanted = answers(static(model, x), x), answers(model, x)
    assert np.abs(found - wanted).max() < 0.05 * wanted.max()


def test_a_product_of_more_than_matrices_is_quantized() -> None:
    constants = {"w": np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)}
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    model = as_gemm(graph_of(nodes, constants, shape=(2, 64), dtype=np.float32))
    x = rows(100).reshape(50, 2, 64)
    found, wanted = answers(static(model, x), x), answers(model, x)
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()


@pytest.mark.parametrize("value", [0.0, 3.0, -2.0])
def test_rows_that_are_all_the_same_calibrate_too(value: float) -> None:
    x = np.full((64, 64), value)
    found, wanted = answers(static(x=x), x), answers(MODEL, x)
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()


def test_dynamic_int8_answers_nearly_alike_and_depends_on_the_batch() -> None:
    plain = as_matmul(narrow(MODEL))
    model = integers.dynamic(plain, layers(Graph(plain)))
    x = rows(20)
    x[0] *= 50
    wanted = answers(MODEL, x)
    found = answers(model, x)
    assert np.abs(found - wanted).max() < 0.1 * np.abs(wanted).max()
    assert not np.allclose(found[1], answers(model, x[[1]])[0], rtol=1e-3)


@pytest.mark.parametrize("make", [static, lambda: integers.dynamic(as_matmul(narrow(MODEL)), [])])
def test_nothing_is_printed(make: Any, capfd: pytest.CaptureFixture[str]) -> None:
    make()
    assert capfd.readouterr() == ("", "")
