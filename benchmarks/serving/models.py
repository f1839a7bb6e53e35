"""The models that are served, the rows that are asked about, and the services that mlship writes."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

#: Of bodies of several rows there are so many.
_BODIES = 64


@dataclass(frozen=True)
class Question:
    """Rows to ask about, and the original's answer to each."""

    rows: list[list[float]]
    answer: list[int]


@dataclass(frozen=True)
class Model:
    """A converted model: ``folder`` is its workspace. ``rows`` are of shape (n, 4), no two alike."""

    folder: Path
    estimator: Any
    rows: NDArray[np.float64]

    @property
    def joblib(self) -> Path:
        """The original."""
        return self.folder / "model.joblib"

    @property
    def onnx(self) -> Path:
        """The graph that mlship made of it, as small as its services have it."""
        return self.folder / ".mlship" / "optimize" / "model.onnx"

    def questions(self, rows: int = 1) -> list[Question]:
        """Return bodies of ``rows`` rows each: of one row, each row once; of several, 64 draws."""
        if rows == 1:
            picked = self.rows[:, None, :]
        else:
            picked = self.rows[np.random.default_rng(0).integers(len(self.rows), size=(_BODIES, rows))]
        return [Question(block.tolist(), self.estimator.predict(block).tolist()) for block in picked]

    def service(self, framework: str) -> Path:
        """Write a service in ``framework``; raises RuntimeError where mlship cannot."""
        _mlship(self.folder, "scaffold", "--plugin", framework, "--force")
        return Path(shutil.copytree(self.folder / "service", self.folder / "services" / framework, dirs_exist_ok=True))


def make(folder: Path, *, bare: bool = False) -> dict[str, Model]:
    """Train a logistic regression and a forest on the iris data, convert both, and optimize their graphs.

    The regression has a StandardScaler before it, as nobody ships one without, unless it is to be ``bare``.
    """
    rows, labels = load_iris(return_X_y=True)
    logistic = LogisticRegression(max_iter=500)
    kinds = {
        "logistic": logistic if bare else make_pipeline(StandardScaler(), logistic),
        "forest": RandomForestClassifier(100, random_state=0),
    }
    made = {name: Model(folder / name, kind.fit(rows, labels), np.unique(rows, axis=0)) for name, kind in kinds.items()}
    for model in made.values():
        model.folder.mkdir(parents=True)
        joblib.dump(model.estimator, model.joblib)
        np.save(model.folder / "sample.npy", rows)
        _mlship(model.folder, "convert", "model.joblib", "--data", "sample.npy")
        _mlship(model.folder, "optimize", "--method", "graph")
    return made


def _mlship(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "mlship", *arguments, "--quiet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"mlship {arguments[0]}: {' '.join(done.stderr.split())[:300]}")
