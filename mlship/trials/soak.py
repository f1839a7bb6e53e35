"""Keep a service under one load for a long time, and see whether its memory or its latency grows."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import theilslopes

from mlship import formats
from mlship.load.histograms import Histogram
from mlship.load.job import Slice
from mlship.measure import cpu_seconds
from mlship.reports.model import Measurement, Moment, Timeline
from mlship.trials import service
from mlship.trials.plans import Plan
from mlship.trials.service import Measured
from mlship.trials.target import Target
from mlship.trials.watch import Watch

#: Moments that a run is told in at most, and the shortest, in seconds.
MOMENTS, SHORTEST = 120, 1.0

#: Of the run, how much is left out as warming up before growth is looked for; how many moments that takes; and the
#: growth over the run below which nobody cares, as shares of the median.
_WARMING, _FEWEST, _MEMORY, _LATENCY = 0.2, 10, 0.02, 0.2
_CERTAIN = 0.99


@dataclass(frozen=True)
class Soaked:
    """What a long run showed: figures as of any load, peaks of memory, the course of time, and what grew."""

    measured: Measured
    memory: tuple[Measurement, ...]
    timeline: Timeline
    notes: tuple[str, ...]


def soak(
    target: Target,
    plan: Plan,
    *,
    every: float | None = None,
    seed: int = 0,
    of: str = "service",
    tolerate: bool = False,
    stop: threading.Event | None = None,
    tell: Callable[[Moment], None] | None = None,
) -> Soaked:
    """Put the load of ``plan`` on the service, and take down a moment ``every`` seconds, 120 at most.

    Where ``stop`` is set meanwhile, what was measured so far is returned. Raises as ``service.measure`` does.
    """
    length = max(every or 0.0, plan.seconds / MOMENTS, min(SHORTEST, plan.seconds))
    moments: list[Moment] = []
    marks: list[tuple[Slice, float]] = []
    with Watch(target.pid) as watch:

        def take(told: Slice) -> None:
            if target.pid is not None:
                marks.append((told, cpu_seconds(target.pid)))
            moments.append(_moment(told, watch.rss))
            if tell is not None:
                tell(moments[-1])

        sliced = replace(plan, slice_seconds=length)
        result = service.ask(target, sliced, seed=seed, tolerate=tolerate, stop=stop, on_slice=take)
    timeline = Timeline(of=of, load=plan.name, moments=tuple(moments))
    measured = service.summarised(of, plan, result, marks)
    return Soaked(measured, tuple(service.memory(of, watch.peak)), timeline, growth(moments))


def growth(moments: Sequence[Moment]) -> tuple[str, ...]:
    """Say what grows steadily: memory, or the median latency.

    The line is that of Theil and Sen, whose slope is the median of the slopes between all pairs of moments, with a
    99 % interval (Sen 1968). It counts where the whole interval lies above 0, and where it adds up over the run to 2 %
    of the memory, or 20 % of the latency. The first fifth of the run, in which caches fill, is left out.
    """
    late = [each for each in moments if each.second > _WARMING * moments[-1].second]
    notes = []
    if line := _steady([(each.second, each.rss_bytes) for each in late], _MEMORY):
        hourly = formats.size((line.end - line.start) / line.seconds * 3600)
        notes.append(f"memory grows steadily: {_course(line, formats.size)}, which is {hourly} an hour")
    if line := _steady([(each.second, each.p50) for each in late], _LATENCY):
        notes.append(f"latency grows steadily: p50 {_course(line, formats.seconds)}")
    return tuple(notes)


def _moment(told: Slice, rss: int | None) -> Moment:
    latencies = Histogram.decode(told.histogram)
    p50, p99 = latencies.percentiles([50.0, 99.0]) if latencies.count else (None, None)
    return Moment(
        second=told.second + told.seconds,
        requests=told.answers + told.failures,
        failures=told.failures,
        p50=p50,
        p99=p99,
        longest=latencies.longest if latencies.count else None,
        rss_bytes=rss,
    )


@dataclass(frozen=True)
class _Line:
    start: float
    end: float
    seconds: float


def _steady(points: Sequence[tuple[float, float | None]], share: float) -> _Line | None:
    """Return the line of a growth that counts, or None."""
    known = np.array([point for point in points if point[1] is not None], dtype=np.float64)
    if len(known) < _FEWEST:
        return None
    seconds, values = known.T
    slope, start, low, _ = theilslopes(values, seconds, alpha=_CERTAIN)
    line = _Line(start + slope * seconds[0], start + slope * seconds[-1], seconds[-1] - seconds[0])
    return line if low > 0 and line.end - line.start > share * float(np.median(values)) else None


def _course(line: _Line, shown: Callable[[float], str]) -> str:
    return f"from {shown(line.start)} to {shown(line.end)} in {line.seconds:.0f} s"
