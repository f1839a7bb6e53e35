"""How long conversions take and how much memory, and what double costs a served row.

``mlship convert`` is held against a bare script that loads the model and calls skl2onnx: mlship keeps 10,000 golden
rows, asks the original about them and about their stressed copies, converts, and compares all answers; the bare script
only converts and writes the file.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn import ensemble, linear_model, pipeline, preprocessing, svm, tree
from sklearn.datasets import make_classification

from mlship import graphs, runtime
from mlship.interleaving import interleaved
from mlship.measure import ratio
from mlship.signature import Column, Tensor

GOAL, ROWS, ROUNDS = 1.5, 10_000, 7

BARE = """
import sys
from pathlib import Path
import joblib
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
model = joblib.load(sys.argv[1])
converted = to_onnx(model, initial_types=[("X", FloatTensorType([None, model.n_features_in_]))])
Path(sys.argv[2]).write_bytes(converted.SerializeToString())
"""

#: Converts the model of the first argument and prints the peak of resident memory before and after, in kB.
MEMORY = """
import resource, sys
import joblib
import onnxruntime
from mlship import graphs
from mlship.signature import Column, Tensor
model = joblib.load(sys.argv[1])
width = model.n_features_in_
columns = [Column(name=f"x{i}", type="number", tensor="features", index=i) for i in range(width)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
content = graphs.convert(model, [Tensor(name="features", kind="number", width=width)], columns,
                         outputs=["prediction", "probabilities"]).content
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(content))
"""


def main(only: tuple[str, ...] = ()) -> None:
    """Print each figure."""
    if not only or "convert" in only:
        against_bare()
    if not only or "large" in only:
        large_forest()
    if not only or "memory" in only:
        memory()
    if not only or "row" in only:
        one_row()


def against_bare() -> None:
    """Print the ratio of medians with its 95 % interval."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, labels = make_classification(ROWS, n_features=20, n_informative=8, random_state=0)
        joblib.dump(ensemble.RandomForestClassifier(100, random_state=0).fit(rows, labels), folder / "model.joblib")
        np.save(folder / "rows.npy", rows)
        commands = {
            "mlship convert": [
                str(Path(sys.executable).with_name("mlship")), "convert", "model.joblib", "--data", "rows.npy",
                "--set", f"golden_rows={ROWS}", "--force", "-q",
            ],
            "bare skl2onnx": [sys.executable, "-c", BARE, "model.joblib", "bare.onnx"],
        }  # fmt: skip
        calls = {name: runner(command, folder) for name, command in commands.items()}
        samples = interleaved(calls, seconds=60.0, rounds=ROUNDS)
    for name, sample in samples.items():
        print(f"{name:<20} {sample.median:6.2f} s (median of {len(sample.seconds)})")
    found = ratio(*samples.values())
    print(f"ratio {found.estimate:.2f} (95 % interval {found.low:.2f} to {found.high:.2f}; goal {GOAL})")


def runner(command: list[str], folder: Path) -> Callable[[], object]:
    """Return a call that runs ``command`` in ``folder``."""
    return lambda: subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)


def large_forest() -> None:
    """Print the seconds that RandomForest(500) on 10,000 rows of 20 columns takes to convert, and the file's size."""
    for classes in (2, 5):
        rows, labels = make_classification(
            ROWS, n_features=20, n_informative=8, n_classes=classes, flip_y=0.1, random_state=0
        )
        for leaf in (1, 3):
            model = ensemble.RandomForestClassifier(500, min_samples_leaf=leaf, random_state=0, n_jobs=-1)
            model.fit(rows, labels)
            taken = []
            for _ in range(3):
                started = time.perf_counter()
                content = _converted(model, 20).content
                taken.append(time.perf_counter() - started)
            print(
                f"RandomForest(500), {classes} classes, {leaf} rows a leaf: {sorted(taken)[1]:.2f} s"
                f" for {len(content) / 1e6:.0f} MB (median of 3; goal 2.5 s)"
            )


def memory() -> None:
    """Print how much the peak of memory grows while a forest is converted, as a multiple of its file.

    The shares of classes in leaves of three rows are not exact in binary, so the trees are there once for each class.
    """
    for classes, leaf in ((2, 1), (5, 3)):
        rows, labels = make_classification(
            ROWS, n_features=20, n_informative=8, n_classes=classes, flip_y=0.1, random_state=0
        )
        forest = ensemble.RandomForestClassifier(500, min_samples_leaf=leaf, random_state=0, n_jobs=-1)
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "model.joblib"
            joblib.dump(forest.fit(rows, labels), path)
            command = [sys.executable, "-c", MEMORY, str(path)]
            before, after, size = map(int, subprocess.run(command, check=True, capture_output=True).stdout.split())
            grown, model = (after - before) / 1e3, path.stat().st_size / 1e6
        print(
            f"memory, {classes} classes, {leaf} rows a leaf: {grown:.0f} MB more for a model of {model:.0f} MB"
            f" and an ONNX file of {size / 1e6:.0f} MB: {grown / model:.1f} times (goal 3)"
        )


def one_row() -> None:
    """Print what one row costs in double, as a multiple of float32: one thread, rows in turn, in the runtime only."""
    rows, labels = make_classification(5000, n_features=20, n_informative=8, n_classes=3, random_state=0)
    models: dict[str, Any] = {
        "decision tree": tree.DecisionTreeClassifier(),
        "forest of 100": ensemble.RandomForestClassifier(100),
        "forest of 100, large leaves": ensemble.RandomForestClassifier(100, min_samples_leaf=5),
        "gradient boosting": ensemble.GradientBoostingClassifier(n_estimators=50),
        "hist gradient boosting": ensemble.HistGradientBoostingClassifier(),
        "scaler, logistic regression": pipeline.make_pipeline(
            preprocessing.StandardScaler(), linear_model.LogisticRegression()
        ),
        "scaler, svc": pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC()),
    }
    for name, model in models.items():
        double = _converted(model.fit(rows, labels), 20)
        calls = {kind: _turns(item.content, rows) for kind, item in (("double", double), ("single", double.narrowed()))}
        samples = interleaved(calls, seconds=6.0, rounds=60)
        found = ratio(samples["double"], samples["single"])
        print(f"one row, {name:<28} {found.estimate:.2f} ({found.low:.2f} to {found.high:.2f}; goal 1.2)")


def _turns(content: bytes, rows: Any) -> Callable[[], object]:
    session = runtime.Session(content)
    feeds = [session.feed({"features": rows[[number]]}) for number in range(200)]

    def run() -> None:
        for feed in feeds:
            session.run(feed)

    return run


def _converted(model: Any, width: int) -> graphs.Conversion:
    columns = [Column(name=f"x{i}", type="number", tensor="features", index=i) for i in range(width)]
    tensors = [Tensor(name="features", kind="number", width=width)]
    return graphs.convert(model, tensors, columns, outputs=tuple(graphs.outputs_of(model)))
