"""Faster without another answer: ONNX Runtime's graph optimisations saved offline, and the thread count that wins."""

import itertools
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from mlship import golden, parity, signature
from mlship.artifacts import write_atomic
from mlship.golden import Golden
from mlship.measure import Ratio, interleaved, ratio
from mlship.runtime import Session, save_optimised
from mlship.runtime import parity as replayed
from mlship.stages import Optimizer, Outcome, Progress

#: Rows a call that a candidate is judged at.
BATCHES = (1, 100)


@dataclass(frozen=True)
class _Candidate:
    """A model file and a thread count; ``ratios`` compare it with the converted model, by rows a call."""

    name: str
    model: Path
    threads: int
    ratios: Mapping[int, Ratio]
    verdict: parity.Verdict

    @property
    def allowed(self) -> bool:
        """Whether it answers the same, is faster at some batch size beyond the noise, and slower at none."""
        ratios = self.ratios.values()
        return self.verdict.passed and any(r.faster for r in ratios) and not any(r.slower for r in ratios)

    @property
    def cost(self) -> float:
        """Time a call relative to the converted model, geometric mean over the batch sizes."""
        return math.prod(ratio.estimate for ratio in self.ratios.values()) ** (1 / len(self.ratios))


class OnnxRuntimeOptimizer(Optimizer):
    """Try ONNX Runtime's offline graph optimisation and thread counts; keep what is faster and answers the same."""

    libraries = ("onnxruntime", "numpy")

    threads: tuple[int, ...] = Field((), description="intra-op thread counts to try; none: 1 and all cores")
    seconds: float = Field(1.5, gt=0, le=600, description="seconds of measuring for each batch size")
    seed: int = Field(0, description="seed of the order in which candidates take turns")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write model.onnx, session.json and candidates.json; the converted model itself is the first candidate."""
        rows, described = golden.read(inputs["golden"]), signature.read(inputs["signature"])
        progress("optimising the graph")
        optimised = out / "optimised.onnx"
        save_optimised(inputs["onnx"], optimised)
        counts = self.threads or tuple(sorted({1, _cores()}))
        files = {"converted": inputs["onnx"], "graph": optimised}
        settings = [(f"{name}, {n} thread{'s' * (n > 1)}", file, n) for n in counts for name, file in files.items()]
        if counts[0] != 1:
            settings.insert(0, ("converted, 1 thread", inputs["onnx"], 1))
        candidates = self._measured(settings, rows, parity.tolerance_of(described), progress)
        best = _best(candidates)
        write_atomic(out / "model.onnx", best.model.read_bytes())
        write_atomic(out / "session.json", _json({"intra_op_num_threads": best.threads}))
        write_atomic(out / "candidates.json", _json([_described(item, chosen=item is best) for item in candidates]))
        optimised.unlink()
        return Outcome(
            artifacts={"onnx": "model.onnx", "session": "session.json", "candidates": "candidates.json"},
            summary=f"{best.name}: {_gain(best, candidates[0])}",
            facts={"chosen": best.name, "threads": best.threads, "time_ratio": best.cost},
        )

    def _measured(
        self, settings: list[tuple[str, Path, int]], rows: Golden, allowed: parity.Tolerance, progress: Progress
    ) -> list[_Candidate]:
        sessions = {name: Session(file, threads) for name, file, threads in settings}
        first = settings[0][0]
        ratios: dict[str, dict[int, Ratio]] = {name: {} for name in sessions}
        for batch in BATCHES:
            progress(f"measuring {len(sessions)} candidates, {batch} row{'s' * (batch > 1)} a call")
            calls = {name: _calls(session, rows, batch) for name, session in sessions.items()}
            samples = interleaved(calls, seconds=self.seconds, seed=self.seed)
            for name in sessions:
                ratios[name][batch] = ratio(samples[name], samples[first], seed=self.seed)
        return [
            _Candidate(name, file, threads, ratios[name], replayed(file, rows, allowed, threads))
            for name, file, threads in settings
        ]


def _calls(session: Session, rows: Golden, batch: int) -> Callable[[], object]:
    """Return a call that answers the next ``batch`` golden rows; rows rotate, as repeating one flatters trees."""
    plain = rows.plain()
    starts = range(0, min(len(plain), 50 * batch), batch)
    batches = [np.arange(start, start + batch) % len(plain) for start in starts]
    feeds = itertools.cycle([session.feed(plain.take(picked).inputs) for picked in batches])
    return lambda: session.run(next(feeds))


def _best(candidates: list[_Candidate]) -> _Candidate:
    """Return the cheapest allowed candidate; the converted model on one thread, the first, always is one."""
    return min((item for item in candidates[1:] if item.allowed), key=lambda item: item.cost, default=candidates[0])


def _gain(best: _Candidate, first: _Candidate) -> str:
    if best is first:
        return "nothing tried was faster"
    return ", ".join(
        f"{1 / ratio.estimate:.2f}x at {batch} row{'s' * (batch > 1)}" for batch, ratio in best.ratios.items()
    )


def _described(candidate: _Candidate, *, chosen: bool) -> dict[str, Any]:
    return {
        "name": candidate.name,
        "chosen": chosen,
        "allowed": candidate.allowed,
        "threads": candidate.threads,
        "size_bytes": candidate.model.stat().st_size,
        "time_ratio": {str(batch): vars(ratio) for batch, ratio in candidate.ratios.items()},
        "parity": candidate.verdict.to_json(),
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, default=str) + "\n").encode()
