"""Does the comparison of two builds raise the alarm when, and only when, one of them is slower?

Two copies of one service are compared as ``mlship benchmark --against`` does, with gates of 5 %; then one of them has a
predictor that spends 15 % more CPU time on a request. Meanwhile another process burns half a core in random bursts.
"""

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from benchmarks.validation.background import TOLD, neighbour
from mlship import golden, serving, signature
from mlship.hosts import fingerprint
from mlship.load.running import run as put_load
from mlship.measure import cpu_seconds
from mlship.parity import tolerance_of
from mlship.reports.model import Host, Ratio, Report, Verdict
from mlship.trials.comparison import Side, compare_services
from mlship.trials.plans import closed_loop
from mlship.trials.target import payloads, scaffolded
from mlship.verdicts.expressions import parse_all
from mlship.verdicts.judging import judge

GATES = ("p50 > +5%", "throughput < -5%")
LOAD = closed_loop(8)
SLOWER = 0.15

#: Added to the predictor of a copy. The thread's own CPU clock stands still while another process has the core.
_SPIN = """

import time as _time

_answers = Predictor.answers


def _slowed(self, bodies, outputs):
    answers = _answers(self, bodies, outputs)
    end = _time.thread_time_ns() + {nanoseconds} * len(bodies)
    while _time.thread_time_ns() < end:
        pass
    return answers


Predictor.answers = _slowed
"""


@dataclass(frozen=True)
class Run:
    """One comparison: its verdicts, and the ratios that they are about."""

    verdicts: tuple[Verdict, ...]
    ratios: tuple[Ratio, ...]
    seconds: float

    @property
    def alarm(self) -> bool:
        return any(verdict.outcome == "failed" for verdict in self.verdicts)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation ab", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, help="comparisons of either kind")
    parser.add_argument("--only", choices=["identical", "slowed"], help="comparisons of one kind")
    parser.add_argument("--seconds", type=float, default=30.0, help="of a comparison")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quiet-machine", action="store_true", help="without the background load")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        workspace = _workspace(Path(folder))
        first, second, slow = (_copy(workspace, name) for name in ("first", "second", "slow"))
        spent = _cpu_a_request(first)
        _slow_down(slow, spent * SLOWER)
        print(f"gates: {', '.join(GATES)} at {LOAD.name}; {given.seconds:g} s a comparison")
        print(f"background: {'none' if given.quiet_machine else TOLD}")
        print(f"CPU time of the service for a request: {spent * 1e6:.1f} us; the slow build: {SLOWER:.0%} more")
        same = _runs("identical builds", first, second, given) if given.only != "slowed" else []
        slowed = _runs("slowed build", slow, first, given) if given.only != "identical" else []
    alarms, caught = (sum(run.alarm for run in runs) for runs in (same, slowed))
    if same:
        print(f"identical builds: {alarms} of {len(same)} raised an alarm (goal: at most 1 of 20)")
    if slowed:
        print(f"the slow build really has {_median(slowed, 'cpu'):+.1%} CPU time a request,", end=" ")
        print(f"p50 {_median(slowed, 'p50'):+.1%}, throughput {_median(slowed, 'throughput'):+.1%} (medians)")
        print(f"slowed build: {caught} of {len(slowed)} raised an alarm (goal: at least 18 of 20)")
    return int(alarms > len(same) // 20 or caught < 0.9 * len(slowed))


def _runs(what: str, this: Side, other: Side, given: argparse.Namespace) -> list[Run]:
    runs = []
    for number in range(given.runs):
        seed = given.seed + number
        runs.append(_run(this, other, given.seconds, seed, noisy=not given.quiet_machine))
        told = "; ".join(f"{verdict.sentence}" for verdict in runs[-1].verdicts)
        print(f"{what} {number + 1}, {runs[-1].seconds:.0f} s: {told}", flush=True)
    return runs


def _run(this: Side, other: Side, seconds: float, seed: int, *, noisy: bool) -> Run:
    started = time.monotonic()
    with neighbour(seed, seconds * 10 + 60) if noisy else contextlib.nullcontext():
        found = compare_services(this, other, loads=[LOAD], seconds=seconds, seed=seed, progress=lambda *_: None)
    report = Report(
        kind="comparison",
        model=this.signature.model,
        task=this.signature.task,
        golden_rows=len(this.golden),
        subjects={"other": other.service.name},
        options={},
        host=Host(**fingerprint()),
        reference=(),
        measurements=found.measurements,
        ratios=found.ratios,
        loads=found.loads,
    )
    verdicts = judge(report, parse_all(GATES, compared=True))
    return Run(verdicts, found.ratios, time.monotonic() - started)


def _median(runs: Sequence[Run], metric: str) -> float:
    found = [ratio.estimate for run in runs for ratio in run.ratios if ratio.metric == metric]
    return float(np.median(found)) - 1 if found else float("nan")


def _workspace(folder: Path) -> Path:
    """Write the service of a logistic regression on the iris data, as a user would."""
    data = load_iris(as_frame=True)
    joblib.dump(LogisticRegression(max_iter=1000).fit(data.data, data.target), folder / "model.joblib")
    data.data.to_csv(folder / "sample.csv", index=False)
    for command in (["convert", "model.joblib", "--data", "sample.csv"], ["scaffold"]):
        program = [str(Path(sys.executable).with_name("mlship")), *command]
        done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"mlship {' '.join(command)}: {done.stderr}")
    return folder


def _copy(workspace: Path, name: str) -> Side:
    service = Path(shutil.copytree(workspace / "service", workspace / "builds" / name))
    made = workspace / ".mlship" / "convert"
    return Side(service, golden.read(made / "golden.npz"), signature.read(made / "signature.json"))


def _cpu_a_request(side: Side, seconds: float = 4.0) -> float:
    """Measure the CPU seconds of the service for a request under the load that builds are compared with."""
    with serving.running(side.service) as running:
        tolerance = tolerance_of(side.signature)
        target = scaffolded(running.url, side.golden, side.signature, tolerance, running.pid)
        job = closed_loop(LOAD.connections, seconds=seconds).job(target, payloads(target, 1, 0), 0)
        before = cpu_seconds(running.pid)
        result = put_load(job)
        return (cpu_seconds(running.pid) - before) / result.sent


def _slow_down(side: Side, seconds: float) -> None:
    predictor = side.service / "core" / "predictor.py"
    predictor.write_text(predictor.read_text("utf-8") + _SPIN.format(nanoseconds=round(seconds * 1e9)), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
