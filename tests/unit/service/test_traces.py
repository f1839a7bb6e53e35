"""Spans of OpenTelemetry: what they say, whose trace they continue, and that nothing waits or fails for them."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.service.collector import Collector, attributes, collecting

Code = Callable[[str], Any]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def tracer(service_code: Code, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Return a function that makes a tracer from environment variables."""
    made, before = [], set(threading.enumerate())

    def make(**environment: str) -> Any:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        made.append(service_code("core.watching.traces").Tracer.from_environment(os.environ, "flowers", "7"))
        return made[-1]

    yield make
    for each in made:
        each.close()
    for thread in set(threading.enumerate()) - before:  # what it logs and warns of is no other test's
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def answered(service_code: Code, collector: Collector, tracer: Any) -> Callable[..., Any]:
    """Return a function that records an answer and returns its span."""
    http, route = service_code("core.http"), service_code("core.http").Route("POST", "/predict", lambda _: None, {})

    def record(
        status: int = 200, method: str = "POST", path: str = "/predict", known: bool = True, rows: int = 1, **sent: str
    ) -> Any:
        headers = {name.replace("_", "-").encode(): value.encode() for name, value in sent.items()}
        exchange = service_code("core.exchange").Exchange(http.Head(method, path, "q=secret", headers, "192.0.2.1"))
        exchange.route = route if known else None
        running = tracer(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        running.record(exchange, http.Reply(status, rows=rows), 0.25)
        running.close()
        (span,) = collector.spans
        return span

    return record


def test_a_span_says_what_was_asked_and_answered(answered: Any, collector: Collector) -> None:
    span = answered(host="api.example:8443", user_agent="curl/8", x_request_id="abc-1", authorization="Bearer secret")
    assert span.name == "POST /predict"
    assert span.kind == 2  # SPAN_KIND_SERVER
    assert attributes(span) == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "http.response.header.x-request-id": ["abc-1"],
        "url.path": "/predict",
        "url.scheme": "http",
        "server.address": "api.example",
        "server.port": 8443,
        "client.address": "192.0.2.1",
        "user_agent.original": "curl/8",
        "predict.rows": 1,
    }


def test_a_span_lasts_as_long_as_the_answer_took(answered: Any) -> None:
    span = answered()
    assert span.end_time_unix_nano - span.start_time_unix_nano == 250_000_000
    assert abs(span.end_time_unix_nano / 1e9 - time.time()) < 60


def test_the_trace_of_the_client_goes_on(answered: Any) -> None:
    span = answered(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="vendor=1")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.trace_state == "vendor=1"


@pytest.mark.parametrize("parent", ["", "nonsense", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", "é" * 55])
def test_without_a_right_parent_a_trace_begins(answered: Any, parent: str) -> None:
    span = answered(traceparent=parent)
    assert span.parent_span_id == b""
    assert span.trace_id.hex() != TRACE


@pytest.mark.parametrize(("status", "wrong"), [(200, False), (404, False), (499, False), (500, True), (503, True)])
def test_only_errors_of_the_service_are_errors_of_the_span(answered: Any, status: int, wrong: bool) -> None:
    span = answered(status, rows=0)
    assert (span.status.code == 2) is wrong  # STATUS_CODE_ERROR
    assert attributes(span).get("error.type") == (str(status) if wrong else None)


def test_strange_methods_and_paths_make_no_new_names(answered: Any) -> None:
    span = answered(404, method="STRANGE", path="/x" * 9000, known=False)
    told = attributes(span)
    assert span.name == "HTTP"
    assert told["http.request.method"] == "_OTHER"
    assert told["http.request.method_original"] == "STRANGE"
    assert "http.route" not in told
    assert len(told["url.path"]) <= 500


def test_text_that_is_not_unicode_does_not_lose_the_batch(answered: Any) -> None:
    assert attributes(answered(path="/\ud800", user_agent="\x00é"))["url.path"] == "/\\ud800"


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [
        ("localhost", "localhost", None),
        ("[::1]:80", "::1", 80),
        ("", None, None),
        ("a b", None, None),
        ("a:b:c", None, None),
        ("a:99999999", None, None),
    ],
)
def test_the_address_of_the_server_is_that_of_the_host_header(
    answered: Any, host: str, address: str | None, port: int | None
) -> None:
    told = attributes(answered(host=host))
    assert (told.get("server.address"), told.get("server.port")) == (address, port)


@pytest.mark.parametrize(
    ("environment", "name", "version"),
    [
        ({}, "flowers", "7"),
        ({"OTEL_SERVICE_NAME": "shop"}, "shop", "7"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop,service.version=8"}, "shop", "8"),
    ],
)
def test_the_resource_is_named_after_the_model_unless_told_otherwise(
    answered: Any, collector: Collector, monkeypatch: pytest.MonkeyPatch, environment: Any, name: str, version: str
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    answered()
    assert collector.resources[0]["service.name"] == name
    assert collector.resources[0]["service.version"] == version


def test_a_trace_that_the_client_does_not_sample_is_not_sampled(
    service_code: Code, collector: Collector, tracer: Any
) -> None:
    http = service_code("core.http")
    running = tracer(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.endpoint}/v1/traces")
    for flags in ("00", "01"):
        head = http.Head("GET", "/info", "", {b"traceparent": f"00-{TRACE}-{PARENT}-{flags}".encode()})
        running.record(service_code("core.exchange").Exchange(head), http.Reply(200), 0.1)
    running.close()
    assert len(collector.spans) == 1


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "True"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_there_are_no_traces_unless_they_are_asked_for(tracer: Any, environment: dict[str, str]) -> None:
    assert tracer(**environment).on is False


def test_without_the_packages_the_service_goes_on_and_says_what_to_install(
    service_code: Code, tracer: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "core.watching.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with caplog.at_level(logging.WARNING):
        assert tracer(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318").on is False
    (record,) = caplog.records
    assert "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_a_collector_that_never_answers_holds_up_neither_answers_nor_the_end(
    service_code: Code, tracer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    http, exchange = service_code("core.http"), service_code("core.exchange").Exchange
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # longer than the closing may take
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3")
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2048")  # so that what is left afterwards is one batch
        running = tracer(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(service_code("core.watching.otel"), "_SECONDS_TO_CLOSE", 0.5)
        started = time.monotonic()
        for _ in range(5000):
            running.record(exchange(http.Head("GET", "/info")), http.Reply(200), 0.1)
        running.close()
        assert time.monotonic() - started < 2.5
