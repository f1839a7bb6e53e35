"""Say a verdict to people, in one sentence."""

import math

from mlship.reports import words
from mlship.reports.model import Verdict
from mlship.verdicts.changes import Known
from mlship.verdicts.subjects import label


def sentence(verdict: Verdict, figure: Known | None, against: str, assumed: float = 0.0) -> str:
    """Say what was measured, its change, the limit and the outcome.

    "p99@c64: 14.2 ms (13.9 to 14.6 ms), +3.1 % (+0.4 to +5.8 %) against main.json; limit +10 %: passed". ``assumed``:
    the share by which figures that were measured once are taken to differ from run to run.
    """
    parts = []
    if figure is not None:
        parts.append(_figure(verdict.metric, figure))
    if verdict.relative:
        taken = f" (measured once: taken to be right within {100 * assumed:.0f} %)" if assumed else ""
        parts.append(f"{_change(verdict)} against {against}{taken}")
        limit = words.change(1 + verdict.limit)
    else:
        limit = words.figure(verdict.metric, verdict.limit)
    name = label(verdict.metric, verdict.of, verdict.load)
    return f"{name}: {', '.join(parts)}; limit {limit}: {_outcome(verdict)}"


def _figure(metric: str, known: Known) -> str:
    value = words.figure(metric, known.value)
    if known.exact:
        return value
    return f"{value} ({_range(words.figure(metric, known.low), words.figure(metric, known.high))})"


def _change(verdict: Verdict) -> str:
    value, low, high = (words.change(1 + each) for each in (verdict.value, verdict.low, verdict.high))
    return value if verdict.low == verdict.high else f"{value} ({_range(low, high)})"


def _range(low: str, high: str) -> str:
    """Write both ends, with the unit once where it is the same: 13.9 to 14.6 ms, 4,900 to 5,100/s."""
    for unit in (f" {high.rpartition(' ')[2]}", "/s"):
        if low.endswith(unit) and high.endswith(unit):
            return f"{low.removesuffix(unit)} to {high}"
    return f"{low} to {high}"


def _outcome(verdict: Verdict) -> str:
    if verdict.outcome != "unclear":
        return verdict.outcome
    if verdict.minutes is None:
        return "unclear at this noise"
    if verdict.minutes >= 60:
        return "unclear at this noise, more than an hour of measuring would be needed to tell"
    if verdict.minutes < 1:
        seconds = max(math.ceil(verdict.minutes * 60), 1)
        return f"unclear at this noise, about {words.plural(seconds, 'more second')} would tell"
    return f"unclear at this noise, about {words.plural(math.ceil(verdict.minutes), 'more minute')} would tell"
