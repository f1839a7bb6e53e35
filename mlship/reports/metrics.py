"""The names of what is measured: their units, which way is better, and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

#: "s" seconds, "1/s" a second, "B" bytes, "share" 0 to 1, "score" without a unit, "money" in the currency of the price.
Unit = Literal["s", "1/s", "B", "share", "score", "money"]


@dataclass(frozen=True)
class Metric:
    """A name that gates, tables and plots use, in ``unit``; ``told`` says what it is."""

    name: str
    unit: Unit
    better: Literal["lower", "higher"]
    told: str

    @property
    def exact(self) -> bool:
        """Whether the same thing measured again gives the same figure: a size, a score on the same rows."""
        return self.name == "size" or self.unit == "score"


_ALL = (
    Metric("p50", "s", "lower", "median latency"),
    Metric("p90", "s", "lower", "latency that 90 % of answers do not exceed"),
    Metric("p95", "s", "lower", "latency that 95 % of answers do not exceed"),
    Metric("p99", "s", "lower", "latency that 99 % of answers do not exceed"),
    Metric("p99.9", "s", "lower", "latency that 99.9 % of answers do not exceed"),
    Metric("max", "s", "lower", "longest latency"),
    Metric("throughput", "1/s", "higher", "answers a second; in process, rows a second"),
    Metric("errors", "share", "lower", "share of requests that got no right answer"),
    Metric("cpu", "s", "lower", "CPU time of the service for a request"),
    Metric("rss", "B", "lower", "peak resident memory of the service"),
    Metric(
        "pss", "B", "lower", "peak proportional memory of the service: shared pages divided among those who share them"
    ),
    Metric("cold_start", "s", "lower", "from process start to the first right answer"),
    Metric("size", "B", "lower", "the model's file"),
    Metric("accuracy", "score", "higher", "share of golden rows with the right label"),
    Metric("f1", "score", "higher", "macro-averaged F1 on the golden rows"),
    Metric("auc", "score", "higher", "area under the ROC curve on the golden rows, one class against the rest"),
    Metric("r2", "score", "higher", "coefficient of determination on the golden rows"),
    Metric("mae", "score", "lower", "mean absolute error on the golden rows"),
    Metric("cost", "money", "lower", "cost of a million predictions at the given price an hour"),
    Metric("capacity", "1/s", "higher", "highest rate at which the latency objective is met"),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ALL})

#: What happened in a run, and not an estimate of anything: the longest answer took so long, so many requests failed.
FACTS = frozenset({"max", "errors"})
