"""What a benchmark is going to measure, as stand-ins for its figures: gates are held against them before it starts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

from mlship.reports.metrics import METRICS
from mlship.reports.model import Measurement
from mlship.trials import figures
from mlship.trials.loads import Loads
from mlship.trials.models import NATIVE, ORIGINAL, models
from mlship.trials.paired import OTHER, THIS

_LATENCIES = (*figures.PERCENTILES, "max")
_SCORES = tuple(name for name, metric in METRICS.items() if metric.unit == "score")


def in_process(inputs: Mapping[str, Path], sizes: Iterable[int]) -> Iterator[Measurement]:
    """Yield figures of the models of a stage's inputs; scores too, which come where true answers are known."""
    names = [kind for kind in (ORIGINAL, NATIVE) if kind in inputs] + [*models(inputs)]
    yield from _each((*_LATENCIES, "throughput"), names, [figures.load(rows) for rows in sizes])
    yield from _each(("size", *_SCORES), names)


def service(loads: Loads, *, started: bool) -> Iterator[Measurement]:
    """Yield figures of a service under ``loads``; memory and CPU time of one elsewhere come where they can be known.

    ``started``: by the benchmark, so that its cold start is measured.
    """
    plans = loads.plans()
    yield from _each((*_LATENCIES, "throughput", "errors", "cpu"), ["service"], [plan.name for plan in plans])
    yield from _each(("rss", "pss", *(["cold_start"] if started else [])), ["service"])
    if loads.price is not None:
        yield from _each(("cost",), ["service"], [plan.name for plan in plans if plan.rate is None])
    if loads.objective is not None:
        yield from _each(("capacity",), ["service"])


def compared_services(loads: Loads) -> Iterator[Measurement]:
    """Yield figures of the services of two workspaces."""
    names = [plan.name for plan in loads.plans()]
    yield from _each((*figures.PERCENTILES, "throughput", "cpu"), [THIS, OTHER], names)
    yield from _each(("cold_start", "rss"), [THIS, OTHER])


def compared_models(sizes: Iterable[int]) -> Iterator[Measurement]:
    """Yield figures of the models of two workspaces."""
    yield from _each((*_LATENCIES, "throughput"), [THIS, OTHER], [figures.load(rows) for rows in sizes])


def _each(metrics: Sequence[str], names: Sequence[str], loads: Sequence[str] = ("",)) -> Iterator[Measurement]:
    for metric, of, load in product(metrics, names, loads):
        yield Measurement(metric=metric, of=of, load=load, value=1.0)
