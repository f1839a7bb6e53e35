"""The plots of a report: which figures lie on which axes.

The percentile axis is that of HdrHistogram's plots: 0, 90, 99, 99.9 % at equal distances, log10(1 / (1 - q)).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from mlship import formats
from mlship.reports import words
from mlship.reports.drawing import MOST_LINES, Axis, Drawn, Line, Plot, Values
from mlship.reports.model import Capacity, Curve, Load, Moment, Report, Timeline
from mlship.reports.summary import ORIGINAL, SINGLE, served, shipped

#: In the order in which one of them is shown against latency.
_QUALITY = ("accuracy", "r2", "f1", "auc", "mae")
_COLOURS = {ORIGINAL: 0, "native": 1, "converted": 1, "optimised": 2, "this": 1, "other": 0}


def of_calls(report: Report) -> list[Plot]:
    """Return latency by percentile in process: a plot for each number of rows, a line for each model."""
    curves = [curve for curve in report.curves if words.rows_of(curve.load) is not None]
    return [_compared(load, group) for load, group in _by_load(curves).items()]


def of_service(report: Report) -> list[Plot]:
    """Return latency by percentile under load: a line for each load, or a plot for each where services are compared."""
    curves = [curve for curve in report.curves if words.rows_of(curve.load) is None]
    if len({curve.of for curve in curves}) > 1:
        found = [_compared(load, group) for load, group in _by_load(curves).items()]
    else:
        named = {words.load(curve.load): curve for curve in curves}
        found = [_percentiles("Latency by percentile", named, {})] if curves else []
    return [*found, *_throughput(report), *(_objective(each) for each in report.capacities if each.steps)]


def over_time(report: Report) -> list[Plot]:
    """Return how latency and memory went over long runs."""
    return [_timeline(each) for each in report.timelines if each.moments]


def of_candidates(report: Report) -> list[Plot]:
    """Return quality against the latency of one row, where at least two models have both."""
    metric = next((name for name in _QUALITY if any(each.metric == name for each in report.measurements)), None)
    scores = {each.of: each.value for each in report.measurements if each.metric == metric and not each.load}
    times = {each.of: each.value for each in report.measurements if (each.metric, each.load) == ("p50", SINGLE)}
    names = sorted(scores.keys() & times.keys(), key=lambda name: (times[name], name))
    if metric is None or len(names) < 2:
        return []
    title = words.title(metric)
    return [
        Plot(
            f"{title[0].upper()}{title[1:]} against latency",
            f"{title} against median latency of one row: {', '.join(names)}",
            tuple(times[name] for name in names),
            Axis("median latency, one row", "s", log=True),
            Axis(title, "score"),
            _kinds(report, names, scores),
            labels=tuple(names),
        )
    ]


def _kinds(report: Report, names: Sequence[str], scores: Mapping[str, float]) -> tuple[Line, ...]:
    """Return the original, what is shipped, and all others as points of their own kind."""
    kind = dict.fromkeys(names, "candidates") | {shipped(report): "shipped", ORIGINAL: ORIGINAL}
    looks: dict[str, tuple[int, Drawn]] = {
        ORIGINAL: (0, "hollow"),
        "shipped": (2, "points"),
        "candidates": (1, "points"),
    }
    return _filled(
        Line(of, tuple(scores[name] if kind[name] == of else None for name in names), colour, drawn, named=True)
        for of, (colour, drawn) in looks.items()
    )


def _filled(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Leave out lines without a value."""
    return tuple(line for line in lines if any(value is not None for value in line.values))


def _by_load(curves: Iterable[Curve]) -> dict[str, dict[str, Curve]]:
    found: dict[str, dict[str, Curve]] = {}
    for curve in curves:
        found.setdefault(curve.load, {})[curve.of] = curve
    return found


def _compared(load: str, curves: Mapping[str, Curve]) -> Plot:
    name = words.load(load)
    return _percentiles(f"{name} a call" if words.rows_of(load) is not None else name, curves, _COLOURS)


def _percentiles(title: str, curves: Mapping[str, Curve], colours: Mapping[str, int]) -> Plot:
    """Lay out curves over one axis: each is interpolated between its points, in the plot's own scales."""
    shown = dict(list(curves.items())[:MOST_LINES])
    places = {name: _places(curve) for name, curve in shown.items()}
    x = sorted({nines for line in places.values() for nines, _ in line})
    free = [number for number in range(MOST_LINES) if number not in {colours.get(name) for name in shown}]
    lines = [
        Line(name, _on(x, line), colours[name] if name in colours else free.pop(0)) for name, line in places.items()
    ]
    told = f"{title}: latency by percentile on logarithmic axes, of {', '.join(shown)}; the figures are in the table"
    share, time = Axis("share of answers that were at least as fast", "nines"), Axis("latency", "s", log=True)
    return Plot(title, told, tuple(x), share, time, tuple(lines))


def _places(curve: Curve) -> list[tuple[float, float]]:
    """Return (nines, seconds); the 100th percentile lies at infinity and is left out."""
    return [(_short(np.log10(1 / (1 - q / 100))), seconds) for q, seconds in curve.points if q < 100 and seconds > 0]


def _on(x: Sequence[float], line: Sequence[tuple[float, float]]) -> Values:
    if not line:
        return (None,) * len(x)
    nines, seconds = np.array(line).T
    found = np.exp(np.interp(x, nines, np.log(seconds), left=np.nan, right=np.nan))
    return tuple(None if np.isnan(value) else _short(value) for value in found)


def _throughput(report: Report) -> list[Plot]:
    """Return latency against throughput of requests of one row, closed loops connected in the order of connections."""
    of, singles = served(report) or "", [load for load in report.loads if load.rows == 1]
    rates = {load.name: found.value for load in singles if (found := report.find("throughput", of, load.name))}
    loads = sorted((load for load in singles if load.name in rates), key=lambda load: rates[load.name])
    if len(loads) < 2:
        return []
    named = tuple(words.load(load.name) for load in loads)
    return [
        Plot(
            "Latency against throughput",
            f"latency against throughput at {', '.join(named)}; the figures are in the table",
            tuple(rates[load.name] for load in loads),
            Axis("requests a second", "1/s", zero=True),
            Axis("latency", "s", log=True),
            _filled(
                line
                for metric, colour in (("p50", 1), ("p99", 0))
                for line in _loops(report, of, loads, metric, colour)
            ),
            labels=named,
        )
    ]


def _loops(report: Report, of: str, loads: Sequence[Load], metric: str, colour: int) -> tuple[Line, Line]:
    """Return ``metric`` over closed loops and over open ones."""
    found = [report.find(metric, of, load.name) for load in loads]
    values = [each.value if each else None for each in found]
    closed = [number for number, load in enumerate(loads) if load.arrivals == "closed"]
    opened = [number for number, load in enumerate(loads) if load.arrivals != "closed"]
    order = (tuple(sorted(closed, key=lambda number: loads[number].connections)),)
    named = metric == "p99"  # the names stand at one of the lines only
    return (
        Line(metric, _only(values, closed), colour, "both", order=order, named=named),
        Line(f"{metric}, open loop", _only(values, opened), colour, "hollow", named=named),
    )


def _only(values: Sequence[float | None], numbers: Iterable[int]) -> Values:
    kept = set(numbers)
    return tuple(value if number in kept else None for number, value in enumerate(values))


def _objective(capacity: Capacity) -> Plot:
    steps = sorted(capacity.steps, key=lambda step: step.rate)
    limit = formats.seconds(capacity.limit)
    met = tuple(step.latency if step.met else None for step in steps)
    missed = tuple(None if step.met else step.latency for step in steps)
    lines = (Line("within the objective", met, 2, "points"), Line("beyond it", missed, 5, "hollow"))
    found = f"the highest rate is {words.three(capacity.rate)}/s" if capacity.rate else "no rate met it"
    return Plot(
        f"Search for {capacity.metric} within {limit}",
        f"{capacity.metric} at {len(steps)} rates that were tried; {found}",
        tuple(step.rate for step in steps),
        Axis("requests a second, offered", "1/s"),
        Axis(capacity.metric, "s", log=True),
        _filled(lines),
        levels=((capacity.limit, limit),),
        places=((capacity.rate, f"{words.three(capacity.rate)}/s"),) if capacity.rate else (),
    )


def _timeline(timeline: Timeline) -> Plot:
    moments = timeline.moments
    lines = [
        Line("p50", _series(moments, "p50"), 1),
        Line("p99", _series(moments, "p99"), 0),
        Line("longest", _series(moments, "longest"), 5),
    ]
    memory = _series(moments, "rss_bytes")
    with_memory = any(value is not None for value in memory)
    told = (
        f"{timeline.of} under {words.load(timeline.load)} over {moments[-1].second:.0f} s; the figures are in the table"
    )
    return Plot(
        f"{timeline.of}, {words.load(timeline.load)}",
        told,
        tuple(moment.second for moment in moments),
        Axis("time", "s"),
        Axis("latency", "s", log=True),
        (*lines, Line("memory", memory, 3, second=True)) if with_memory else tuple(lines),
        second_axis=Axis("memory", "B", zero=True) if with_memory else None,
        ticks=tuple(moment.second for moment in moments if moment.failures),
    )


def _series(moments: Iterable[Moment], field: Literal["p50", "p99", "longest", "rss_bytes"]) -> Values:
    return tuple(getattr(moment, field) for moment in moments)


def _short(value: float) -> float:
    """Cut to six significant digits, which no screen shows and every page would carry."""
    return float(f"{value:.6g}")
