"""report.html: one page that needs nothing else."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from markupsafe import Markup

from mlship import formats
from mlship.axes import Scale, scale
from mlship.rendering import render, templates
from mlship.reports import differences, pivots, plots, words
from mlship.reports.differences import Difference
from mlship.reports.drawing import Plot
from mlship.reports.model import Moment, Report
from mlship.reports.summary import keys, outcomes, summarise

#: Colour never stands alone: each outcome has its sign and its word.
SIGNS = {"passed": "✓", "failed": "✗", "unclear": "?", "better": "✓", "worse": "✗"}

_HEADINGS = {"workspace": "Benchmark", "url": "Benchmark of a service", "comparison": "Comparison"}


@dataclass(frozen=True)
class Strip:
    """An interval on a common logarithmic axis, in percent of its width; ``one`` is where nothing differs."""

    at: float
    low: float
    high: float
    one: float


@dataclass(frozen=True)
class Changed:
    """A difference as it is shown, in words."""

    name: str
    before: str
    after: str
    change: str
    interval: str
    effect: words.Effect
    strip: Strip | None


def text(report: Report) -> str:
    """Return the page."""
    sections = {
        "calls": plots.of_calls(report),
        "service": plots.of_service(report),
        "time": plots.over_time(report),
        "candidates": plots.of_candidates(report),
    }
    values = {
        "report": report,
        "heading": _HEADINGS[report.kind],
        "headline": summarise(report),
        "keys": keys(report),
        "outcomes": outcomes(report),
        "sections": sections,
        "tables": {
            "calls": pivots.in_process(report),
            "service": pivots.service(report),
            "models": pivots.models(report),
            "resources": pivots.resources(report),
        },
        "baseline": changed(differences.to_baseline(report)),
        "other": changed(differences.to_other(report)),
        "original": changed(differences.to_original(report)),
        "doubts": doubts(report),
        "soaks": [(each, [_moment(moment) for moment in each.moments]) for each in report.timelines],
        **assets([plot for section in sections.values() for plot in section]),
    }
    return render("report/page.html.j2", values)


def assets(shown: Sequence[Plot]) -> dict[str, Any]:
    """Return what each page with plots needs: the library, our script, and the plots by number."""
    folder = templates() / "report"
    files = {
        "library": "vendor/uPlot.iife.min.js",
        "library_style": "vendor/uPlot.min.css",
        "licence": "vendor/uPlot.LICENSE.txt",
        "script": "charts.js",
    }
    # ours or vendored, so no user's text is in them
    inlined = {name: Markup((folder / file).read_text("utf-8")) for name, file in files.items()}  # noqa: S704
    return {
        **inlined,
        "plots": [asdict(plot) for plot in shown],
        "number": {id(plot): number for number, plot in enumerate(shown)},
        "identity": id,
        "format": formats,
        "words": words,
        "signs": SIGNS,
    }


def changed(found: Sequence[Difference]) -> list[Changed]:
    """Put differences in words, and their intervals on one axis."""
    strips, several = _strips(found), len({each.of for each in found}) > 1
    return [
        Changed(
            name=_name(each, several=several),
            before="" if each.before is None else words.figure(each.metric, each.before),
            after="" if each.after is None else words.figure(each.metric, each.after),
            change="" if each.ratio is None else words.faster(each.metric, each.ratio),
            interval=_interval(each),
            effect=each.effect,
            strip=strip,
        )
        for each, strip in zip(found, strips, strict=True)
    ]


def doubts(report: Report) -> list[str]:
    """Return what must be known of the loads: what failed, and where the load generator may have been the limit."""
    said = []
    for load in report.loads:
        name = words.load(load.name)
        if load.bottleneck:
            said.append(f"{name}: {load.bottleneck}")
        if load.failures:
            listed = ", ".join(f"{count:,} times {kind}" for kind, count in sorted(load.failures.items()))
            said.append(f"{name}: of {words.plural(load.requests, 'request')} failed {listed}")
        if load.unchecked:
            said.append(f"{name}: {words.plural(load.unchecked, 'answer')} not compared with the golden set")
    return said


def _name(each: Difference, *, several: bool) -> str:
    """Name a figure; of what it is, where that is not the same for all."""
    parts = (words.title(each.metric), each.of if several else "", words.load(each.load))
    return ", ".join(part for part in parts if part)


def _interval(each: Difference) -> str:
    if each.low is None or each.high is None or each.low == each.high:
        return ""
    return words.changes(each.low, each.high)


def _strips(found: Sequence[Difference]) -> list[Strip | None]:
    """Place the intervals on one axis that shows 1; what lies four times as far as the usual one ends at its edge."""
    drawn = [
        [math.log(end) for end in (each.ratio, each.low, each.high)] if each.ratio and each.low and each.high else None
        for each in found
    ]
    reaches = [max(abs(end) for end in ends) for ends in drawn if ends]
    furthest = max(4 * median(reaches), 0.01) if reaches else 1.0
    shown = [end for ends in drawn if ends for end in ends if abs(end) <= furthest]
    edges = (max(min([0.0, *shown]), -furthest), min(max([0.0, *shown]), furthest))
    room = (edges[1] - edges[0]) * 0.08 or 0.01
    place = scale(edges[0] - room, edges[1] + room, 0.0, 100.0)
    return [_strip(ends, place) if ends else None for ends in drawn]


def _strip(ends: Sequence[float], place: Scale) -> Strip:
    at, low, high = (min(max(place(end), 1.5), 98.5) for end in ends)
    return Strip(at, low, high, place(0.0))


def _moment(moment: Moment) -> list[str]:
    times = [moment.p50, moment.p99, moment.longest]
    return [
        f"{moment.second:g} s",
        f"{moment.requests:,}",
        f"{moment.failures:,}",
        *("" if value is None else words.figure("p50", value) for value in times),
        "" if moment.rss_bytes is None else words.figure("rss", moment.rss_bytes),
    ]
