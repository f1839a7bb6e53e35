"""Which requests the fast path takes, what its answers are in bytes, and when there is no fast path at all."""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn.protocols.http.httptools_impl as httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl

from mlship.rendering import templates

Code = Callable[[str], Any]


@pytest.fixture
def server_code(service_code: Code, monkeypatch: pytest.MonkeyPatch) -> Iterator[Code]:
    """Return a function that imports a module of templates/service/servers/uvicorn ("fast") as the service would."""
    monkeypatch.syspath_prepend(templates() / "service" / "servers" / "uvicorn")
    yield service_code
    for name in ("fast", "hot", "joined", "limited", "wire"):
        sys.modules.pop(name, None)


@pytest.fixture
def make(scaffolded: Callable[..., Path], service_code: Code) -> Callable[..., Any]:
    """Return a function that loads a service with settings."""

    def service(own: tuple[str, ...] = (), **settings: Any) -> Any:
        told = service_code("core.settings").Settings(model_dir=scaffolded("numeric", "asgi") / "model", **settings)
        return service_code("core.service").Service(told, own=own)

    return service


def head(line: str = "POST /predict HTTP/1.1", *headers: str, length: int = 36) -> bytes:
    """Return a head with the empty line that ends it."""
    return "\r\n".join([line, "Host: x", *headers, f"Content-Length: {length}", "", ""]).encode("latin-1")


PLAIN = {
    "a request as clients send it": head(),
    "in other letters": head("POST /predict HTTP/1.1", "CONTENT-TYPE: Application/JSON; charset=utf-8"),
    "one that stays": head("POST /predict HTTP/1.1", "Connection: Keep-Alive"),
    "another route with a body": head("POST /invocations HTTP/1.1", "Content-Type: text/csv"),
    "one with a query": head("POST /predict?outputs=all HTTP/1.1"),
    "one whose key may be wrong": head("POST /predict HTTP/1.1", "Authorization: Bearer x"),
}
NOT_PLAIN = {
    "nothing": b"",
    "an empty line in front": b"\r\n" + head(),
    "another method": head("PUT /predict HTTP/1.1"),
    "a path that is not there": head("POST /nothing HTTP/1.1"),
    "a path for another method": head("POST /livez HTTP/1.1"),
    "a path that the framework answers": head("POST /own HTTP/1.1"),
    "an encoded path": head("POST /%70redict HTTP/1.1"),
    "an absolute address": head("POST http://x/predict HTTP/1.1"),
    "HTTP/1.0": head("POST /predict HTTP/1.0"),
    "HTTP/1.0 that stays": head("POST /predict HTTP/1.0", "Connection: keep-alive"),
    "one that closes": head("POST /predict HTTP/1.1", "Connection: close"),
    "one that closes and stays": head("POST /predict HTTP/1.1", "Connection: close", "Connection: keep-alive"),
    "one with hop-by-hop headers": head("POST /predict HTTP/1.1", "Connection: keep-alive, x-a"),
    "an upgrade": head("POST /predict HTTP/1.1", "Connection: upgrade", "Upgrade: websocket"),
    "a mere wish to upgrade": head("POST /predict HTTP/1.1", "Upgrade: h2c"),
    "one that waits for leave": head("POST /predict HTTP/1.1", "Expect: 100-continue"),
    "a compressed body": head("POST /predict HTTP/1.1", "Content-Encoding: gzip"),
    "one that closes as old proxies say": head("POST /predict HTTP/1.1", "Proxy-Connection: close"),
    "chunks": b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunks and a length": head("POST /predict HTTP/1.1", "Transfer-Encoding: chunked"),
    "no length": b"POST /predict HTTP/1.1\r\nHost: x\r\n\r\n",
    "no body": head(length=0),
    "a body over the limit": head(length=3001),
    "a negative length": head(length=-1),
    "two lengths": head("POST /predict HTTP/1.1", "Content-Length: 36"),
    "5,000 digits": head().replace(b"36", b"0" * 5000 + b"36"),
    "a space before the colon": head("POST /predict HTTP/1.1", "X : y"),
    "a folded line": head("POST /predict HTTP/1.1", "X: y\r\n z"),
    "a bare LF": head("POST /predict HTTP/1.1", "X: y\nZ: z"),
    "a head that ends before its end": head("POST /predict HTTP/1.1", "X: y\n\nZ: z"),
}


@pytest.fixture
def heads(server_code: Code, make: Callable[..., Any]) -> Any:
    service = make(max_body_bytes=3000)
    service.inline_bytes = 65536
    return server_code("wire").Heads(service)


@pytest.mark.parametrize("content", PLAIN.values(), ids=PLAIN.keys())
def test_is_plain(heads: Any, content: bytes) -> None:
    assert heads.find(content)[0].length == 36


@pytest.mark.parametrize("content", NOT_PLAIN.values(), ids=NOT_PLAIN.keys())
def test_is_not_plain(heads: Any, content: bytes) -> None:
    assert heads.find(content)[0] is None


def test_a_body_that_would_keep_others_waiting_is_not_plain(server_code: Code, make: Callable[..., Any]) -> None:
    service = make()
    heads = server_code("wire").Heads(service)
    assert heads.find(head(length=service.inline_bytes))[0]
    assert heads.find(head(length=service.inline_bytes + 1))[0] is None


def test_a_path_that_the_framework_answers_is_not_plain(server_code: Code, make: Callable[..., Any]) -> None:
    assert server_code("wire").Heads(make(own=("/predict",))).find(head())[0] is None


@pytest.mark.parametrize("setting", [{"rate_limit": 5.0}, {"access_log": 1.0}], ids=["rate", "log"])
def test_whom_a_proxy_asks_for_matters_where_addresses_count(
    server_code: Code, make: Callable[..., Any], setting: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")
    forwarded = head("POST /predict HTTP/1.1", "X-Forwarded-For: 203.0.113.7")
    assert server_code("wire").Heads(make()).find(forwarded)[0]
    assert server_code("wire").Heads(make(**setting)).find(forwarded)[0] is None


def test_whom_a_proxy_asks_for_does_not_matter_where_none_is_trusted(
    server_code: Code, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    forwarded = head("POST /predict HTTP/1.1", "X-Forwarded-For: 203.0.113.7")
    assert server_code("wire").Heads(make(rate_limit=5.0, access_log=1.0)).find(forwarded)[0]


def test_only_json_for_json_is_answered_together(heads: Any) -> None:
    assert heads.find(head())[0].known.by == ("prediction",)
    assert heads.find(head("POST /predict HTTP/1.1", "Content-Type: text/csv"))[0].known.by == "alone"
    assert heads.find(head("POST /predict HTTP/1.1", "Accept: text/csv"))[0].known.by == "alone"
    assert heads.find(head("POST /invocations HTTP/1.1"))[0].known.by == "alone"


def test_heads_that_are_remembered_are_few(heads: Any) -> None:
    first = heads.find(head())[0]
    assert heads.known == {head(): first}
    for number in range(1000):
        assert heads.find(head("POST /predict HTTP/1.1", f"X-Request-ID: {number}"))[0]
    assert head() not in heads.known
    assert len(heads.known) < 300


def test_an_answer_in_bytes(server_code: Code, service_code: Code) -> None:
    reply = service_code("core.http").Reply(200, b"{}")
    answers = server_code("wire").Answers({200: b"HTTP/1.1 200 OK\r\n"})
    for date in (b"now", b"later"):
        expected = b"HTTP/1.1 200 OK\r\ndate: %b\r\nx: y\r\ncontent-length: 2\r\n\r\n{}" % date
        assert answers.bytes(reply, {"x": "y"}, [(b"date", date)]) == expected


@pytest.fixture
def protocol(server_code: Code, make: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that asks for the protocol of a service, alone or within a Starlette app of some middleware."""

    def ask(*middleware: type, **settings: Any) -> Any:
        service, front = make(**settings), server_code("core.fronts.asgi").Front
        if not middleware:
            return server_code("fast").protocol(service, front(None, service))
        app = Starlette()
        app.add_middleware(front, service=service)
        for each in middleware[1:]:
            app.add_middleware(each)
        return server_code("fast").protocol(service, app)

    return ask


class Starlette:
    """Stands for an app of Starlette or FastAPI, which keeps its outermost middleware first."""

    def __init__(self) -> None:
        self.user_middleware: list[Any] = []

    def add_middleware(self, cls: type, **_: Any) -> None:
        self.user_middleware.insert(0, type("Middleware", (), {"cls": cls}))


class Other:
    """Some middleware of the user."""


def test_paths_of_the_service_do_not_pass_a_framework_that_has_nothing_in_front(
    server_code: Callable[[str], Any], make: Callable[..., Any]
) -> None:
    service, seen = make(own=("/info",)), []

    class App(Starlette):
        async def __call__(self, scope: Any, *_: Any) -> None:
            seen.append(scope["path"])

    async def sent(_: Any) -> None:
        pass

    app = App()
    app.add_middleware(server_code("core.fronts.asgi").Front)
    shorter = server_code("fast").application(service, app)
    for path in ("/livez", "/v2/models/x", "/info", "/mine"):
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
        asyncio.run(shorter(scope, None, sent))
    assert seen == ["/info", "/mine"]
    assert server_code("fast").application(make(fast_path=""), app) is app
    app.add_middleware(Other)
    assert server_code("fast").application(service, app) is app


def test_there_is_a_fast_path_where_nothing_stands_in_front(protocol: Callable[..., Any]) -> None:
    assert issubclass(protocol(), httptools_impl.HttpToolsProtocol)
    assert issubclass(protocol(Starlette), httptools_impl.HttpToolsProtocol)


def test_there_is_none_where_it_is_not_wanted(protocol: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    assert protocol(fast_path="asgi").__name__ == "LimitedProtocol"
    assert not caplog.records


def test_there_is_none_where_a_middleware_of_the_user_would_be_passed_by(
    protocol: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert protocol(Starlette, Other).__name__ == "LimitedProtocol"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "outermost middleware" in caplog.text


LACKS = {
    "HttpToolsProtocol.shutdown()": (httptools_impl.HttpToolsProtocol, "shutdown", None),
    "HttpToolsProtocol.data_received(data)": (
        httptools_impl.HttpToolsProtocol,
        "data_received",
        lambda self, data, more: None,
    ),
    "HttpToolsProtocol.timeout_keep_alive": (httptools_impl.HttpToolsProtocol, "__init__", lambda self: None),
    "RequestResponseCycle.response_complete": (httptools_impl, "RequestResponseCycle", None),
    "RequestResponseCycle.transport": (httptools_impl.RequestResponseCycle, "__init__", lambda self: None),
    "FlowControl.pause_reading()": (FlowControl, "pause_reading", None),
}


@pytest.mark.parametrize("name", LACKS)
@pytest.mark.parametrize("fast_path", ["protocol", "asgi", ""])
def test_there_is_none_with_another_uvicorn(
    name: str,
    fast_path: str,
    protocol: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, attribute, other = LACKS[name]
    monkeypatch.setattr(owner, attribute, other)
    assert protocol(fast_path=fast_path) == "auto"
    assert name in caplog.text


def test_there_is_none_without_httptools(
    protocol: Callable[..., Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn.protocols.http.httptools_impl", None)
    assert protocol() == "auto"
    assert "no fast path: this uvicorn has another" in caplog.text
