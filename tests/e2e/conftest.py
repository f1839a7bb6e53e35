"""What the stories share: the installed command, and models that a user trained in a script of his own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

#: The user's training script: nothing of mlship in it.
TRAINING = """
import sys
from pathlib import Path
import joblib, numpy as np, pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

folder = Path(sys.argv[1])

wine = load_wine(as_frame=True)
cultivar = pd.Series(wine.target_names[wine.target], name="cultivar")
joblib.dump(RandomForestClassifier(30, random_state=0).fit(wine.data, cultivar), folder / "forest.joblib")
wine.data.assign(cultivar=cultivar).to_csv(folder / "forest.csv", index=False)

random = np.random.default_rng(0)
frame = pd.DataFrame({
    "home.dest": random.choice(["Zürich", "New York, NY", "北京", None], 300),
    "fare paid": np.where(random.random(300) < 0.1, np.nan, random.gamma(2, 20, 300).round(2)),
    "age": random.integers(1, 90, 300),
    "alone": random.random(300) < 0.5,
})
survived = np.where((frame["age"] < 30) ^ frame["alone"], "yes", "no")
numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
parts = [("n", numbers, ["fare paid", "age"]), ("t", texts, ["home.dest"])]
columns = ColumnTransformer(parts, remainder="passthrough")
joblib.dump(make_pipeline(columns, LogisticRegression()).fit(frame, survived), folder / "mixed.joblib", compress=3)
frame.assign(survived=survived).to_csv(folder / "mixed.csv", index=False)

rows, progression = load_diabetes(return_X_y=True)
joblib.dump(LinearRegression().fit(rows, progression), folder / "linear.joblib")
np.save(folder / "linear.npy", rows)
"""

#: What the original says, in a process of its own: the last column of a CSV is the target and is left out.
ASKING = """
import json, sys
import joblib, numpy as np, pandas as pd
model, sample = sys.argv[1:]
rows = np.load(sample) if sample.endswith(".npy") else pd.read_csv(sample).iloc[:, :-1]
listed = rows if isinstance(rows, np.ndarray) else rows.astype(object).where(rows.notna(), None).to_numpy()
print(json.dumps({"rows": listed.tolist(), "answers": joblib.load(model).predict(rows).tolist()}))
"""


#: Options of a benchmark that lasts no longer than it must, for stories of something else; and of all stages.
BENCHMARK = ("seconds=0.1", "starts=1", "sizes=[1]", "connections=[1]")
QUICK_BENCHMARK = tuple(word for option in BENCHMARK for word in ("--set", option))
QUICK = (
    "--set",
    "optimize.seconds=0.1",
    *(word for option in BENCHMARK for word in ("--set", f"benchmark.{option}")),
)


@dataclass(frozen=True)
class Ran:
    """What a command did: its exit code, what it answered, what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Mlship = Callable[..., Ran]


@pytest.fixture
def mlship(tmp_path: Path) -> Mlship:
    """Return a function that runs the installed command in an empty folder, without a container engine unless told."""

    def run(*arguments: str, cwd: Path = tmp_path, engine: bool = False, **variables: str) -> Ran:
        command = [str(Path(sys.executable).with_name("mlship")), *arguments]
        environment = {**os.environ, **variables}
        if not engine:
            environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            capture_output=True,
            check=False,
            text=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with forest.joblib and forest.csv, mixed.joblib and mixed.csv, linear.joblib and linear.npy."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "train.py").write_text(TRAINING)
    subprocess.run([sys.executable, "train.py", "."], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def original(trained: Path) -> Callable[[str, str], Any]:
    """Return a function that asks an original about its sample: {"rows": JSON rows, "answers": labels}."""

    def ask(model: str, sample: str) -> Any:
        command = [sys.executable, "-c", ASKING, str(trained / model), str(trained / sample)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return ask
