"""ONNX files that users have: the file in ONNX Runtime is the original, its graph inside ours the conversion."""

import numpy as np
import onnx
import onnx.parser
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from mlship import graphs
from mlship.errors import ModelError, UnsupportedModelError
from mlship.originals.adapters import adapted
from mlship.originals.answers import task_of
from mlship.parity import FLOAT

ROWS, KINDS = load_iris(return_X_y=True)
ROWS = ROWS.astype(np.float32)


def parsed(text, *weights):
    model = onnx.parser.parse_model(text)
    model.graph.initializer.extend(weights)
    return model


def weight(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def linear(batch, opset=17):
    return parsed(
        f'<ir_version: 8, opset_import: ["" : {opset}]> agraph (float[{batch}, 3] x) => (float[{batch}, 2] y)'
        " { y = Gemm(x, w, b) }",
        weight("w", np.arange(6, dtype=np.float32).reshape(3, 2)),
        weight("b", np.ones(2, dtype=np.float32)),
    )


@pytest.mark.parametrize("labels", [KINDS, np.array(["a", "b", "ü"])[KINDS]])
@pytest.mark.parametrize("zipmap", [True, False])
def test_a_classifier_of_skl2onnx_with_or_without_maps(agrees, labels, zipmap):
    fitted = LogisticRegression(max_iter=500).fit(ROWS, labels)
    options = {id(fitted): {"zipmap": zipmap}}
    model = adapted(to_onnx(fitted, ROWS[:1], options=options))
    assert task_of(model) == "classifier"
    assert graphs.outputs_of(model) == {"prediction": "predict", "probabilities": "predict_proba"}
    assert list(model.classes_) == sorted(set(labels))
    checked = agrees(model, ROWS, FLOAT)
    assert checked.conversion.precision == "float32"
    assert checked.golden.outputs["probabilities"].shape == (150, 3)


def test_a_regressor_answers_with_one_number_a_row(agrees):
    model = adapted(to_onnx(LinearRegression().fit(ROWS[:, :3], ROWS[:, 3]), ROWS[:1, :3]))
    checked = agrees(model, ROWS[:9, :3], FLOAT)
    assert checked.golden.outputs["prediction"].shape == (9,)
    assert task_of(model) == "regressor"


def test_scores_are_no_probabilities(agrees):
    model = adapted(to_onnx(LinearSVC().fit(ROWS, KINDS), ROWS[:1]))
    assert graphs.outputs_of(model) == {"prediction": "predict"}
    assert "not served: probabilities" in model.notes[0]
    agrees(model, ROWS[:20], FLOAT)


def test_a_matrix_is_answered_as_it_is(agrees):
    checked = agrees(adapted(linear("N")), ROWS[:7, :3], FLOAT)
    assert checked.golden.outputs["prediction"].shape == (7, 2)
    assert checked.conversion.route == ("OnnxFile: mlship",)


@pytest.mark.parametrize("rows", [1, 4])
def test_a_fixed_number_of_rows_is_made_free(agrees, rows):
    agrees(adapted(linear(rows)), ROWS[:7, :3], FLOAT)


def test_a_graph_that_insists_on_its_number_of_rows_is_refused():
    model = parsed(
        '<ir_version: 8, opset_import: ["" : 17]> agraph (float[1, 4] x) => (float[1, 4] y) { y = Reshape(x, s) }',
        weight("s", np.array([1, 4], dtype=np.int64)),
    )
    with pytest.raises(UnsupportedModelError, match="takes 1 row at once"):
        adapted(model)


def test_inputs_of_all_kinds_become_columns(agrees):
    inputs = [
        helper.make_tensor_value_info("age", TensorProto.INT64, ["N", 1]),
        helper.make_tensor_value_info("fare paid", TensorProto.DOUBLE, ["N"]),
        helper.make_tensor_value_info("home", TensorProto.STRING, ["N", 1]),
        helper.make_tensor_value_info("rest", TensorProto.FLOAT, [None, 2]),
    ]
    nodes = [
        helper.make_node("LabelEncoder", ["home"], ["code"], domain="ai.onnx.ml", keys_strings=["a", "b"],
                         values_int64s=[5, 7], default_int64=0),
        helper.make_node("Add", ["age", "code"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["wide", "rest"], ["sum"]),
        helper.make_node("Cast", ["fare paid"], ["narrow"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["narrow", "one"], ["column"]),
        helper.make_node("Mul", ["sum", "column"], ["y"]),
    ]  # fmt: skip
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])]
    graph = helper.make_graph(nodes, "g", inputs, outputs, [weight("one", np.array([1], dtype=np.int64))])
    versions = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]
    model = adapted(helper.make_model(graph, opset_imports=versions, ir_version=9))
    assert list(model.feature_names_in_) == ["age", "fare paid", "home", "rest_0", "rest_1"]
    frame = pd.DataFrame({"age": [3, 4], "fare paid": [0.5, 2.0], "home": ["a", "never"], "r": [1.0, 2], "s": [3.0, 4]})
    frame.columns = list(model.feature_names_in_)
    checked = agrees(model, frame, FLOAT)
    np.testing.assert_allclose(checked.golden.outputs["prediction"], [[4.5, 5.5], [12, 16]])
    with pytest.raises(ValueError, match="'home' takes text"):
        model.predict(frame.assign(home=[None, "a"]))
    with pytest.raises(ValueError, match="'age' takes whole numbers"):
        model.predict(frame.assign(age=[np.nan, 1]))


def test_text_where_numbers_are_taken_is_refused_by_name(agrees):
    model = parsed('<ir_version: 8, opset_import: ["" : 17]> agraph (float[N, 1] x) => (y) { y = Identity(x) }')
    with pytest.raises(UnsupportedModelError, match="input 'x' takes numbers"):
        agrees.converted(adapted(model), pd.DataFrame({"x": ["a", "b"]}))


def test_a_picture_comes_as_a_row(agrees):
    model = parsed(
        '<ir_version: 8, opset_import: ["" : 17]> agraph (float[N, 1, 3, 3] x) => (float[N, 2, 2, 2] y)'
        " { y = Conv(x, w) }",
        weight("w", np.arange(8, dtype=np.float32).reshape(2, 1, 2, 2)),
    )
    checked = agrees(adapted(model), np.arange(27.0).reshape(3, 9), FLOAT)
    assert checked.golden.outputs["prediction"].shape == (3, 8)


@pytest.mark.parametrize("opset", [9, 11, 13, 22])
def test_the_versions_of_the_file_are_kept(agrees, opset):
    checked = agrees(adapted(linear("N", opset)), ROWS[:3, :3], FLOAT)
    assert {item.version for item in checked.conversion.model.opset_import if not item.domain} == {opset}


def test_an_ir_that_the_runtime_does_not_know_is_lowered(agrees):
    model = linear("N")
    model.ir_version = 99
    agrees(adapted(model), ROWS[:3, :3], FLOAT)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("float[4] x", "has no dimension for the rows"),
        ("float x", "has no dimension for the rows"),
        ("float[N, M] x", "does not say how many columns"),
        ("float[N, 3, 64, 64] x", "takes 12,288 numbers a row"),
    ],
)
def test_inputs_that_are_no_columns_are_refused_by_name(inputs, message):
    model = parsed(f'<ir_version: 8, opset_import: ["" : 17]> agraph ({inputs}) => (y) {{ y = Identity(x) }}')
    with pytest.raises((UnsupportedModelError, ModelError), match=message):
        adapted(model)


def test_functions_of_the_file_are_written_out(agrees):
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "own" : 1]> agraph (double[N, 2] x) => (double[N, 2] y)'
        ' { y = own.twice(x) } <domain: "own", opset_import: ["" : 17]> twice (a) => (b) { b = Add(a, a) }'
    )
    checked = agrees(adapted(model), np.array([[1.0, 0.1]]))
    assert checked.conversion.precision == "float64"
