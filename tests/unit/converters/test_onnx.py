import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC

from mlship import golden, signature
from mlship.converters.onnx import OnnxConverter
from mlship.errors import GateError
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


def test_a_step_that_has_no_double_kernel_is_converted_in_float(tmp_path: Path) -> None:
    outcome = convert(SVC().fit(ROWS, LABELS), tmp_path)
    assert outcome.facts["precision"] == "float32"
    assert outcome.notes == ("SVC could not be converted in double: answers may differ by 0.0001 relative",)
    assert signature.read(tmp_path / "signature.json").precision == "float32"


def test_a_conversion_that_answers_otherwise_is_refused_with_its_first_row(tmp_path: Path) -> None:
    """The analysis of two classes is one that skl2onnx converts to something else."""
    rows, labels = ROWS[:100], LABELS[:100]
    np.save(tmp_path / "rows.npy", rows)
    original = Original(tmp_path / "lda.joblib", "joblib", LinearDiscriminantAnalysis().fit(rows, labels))
    with pytest.raises(GateError, match=r"model\.onnx differs from lda\.joblib.*first at row") as caught:
        OnnxConverter().convert(original, tmp_path / "rows.npy", tmp_path, lambda message, _=None: None)
    assert "mlship inspect lda.joblib" in caught.value.hint
    assert json.loads((tmp_path / "parity.json").read_text())["passed"] is False
    assert not (tmp_path / "model.onnx").exists()


def test_missing_values_that_the_converted_model_treats_otherwise_are_refused_by_the_service(tmp_path: Path) -> None:
    model = IsolationForest(n_estimators=20, random_state=0).fit(ROWS)
    outcome = convert(model, tmp_path)
    assert any("refuses them in: x0, x1, x2, x3" in note for note in outcome.notes)
    assert not any(column.nullable for column in signature.read(tmp_path / "signature.json").columns)
    assert not any("missing" in origin for origin in golden.read(tmp_path / "golden.npz").origins)


def test_what_was_converted_by_whom_is_told(tmp_path: Path) -> None:
    outcome = convert(
        make_pipeline(KNNImputer(), RandomForestClassifier(5, random_state=0)).fit(ROWS, LABELS), tmp_path
    )
    assert outcome.facts["steps"] == ["KNNImputer: skl2onnx", "RandomForestClassifier: mlship"]
