"""What a report says in a line, in a few figures, and in the facts that the lock keeps."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlship import formats
from mlship.reports import words
from mlship.reports.model import Load, Measurement, Ratio, Report

ORIGINAL, SINGLE = "original", "1 row"

_SHIPPED = ("optimised", "converted", "native")
_SERVED = ("service", "this")


@dataclass(frozen=True)
class Key:
    """One figure that matters, what it is, and what must be known to read it."""

    figure: str
    label: str
    detail: str
    measurement: Measurement | None = None


def summarise(report: Report) -> str:
    """Say the result in one line: one row: 12 µs, 310x faster than the original; service: 2,900/s, p99 3.1 ms."""
    parts = [*_said_of_rows(report), *_said_of_service(report), *_said_of_ratios(report), *_said_of_gates(report)]
    line = "; ".join(parts) or "nothing was measured"
    return f"stopped early: {line}" if report.interrupted else line


def facts(report: Report) -> dict[str, float]:
    """Return the few figures that the lock keeps, in seconds, bytes and requests a second; only what was measured."""
    found = {"one_row_p50_seconds": _single(report), **_served(report)}
    figures = {name: each.value for name, each in found.items() if each is not None}
    if (gain := speedup(report)) is not None:
        figures["one_row_speedup"] = 1 / gain.estimate
    return figures


def keys(report: Report) -> list[Key]:
    """Return the figures to show first."""
    return [*_row_keys(report), *_service_keys(report), *_capacity_keys(report)]


def shipped(report: Report) -> str | None:
    """Return which model is served: the optimised one, where it was measured; None for a service alone."""
    measured = {each.of for each in report.measurements}
    return next((name for name in _SHIPPED if name in measured), None)


def served(report: Report) -> str | None:
    """Return what the report's service is called, None where none was measured."""
    measured = {each.of for each in report.measurements}
    return next((name for name in _SERVED if name in measured), None)


def speedup(report: Report) -> Ratio | None:
    """Return the time of the shipped model over the original's for one row."""
    wanted = ("p50", shipped(report), ORIGINAL, SINGLE)
    found = (each for each in report.ratios if (each.metric, each.of, each.over, each.load) == wanted)
    return next((each for each in found if each.estimate > 0), None)


def busiest(report: Report) -> Load | None:
    """Return the load of single rows with the most connections, or the highest rate where all were open loops."""
    measured = {each.load for each in report.measurements if each.of == served(report)}
    singles = [load for load in report.loads if load.rows == 1 and load.name in measured]
    return max(singles, key=lambda load: (load.arrivals == "closed", load.rate or load.connections), default=None)


def outcomes(report: Report) -> dict[str, int]:
    """Count the verdicts: failed, unclear, passed."""
    found = [verdict.outcome for verdict in report.verdicts]
    return {outcome: found.count(outcome) for outcome in ("failed", "unclear", "passed") if outcome in found}


def _single(report: Report) -> Measurement | None:
    name = shipped(report)
    return report.find("p50", name, SINGLE) if name else None


def _served(report: Report) -> dict[str, Measurement | None]:
    name, load = served(report), busiest(report)
    if name is None:
        return {}
    under = load.name if load else ""
    return {
        "requests_per_second": report.find("throughput", name, under),
        "p99_seconds": report.find("p99", name, under),
        "rss_under_load_bytes": _highest(report, "rss", name),
        "cold_start_seconds": report.find("cold_start", name),
    }


def _highest(report: Report, metric: str, of: str) -> Measurement | None:
    """Return the one without a load, else the largest of all loads."""
    found = [each for each in report.measurements if (each.metric, each.of) == (metric, of)]
    return report.find(metric, of) or max(found, key=lambda each: each.value, default=None)


def _row_keys(report: Report) -> Iterator[Key]:
    single, gain = _single(report), speedup(report)
    if single is not None:
        detail = f"median, {single.of} model"
        yield Key(words.figure("p50", single.value), "one row, in process", detail, single)
    if gain is not None:
        low, high = sorted((1 / gain.high, 1 / gain.low), key=lambda factor: max(factor, 1 / factor))
        both = [formats.times(max(factor, 1 / factor)) for factor in (low, high)]
        told = formats.gain(1 / gain.estimate, "the original")
        figure, label = told.split(" ", 1) if "x " in told else ("1.00x", told)
        detail = _between(both) if gain.high < 1 or gain.low > 1 else "no difference that this run can tell"
        yield Key(figure, label, detail)


def _service_keys(report: Report) -> Iterator[Key]:
    load, figures = busiest(report), _served(report)
    told = {
        "requests_per_second": ("requests a second", words.load(load.name) if load else ""),
        "p99_seconds": ("99 % answered within", words.load(load.name) if load else ""),
        "rss_under_load_bytes": ("memory of the service", "peak, resident set"),
        "cold_start_seconds": ("cold start", "to the first right answer"),
    }
    for name, (label, detail) in told.items():
        if (found := figures.get(name)) is not None:
            figure = words.figure(found.metric, found.value)
            yield Key(figure.removesuffix("/s"), label, detail, found)


def _capacity_keys(report: Report) -> Iterator[Key]:
    for each in report.capacities:
        figure = words.three(each.rate) if each.rate else "none"
        limit = f"{each.metric} within {formats.seconds(each.limit)}"
        yield Key(figure, "requests a second, at most", f"{limit}, {words.plural(each.rows, 'row')} a request")


def _between(both: Iterable[str]) -> str:
    return f"95\N{NO-BREAK SPACE}% interval {' to '.join(both)}"


def _said_of_rows(report: Report) -> Iterator[str]:
    if (single := _single(report)) is not None:
        gain = speedup(report)
        told = f", {formats.gain(1 / gain.estimate, 'the original')}" if gain else ""
        yield f"one row: {formats.seconds(single.value)}{told}"


def _said_of_service(report: Report) -> Iterator[str]:
    figures = _served(report)
    rate, latency = figures.get("requests_per_second"), figures.get("p99_seconds")
    told = [f"{formats.number(rate.value)} requests/s"] if rate else []
    told += [f"p99 {formats.seconds(latency.value)}"] if latency else []
    if told:
        yield f"{served(report)}: {', '.join(told)}"
    for each in report.capacities:
        objective = f"{each.metric} within {formats.seconds(each.limit)}"
        yield f"{objective} up to {formats.number(each.rate)} requests/s" if each.rate else f"{objective} at no rate"


def _said_of_ratios(report: Report) -> Iterator[str]:
    """Say the first two ratios of a comparison."""
    for each in [ratio for ratio in report.ratios if ratio.over == "other"][:2]:
        where = f" at {words.load(each.load)}" if each.load else ""
        yield f"{each.metric}{where} {words.change(each.estimate)} ({words.changes(each.low, each.high)})"


def _said_of_gates(report: Report) -> Iterator[str]:
    counts = outcomes(report)
    if counts:
        yield f"gates: {', '.join(f'{number} {outcome}' for outcome, number in counts.items())}"
