"""The model that ``mlship demo`` ships: a small forest on data that scikit-learn brings."""

from pathlib import Path

import joblib
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier


def train(folder: Path) -> tuple[Path, Path, str]:
    """Train a forest on the iris flowers; return the model file, the sample file and the name of the target column."""
    iris = load_iris(as_frame=True)
    target = pd.Series(iris.target_names[iris.target], name="species", dtype=object)
    model = RandomForestClassifier(n_estimators=100, random_state=0).fit(iris.data, target)
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "iris.joblib", folder / "iris.csv"
    joblib.dump(model, files[0])
    pd.concat([iris.data, target], axis=1).to_csv(files[1], index=False)
    return *files, "species"
