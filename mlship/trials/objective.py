"""Find the highest rate of requests at which a service meets a latency objective, such as p99=20ms."""

import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from mlship import formats
from mlship.errors import UsageError
from mlship.load.job import Result
from mlship.plugins import nearest
from mlship.reports.model import Capacity, Measurement, Step
from mlship.trials import service, slices
from mlship.trials.figures import PERCENTILES
from mlship.trials.plans import Plan, closed_loop, open_loop
from mlship.trials.target import Target

#: The search ends when the rate that failed is this much above the one that did not; to answer less than this share of
#: what was asked, in the time in which it was asked, is to fall behind.
RESOLUTION, KEPT_UP = 1.05, 0.98

_MOST_PROBES, _MOST_CONFIRMED = 14, 6
#: Of the rate at the start: the first that is tried, how much further up each time, and where to give up.
_FIRST, _FURTHER, _LOWEST = 0.8, 1.25, 1e-3
#: Times as long that a probe may last to have the requests that its percentile needs, and the fewest that say anything.
_LONGER, _FEWEST = 4, 5


@dataclass(frozen=True)
class Objective:
    """``metric`` (p50 to p99.9, or max) is to stay within ``limit`` seconds."""

    metric: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "p99=20ms"; raises UsageError that says what is missing or misspelt."""
        name, sign, limit = (part.strip() for part in text.partition("="))
        if not sign:
            raise UsageError(f"'{text}' is not a latency objective: it has no '='", _EXAMPLE)
        if name not in PERCENTAGES:
            raise UsageError(f"'{text}': there is no latency '{name}'", nearest(name, list(PERCENTAGES)))
        return cls(name, _seconds(text, limit))

    def __str__(self) -> str:
        return f"{self.metric}={formats.seconds(self.limit)}"


@dataclass(frozen=True)
class Found:
    """What a search came to: the capacity with all rates that were tried, the same as a measurement, and notes.

    The measurement is None where the search was stopped: what it had found then is no more than a lower limit.
    """

    capacity: Capacity
    measurement: Measurement | None
    notes: tuple[str, ...]


def search(
    target: Target,
    objective: Objective,
    *,
    rows: int = 1,
    seconds: float = 3.0,
    seed: int = 0,
    start: float | None = None,
    stop: threading.Event | None = None,
    tell: Callable[[Step], None] | None = None,
) -> Found:
    """Probe rates in open loops of ``seconds`` each, and return the highest that met the objective twice.

    It starts near ``start`` requests a second (by default what a closed loop of 64 connections reaches), goes up or
    down until one rate meets the objective and another does not, and probes between them, at their geometric mean,
    until they are less than 5 % apart. The rate found is tried once more, and lowered by 5 %, 10 %, 20 % and so on as
    long as it does not meet the objective again: of many noisy probes, the best is likely a lucky one. A probe lasts up
    to four times as long where its percentile needs that many requests; where that is not 5, the search ends.
    Where ``stop`` is set, what was found so far is returned.
    Raises GateError for a wrong answer, ServiceError when the service answers nothing in the closed loop.
    """
    probing = _Probing(target, objective, rows, seconds, seed, stop or threading.Event(), tell, [])
    low, high = probing.bracket(start or _reached(target, rows, seconds, seed, stop))
    rate = probing.confirm(probing.narrow(low, high))
    return _found(objective, rate, rows, probing)


#: By name, the share of requests in per cent that may not exceed the limit.
PERCENTAGES = {**{name: q for name, (q, _) in PERCENTILES.items()}, "max": 100.0}

_EXAMPLE = "write it as p99=20ms"
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass
class _Probing:
    target: Target
    objective: Objective
    rows: int
    seconds: float
    seed: int
    stop: threading.Event
    tell: Callable[[Step], None] | None
    steps: list[Step]

    def bracket(self, start: float) -> tuple[float, float]:
        """Return a rate that meets the objective (0: none does) and one that does not (infinite: none was found)."""
        rate, low, high = start * _FIRST, 0.0, math.inf
        lowest = max(start * _LOWEST, _FEWEST / (self.seconds * _LONGER))
        while self.going() and (not low or math.isinf(high)) and rate >= lowest:
            step = self.probe(rate)
            low, high = (rate, high) if step.met else (low, rate)
            rate = rate * _FURTHER if step.met else rate / 2
        return low, high

    def narrow(self, low: float, high: float) -> float:
        """Return the highest rate found between one that meets the objective and one that does not."""
        while low and math.isfinite(high) and high / low > RESOLUTION and self.going():
            middle = math.sqrt(low * high)
            low, high = (middle, high) if self.probe(middle).met else (low, middle)
        return low

    def confirm(self, rate: float) -> float:
        """Try the rate again, and lower ones in ever larger steps where it fails; return the first that is met."""
        for attempt in range(_MOST_CONFIRMED):
            if not rate or self.stop.is_set() or self.probe(rate).met:
                return rate
            rate /= RESOLUTION**2**attempt
        return 0.0

    def going(self) -> bool:
        return len(self.steps) < _MOST_PROBES and not self.stop.is_set()

    def probe(self, rate: float) -> Step:
        _, needed = PERCENTILES.get(self.objective.metric, (100.0, 1))
        seconds = max(self.seconds, min(needed / rate, _LONGER * self.seconds))
        plan = replace(open_loop(rate, rows=self.rows, seconds=seconds), timeout_seconds=self.patience)
        result = service.ask(self.target, plan, seed=self.seed + len(self.steps), tolerate=True, stop=self.stop)
        step = _judged(self.objective, plan, result)
        if not self.stop.is_set():  # a probe that was broken off says nothing
            self.steps.append(step)
            if self.tell is not None:
                self.tell(step)
        return step

    @property
    def patience(self) -> float:
        """Seconds after which a request is given up: well beyond the limit, so that an overload is over soon."""
        return min(max(5 * self.objective.limit, 1.0), 10.0)


def _seconds(text: str, limit: str) -> float:
    match = re.fullmatch(r"(?P<number>[0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\s*(?P<unit>[a-zµμ]*)", limit, re.IGNORECASE)
    if match is None:
        raise UsageError(f"'{text}': '{limit}' is not a time", _EXAMPLE)
    number, unit = float(match["number"]), match["unit"].replace("μ", "µ")
    if not unit:
        raise UsageError(f"'{text}': '{limit}' lacks a unit", f"{', '.join(_UNITS)}: {limit}ms?")
    if unit not in _UNITS:
        raise UsageError(f"'{text}': there is no unit '{unit}'", nearest(unit, list(_UNITS)))
    if not 0 < number * _UNITS[unit] < math.inf:
        raise UsageError(f"'{text}': the limit must be above 0", _EXAMPLE)
    return number * _UNITS[unit]


def _reached(target: Target, rows: int, seconds: float, seed: int, stop: threading.Event | None) -> float:
    plan = closed_loop(64, rows=rows, seconds=seconds)
    result = service.ask(target, plan, seed=seed, tolerate=True, stop=stop)
    if not (reached := _throughput(result)):
        service.refuse(target, plan, result, stopped=stop is not None and stop.is_set())
    return reached


def _judged(objective: Objective, plan: Plan, result: Result) -> Step:
    """Say what came of a probe: it is met when no request fails, the latency is within the limit and none pile up.

    A run lasts until its last answer, so a backlog shows in how much longer it took, less what one answer takes.
    """
    whole, throughput = slices.histogram(result.slices), _throughput(result)
    latency = median = plan.timeout_seconds
    if whole.count:
        latency, median = whole.percentiles([PERCENTAGES[objective.metric], 50.0])
    lasted = sum(each.seconds for each in result.slices) - median
    met = bool(whole.count) and not result.failures and latency <= objective.limit and plan.seconds >= KEPT_UP * lasted
    said = service.bottleneck(replace(result, waited=0))  # so many unanswered requests are the service's backlog
    return Step(rate=plan.rate or 0.0, throughput=throughput, latency=latency, met=met, bottleneck=said)


def _throughput(result: Result) -> float:
    lasted = sum(each.seconds for each in result.slices)
    return sum(each.answers for each in result.slices) / lasted if lasted else 0.0


def _found(objective: Objective, rate: float, rows: int, probing: _Probing) -> Found:
    steps = tuple(probing.steps)
    capacity = Capacity(metric=objective.metric, limit=objective.limit, rate=rate, rows=rows, steps=steps)
    failed = min(
        (step for step in steps if not step.met and step.rate > rate), key=lambda step: step.rate, default=None
    )
    high = None if failed is None else failed.rate  # where no rate failed, nobody knows how far it goes
    found = Measurement(metric="capacity", of="service", value=rate, low=rate / RESOLUTION, high=high)
    notes = []
    if failed is not None and not rate:
        latency = formats.seconds(failed.latency)
        notes.append(f"no rate met {objective}: at {_rate(failed.rate)}, {objective.metric} was {latency}")
    elif failed is not None and failed.bottleneck:
        notes.append(f"the service may do more than {_rate(rate)} within {objective}: {failed.bottleneck}")
    return Found(capacity, None if probing.stop.is_set() else found, tuple(notes))


def _rate(rate: float) -> str:
    return f"{formats.number(rate)} requests a second"
