"""Metrics in the text format of Prometheus.

A request is counted by a few additions in plain memory; the families of prometheus_client are made when somebody asks.
Workers that share a folder count together: the counters of any of them are the sums of all, those that have ended
included. Gauges, and what is named process_* and python_*, are of the worker that answers.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from core.watching.counters import Counters

if TYPE_CHECKING:
    from core.service import Service

CONTENT_TYPE = CONTENT_TYPE_LATEST
#: Stands for all paths that are no route of the service.
OTHER = "other"

# Seconds: one row of a small model takes less than a millisecond, a big batch some seconds.
_SECONDS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_REQUESTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384)

# Cells of a route: one for each status, then the histogram of seconds. A histogram is the count of each bucket (one
# more than bounds, for what is above all), then the sum of the values. After all routes: what is counted of all.
_FIRST, _LAST = 100, 599
_STATUSES = _LAST - _FIRST + 1
_SUM = _STATUSES + len(_SECONDS) + 1
_OF_ROUTE = _SUM + 1
_OF_RUN_REQUESTS = 1
_OF_RUN_ROWS = _OF_RUN_REQUESTS + len(_REQUESTS) + 2
_OF_ALL = _OF_RUN_ROWS + len(_ROWS) + 2


class Metrics:
    """Counts what the service answers; threads may count at the same time.

    ``routes`` are the only paths that are told apart, so that clients cannot make the page, or the memory, grow.
    Raises OSError where nothing can be written in ``shared``.
    """

    def __init__(self, service: "Service", routes: Sequence[str], shared: Path | None = None) -> None:
        names = tuple(dict.fromkeys((*routes, OTHER)))
        self._starts = {name: number * _OF_ROUTE for number, name in enumerate(names)}
        self._other = self._starts[OTHER]
        self._all = len(names) * _OF_ROUTE
        self._counters = Counters(repr((names, _SECONDS, _REQUESTS, _ROWS)), self._all + _OF_ALL, shared)
        self._cells = self._counters.cells
        self._lock = Lock()
        self._service = service
        #: How many requests wait for a run now; to be set by who keeps them waiting.
        self.waiting: Callable[[], int] = int
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._registry.register(_Families(self._families))

    def count(self, answers: Mapping[tuple[str, int, int], list[float]]) -> None:
        """Count answers: by route, status and rows, how many seconds each took; these lists get sorted.

        Other routes than those of the service count as "other".
        """
        with self._lock:
            for (route, status, rows), taken in answers.items():
                self._count(self._starts.get(route, self._other), status, taken)
                self._cells[self._all] += rows * len(taken)

    def _count(self, start: int, status: int, taken: list[float]) -> None:
        """Count answers of one route and status, which took so many seconds each."""
        self._cells[start + (status if _FIRST <= status <= _LAST else 500) - _FIRST] += len(taken)
        self._cells[start + _SUM] += sum(taken)
        taken.sort()
        first = 0
        while first < len(taken):
            bucket = bisect_left(_SECONDS, taken[first])
            after = bisect_right(taken, _SECONDS[bucket], first) if bucket < len(_SECONDS) else len(taken)
            self._cells[start + _STATUSES + bucket] += after - first
            first = after

    def batch(self, requests: int, rows: int) -> None:
        """Count a run of the model that answered ``requests`` requests with ``rows`` rows together."""
        cells, of_requests, of_rows = self._cells, self._all + _OF_RUN_REQUESTS, self._all + _OF_RUN_ROWS
        with self._lock:
            cells[of_requests + bisect_left(_REQUESTS, requests)] += 1
            cells[of_requests + len(_REQUESTS) + 1] += requests
            cells[of_rows + bisect_left(_ROWS, rows)] += 1
            cells[of_rows + len(_ROWS) + 1] += rows

    def page(self) -> bytes:
        """Return the metrics as text."""
        return generate_latest(self._registry)

    def _families(self) -> Iterator[Metric]:
        totals = self._counters.totals()
        yield from self._of_routes(totals)
        of_all = totals[self._all :]
        yield CounterMetricFamily("predict_rows", "Rows that were answered.", of_all[0])
        told = "Requests that were answered in one run of the model."
        yield _histogram("predict_batch_requests", told, _REQUESTS, of_all[_OF_RUN_REQUESTS:_OF_RUN_ROWS])
        told = "Rows that were answered in one run of the model."
        yield _histogram("predict_batch_rows", told, _ROWS, of_all[_OF_RUN_ROWS:])
        yield from self._of_worker()

    def _of_routes(self, totals: NDArray[np.float64]) -> Iterator[Metric]:
        requests = CounterMetricFamily("http_requests", "Requests that were answered.", labels=("route", "status"))
        told = "Seconds from the head of a request to its answer."
        seconds = HistogramMetricFamily("http_request_duration_seconds", told, labels=("route",))
        for name, start in self._starts.items():
            cells = totals[start : start + _OF_ROUTE]
            # Series that are there before the first request let Prometheus see that one.
            for status in sorted({200, *(np.flatnonzero(cells[:_STATUSES]) + _FIRST).tolist()}):
                requests.add_metric((name, str(status)), cells[status - _FIRST])
            if cells[_STATUSES:_SUM].any():
                seconds.add_metric((name,), *_buckets(_SECONDS, cells[_STATUSES:]))
        yield requests
        yield seconds

    def _of_worker(self) -> Iterator[Metric]:
        service = self._service
        told = {"name": service.name, "version": service.version, "sha256": service.model.model_digest}
        yield InfoMetricFamily("model", "The model that answers.", told)
        yield GaugeMetricFamily("service_ready", "Whether requests may be sent.", float(service.state() == "ok"))
        told_held = "Requests that this worker is answering, or that wait in it."
        yield GaugeMetricFamily("http_requests_in_progress", told_held, service.guard.held)
        yield GaugeMetricFamily("predict_queue", "Requests that wait for a run in this worker.", self.waiting())


class _Families(Collector):
    def __init__(self, families: Callable[[], Iterator[Metric]]) -> None:
        self._make = families

    def collect(self) -> Iterator[Metric]:
        return self._make()

    def describe(self) -> Iterator[Metric]:
        # Asked for when it is registered: the service is not complete then, and its names do not collide with others.
        return iter(())


def _histogram(name: str, told: str, bounds: Sequence[float], cells: NDArray[np.float64]) -> HistogramMetricFamily:
    buckets, total = _buckets(bounds, cells)
    return HistogramMetricFamily(name, told, buckets=buckets, sum_value=total)


def _buckets(bounds: Sequence[float], cells: NDArray[np.float64]) -> tuple[list[tuple[str, float]], float]:
    counts = np.cumsum(cells[: len(bounds) + 1])
    names = [*(str(float(bound)) for bound in bounds), "+Inf"]
    return list(zip(names, counts.tolist(), strict=True)), float(cells[len(bounds) + 1])
