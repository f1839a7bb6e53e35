"""From rounds in which two services took turns to figures of each, and to ratios round by round."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlship.load.histograms import Histogram
from mlship.load.job import Result, Slice
from mlship.reports.model import Curve, Load, Measurement, Ratio
from mlship.trials import figures
from mlship.trials.plans import Plan
from mlship.trials.slices import histogram

THIS, OTHER = "this", "other"


@dataclass(frozen=True)
class Turns:
    """The turns of one service in one round; the first ``skipped`` are its warm-up.

    ``cpu`` is in seconds a request; ``bottleneck`` says why the figures may be the generator's, or is empty.
    """

    result: Result
    skipped: int
    cpu: float
    bottleneck: str

    @property
    def slices(self) -> Sequence[Slice]:
        """The turns that count."""
        return self.result.slices[self.skipped :]

    @cached_property
    def histogram(self) -> Histogram:
        """All latencies of the round."""
        return histogram(self.slices)

    @cached_property
    def medians(self) -> list[float]:
        """The median latency of each turn, in seconds."""
        return [histogram([told]).percentiles([50.0])[0] for told in self.slices]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return sum(told.answers for told in self.slices) / sum(told.seconds for told in self.slices)


@dataclass(frozen=True)
class Round:
    """What a pair of fresh processes showed, by the name of the side: cold start in seconds, memory in bytes.

    ``turns``: by load, then by side; the turns of the same number are neighbours. ``seconds``: that the round took,
    with its starts and all loads.
    """

    cold_start: Mapping[str, float]
    rss: Mapping[str, int]
    turns: Mapping[str, Mapping[str, Turns]]
    seconds: float = 0.0


@dataclass(frozen=True)
class Paired:
    """The figures of both sides under one load, and their ratios."""

    measurements: tuple[Measurement, ...]
    ratios: tuple[Ratio, ...]
    loads: tuple[Load, ...] = ()
    curves: tuple[Curve, ...] = ()


def started(rounds: Sequence[Round]) -> Paired:
    """Return cold start and memory."""
    values = {
        "cold_start": {side: [each.cold_start[side] for each in rounds] for side in (THIS, OTHER)},
        "rss": {side: [float(each.rss[side]) for each in rounds] for side in (THIS, OTHER)},
    }
    found = [
        figures.figure(name, of, "", float(np.median(each)), each)
        for name, sides in values.items()
        for of, each in sides.items()
    ]
    ratios = [_ratio(name, "", _quotients(sides[THIS], sides[OTHER])) for name, sides in values.items()]
    return Paired(tuple(found), tuple(each for each in ratios if each is not None))


def under(plan: Plan, rounds: Sequence[Round]) -> Paired:
    """Return percentiles, throughput and CPU seconds a request under one load.

    A round's ratio of p50 is the median over its pairs of turns, which noise that hits some of them does not move. All
    else is a matter of the whole round: of rare slow answers, a turn has too few.
    """
    turns = {side: [each.turns[plan.name][side] for each in rounds] for side in (THIS, OTHER)}
    whole = {side: histogram([told for each in mine for told in each.slices]) for side, mine in turns.items()}
    values = dict(_values(turns))
    found = [
        figures.figure(metric, side, plan.name, _of_all(metric, whole[side], each), each)
        for metric, sides in values.items()
        for side, each in sides.items()
    ]
    pairs = {metric: _quotients(sides[THIS], sides[OTHER]) for metric, sides in values.items()}
    pairs["p50"] = [
        float(np.median(_quotients(a.medians, b.medians))) for a, b in zip(turns[THIS], turns[OTHER], strict=True)
    ]
    ratios = [_ratio(metric, plan.name, each) for metric, each in pairs.items()]
    return Paired(
        tuple(found),
        tuple(each for each in ratios if each is not None),
        (_load(plan, [*turns[THIS], *turns[OTHER]], sum(each.seconds for each in rounds)),),
        tuple(Curve(of=side, load=plan.name, points=each.curve()) for side, each in whole.items()),
    )


def _values(turns: Mapping[str, Sequence[Turns]]) -> Iterator[tuple[str, dict[str, list[float]]]]:
    """Yield each metric, and its value in each round by side; percentiles of which every round has enough answers."""
    fewest = min(each.histogram.count for mine in turns.values() for each in mine)
    for metric, (q, needed) in figures.PERCENTILES.items():
        if fewest >= needed:
            yield metric, {side: [each.histogram.percentiles([q])[0] for each in mine] for side, mine in turns.items()}
    yield "throughput", {side: [each.rate for each in mine] for side, mine in turns.items()}
    if all(each.cpu > 0 for mine in turns.values() for each in mine):  # the kernel counts in hundredths of a second
        yield "cpu", {side: [each.cpu for each in mine] for side, mine in turns.items()}


def _of_all(metric: str, whole: Histogram, rounds: Sequence[float]) -> float:
    known = figures.PERCENTILES.get(metric)
    return whole.percentiles([known[0]])[0] if known else float(np.median(rounds))


def _quotients(these: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return the ratios of neighbours; empty where one of them is nothing."""
    pairs = list(zip(these, others, strict=True))
    return [a / b for a, b in pairs] if all(a > 0 and b > 0 for a, b in pairs) else []


def _ratio(metric: str, load: str, pairs: list[float]) -> Ratio | None:
    return figures.ratio(metric, THIS, OTHER, load, pairs) if pairs else None


def _load(plan: Plan, turns: Sequence[Turns], elapsed: float) -> Load:
    return Load(
        name=plan.name,
        arrivals="closed",
        connections=plan.connections,
        rows=plan.rows,
        seconds=sum(told.seconds for each in turns for told in each.slices),
        elapsed=elapsed or None,
        requests=sum(told.answers for each in turns for told in each.slices),
        unchecked=sum(each.result.unchecked for each in turns),
        busy_share=max(each.result.busy_share for each in turns),
        bottleneck=next((each.bottleneck for each in turns if each.bottleneck), ""),
    )
