import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, load_wine
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.impute import KNNImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from mlship import golden, signature
from mlship.converters.onnx import OnnxConverter
from mlship.errors import GateError
from mlship.graphs import table
from mlship.stages import Original, Outcome

ROWS, LABELS = load_iris(return_X_y=True)


def convert(model: Any, tmp_path: Path, **options: Any) -> Outcome:
    np.save(tmp_path / "rows.npy", ROWS)
    original = Original(tmp_path / "model.joblib", "joblib", model)
    return OnnxConverter(**options).convert(original, tmp_path / "rows.npy", tmp_path, lambda message, _=None: None)


def test_one_opset_import_a_domain_no_zipmap_and_names_as_agreed(tmp_path: Path) -> None:
    convert(RandomForestClassifier(5, random_state=0).fit(ROWS, LABELS), tmp_path)
    model = onnx.load(tmp_path / "model.onnx")
    domains = [opset.domain for opset in model.opset_import]
    assert sorted(domains) == sorted(set(domains))
    assert "ZipMap" not in {node.op_type for node in model.graph.node}
    assert [item.name for item in model.graph.input] == ["features"]
    assert [item.name for item in model.graph.output] == ["prediction", "probabilities"]


def test_column_names_reach_the_graph_and_the_signature_unchanged(tmp_path: Path) -> None:
    names = ["home.dest", "fare paid", "年龄", "mean texture (%)"]
    frame = pd.DataFrame({name: ROWS[:, i] for i, name in enumerate(names)})
    frame["home.dest"] = np.where(frame["home.dest"] > 5, "a", "b")
    columns = make_column_transformer((OneHotEncoder(), ["home.dest"]), remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(frame, LABELS)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    original = Original(tmp_path / "model.joblib", "joblib", model)
    OnnxConverter().convert(original, tmp_path / "rows.csv", tmp_path, lambda message, _=None: None)
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert [item.name for item in graph.input] == names
    assert [column.name for column in signature.read(tmp_path / "signature.json").columns] == names


def test_a_step_of_skl2onnx_that_has_no_double_kernel_is_converted_in_float(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delitem(table.PREDICTORS, "sklearn.svm.SVC")
    outcome = convert(SVC().fit(ROWS, LABELS), tmp_path)
    assert outcome.facts["precision"] == "float32"
    assert outcome.notes == ("SVC could not be converted in double: answers may differ by 0.0001 relative",)
    assert signature.read(tmp_path / "signature.json").precision == "float32"


def test_a_conversion_that_answers_otherwise_is_refused_with_its_first_row_and_step(
    tmp_path: Path, monkeypatch
) -> None:
    """The scaler's row of the table leads to a function that forgets the means."""
    monkeypatch.setitem(table.TRANSFORMERS, "sklearn.preprocessing.StandardScaler", "scalers:max_abs")
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
    with pytest.raises(GateError, match=r"model\.onnx differs from model\.joblib.*first at row") as caught:
        convert(model, tmp_path)
    assert "at fault is step 'standardscaler' (StandardScaler): its column 'x0' is " in caught.value.message
    assert "mlship inspect model.joblib" in caught.value.hint
    assert json.loads((tmp_path / "parity.json").read_text())["passed"] is False
    assert not (tmp_path / "model.onnx").exists()


def test_the_last_step_is_at_fault_where_those_before_it_agree(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(table.PREDICTORS, "sklearn.linear_model.PoissonRegressor", "linear:regressor")
    model = make_pipeline(StandardScaler(), PoissonRegressor()).fit(ROWS, LABELS)
    with pytest.raises(GateError, match=r"at fault is step 'poissonregressor' \(PoissonRegressor\)"):
        convert(model, tmp_path)


def test_missing_values_that_the_converted_model_treats_otherwise_are_refused_by_the_service(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.delitem(table.PREDICTORS, "sklearn.ensemble.IsolationForest")
    model = IsolationForest(n_estimators=20, random_state=0).fit(ROWS)
    outcome = convert(model, tmp_path)
    assert any("refuses them in: x0, x1, x2, x3" in note for note in outcome.notes)
    assert not any(column.nullable for column in signature.read(tmp_path / "signature.json").columns)
    assert not any("missing" in origin for origin in golden.read(tmp_path / "golden.npz").origins)


def test_what_was_converted_by_whom_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delitem(table.TRANSFORMERS, "sklearn.impute.KNNImputer")
    outcome = convert(
        make_pipeline(KNNImputer(), RandomForestClassifier(5, random_state=0)).fit(ROWS, LABELS), tmp_path
    )
    assert outcome.facts["steps"] == ["KNNImputer: skl2onnx", "RandomForestClassifier: mlship"]


def test_an_original_that_does_not_agree_with_itself_is_held_to_its_own_noise(tmp_path: Path) -> None:
    """A kernel regression on numbers of many sizes: its sums cancel, and BLAS adds up by the shape of the batch."""
    rows, kinds = load_wine(return_X_y=True)
    np.save(tmp_path / "wine.npy", rows)
    original = Original(tmp_path / "model.joblib", "joblib", KernelRidge().fit(rows, kinds))
    outcome = OnnxConverter().convert(original, tmp_path / "wine.npy", tmp_path, lambda message, _=None: None)
    assert any("own answers for the same row differ by up to" in note for note in outcome.notes)
    assert 1e-10 < signature.read(tmp_path / "signature.json").noise < 1e-5


def test_float32_is_taken_where_it_is_as_exact_and_smaller(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    tree = DecisionTreeClassifier(random_state=0).fit(draw.normal(5, 3, size=(2000, 4)), draw.integers(0, 3, 2000))
    outcome = convert(tree, tmp_path)
    assert outcome.facts["precision"] == "float32"
    assert outcome.facts["largest_difference"] == 0
    assert not any("could not be converted" in note for note in outcome.notes)


def test_float32_on_request_keeps_the_labels(tmp_path: Path) -> None:
    forest = RandomForestClassifier(200, random_state=0).fit(ROWS, LABELS)
    outcome = convert(forest, tmp_path, precision="float32")
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert graph.output[1].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert outcome.facts["precision"] == "float32"
    assert 0 < outcome.facts["largest_difference"] < 1e-6


def test_kmeans_stays_in_double_although_its_labels_agree_in_float32(tmp_path: Path) -> None:
    assert convert(KMeans(3, random_state=0).fit(ROWS), tmp_path).facts["precision"] == "float64"
