"""How long ``mlship convert`` takes, as a multiple of a bare script that loads the model and calls skl2onnx.

The model is a RandomForest(100); mlship keeps 10,000 golden rows, asks the original about them and about their stressed
copies, converts, and compares all answers. The bare script only converts and writes the file.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

from mlship.measure import interleaved, ratio

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


def main() -> None:
    """Print the ratio of medians with its 95 % interval."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, labels = make_classification(ROWS, n_features=20, n_informative=8, random_state=0)
        joblib.dump(RandomForestClassifier(100, random_state=0).fit(rows, labels), folder / "model.joblib")
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


if __name__ == "__main__":
    main()
