"""Traces: spans for OpenTelemetry, where its packages are installed and its environment variables name a collector."""

import logging
from collections.abc import Mapping

from core.exchange import Exchange
from core.http import Reply

_log = logging.getLogger(__name__)

#: What a service that is traced needs besides its requirements.txt.
PACKAGES = "opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Tracer:
    """Records a span for each answer; the one that is not ``on`` records nothing."""

    on = False

    @staticmethod
    def from_environment(environment: Mapping[str, str], name: str, version: str) -> "Tracer":
        """Return a tracer as the OTEL_* variables say; ``name`` and ``version`` are the service's where they do not.

        Source: OpenTelemetry specification, "Environment Variable Specification".
        """
        endpoint = next((variable for variable in _ENDPOINTS if environment.get(variable, "").strip()), None)
        disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        if not endpoint or disabled or environment.get("OTEL_TRACES_EXPORTER", "").strip() == "none":
            return Tracer()
        try:
            from core.watching.otel import SpanTracer  # only here: most services do without its packages
        except ImportError as error:
            _log.warning("%s is set, and there are no traces (%s): pip install %s", endpoint, error, PACKAGES)
            return Tracer()
        return SpanTracer(environment, name, version)

    def record(self, exchange: Exchange, reply: Reply, seconds: float) -> None:
        """Record the span of an answer that is complete."""

    def close(self) -> None:
        """Send what is recorded and not sent yet; what is recorded later is lost."""
