"""Spans of OpenTelemetry, sent over OTLP/HTTP.

Source: OpenTelemetry semantic conventions 1.38, "HTTP spans", "HTTP server".
"""

import atexit
import re
import time
from collections.abc import Mapping
from threading import Event, Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from core.exchange import Exchange
from core.http import Head, Reply
from core.watching.traces import Tracer

#: A collector that does not answer must not keep the service from ending.
_SECONDS_TO_CLOSE = 5.0
_METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(?::(\d{1,5}))?", re.ASCII)
_LONGEST = 500


class SpanTracer(Tracer):
    """Records spans, which a thread sends in batches; when the collector does not take them, they are lost.

    The OTEL_* variables set sampling, batches, headers and the rest; ``name`` and ``version`` are the service's where
    they say nothing.
    """

    on = True

    def __init__(self, environment: Mapping[str, str], name: str, version: str) -> None:
        self._provider = TracerProvider(resource=_resource(environment, name, version), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("core.watching.otel")
        self._propagator = TraceContextTextMapPropagator()
        self._scheme = "https" if environment.get("TLS_CERT") else "http"
        self._closing = Event()
        # Started now: an interpreter that ends starts no threads.
        self._closer = Thread(target=self._end, name="traces-closer", daemon=True)
        self._closer.start()
        atexit.register(self.close)

    def record(self, exchange: Exchange, reply: Reply, seconds: float) -> None:
        """Record the span of an answer that is complete; it continues the trace of ``traceparent``."""
        head, ended = exchange.head, time.time_ns()
        carrier = {name: head.header(name.encode()) for name in self._propagator.fields}
        method = head.method if head.method in _METHODS else "HTTP"
        span = self._tracer.start_span(
            f"{method} {exchange.route.path}" if exchange.route else method,
            context=self._propagator.extract(carrier, Context()),
            kind=SpanKind.SERVER,
            attributes=_attributes(exchange, reply, self._scheme),
            start_time=ended - int(seconds * 1e9),
        )
        if reply.status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end(ended)

    def close(self) -> None:
        """Send what is recorded and not sent yet, in some seconds at most."""
        atexit.unregister(self.close)
        self._closing.set()
        self._closer.join(_SECONDS_TO_CLOSE)

    def _end(self) -> None:
        self._closing.wait()
        self._provider.shutdown()


def _resource(environment: Mapping[str, str], name: str, version: str) -> Resource:
    told = environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    ours = {"service.name": name, "service.version": version}
    if environment.get("OTEL_SERVICE_NAME") or "service.name=" in told:
        ours.pop("service.name")
    if "service.version=" in told:
        ours.pop("service.version")
    return Resource.create(ours)


def _attributes(exchange: Exchange, reply: Reply, scheme: str) -> dict[str, AttributeValue]:
    head = exchange.head
    told: dict[str, AttributeValue] = {
        "http.request.method": head.method if head.method in _METHODS else "_OTHER",
        "http.response.status_code": reply.status,
        "http.response.header.x-request-id": (exchange.request_id,),
        "url.path": _text(head.path),
        "url.scheme": scheme,
        **_server(head),
    }
    if head.method not in _METHODS:
        told["http.request.method_original"] = _text(head.method)
    if exchange.route:
        told["http.route"] = exchange.route.path
    if head.client:
        told["client.address"] = _text(head.client)
    if agent := head.header(b"user-agent"):
        told["user_agent.original"] = _text(agent)
    if reply.status >= 500:
        told["error.type"] = str(reply.status)
    if reply.rows:
        told["predict.rows"] = reply.rows
    return told


def _server(head: Head) -> dict[str, AttributeValue]:
    host = _HOST.fullmatch(head.header(b"host"))
    if not host:
        return {}
    name, port = host.groups()
    return {"server.address": name.strip("[]")} | ({"server.port": int(port)} if port else {})


def _text(text: str) -> str:
    # One span with text that is no UTF-8 would cost all spans of its batch.
    return text[:_LONGEST].encode("utf-8", "backslashreplace").decode()
