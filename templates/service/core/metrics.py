"""Metrics in the text format of Prometheus."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from core.model import Model

# Seconds: one row of a small model takes less than a millisecond, a big batch some seconds.
_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Counts what /predict answers, in a registry of its own."""

    def __init__(self, model: Model) -> None:
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self._requests = Counter("predict_requests", "Requests by HTTP status", ["status"], registry=self._registry)
        self._rows = Counter("predict_rows", "Rows answered", registry=self._registry)
        self._seconds = Histogram(
            "predict_seconds",
            "Seconds from the head of a request to its answer",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        info = Info("model", "The model that answers", registry=self._registry)
        info.info({"name": model.signature.model, "sha256": model.model_digest})
        self._ok = self._requests.labels("200")

    def count(self, status: int, rows: int, seconds: float) -> None:
        """Count one answer."""
        (self._ok if status == 200 else self._requests.labels(str(status))).inc()
        self._rows.inc(rows)
        self._seconds.observe(seconds)

    def page(self) -> bytes:
        """Return the metrics as text."""
        return generate_latest(self._registry)
