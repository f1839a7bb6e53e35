"""From the seconds of single calls to figures: percentiles with intervals, throughput, curves and ratios."""

from collections.abc import Mapping, Sequence

import numpy as np

from mlship.measure import Sample, interval, percentile, percentile_interval, ratio_of
from mlship.reports.model import Curve, Measurement, Ratio

#: By name, and the fewest calls of which one lies beyond.
PERCENTILES = {"p50": (50.0, 2), "p90": (90.0, 10), "p95": (95.0, 20), "p99": (99.0, 100), "p99.9": (99.9, 1000)}

_STEPS = (0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99, 99.995, 99.999)


def load(rows: int) -> str:
    """Return the name of calls of so many rows: 1 row, 10,000 rows."""
    return f"{rows:,} row{'s' * (rows != 1)}"


def measurements(of: str, rows: int, sample: Sample) -> list[Measurement]:
    """Return percentiles (as far as the number of calls allows), the longest call, and rows a second.

    The value is that of all calls. The interval of p50 is that of the rounds' medians, as rounds are what the machine's
    moods differ by; further out, where a single round has few calls or none, it is that of the percentile of all of
    them. Rounds are told where each has enough calls for the percentile.
    """
    every, named = sample.seconds, {"of": of, "load": load(rows)}
    counted = [(part, np.ones(len(part), dtype=np.int64)) for part in sample.rounds]
    found = [figure("p50", of, load(rows), percentile(every, 50), medians(sample))]
    for name, (q, fewest) in PERCENTILES.items():
        if len(every) >= fewest and name != "p50":
            low, high = percentile_interval(counted, q)
            enough = min(map(len, sample.rounds)) >= fewest
            rounds = tuple(percentile(part, q) for part in sample.rounds) if enough else ()
            value = percentile(every, q)
            found.append(Measurement(metric=name, value=value, low=low, high=high, rounds=rounds, **named))
    longest = tuple(float(part.max()) for part in sample.rounds)
    found.append(Measurement(metric="max", value=max(longest), rounds=longest, **named))
    rates = tuple(rows * len(part) / float(part.sum()) for part in sample.rounds)
    rate = rows * len(every) / float(every.sum())
    return [*found, figure("throughput", of, load(rows), rate, rates)]


def figure(metric: str, of: str, load: str, value: float, rounds: Sequence[float]) -> Measurement:
    """Return a measurement whose interval is that of the median of its rounds, widened to hold the value of them all.

    A single round has none.
    """
    low, high = interval(rounds) if len(rounds) > 1 else (None, None)
    if low is not None and high is not None:
        low, high = min(low, value), max(high, value)
    return Measurement(metric=metric, of=of, load=load, value=value, low=low, high=high, rounds=tuple(rounds))


def curve(of: str, rows: int, sample: Sample) -> Curve:
    """Return latency by percentile as far out as at least one call lies beyond."""
    every = sample.seconds
    steps = [step for step in _STEPS if step <= 50 or (100 - step) * len(every) >= 100 * (1 - 1e-9)]
    return Curve(of=of, load=load(rows), points=tuple((float(step), percentile(every, step)) for step in steps))


def medians(sample: Sample) -> list[float]:
    """Return the median of each round."""
    return [float(np.median(part)) for part in sample.rounds]


def ratio_of_medians(of: str, over: str, rows: int, samples: Mapping[str, Sample]) -> Ratio:
    """Return how many times as long as ``over`` a call of ``of`` takes, round by round."""
    pairs = [a / b for a, b in zip(medians(samples[of]), medians(samples[over]), strict=True)]
    return ratio("p50", of, over, load(rows), pairs)


def ratio(metric: str, of: str, over: str, load: str, pairs: list[float]) -> Ratio:
    """Return what the ratios of interleaved rounds say, one a round."""
    found = ratio_of(pairs)
    return Ratio(
        metric=metric,
        of=of,
        over=over,
        load=load,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        rounds=tuple(pairs),
    )
