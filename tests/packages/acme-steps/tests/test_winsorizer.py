"""Our step behind mlship's parity gate, as a step of a pipeline whose other steps mlship converts."""

import json
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from acme_steps import Winsorizer
from sklearn.datasets import load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline


def test_the_converted_pipeline_gives_the_same_answers(tmp_path: Path) -> None:
    wine = load_wine(as_frame=True)
    rows = wine.data.mask(np.random.default_rng(0).random(wine.data.shape) < 0.05)
    model = make_pipeline(Winsorizer(0.1), HistGradientBoostingClassifier(max_iter=10)).fit(rows, wine.target)
    joblib.dump(model, tmp_path / "model.joblib")
    pd.concat([rows, wine.target], axis=1).to_csv(tmp_path / "sample.csv", index=False)
    command = "convert model.joblib --data sample.csv --target target --trust acme_steps.Winsorizer --json"
    mlship = [str(Path(sys.executable).with_name("mlship")), *command.split()]
    done = subprocess.run(mlship, cwd=tmp_path, check=True, capture_output=True, text=True)
    record = json.loads(done.stdout)["stages"]["convert"]
    assert record["facts"]["steps"] == ["Winsorizer: acme-steps 0.1", "HistGradientBoostingClassifier: mlship"]
    assert record["facts"]["largest_difference"] < 1e-15
    assert record["versions"]["acme-steps"] == "0.1"
