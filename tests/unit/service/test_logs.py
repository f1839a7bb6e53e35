"""Lines of the access log: one JSON object each, whatever a client sends, and never a reason to fail."""

import json
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Code = Callable[[str], Any]


class Log:
    """An access log into a pipe."""

    def __init__(self, code: Code, monkeypatch: pytest.MonkeyPatch) -> None:
        self._code = code
        self._monkeypatch = monkeypatch
        self.reader, self._writer = os.pipe()
        self.opened = [self.reader, self._writer]

    def make(self, sample: float) -> Any:
        with self._monkeypatch.context() as patch, os.fdopen(self._writer, "wb", closefd=False) as out:
            patch.setattr("sys.stdout", out)
            log = self._code("core.watching.logs").AccessLog(sample)
        if sample:
            self.opened.append(log._out)
        return log

    def read(self) -> list[dict[str, Any]]:
        os.set_blocking(self.reader, False)
        try:
            content = os.read(self.reader, 2**20)
        except BlockingIOError:
            return []
        assert content.endswith(b"\n")
        return [json.loads(line) for line in content.splitlines()]


@pytest.fixture
def log(service_code: Code, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    made = Log(service_code, monkeypatch)
    yield made
    for descriptor in made.opened:
        os.close(descriptor)


@pytest.fixture
def exchange(service_code: Code) -> Callable[..., Any]:
    """Return a function that makes an exchange of a request."""
    http = service_code("core.http")

    def make(
        method: str = "POST", path: str = "/predict", query: str = "", client: str = "192.0.2.1", **sent: str
    ) -> Any:
        headers = {name.replace("_", "-").encode(): value.encode() for name, value in sent.items()}
        return service_code("core.exchange").Exchange(http.Head(method, path, query, headers, client))

    return make


@pytest.fixture
def reply(service_code: Code) -> Any:
    return service_code("core.http").Reply


def test_a_line_says_who_asked_what_and_got_what(log: Log, exchange: Any, reply: Any, service_code: Code) -> None:
    asked = exchange(x_request_id="abc-1")
    asked.route = service_code("core.http").Route("POST", "/predict", lambda _: None, {})
    log.make(1.0).write(asked, reply(200, b"{}" * 7, rows=3), 0.0123456789)
    (line,) = log.read()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info",
        "request_id": "abc-1",
        "method": "POST",
        "path": "/predict",
        "route": "/predict",
        "status": 200,
        "seconds": 0.012346,
        "rows": 3,
        "bytes": 14,
        "client": "192.0.2.1",
    }


@pytest.mark.parametrize(("status", "level"), [(200, "info"), (304, "info"), (404, "warning"), (503, "error")])
def test_the_level_follows_the_status(log: Log, exchange: Any, reply: Any, status: int, level: str) -> None:
    log.make(1.0).write(exchange(), reply(status), 0.1)
    assert log.read()[0]["level"] == level


def test_queries_keys_and_bodies_are_not_logged(log: Log, exchange: Any, reply: Any) -> None:
    asked = exchange(query="token=secret", authorization="Bearer secret", x_api_key="secret", cookie="secret")
    log.make(1.0).write(asked, reply(200, b'{"prediction": ["secret"]}'), 0.1)
    assert "secret" not in json.dumps(log.read())


@pytest.mark.parametrize(
    "path", ['/a\n{"status": 200}', "/\r\n", "/\x1b[31m", "/\x9b31m", "/\x7f", "/\ud800", "/\u2028", '/"', "/\0", "/😀"]
)
def test_no_path_makes_a_second_line_or_a_control_character(log: Log, exchange: Any, reply: Any, path: str) -> None:
    log.make(1.0).write(exchange(path=path), reply(404), 0.1)
    content = os.read(log.reader, 65536)
    assert all(32 <= byte < 127 for byte in content[:-1])
    assert content[-1:] == b"\n"
    assert json.loads(content)["path"] == path


def test_a_line_reaches_a_pipe_whole_however_long_the_request(log: Log, exchange: Any, reply: Any) -> None:
    long = exchange(method="\U0010ffff" * 5000, path="\U0010ffff" * 5000, client="x" * 5000, x_request_id="i" * 128)
    log.make(1.0).write(long, reply(404), 0.1)
    content = os.read(log.reader, 65536)
    assert json.loads(content)["status"] == 404
    assert len(content) <= 4096


@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_log_that_is_off_writes_nothing(log: Log, exchange: Any, reply: Any, status: int) -> None:
    log.make(0.0).write(exchange(), reply(status), 0.1)
    assert log.read() == []


def test_a_share_of_answers_is_logged(log: Log, exchange: Any, reply: Any) -> None:
    sampled = log.make(0.2)
    for _ in range(250):
        sampled.write(exchange(), reply(200), 0.1)
    # binomial: the odds against less than 10 or more than 100 of 250 are above 10**12 to 1
    assert 10 <= len(log.read()) <= 100


def test_errors_are_logged_however_small_the_share(log: Log, exchange: Any, reply: Any) -> None:
    sampled = log.make(1e-9)
    for status in (200, 422, 500, 503, 429):
        sampled.write(exchange(), reply(status), 0.1)
    assert [line["status"] for line in log.read()] == [500, 503]


def test_a_reader_that_is_gone_does_not_break_answers(log: Log, exchange: Any, reply: Any) -> None:
    broken = log.make(1.0)
    os.close(log.opened.pop(0))
    for _ in range(3):
        broken.write(exchange(), reply(200), 0.1)


def test_a_pipe_that_is_full_loses_lines_where_it_does_not_wait(log: Log, exchange: Any, reply: Any) -> None:
    full = log.make(1.0)
    os.set_blocking(log.opened[1], False)
    for _ in range(2000):
        full.write(exchange(), reply(200), 0.1)
    content = os.read(log.reader, 2**20)
    assert content.count(b"\n") < 2000


@pytest.mark.parametrize("closed", ["none", "file"])
def test_without_standard_output_there_is_no_log(
    service_code: Code, exchange: Any, reply: Any, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    with monkeypatch.context() as patch, open(os.devnull, "w") as out:
        patch.setattr("sys.stdout", None if closed == "none" else out)
        out.close()
        silent = service_code("core.watching.logs").AccessLog(1.0)
    silent.write(exchange(), reply(500), 0.1)
