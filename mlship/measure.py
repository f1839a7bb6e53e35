"""Figures of a noisy machine: percentiles, ratios with intervals, memory.

Times are seconds on a monotonic clock (``time.perf_counter``). Percentiles are nearest-rank: the smallest measured
value that at least q % of the values do not exceed, so each one is a time that really occurred (Hyndman & Fan 1996,
definition 1).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from mlship.hosts import fingerprint, quota, reference, usable_cores
from mlship.intervals import Ratio, interval, percentile_interval, ratio_of

__all__ = [
    "Ratio",
    "Sample",
    "cpu_seconds",
    "fingerprint",
    "interval",
    "percentile",
    "percentile_interval",
    "quota",
    "ratio",
    "ratio_of",
    "reference",
    "resident",
    "summary",
    "usable_cores",
]


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


def percentile(values: Sequence[float] | NDArray[np.float64], q: float) -> float:
    """Return the nearest-rank percentile ``q`` (0 to 100) of ``values``; NaN when there are none."""
    return float(np.percentile(values, q, method="inverted_cdf")) if len(values) else math.nan


def summary(seconds: Sequence[float] | NDArray[np.float64]) -> dict[str, Any]:
    """Return count, mean, minimum, p50, p90, p99 and maximum of times as JSON values, units in the names."""
    values = np.asarray(seconds, dtype=np.float64)
    named = {f"p{q}_seconds": percentile(values, q) for q in (50, 90, 99)}
    ends = {"minimum_seconds": float(values.min()), "maximum_seconds": float(values.max())}
    return {"runs": len(values), "mean_seconds": float(values.mean()), **named, **ends}


def ratio(a: Sample, b: Sample) -> Ratio:
    """Return how many times as long as ``b`` a call of ``a`` takes, with a 95 % interval.

    Both come from one ``interleaved``: the ratio of their medians is taken round by round, the rest is ``ratio_of``.
    Raises ValueError when the samples have another number of rounds.
    """
    if len(a.rounds) != len(b.rounds):
        raise ValueError("the samples were not measured together")
    return ratio_of([float(np.median(x) / np.median(y)) for x, y in zip(a.rounds, b.rounds, strict=True)])


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


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
