"""A random third of the pipelines through ``mlship ship``: the service's answers over HTTP against the original's."""

import json
import math
import random
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from benchmarks.conversion import pipelines
from benchmarks.conversion.holdout import dense
from mlship.serving import running

ROWS = 50


def main(only: tuple[str, ...] = ()) -> None:
    """Print the pipelines whose service answers otherwise, or that did not get that far, then the counts."""
    seed = random.randrange(10_000)
    chosen = only or random.Random(seed).sample(pipelines.names(), len(pipelines.names()) // 3)
    bad = 0
    for name in chosen:
        with tempfile.TemporaryDirectory() as place:
            problem = shipped(name, Path(place))
        bad += bool(problem)
        print(f"{name:<44} {problem or 'equal'}", flush=True)
    print(f"shipped: {len(chosen) - bad} of {len(chosen)} services answer like the original (seed {seed})")


def shipped(name: str, folder: Path, command: str = "ship") -> str:
    """Ship the pipeline ``name`` in ``folder`` and return how its service differs; "" where it does not."""
    model, sample, fresh = pipelines.fitted(name)
    fresh = fresh[:ROWS]
    joblib.dump(model, folder / "model.joblib")
    texts = pd.DataFrame({"text": sample}) if isinstance(sample, pd.Series) else sample
    texts.to_csv(folder / "sample.csv", index=False)
    mlship = str(Path(sys.executable).with_name("mlship"))
    done = subprocess.run(
        [mlship, command, "model.joblib", "--data", "sample.csv", "-q"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return " ".join(done.stderr.split())[:200]
    with running(folder / "service") as service:
        return _compared(_asked(service.url, _records(fresh)), dense(model.predict(fresh)))


def _records(rows: Any) -> list[dict[str, Any]]:
    frame = rows.to_frame("text") if isinstance(rows, pd.Series) else rows
    return [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict(orient="records")]


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _asked(url: str, records: list[dict[str, Any]]) -> list[Any]:
    body = json.dumps({"records": records}).encode()
    request = urllib.request.Request(f"{url}/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: list[Any] = json.load(response)["prediction"]
    return answer


def _compared(answers: list[Any], expected: Any) -> str:
    if expected.dtype.kind == "f":
        close = np.allclose(np.array(answers, dtype=float), expected, rtol=1e-5, atol=1e-6)
        return "" if close else f"numbers differ: {answers[:3]} for {expected[:3]}"
    off = sum(bool(np.any(np.asarray(a) != b)) for a, b in zip(answers, expected, strict=True))
    return f"{off} of {len(answers)} labels differ" if off else ""
