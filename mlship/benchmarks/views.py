"""From the figures of a report to what its templates show: cards, charts, bars and sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlship import formats
from mlship.benchmarks import plots
from mlship.benchmarks.in_process import NATIVE, ORIGINAL

Document = Mapping[str, Any]

#: Numbers of colours (and dash patterns) in the page's style sheet.
_COLOURS = {ORIGINAL: 0, NATIVE: 1, "converted": 1, "optimised": 2}
_SERVICE_COLOURS = (3, 4, 5)


@dataclass(frozen=True)
class Card:
    """One figure that matters, what it is, and what must be known to read it."""

    figure: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar of ``percent`` of the longest one."""

    label: str
    colour: int
    percent: float
    figure: str


def values(document: Document) -> dict[str, Any]:
    """Return all that the templates need beside the document itself."""
    single, many = document["in_process"]
    service = document["service"]
    return {
        "shipped": shipped(document),
        "cards": _cards(document),
        "sections": [_section(single), _section(many)],
        "service_chart": _service_chart(service) if service else None,
        "service_bars": _service_bars(service) if service else [],
        "busy": [name(run) for run in service["runs"] if run["generator_was_bottleneck"]] if service else [],
        "run_name": name,
        "colours": _COLOURS,
    }


def shipped(document: Document) -> str:
    """Return the candidate that is served: the optimised model, where there is one."""
    return str(list(document["in_process"][0]["candidates"])[-1])


def speedup(document: Document, of: str, over: str = ORIGINAL) -> Mapping[str, Any] | None:
    """Return how many times faster one candidate is than another for one row, None when that was not measured."""
    pairs = document["in_process"][0]["speedups"]
    return next((pair for pair in pairs if (pair["of"], pair["over"]) == (of, over)), None)


def busiest(service: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the run of single rows with the most connections."""
    return max((run for run in service["runs"] if run["rows"] == 1), key=lambda run: int(run["connections"]))


def name(run: Mapping[str, Any]) -> str:
    """Name a run of the service: 8 connections; 1 connection, 100 rows."""
    connections = f"{run['connections']} connection{'s' * (run['connections'] > 1)}"
    return connections if run["rows"] == 1 else f"{connections}, {run['rows']} rows"


def _cards(document: Document) -> list[Card]:
    candidate, service = shipped(document), document["service"]
    figures = document["in_process"][0]["candidates"][candidate]
    cards = [Card(formats.seconds(figures["p50_seconds"]), "one row, in process", f"median, {candidate} model")]
    if (gain := speedup(document, candidate)) is not None:
        interval = f"95\N{NO-BREAK SPACE}% interval {formats.times(gain['low'])} to {formats.times(gain['high'])}"
        figure = formats.times(max(gain["estimate"], 1 / gain["estimate"]))
        label = formats.gain(gain["estimate"], "the original").removeprefix(f"{figure} ")
        cards.append(Card(figure, label, interval))
    if service is None:
        return cards
    run = busiest(service)
    return [
        *cards,
        Card(formats.number(run["requests_per_second"]), "requests a second", f"service, {name(run)}"),
        Card(formats.seconds(run["latency"]["p99_seconds"]), "99 % answered within", f"service, {name(run)}"),
        Card(formats.size(service["rss_under_load_bytes"]), "memory under load", "service, resident set"),
        Card(formats.seconds(service["cold_start_seconds"]), "cold start", "from start to ready"),
    ]


def _section(run: Mapping[str, Any]) -> dict[str, Any]:
    candidates = run["candidates"]
    curves = {label: figures["curve"] for label, figures in candidates.items()}
    throughput = [(label, _COLOURS[label], figures["rows_per_second"]) for label, figures in candidates.items()]
    return {
        "rows": run["rows"],
        "title": f"{run['rows']:,} row{'s' * (run['rows'] > 1)} a call",
        "candidates": candidates,
        "chart": plots.latency(curves, _COLOURS),
        "bars": _bars(throughput, "rows/s"),
        "verdicts": [_verdict(pair) for pair in run["speedups"]],
    }


def _service_chart(service: Mapping[str, Any]) -> plots.Chart:
    curves = {name(run): run["latency"]["curve"] for run in service["runs"]}
    colours = {label: _SERVICE_COLOURS[number % len(_SERVICE_COLOURS)] for number, label in enumerate(curves)}
    return plots.latency(curves, colours)


def _service_bars(service: Mapping[str, Any]) -> list[Bar]:
    figures = [
        (name(run), _SERVICE_COLOURS[number % len(_SERVICE_COLOURS)], float(run["requests_per_second"]))
        for number, run in enumerate(service["runs"])
    ]
    return _bars(figures, "requests/s")


def _bars(figures: Sequence[tuple[str, int, float]], unit: str) -> list[Bar]:
    longest = max(value for _, _, value in figures)
    return [Bar(label, c, 100 * value / longest, f"{formats.number(value)} {unit}") for label, c, value in figures]


def _verdict(pair: Mapping[str, Any]) -> str:
    """Say what an interval allows to say."""
    if pair["low"] <= 1 <= pair["high"]:
        interval = f"{formats.times(pair['low'])} to {formats.times(pair['high'])}"
        return f"{pair['of']} against {pair['over']}: no difference that this run can tell ({interval})"
    slower = pair["high"] < 1
    low, high = (1 / pair["high"], 1 / pair["low"]) if slower else (pair["low"], pair["high"])
    interval = f"95\N{NO-BREAK SPACE}% interval {formats.times(low)} to {formats.times(high)}"
    return f"{pair['of']} is {formats.gain(pair['estimate'], pair['over'])} ({interval})"
