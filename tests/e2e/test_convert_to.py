"""A user says what his model is to become: ONNX in a precision of his choice, or a file of its own library."""

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import QUICK_BENCHMARK, Mlship

TRAINING = """
import joblib, numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.decomposition import NMF
from sklearn.tree import DecisionTreeClassifier
from sklearn.pipeline import make_pipeline

rows, labels = load_iris(return_X_y=True)
model = make_pipeline(NMF(2, max_iter=2000, random_state=0), DecisionTreeClassifier())
joblib.dump(model.fit(rows, labels), "topics.joblib")
np.save("topics.npy", rows)
"""


def test_a_model_that_onnx_cannot_hold_is_kept_native_and_served(mlship: Mlship, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", TRAINING], cwd=tmp_path, check=True)
    shown = mlship("inspect", "topics.joblib")
    assert "no converter to ONNX for NMF; its own library can serve it: --to native" in shown.out
    refused = mlship("convert", "topics.joblib", "--data", "topics.npy")
    assert refused.code != 0
    assert "--to native" in refused.err

    kept = mlship("convert", "topics.joblib", "--data", "topics.npy", "--to", "native", "--json")
    assert kept.code == 0, kept.err
    record = kept.json["stages"]["convert"]
    assert record["facts"]["format"] == "skops"
    assert record["summary"].endswith("rows agree, largest difference 0")
    assert "MB of packages" in kept.err

    assert mlship("optimize").out == "nothing to optimize: the model is served by its own library\n"
    assert mlship("scaffold").code == 0
    assert not (tmp_path / "service/model/model.onnx").exists()
    ran = mlship("benchmark", *QUICK_BENCHMARK)
    assert ran.code == 0, ran.err
    report = json.loads((tmp_path / ".mlship/benchmark/report/report.json").read_text())
    assert {each["of"] for each in report["calls"]} == {"original", "native"}
    ran = mlship("verify")
    assert (ran.code, "rows agree" in ran.out) == (0, True)
    assert mlship("build", "--builder", "docker", "--base", "python:3.11-slim").code == 3  # no engine, but a context
    context = tmp_path / ".mlship/build/context"
    assert (context / "model/model.skops").is_file()
    assert (context / "dependencies" / "sklearn").is_dir()


def test_the_way_back_to_onnx_leaves_nothing_native(mlship: Mlship, trained: Path, tmp_path: Path) -> None:
    given = (str(trained / "linear.joblib"), "--data", str(trained / "linear.npy"))
    for to, there, gone in (("native", "native.json", "model.onnx"), ("onnx", "model.onnx", "native.json")):
        assert mlship("convert", *given, "--to", to).code == 0
        assert mlship("scaffold").code == 0
        assert (tmp_path / "service/model" / there).exists()
        assert not (tmp_path / "service/model" / gone).exists()


def test_pmml_is_not_shipped(mlship: Mlship, trained: Path) -> None:
    given = (str(trained / "linear.joblib"), "--data", str(trained / "linear.npy"))
    refused = mlship("ship", *given, "--to", "pmml")
    assert (refused.code, "scored elsewhere" in refused.err) == (2, True)
    assert "mlship convert --to pmml" in refused.err


def test_the_precision_of_a_model_can_be_chosen(mlship: Mlship, trained: Path) -> None:
    given = (str(trained / "linear.joblib"), "--data", str(trained / "linear.npy"))
    ran = mlship("convert", *given, "--precision", "float32", "--json")
    assert ran.json["stages"]["convert"]["facts"]["precision"] == "float32"
    refused = mlship("convert", *given, "--precision", "float16")
    assert (refused.code, "'precision' cannot be 'float16'" in refused.err) == (2, True)
    refused = mlship("convert", *given, "--to", "native", "--precision", "float32")
    assert (refused.code, "has no option 'precision'" in refused.err) == (2, True)


def test_two_names_for_one_converter_are_refused(mlship: Mlship, trained: Path) -> None:
    refused = mlship("convert", str(trained / "linear.joblib"), "--to", "native", "--plugin", "onnx")
    assert (refused.code, "name two converters" in refused.err) == (2, True)
