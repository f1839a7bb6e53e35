"""A model that another scikit-learn saved, converted in an environment of its own. Needs uv and a package index."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlship.environments import find_uv
from mlship.runtime import Session
from tests.e2e.conftest import Mlship

THEN = "1.5.2"

TRAINING = """
import joblib, json
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.datasets import load_wine
rows, answers = load_wine(return_X_y=True)
rows[::7, 3] = np.nan
np.save("rows.npy", rows)
model = make_pipeline(SimpleImputer(add_indicator=True), RandomForestClassifier(15, random_state=0)).fit(rows, answers)
joblib.dump(model, "model.joblib")
print(json.dumps([model.predict(rows).tolist(), model.predict_proba(rows).tolist()]))
"""


@pytest.fixture(scope="module")
def then(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[float]]]:
    """Return a folder with model.joblib and rows.npy of an older scikit-learn, and what it answered there."""
    folder, uv = tmp_path_factory.mktemp("then"), find_uv()
    assert uv, "these tests need uv: pip install uv"
    python = folder / "env" / "bin" / "python"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "env")], check=True)
    wanted = [f"scikit-learn=={THEN}", "numpy<2.5", "joblib"]
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *wanted], check=True)
    told = subprocess.run([python, "-c", TRAINING], cwd=folder, check=True, capture_output=True, text=True)
    return folder, json.loads(told.stdout)


def test_its_answers_are_those_that_it_gave_there(
    mlship: Mlship, then: tuple[Path, list[list[float]]], tmp_path: Path
) -> None:
    folder, (labels, chances) = then
    model = ("convert", str(folder / "model.joblib"), "--data", str(folder / "rows.npy"))
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    ran = mlship(*model, "--python-env", "auto", "-v", **variables)
    assert ran.code == 0, ran.err
    assert f"making an environment with scikit-learn=={THEN}" in ran.err
    assert f"was visited with scikit-learn {THEN}" in ran.err
    lock = json.loads((tmp_path / "mlship.lock").read_text())["stages"]["convert"]
    assert lock["versions"]["scikit-learn"] == THEN
    answered = Session(tmp_path / ".mlship/convert/model.onnx").run({"features": np.load(folder / "rows.npy")})
    assert answered["prediction"].tolist() == labels
    np.testing.assert_allclose(answered["probabilities"], chances, rtol=1e-12)
    again = mlship(*model, "--python-env", "auto", "--force", "-v", **variables)
    assert again.code == 0
    assert "making an environment" not in again.err
    assert "another version: scikit-learn" in mlship(*model, **variables).err


def test_without_it_the_difference_is_said_with_the_way(
    mlship: Mlship, then: tuple[Path, list[list[float]]], tmp_path: Path
) -> None:
    folder, _ = then
    ran = mlship("convert", str(folder / "model.joblib"), "--data", str(folder / "rows.npy"))
    assert f"was saved with scikit-learn {THEN}" in ran.err
    assert "--python-env auto" in ran.err


def test_its_own_library_cannot_serve_it(mlship: Mlship, then: tuple[Path, list[list[float]]], tmp_path: Path) -> None:
    ran = mlship("convert", str(then[0] / "model.joblib"), "--to", "native", "--python-env", "auto")
    assert ran.code == 2
    assert "--to onnx" in ran.err
