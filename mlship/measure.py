"""Measure on a noisy machine: percentiles, interleaved A/B with intervals, memory, and what kind of machine it was.

Times are seconds on a monotonic clock (``time.perf_counter``). Percentiles are nearest-rank: the smallest measured
value that at least q % of the values do not exceed, so each one is a time that really occurred (Hyndman & Fan 1996,
definition 1).
"""

import math
import os
import platform
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

#: Runs a number of calls and returns the seconds that each of them took.
Burst = Callable[[int], Sequence[float]]

#: Rounds that a time budget is divided into, and the fewest that an interval is worth anything with.
ROUNDS, FEWEST = 25, 5

_STABLE = 0.1
_IDLE, _PATIENCE = 0.002, 50
_RESAMPLES = 2000
_LARGEST_BURST = 2000


@dataclass(frozen=True)
class Sample:
    """Seconds of single calls, one array a round; ``stable`` tells whether the warm-up settled within its budget."""

    rounds: tuple[NDArray[np.float64], ...]
    stable: bool = True

    @property
    def seconds(self) -> NDArray[np.float64]:
        """All calls in the order in which they were made."""
        return np.concatenate(self.rounds)

    @property
    def median(self) -> float:
        """Median of all calls, in seconds."""
        return percentile(self.seconds, 50)


@dataclass(frozen=True)
class Ratio:
    """How many times as long as another a candidate takes: below 1 is faster. ``low`` to ``high`` holds 95 %."""

    estimate: float
    low: float
    high: float

    @property
    def slower(self) -> bool:
        """Whether the whole interval lies above 1."""
        return self.low > 1

    @property
    def faster(self) -> bool:
        """Whether the whole interval lies below 1."""
        return self.high < 1


def percentile(values: Sequence[float] | NDArray[np.float64], q: float) -> float:
    """Return the nearest-rank percentile ``q`` (0 to 100) of ``values``; NaN when there are none."""
    return float(np.percentile(values, q, method="inverted_cdf")) if len(values) else math.nan


def summary(seconds: Sequence[float] | NDArray[np.float64]) -> dict[str, Any]:
    """Return count, mean, minimum, p50, p90, p99 and maximum of times as JSON values, units in the names."""
    values = np.asarray(seconds, dtype=np.float64)
    named = {f"p{q}_seconds": percentile(values, q) for q in (50, 90, 99)}
    ends = {"minimum_seconds": float(values.min()), "maximum_seconds": float(values.max())}
    return {"runs": len(values), "mean_seconds": float(values.mean()), **named, **ends}


def interleaved(
    candidates: Mapping[str, Callable[[], object]], *, seconds: float = 2.0, rounds: int = ROUNDS, seed: int = 0
) -> dict[str, Sample]:
    """Time ``candidates`` against each other: in each round all of them, in random order, some calls each.

    ``seconds`` is the budget for all candidates together, warm-up left out; ``rounds`` how many rounds it is divided
    into. What disturbs the machine for longer than a round disturbs all candidates alike.
    """
    bursts = {name: burst(call) for name, call in candidates.items()}
    return interleaved_bursts(bursts, seconds=seconds, rounds=rounds, seed=seed)


def interleaved_bursts(
    candidates: Mapping[str, Burst], *, seconds: float = 2.0, rounds: int = ROUNDS, seed: int = 0
) -> dict[str, Sample]:
    """Do what ``interleaved`` does with candidates that time themselves, in another process for instance.

    Each round gives every candidate the same share of time, and at least one call; at least ``FEWEST`` rounds are made
    unless that takes more than twice the budget. Threads that one candidate leaves spinning are waited for.
    """
    share = seconds / rounds / max(len(candidates), 1)
    warm = {name: _warm_up(candidate, seconds / len(candidates) / 4) for name, candidate in candidates.items()}
    calls = {name: min(max(int(share / max(each, 1e-9)), 1), _LARGEST_BURST) for name, (each, _) in warm.items()}
    measured: dict[str, list[NDArray[np.float64]]] = {name: [] for name in candidates}
    shuffle, order, spent = random.Random(seed), list(candidates), 0.0  # noqa: S311
    for done in range(1, rounds + 1):
        shuffle.shuffle(order)
        for name in order:
            _settle()
            started = time.perf_counter()
            measured[name].append(np.asarray(candidates[name](calls[name]), dtype=np.float64))
            spent += time.perf_counter() - started
        if spent > 2 * seconds or (spent > seconds and done >= FEWEST):
            break
    return {name: Sample(tuple(measured[name]), warm[name][1]) for name in candidates}


def burst(call: Callable[[], object]) -> Burst:
    """Make a burst of ``call``: each call is timed on its own."""

    def run(times: int) -> list[float]:
        clock, marks = time.perf_counter, []
        for _ in range(times):
            started = clock()
            call()
            marks.append(clock() - started)
        return marks

    return run


def ratio(a: Sample, b: Sample, *, seed: int = 0) -> Ratio:
    """Return how many times as long as ``b`` a call of ``a`` takes, with a 95 % bootstrap interval.

    Both come from one ``interleaved``: the ratio of their medians is taken round by round, the estimate is the median
    of these ratios, and the interval is that of 2,000 resamplings of the rounds (percentile bootstrap, Efron 1979).
    Raises ValueError when the samples have another number of rounds.
    """
    if len(a.rounds) != len(b.rounds):
        raise ValueError("the samples were not measured together")
    pairs = np.array([np.median(x) / np.median(y) for x, y in zip(a.rounds, b.rounds, strict=True)])
    drawn = np.random.default_rng(seed).integers(len(pairs), size=(_RESAMPLES, len(pairs)))
    low, high = np.percentile(np.median(pairs[drawn], axis=1), [2.5, 97.5])
    return Ratio(float(np.median(pairs)), float(low), float(high))


def resident(pid: int) -> int:
    """Return the resident memory (RSS) of a process and all its descendants, in bytes; 0 when it is gone."""
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_resident(process) for process in family)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and its living descendants have used, in seconds; 0 when it is gone."""
    try:
        parent = psutil.Process(pid)
        times = [process.cpu_times() for process in (parent, *parent.children(recursive=True))]
    except psutil.NoSuchProcess:
        return 0.0
    return float(sum(time.user + time.system for time in times))


def host(distributions: Iterable[str] = ()) -> dict[str, Any]:
    """Describe the machine that a measurement was made on, and the versions of the given distributions, as JSON values.

    ``cores`` are those that the kernel shows, ``usable_cores`` those that this process may run on (affinity),
    ``quota_cores`` what its control group is limited to (None: no limit).
    """
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu_model": _cpu_model(),
        "cores": os.cpu_count(),
        "usable_cores": _affinity(),
        "quota_cores": quota(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "libraries": {name: found for name in sorted(distributions) if (found := _version(name))},
    }


def usable_cores(root: Path = Path("/")) -> int:
    """Return how many threads this process can keep running: as affinity allows, and its quota in full."""
    return max(math.floor(min(_affinity(), quota(root) or math.inf)), 1)


def quota(root: Path = Path("/")) -> float | None:
    """Return how many cores the control groups (version 1 or 2) allow this process, None for no limit.

    The smallest limit on the way up holds. Source: kernel documentation, cgroup-v2 "cpu.max" and sched-bwc.
    """
    mount, limits = root / "sys/fs/cgroup", [math.inf]
    for controllers, path in _cgroups(root).items():
        if not controllers:
            pairs = [_numbers(folder / "cpu.max") for folder in _upwards(mount, path)]
        elif "cpu" in controllers.split(","):
            folders = _upwards(mount / controllers, path) + _upwards(mount / "cpu", path)
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            pairs = [[*_numbers(folder / names[0]), *_numbers(folder / names[1])] for folder in folders]
        else:
            continue
        limits += [pair[0] / pair[1] for pair in pairs if len(pair) == 2 and pair[1] > 0]
    return None if math.isinf(min(limits)) else min(limits)


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _settle() -> None:
    """Wait until this process is idle: ONNX Runtime's pool spins for some 35 ms after a call and slows the next one."""
    for _ in range(_PATIENCE):
        before = time.process_time()
        time.sleep(_IDLE)
        if time.process_time() - before < _IDLE / 4 and not _others_run():
            return


def _others_run() -> bool:
    """Say whether a thread beside this one runs, or waits for a core, which looks idle (state R of proc(5))."""
    own = str(threading.get_native_id())
    others = [task / "stat" for task in Path("/proc/self/task").glob("*") if task.name != own]
    try:
        return any(stat.read_text(encoding="utf-8").rpartition(") ")[2].startswith("R") for stat in others)
    except OSError:
        return True  # one has ended meanwhile


def _warm_up(candidate: Burst, budget: float) -> tuple[float, bool]:
    """Call until two bursts in a row agree or time is up; return the median seconds of a call, and whether they did."""
    _settle()
    started, times = time.perf_counter(), 1
    before = float(np.median(candidate(times)))
    while (left := budget - (time.perf_counter() - started)) > 0:
        times = min(times * 2, max(int(left / max(before, 1e-9)), 1), _LARGEST_BURST)
        now = float(np.median(candidate(times)))
        if times > 4 and abs(now - before) <= _STABLE * before:
            return now, True
        before = now
    return before, False


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = dict(line.split(":", 1) for line in lines if line.startswith(("model name", "Model", "Hardware")))
    return " ".join(next(iter(named.values()), platform.machine()).split())


def _cgroups(root: Path) -> dict[str, str]:
    """Return the path of this process by cgroup controller list; version 2 has the empty one."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {line.split(":", 2)[1]: line.split(":", 2)[2] for line in lines if line.count(":") >= 2}


def _upwards(mount: Path, path: str) -> list[Path]:
    """List a cgroup's folder and those above it; in a container only the mount itself may be there."""
    folder = mount / path.lstrip("/")
    return [folder, *(parent for parent in folder.parents if parent == mount or mount in parent.parents)]


def _numbers(file: Path) -> list[float]:
    """Read "max 100000" or "200000 100000" or "-1"; no limit is infinite, no file is an empty list."""
    try:
        words = file.read_text(encoding="ascii").split()
        return [math.inf if word in {"max", "-1"} else float(word) for word in words]
    except (OSError, ValueError):
        return []
