"""Intervals that hold what was measured with 95 %, on a machine whose noise is neither normal nor independent.

Three questions have three answers: what a series of slices says of its median (``interval``), what pairs of interleaved
rounds say of a ratio (``ratio_of``), and what a run says of one of its percentiles (``percentile_interval``). None of
them draws random numbers: the same values always give the same interval. What lies between two runs (another start of
the process, another hour on a shared machine) is in none of them: only rounds that include it show it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

#: The fewest values with which ranks alone reach 95 %: below, differences are taken to be normal.
FEWEST_RANKED = 6

_TAIL = 0.025
#: Below this many values a correlation between neighbours cannot be told from chance.
_FEWEST_CORRELATED = 8
_MOST_CORRELATED = 0.9
_Z = 1.959964


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


def interval(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of the median of ``values``, slices of one run in their order.

    From 6 values on it lies between order statistics (Woodruff 1952, "Confidence intervals for medians and other
    position measures"), so that outliers cannot widen it without end. Neighbours on a busy machine resemble each
    other, and n of them are worth fewer: n (1 - r) / (1 + r), with r the correlation of neighbouring ranks (Bartlett
    1946), corrected for its bias in short series (Kendall 1954). Below 6 values it is Student's, about the mean.
    Raises ValueError for fewer than two values.
    """
    series = np.asarray(values, dtype=np.float64)
    count = len(series)
    if count < 2:
        raise ValueError("a single value says nothing of its own noise")
    if count < FEWEST_RANKED:
        half = _student(count) * float(series.std(ddof=1)) / math.sqrt(count)
        low = float(series.mean()) - half
        return max(low, 0.0) if series.min() >= 0 else low, float(series.mean()) + half
    worth = max(count / _inflation(series), 2.0)
    half = _student(worth) * 0.5 / math.sqrt(worth) * count
    places, ordered = np.arange(1, count + 1), np.sort(series)
    low, high = np.interp([(count + 1) / 2 - half, (count + 1) / 2 + half], places, ordered)
    return float(low), float(high)


def ratio_of(pairs: Sequence[float] | NDArray[np.float64]) -> Ratio:
    """Return what ratios of interleaved rounds, one a round, say of the ratio: estimate and 95 % interval.

    From 6 pairs on: Hodges and Lehmann's estimate, the median of the geometric means of all two (and of each with
    itself), with the interval of Wilcoxon's signed ranks (Hollander, Wolfe, Chicken 2014, section 3.3). It needs no
    more than that rounds are independent and their logarithms lie evenly about the truth, which holds for two of the
    same thing whose order is drawn, whatever the noise. Below 6 pairs it is Student's on the logarithms. A single pair
    says nothing of its own noise: it is taken to be right within a factor of two.
    Raises ValueError where a ratio is not positive and finite, or there is none.
    """
    ratios = np.asarray(pairs, dtype=np.float64)
    count = len(ratios)
    if not count or not np.all(np.isfinite(ratios) & (ratios > 0)):
        raise ValueError("ratios are positive, and there is at least one")
    rows, columns = np.triu_indices(count)
    means = np.sort(np.sqrt(ratios[rows] * ratios[columns]))
    estimate = float(np.median(means))
    if count == 1:
        return Ratio(estimate, estimate / 2, estimate * 2)
    if count < FEWEST_RANKED:
        logs = np.log(ratios)
        factor = math.exp(_student(count) * float(logs.std(ddof=1)) / math.sqrt(count))
        centre = math.exp(float(logs.mean()))
        return Ratio(estimate, min(centre / factor, estimate), max(centre * factor, estimate))
    place = _signed_rank(count)
    return Ratio(estimate, float(means[place - 1]), float(means[-place]))


def percentile_interval(
    slices: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]], q: float
) -> tuple[float, float]:
    """Return the 95 % interval of percentile ``q`` (0 to 100) of all values of a run.

    ``slices`` are its parts in their order, each as (values, how often each occurred). The share of values beyond the
    percentile is counted slice by slice: how it varies between slices tells how many independent values the run is
    worth, and the interval of the share (Korn and Graubard 1998, after Clopper and Pearson) is read off the values
    (Woodruff 1952). So a stall in one slice of many widens the interval of p99, rather than vanishing as it would in a
    median over slices. Where too few values lie beyond the percentile it ends at the largest: p99 needs about 370
    values, p99.9 ten times as many, to have one beyond its interval. Raises ValueError for fewer than two values.
    """
    parts = [(np.asarray(values, dtype=np.float64), np.asarray(counts)) for values, counts in slices if len(values)]
    if sum(int(counts.sum()) for _, counts in parts) < 2:
        raise ValueError("a single value says nothing of its own noise")
    values = np.concatenate([values for values, _ in parts])
    counts = np.concatenate([counts for _, counts in parts])
    order = np.argsort(values, kind="stable")
    values, below = values[order], np.cumsum(counts[order])
    beyond = 1 - q / 100
    sizes = np.array([own.sum() for _, own in parts], dtype=np.float64)
    above = _beyond(parts, _at(values, below, q / 100), beyond * float(sizes.sum()))
    worth = _worth(above, sizes, beyond)
    hits = min(beyond * worth, worth)
    fewest = float(betaincinv(hits, worth - hits + 1, _TAIL)) if hits > 0 else 0.0
    most = float(betaincinv(hits + 1, worth - hits, 1 - _TAIL)) if hits < worth else 1.0
    return _at(values, below, 1 - most), _at(values, below, 1 - fewest)


def _beyond(
    parts: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]], split: float, total: float
) -> NDArray[np.float64]:
    """Count the values beyond ``split`` in each slice; of those at it as many, in proportion, as make it ``total``."""
    above = np.array([counts[values > split].sum() for values, counts in parts], dtype=np.float64)
    at = np.array([counts[values == split].sum() for values, counts in parts], dtype=np.float64)
    counted: NDArray[np.float64] = above + at * (total - above.sum()) / at.sum()
    return counted


def _worth(above: NDArray[np.float64], sizes: NDArray[np.float64], beyond: float) -> float:
    """Return how many independent values would tell the share ``beyond`` as well as these slices do."""
    total, count = float(sizes.sum()), len(sizes)
    if count < 2 or not 0 < beyond < 1:
        return total
    excess = above - beyond * sizes
    single = beyond * (1 - beyond) / total
    inflation = _inflation(excess)
    clustered = count / (count - 1) * float((excess**2).sum()) / total**2 * inflation
    if not clustered:
        return total
    return total * min(single / clustered, 1.0) * (_Z / _student(max(count / inflation, 2.0))) ** 2


def _at(values: NDArray[np.float64], below: NDArray[np.int64], share: float) -> float:
    """Return the smallest value that at least ``share`` of all values do not exceed."""
    place = int(np.searchsorted(below, share * below[-1] * (1 - 1e-12)))
    return float(values[min(place, len(values) - 1)])


def _student(count: float) -> float:
    return float(stdtrit(count - 1, 1 - _TAIL))


def _inflation(series: NDArray[np.float64]) -> float:
    """Return by how much the likeness of neighbours inflates a variance: 1 for none."""
    count = len(series)
    if count < _FEWEST_CORRELATED:
        return 1.0
    ranks = np.searchsorted(np.sort(series), series, "left") + np.searchsorted(np.sort(series), series, "right")
    centred = ranks - ranks.mean()
    square = float(centred @ centred)
    found = float(centred[1:] @ centred[:-1]) / square if square else 0.0
    likeness = min(max(found + (1 + 3 * found) / count, 0.0), _MOST_CORRELATED)
    return (1 + likeness) / (1 - likeness)


def _signed_rank(count: int) -> int:
    """Return the place, counted from either end, of the mean of two at which 95 % begin.

    Exact up to 50 pairs, by counting the sums of ranks; beyond by the normal distribution that they come near to.
    """
    if count > 50:
        deviation = math.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return max(math.floor(count * (count + 1) / 4 - _Z * deviation), 1)
    ways = np.zeros(count * (count + 1) // 2 + 1)
    ways[0] = 1
    for rank in range(1, count + 1):
        ways[rank:] += ways[:-rank].copy()
    return max(int(np.searchsorted(np.cumsum(ways) / 2.0**count, _TAIL, side="right")), 1)
