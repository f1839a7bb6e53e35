"""From the slices of a run over HTTP to figures: percentiles with intervals, rates, CPU time, and the curve."""

import itertools
from collections.abc import Sequence

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

from mlship.intervals import interval, percentile_interval
from mlship.load.histograms import Histogram
from mlship.load.job import Slice
from mlship.reports.model import Curve, Measurement
from mlship.trials.figures import PERCENTILES


def latencies(of: str, load: str, told: Sequence[Slice]) -> list[Measurement]:
    """Return percentiles, as far as the number of answers allows, and the longest latency.

    A value is that of all answers, its interval that of the percentile over all slices; its rounds are slices, taken
    together where one has too few answers for the percentile.
    """
    whole = histogram(told)
    if not whole.count:
        return []
    known = {name: (q, fewest) for name, (q, fewest) in PERCENTILES.items() if whole.count >= fewest}
    values = whole.percentiles([q for q, _ in known.values()])
    counted = [_counted(each) for each in told]
    found = []
    for (name, (q, fewest)), value in zip(known.items(), values, strict=True):
        low, high = percentile_interval(counted, q)
        rounds = [histogram(part).percentiles([q])[0] for part in _merged(told, fewest)]
        figure = Measurement(
            metric=name, of=of, load=load, value=value, low=min(low, value), high=max(high, value), rounds=tuple(rounds)
        )
        found.append(figure)
    longest = tuple(histogram(part).longest for part in _merged(told, 1))
    return [*found, Measurement(metric="max", of=of, load=load, value=whole.longest, rounds=longest)]


def rates(of: str, load: str, told: Sequence[Slice]) -> list[Measurement]:
    """Return answers a second, and the share of requests that got none."""
    asked, lasted = sum(each.answers + each.failures for each in told), sum(each.seconds for each in told)
    if not asked:
        return []
    failed = sum(each.failures for each in told)
    each_second = [each.answers / each.seconds for each in told if each.seconds > 0]
    shares = [each.failures / (each.answers + each.failures) for each in told if each.answers + each.failures]
    return [
        _figure("throughput", of, load, (asked - failed) / lasted, each_second),
        _figure("errors", of, load, failed / asked, shares),
    ]


def cpu(of: str, load: str, marks: Sequence[tuple[Slice, float]]) -> list[Measurement]:
    """Return CPU seconds a request; ``marks`` are slices, each with what the service had used when it was told.

    The first slice only says from where to count. Rounds are joined until each has half a second of the clock, as the
    kernel counts CPU time in hundredths of a second. Where a process ended, what it had used is gone from the sum: then
    nothing is returned.
    """
    if any(later < earlier for (_, earlier), (_, later) in itertools.pairwise(marks)):
        return []
    rounds, requests, lasted, since = [], 0, 0.0, marks[0][1] if marks else 0.0
    for told, used in marks[1:]:
        requests, lasted = requests + told.answers + told.failures, lasted + told.seconds
        if lasted >= _CPU_SECONDS and requests:
            rounds.append((used - since, requests))
            requests, lasted, since = 0, 0.0, used
    if requests:  # what is left over
        rounds.append((marks[-1][1] - since, requests))
    if not rounds:
        return []
    value = sum(used for used, _ in rounds) / sum(count for _, count in rounds)
    return [_figure("cpu", of, load, value, [used / count for used, count in rounds])]


def curve(of: str, load: str, told: Sequence[Slice]) -> Curve | None:
    """Return latency by percentile; None where nothing was answered."""
    points = histogram(told).curve()
    return Curve(of=of, load=load, points=points) if points else None


def histogram(told: Sequence[Slice]) -> Histogram:
    """Return the histogram of all slices together."""
    return Histogram.decode(*(each.histogram for each in told))


_CPU_SECONDS = 0.5


def _figure(metric: str, of: str, load: str, value: float, rounds: Sequence[float]) -> Measurement:
    low, high = interval(rounds) if len(rounds) > 1 else (None, None)
    if low is not None and high is not None:  # the median of slices, and what all of them together give, may differ
        low, high = min(low, value), max(high, value)
    return Measurement(metric=metric, of=of, load=load, value=value, low=low, high=high, rounds=tuple(rounds))


def _counted(told: Slice) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the latencies of a slice in seconds, and how often each occurred."""
    steps = HdrHistogram.decode(told.histogram).get_recorded_iterator()
    found = [(step.value_iterated_to, step.count_at_value_iterated_to) for step in steps]
    values, counts = zip(*found, strict=True) if found else ((), ())
    return np.array(values, dtype=np.float64) * 1e-9, np.array(counts, dtype=np.int64)


def _merged(told: Sequence[Slice], fewest: int) -> list[list[Slice]]:
    """Join neighbouring slices until each round has ``fewest`` latencies; what is left over joins the last."""
    parts: list[list[Slice]] = [[]]
    held = 0
    for each in told:
        if held >= fewest:
            parts.append([])
            held = 0
        parts[-1].append(each)
        held += histogram([each]).count
    if len(parts) > 1 and held < fewest:
        last = parts.pop()
        parts[-1] += last
    return parts
