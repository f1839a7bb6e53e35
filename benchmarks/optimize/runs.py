"""Runs ``mlship convert`` and ``mlship optimize`` as a user would, and measures what was kept once more, by itself."""

import itertools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from mlship import golden, signature
from mlship.measure import Ratio, interleaved, ratio
from mlship.runtime import Session, Settings


@dataclass(frozen=True)
class Kept:
    """What an optimisation kept: ``row`` of candidates.json, beside ``base``, that of the converted model."""

    folder: Path
    base: dict[str, Any]
    row: dict[str, Any]
    seconds: float

    @property
    def smaller(self) -> float:
        """How many times smaller than the converted model."""
        return float(self.base["size_bytes"] / self.row["size_bytes"])

    def model(self) -> Session:
        """Open what was kept, with its settings."""
        stage = self.folder / ".mlship" / "optimize"
        return Session(stage / "model.onnx", Settings(**json.loads((stage / "session.json").read_bytes())))

    def converted(self) -> Session:
        """Open the converted model, on one thread."""
        return Session(self.folder / ".mlship" / "convert" / "model.onnx")

    def faster(self, batch: int, seconds: float = 3.0) -> Ratio:
        """Time both once more, interleaved: how long a call of ``batch`` rows takes against the converted model."""
        stage = self.folder / ".mlship" / "convert"
        rows = golden.read(stage / "golden.npz").plain()
        calls = {}
        for name, session in (("kept", self.model()), ("converted", self.converted())):
            picked = [np.arange(start, start + batch) % len(rows) for start in range(0, min(50 * batch, 5000), batch)]
            feeds = itertools.cycle([session.feed(rows.take(rows_).inputs) for rows_ in picked])
            calls[name] = lambda session=session, feeds=feeds: session.run(next(feeds))
        samples = interleaved(calls, seconds=seconds)
        return ratio(samples["kept"], samples["converted"])

    def outputs(self) -> list[str]:
        """Name the outputs."""
        described = signature.read(self.folder / ".mlship" / "convert" / "signature.json")
        return [output.name for output in described.outputs]


def optimised(model: Any, sample: Any, folder: Path, *options: str, target: str | None = None) -> Kept:
    """Convert and optimise ``model`` in ``folder`` with the given options of ``mlship optimize``.

    Raises RuntimeError with what the command said where it fails.
    """
    joblib.dump(model, folder / "model.joblib")
    frame = sample.to_frame("text") if isinstance(sample, pd.Series) else pd.DataFrame(sample)
    frame.to_csv(folder / "sample.csv", index=False)
    aim = ["--target", target] if target else []
    _mlship(folder, "convert", "model.joblib", "--data", "sample.csv", *aim)
    told = json.loads(_mlship(folder, "optimize", "--json", *options))
    document = json.loads((folder / ".mlship/optimize/candidates/candidates.json").read_text("utf-8"))
    rows = document["candidates"]
    chosen = next(row for row in rows if row["chosen"])
    return Kept(folder, rows[0], chosen, told["stages"]["optimize"]["seconds"])


def _mlship(folder: Path, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("mlship")), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(" ".join(done.stderr.split())[:300])
    return done.stdout
