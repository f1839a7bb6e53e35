"""Write the figures and names of a report for people."""

import math
import re
from typing import Literal

from mlship import formats
from mlship.reports.metrics import METRICS
from mlship.reports.model import Measurement

Effect = Literal["better", "worse", "unclear"]

_TITLES = {
    "max": "longest",
    "cpu": "CPU a request",
    "rss": "memory (RSS)",
    "pss": "memory (PSS)",
    "cold_start": "cold start",
    "size": "model file",
    "f1": "F1",
    "auc": "AUC",
    "r2": "R²",
    "mae": "MAE",
    "cost": "cost of a million",
}
_LOAD = re.compile(r"(?:c(?P<connections>\d+)|(?P<rate>\d+(?:\.\d+)?)/s)(?P<poisson>-poisson)?(?:x(?P<rows>\d+))?")
_STEPS = {
    "s": ((1e-6, 1e9, "ns"), (1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (math.inf, 1.0, "s")),
    "B": ((1e3, 1.0, "B"), (1e6, 1e-3, "kB"), (1e9, 1e-6, "MB"), (math.inf, 1e-9, "GB")),
}


def title(metric: str) -> str:
    """Return what a column of ``metric`` is called."""
    return _TITLES.get(metric, metric)


def figure(metric: str, value: float) -> str:
    """Write a value of ``metric`` with three significant digits in its unit: 14.2 ms, 5,930/s, 71.3 MB, 0.12 %."""
    unit = METRICS[metric].unit if metric in METRICS else "score"
    if unit in _STEPS:
        factor, name = next((factor, name) for below, factor, name in _STEPS[unit] if abs(value) < below * 0.9995)
        return f"{three(value * factor)} {name}" if value else f"0 {unit}"
    if unit == "share":
        return share(value)
    return f"{three(value)}/s" if unit == "1/s" else f"{value:.4g}" if unit == "score" else three(value)


def three(value: float) -> str:
    """Write a number with three significant digits, thousands separated: 0.123, 1.23, 12.3, 123, 12,300."""
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 100 or rounded == 0:
        return f"{rounded:,.0f}"
    return f"{rounded:#.3g}" if abs(rounded) >= 1e-4 else f"{rounded:.3g}"


def interval(measurement: Measurement, *, short: bool = False) -> str:
    """Write the interval of a measurement, "13.9 to 14.6 ms"; empty where it has none.

    ``short`` leaves out a unit that both ends share with the value.
    """
    if measurement.low is None or measurement.high is None:
        return ""
    ends = (measurement.low, measurement.high)
    low, high, value = (figure(measurement.metric, each) for each in (*ends, measurement.value))
    same = _unit(low) == _unit(high)
    if short and same and _unit(value) == _unit(high):
        return f"{_number(low)} to {_number(high)}"
    return f"{_number(low) if same else low} to {high}"


def share(value: float) -> str:
    """Write a share as percent: 0 %, 0.12 %, 3.1 %."""
    return f"{formats.number(value * 100)} %"


def change(ratio: float) -> str:
    """Write a ratio as a change with its sign, +3.1 %; as a factor where it is twice or half and more, 2.40x."""
    if not 0.5 < ratio < 2:
        return formats.times(ratio) if ratio >= 0.1 else f"1/{formats.number(1 / ratio)}" if ratio else "0"
    percent = round((ratio - 1) * 100, 1)
    sign = "+" if percent > 0 else "\N{MINUS SIGN}" if percent < 0 else ""
    return f"{sign}{abs(percent):g} %"


def faster(metric: str, ratio: float) -> str:
    """Write a ratio of times that is twice or half and more in words, 210x faster; else its change."""
    if METRICS[metric].unit == "s" if metric in METRICS else False:
        return change(ratio) if 0.5 < ratio < 2 or not ratio else formats.gain(1 / ratio)
    return change(ratio)


def changes(low: float, high: float) -> str:
    """Write the interval of a ratio: +1.2 to +5.8 %; 200x to 217x where it is that of something much faster."""
    if 0 < high <= 0.5:
        return f"{formats.times(1 / high)} to {formats.times(1 / low)}" if low else f"{formats.times(1 / high)} or more"
    ends = change(low), change(high)
    return f"{_number(ends[0]) if _unit(ends[0]) == _unit(ends[1]) else ends[0]} to {ends[1]}"


def effect(metric: str, low: float, high: float) -> Effect:
    """Say what a ratio between ``low`` and ``high`` means: clear only where 1 lies outside."""
    if low <= 1 <= high or metric not in METRICS:
        return "unclear"
    return "better" if (high < 1) == (METRICS[metric].better == "lower") else "worse"


def load(name: str) -> str:
    """Say a load in words: "c8x100" is 8 connections of 100 rows, "500/s-poisson" 500/s at random; others stay."""
    if (found := _LOAD.fullmatch(name)) is None:
        return name
    connections, rate, rows = found["connections"], found["rate"], found["rows"]
    words = plural(int(connections), "connection") if connections else f"{float(rate):,.6g}/s"
    return words + (", random arrivals" if found["poisson"] else "") + (f", {rows} rows" if rows else "")


def rows_of(load_name: str) -> int | None:
    """Return the rows of a call in process ("100 rows"), None for any other load."""
    found = re.fullmatch(r"([\d,]+) rows?", load_name)
    return int(found[1].replace(",", "")) if found else None


def plural(number: int, noun: str) -> str:
    """Count: 1 row, 10,000 rows."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _unit(words: str) -> str:
    """Return what stands behind the number, with the space before it: " ms", "/s", "x"."""
    return re.sub("^[+\N{MINUS SIGN}-]?[0-9.,]+", "", words)


def _number(words: str) -> str:
    return words.removesuffix(_unit(words))
