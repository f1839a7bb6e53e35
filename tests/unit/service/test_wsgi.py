"""The service in front of a WSGI app: bodies are read to their limit, and what the app answers is noted."""

import io
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROW = b'{"features": [[5.1, 3.5, 1.4, 0.2]]}'

Ask = Callable[..., tuple[int, dict[str, str], bytes]]


class Inner:
    """A WSGI app that says what it is told to, and knows whether its answer was closed."""

    def __init__(self) -> None:
        self.closed = 0
        self.environ: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.environ = environ
        if environ["PATH_INFO"] == "/fails":
            raise LookupError
        start_response("202 Accepted", [("Content-Type", "text/plain"), ("Cache-Control", "private")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"in ", b"parts"])

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def service(scaffolded: Callable[..., Path], service_code: Callable[[str], Any]) -> Any:
    settings = service_code("core.settings").Settings(
        model_dir=scaffolded("numeric") / "model", max_body_bytes=1000, body_timeout=5.0, max_concurrency=1
    )
    return service_code("core.service").Service(settings)


@pytest.fixture
def ask(service: Any, service_code: Callable[[str], Any], inner: Inner) -> Ask:
    front = service_code("core.fronts.wsgi").Front(inner, service)

    def send(method: str, path: str, stream: Any = b"", **environ: Any) -> tuple[int, dict[str, str], bytes]:
        if isinstance(stream, bytes):
            environ.setdefault("CONTENT_LENGTH", str(len(stream)))
            stream = io.BytesIO(stream)
        started: list[Any] = []
        told = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": stream, **environ}
        answer = front(told, lambda status, headers, *_: started.append((status, headers)))
        content = b"".join(answer)
        getattr(answer, "close", int)()
        status, headers = started[-1]
        return int(status[:3]), {name.lower(): value for name, value in headers}, content

    return send


def test_a_request_is_answered(ask: Ask) -> None:
    status, headers, content = ask("POST", "/predict", ROW)
    assert (status, content) == (200, b'{"prediction":[0]}')
    assert headers["content-length"] == str(len(content))


def test_a_body_without_a_length_is_read_where_the_server_knows_its_end(ask: Ask) -> None:
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    assert ask("POST", "/predict", ROW, **chunked, **{"wsgi.input_terminated": True})[0] == 200
    assert ask("POST", "/predict", ROW, **chunked)[0] == 411


def test_no_more_than_the_limit_is_read(ask: Ask) -> None:
    stream = io.BytesIO(b" " * 1_000_000)
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert ask("POST", "/predict", stream, **chunked)[0] == 413
    assert stream.tell() == 1001


def test_a_body_of_the_limit_is_read(ask: Ask) -> None:
    assert ask("POST", "/predict", ROW.ljust(1000))[0] == 200
    assert ask("POST", "/predict", ROW.ljust(1001))[0] == 413


def test_a_body_that_ends_early_is_refused(ask: Ask) -> None:
    status, headers, content = ask("POST", "/predict", ROW, CONTENT_LENGTH="500")
    assert (status, headers["connection"]) == (400, "close")
    assert json.loads(content)["errors"][0]["type"] == "incomplete"


def test_a_body_that_trickles_is_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch, service_code: Any) -> None:
    class Trickle:
        def read(self, size: int) -> bytes:
            return b" "

    seconds = itertools.count()
    monkeypatch.setattr(service_code("core.fronts.wsgi"), "monotonic", lambda: float(next(seconds)))
    status, headers, _ = ask("POST", "/predict", Trickle(), CONTENT_LENGTH="900")
    assert (status, headers["connection"]) == (408, "close")
    assert next(seconds) < 10


def test_a_head_is_answered_without_a_body(ask: Ask) -> None:
    status, headers, content = ask("HEAD", "/livez")
    assert (status, headers["content-length"], content) == (200, "15", b"")


def test_the_bytes_of_a_path_are_utf_8(ask: Ask, service_code: Callable[[str], Any]) -> None:
    head = service_code("core.fronts.wsgi").head
    told = {"REQUEST_METHOD": "GET", "PATH_INFO": "/köln/\xff".encode().decode("latin-1")}
    assert head(told).path == "/köln/ÿ"
    assert head({**told, "PATH_INFO": "/\xff"}).path == "/\ufffd"


def test_headers_have_the_names_of_http(service_code: Callable[[str], Any]) -> None:
    told = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "CONTENT_TYPE": "a/b", "HTTP_X_API_KEY": "k\xff", "HOME": "/"}
    found = service_code("core.fronts.wsgi").head({**told, "CONTENT_LENGTH": ""})
    assert found.headers == {b"content-type": b"a/b", b"x-api-key": b"k\xff"}


def test_what_the_app_answers_keeps_its_own_headers_and_gets_those_of_all(ask: Ask, inner: Inner) -> None:
    status, headers, content = ask("GET", "/other", HTTP_X_REQUEST_ID="mine")
    assert (status, content) == (202, b"in parts")
    assert (headers["cache-control"], headers["x-request-id"]) == ("private", "mine")
    assert inner.environ["service.exchange"].request_id == "mine"


def test_an_answer_of_the_app_ends_once_it_is_sent(ask: Ask, inner: Inner, service: Any) -> None:
    for number in range(1, 4):
        assert ask("GET", "/other")[0] == 202, "the only place is free again"
        assert (inner.closed, service.guard.held) == (number, 0)


def test_an_app_that_fails_gives_its_place_back(ask: Ask, service: Any) -> None:
    with pytest.raises(LookupError):
        ask("GET", "/fails")
    assert service.guard.held == 0
    assert b'{route="other",status="500"} 1.0' in service.metrics.page()
