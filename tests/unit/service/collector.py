"""A collector of OpenTelemetry traces that keeps what it is sent: OTLP over HTTP, in protobuf."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass
class Collector:
    """What has arrived: spans, and the attributes of the resource that each came from."""

    endpoint: str = ""
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    arrived: Condition = field(default_factory=Condition)

    def wait(self, count: int = 1, seconds: float = 10.0) -> list[Any]:
        """Return the spans once there are ``count`` of them, or after ``seconds``."""
        with self.arrived:
            self.arrived.wait_for(lambda: len(self.spans) >= count, seconds)
            return list(self.spans)

    def take(self, content: bytes) -> None:
        """Keep the spans of a request."""
        request = ExportTraceServiceRequest.FromString(content)
        with self.arrived:
            for group in request.resource_spans:
                for scope in group.scope_spans:
                    self.spans += scope.spans
                    self.resources += [attributes(group.resource)] * len(scope.spans)
            self.arrived.notify_all()


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port while the context lasts."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            collector.take(gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield collector
        server.shutdown()
        thread.join()


def attributes(owner: Any) -> dict[str, Any]:
    """Return the attributes of a span or a resource by name."""
    return {each.key: _plain(each.value) for each in owner.attributes}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_plain(each) for each in value.array_value.values]
    return getattr(value, kind)
