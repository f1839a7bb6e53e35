"""The workspaces that are built: one service in a web framework, with a model and with a later one."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class FailedError(Exception):
    """A command did not do what it is measured at."""


@dataclass(frozen=True)
class Pair:
    """Two workspaces that differ in nothing but their model, which has one signature: ``later`` was trained after."""

    first: Path
    later: Path


def make(folder: Path, framework: str) -> Pair:
    """Train a logistic regression on the iris data twice, convert both and write their services."""
    made = [_workspace(folder / name, framework, strength) for name, strength in (("first", 1.0), ("later", 0.5))]
    return Pair(*made)


def _workspace(folder: Path, framework: str, strength: float) -> Path:
    folder.mkdir(parents=True)
    rows, labels = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
    joblib.dump(model.fit(rows, labels), folder / "model.joblib")
    np.save(folder / "sample.npy", rows)
    _mlship(folder, "convert", "model.joblib", "--data", "sample.npy")
    _mlship(folder, "scaffold", "--plugin", framework)
    return folder


def _mlship(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "mlship", *arguments, "--quiet"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(f"mlship {arguments[0]}: {' '.join(done.stderr.split())[-500:]}")
