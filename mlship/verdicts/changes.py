"""What a figure is known to be, and by how much it changed: value and 95 % interval, from rounds or from two runs."""

import math
from dataclasses import dataclass

from mlship.intervals import interval
from mlship.reports.metrics import FACTS, METRICS
from mlship.reports.model import Measurement

#: By how much, as a share to either side, what a run tells once differs from run to run of the same thing: no round
#: says it. Peaks of one service under the same loads lay within 0.3 % (RSS) and 0.7 % (PSS, which hangs on who else has
#: the same pages) in six starts; other models and loads may vary more. All else: as a single pair of rounds, within a
#: factor of two of each other.
_BETWEEN_RUNS = {"rss": 0.02, "pss": 0.05}
_BETWEEN_OTHERS = 2 ** math.sqrt(0.5) - 1

#: An interval that reaches to nothing is taken to end here, as a share of its value: changes are not told beyond.
_LEAST = 1e-3


@dataclass(frozen=True)
class Known:
    """``value`` and the interval that holds it with 95 %; without width where it is exact."""

    value: float
    low: float
    high: float

    @property
    def exact(self) -> bool:
        """Whether there is nothing to be unsure of."""
        return self.low == self.high

    def shifted(self, by: float) -> "Known":
        """Return it with ``by`` added: from a ratio to a change, and back."""
        return Known(self.value + by, self.low + by, self.high + by)


def known(measurement: Measurement) -> Known:
    """Return what a measurement says of its metric.

    Its own interval, else that of its rounds; without width where it has neither, and for what is a fact of the run
    (the longest latency, the errors): so it was, in this run. A percentile over the whole run may lie outside the
    interval of its rounds, if one of them had a stall: then the interval reaches to it.
    """
    value, low, high = measurement.value, measurement.low, measurement.high
    if measurement.metric in FACTS:
        return Known(value, value, value)
    if low is None or high is None:
        low, high = interval(measurement.rounds) if len(measurement.rounds) > 1 else (value, value)
    return Known(value, min(low, value), max(high, value))


def assumed(measurement: Measurement) -> float:
    """Return by how much of it a figure without an interval of its own is taken to differ from run to run.

    0 where it has an interval, and where the same thing always has the same figure (sizes, quality).
    """
    metric = METRICS.get(measurement.metric)
    told = len(measurement.rounds) > 1 or (measurement.low is not None and measurement.high is not None)
    if told or (metric is not None and metric.exact):
        return 0.0
    return _BETWEEN_RUNS.get(measurement.metric, _BETWEEN_OTHERS)


def comparable(measurement: Measurement) -> Known:
    """Return what a measurement says of its metric in any run, to be held against that of another run."""
    told, share = known(measurement), 1 + assumed(measurement)
    return Known(told.value, told.low / share, told.high * share)


def quotient(this: Known, base: Known) -> Known:
    """Return how many times ``base`` is ``this``, which may be 0; ``base`` is positive, and was measured apart.

    The interval puts together those of both on the logarithmic scale, in which they may lie askew (method of variance
    estimates recovery: Zou and Donner 2008). What differs between two runs though nothing was changed is not in it.
    """
    if not this.value:
        return Known(0.0, 0.0, 0.0)
    down = math.hypot(_log(this.value, _least(this)), _log(base.high, base.value))
    up = math.hypot(_log(this.high, this.value), _log(base.value, _least(base)))
    value = this.value / base.value
    return Known(value, value * math.exp(-down), value * math.exp(up))


def machine(here: tuple[float, ...], there: tuple[float, ...]) -> Known:
    """Return how many times as long the reference kernel took ``here`` as ``there``; 1 where one of them is unknown."""
    if not here or not there:
        return Known(1.0, 1.0, 1.0)
    return quotient(*(_reference(rounds) for rounds in (here, there)))


def corrected(change: Known, worth: Known, metric: str) -> Known:
    """Return ``change`` as it were on equal machines: times are divided by what they were ``worth``, rates multiplied.

    Memory, sizes, shares and quality stay as they are.
    """
    unit = METRICS[metric].unit
    if unit in {"s", "money"}:
        return quotient(change, worth)
    return quotient(change, Known(1 / worth.value, 1 / worth.high, 1 / worth.low)) if unit == "1/s" else change


def hull(one: Known, other: Known) -> Known:
    """Return ``one``, as unsure as both together."""
    return Known(one.value, min(one.low, other.low), max(one.high, other.high))


def reach(ratio: Known, limit: float) -> float:
    """Return how far the interval of a ratio reaches from its value towards ``limit``, on the logarithmic scale."""
    if not ratio.value:
        return 0.0
    return _log(ratio.high, ratio.value) if ratio.value <= limit else _log(ratio.value, _least(ratio))


def _reference(rounds: tuple[float, ...]) -> Known:
    ordered = sorted(rounds)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    low, high = interval(rounds) if len(rounds) > 1 else (middle, middle)
    return Known(middle, min(low, middle), max(high, middle))


def _least(of: Known) -> float:
    return max(of.low, of.value * _LEAST)


def _log(large: float, small: float) -> float:
    return math.log(large / small)
