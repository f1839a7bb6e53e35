"""Before and after: what a report says against a baseline, another workspace, or the original model."""

from dataclasses import dataclass

from mlship.reports import words
from mlship.reports.metrics import METRICS
from mlship.reports.model import Measurement, Ratio, Report, Verdict
from mlship.reports.summary import ORIGINAL

_OF_A_MACHINE = {"s", "1/s", "money"}


@dataclass(frozen=True)
class Difference:
    """One figure before and after. ``low`` to ``high`` holds the ratio with 95 %; all None where it has no meaning."""

    metric: str
    of: str
    load: str
    before: float | None
    after: float | None
    ratio: float | None
    low: float | None
    high: float | None

    @property
    def effect(self) -> words.Effect:
        """Whether it got better or worse: only where the whole interval lies on one side."""
        if self.low is None or self.high is None:
            return "unclear"
        return words.effect(self.metric, self.low, self.high)


def to_baseline(report: Report) -> list[Difference]:
    """Compare with the older report, figure by figure, where both have it.

    The interval is that of the gate, where one asked for this figure, else the widest that both figures' own intervals
    allow (lower end over upper end and the other way round), which is cautious: it holds more than 95 %. Times and
    rates of another machine (the option across_hosts) differ for that alone: only a gate's interval is right for them.
    """
    elsewhere = bool(report.options.get("across_hosts"))
    older = {(each.metric, each.of, each.load): each for each in report.baseline}
    judged = {(each.metric, each.of, each.load): each for each in report.verdicts if each.relative}
    found = []
    for after in report.measurements:
        key = (after.metric, after.of, after.load)
        if key in older:
            found.append(_difference(older[key], after, judged.get(key), elsewhere=elsewhere))
    return found


def to_other(report: Report) -> list[Difference]:
    """Compare with the other workspace, by the ratios of interleaved rounds."""
    return [_of(report, ratio) for ratio in report.ratios if ratio.over != ORIGINAL]


def to_original(report: Report) -> list[Difference]:
    """Compare each model with the original, by the ratios of interleaved rounds."""
    return [_of(report, ratio) for ratio in report.ratios if ratio.over == ORIGINAL]


def _of(report: Report, ratio: Ratio) -> Difference:
    before, after = (report.find(ratio.metric, name, ratio.load) for name in (ratio.over, ratio.of))
    values = (before.value if before else None, after.value if after else None)
    return Difference(ratio.metric, ratio.of, ratio.load, *values, ratio.estimate, ratio.low, ratio.high)


def _difference(before: Measurement, after: Measurement, verdict: Verdict | None, *, elsewhere: bool) -> Difference:
    ratio = after.value / before.value if before.value > 0 else None
    low, high = (1 + verdict.low, 1 + verdict.high) if verdict else _widest(before, after, ratio)
    if elsewhere and verdict is None and after.metric in METRICS and METRICS[after.metric].unit in _OF_A_MACHINE:
        low, high = None, None
    names = (after.metric, after.of, after.load)
    return Difference(*names, before.value, after.value, ratio, low, high)


def _widest(before: Measurement, after: Measurement, ratio: float | None) -> tuple[float | None, float | None]:
    if before.low and before.high and after.low and after.high:
        return after.low / before.high, after.high / before.low
    exact = before.metric in METRICS and METRICS[before.metric].exact
    return (ratio, ratio) if exact else (None, None)
