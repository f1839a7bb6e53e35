"""What an operator relies on, against running services: keys, limits, metrics, the access log, traces, headers."""

import http.client
import json
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlship.serving import Running, running
from tests.unit.service.collector import Collector, attributes, collecting

FRAMEWORKS = ("asgi", "fastapi", "flask", "django")
ONE = b'{"features": [[5.1, 3.5, 1.4, 0.2]]}'
KEY, PAGE = "a-key-of-the-test", "https://page.example"
GUARDED = {"API_KEYS": f"{KEY},another-key", "CORS_ORIGINS": PAGE, "ACCESS_LOG": "1"}
PLAIN = {"MAX_CONCURRENCY": "2"}

Start = Callable[..., Running]

every_framework = pytest.mark.parametrize("framework", FRAMEWORKS)


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


def ask(service: Running, method: str = "POST", path: str = "/predict", **headers: str) -> Answer:
    """Ask over a connection of its own; a POST brings one row of features."""
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    with closing(http.client.HTTPConnection(str(urlsplit(service.url).netloc), timeout=10)) as connection:
        connection.request(method, path, ONE if method == "POST" else None, sent)
        got = connection.getresponse()
        return Answer(got.status, {name.lower(): text for name, text in got.getheaders()}, got.read())


def poll(what: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Return what ``what`` returns as soon as that is true, or the last thing that it returned."""
    deadline = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


@every_framework
@pytest.mark.parametrize("headers", [{"authorization": f"Bearer {KEY}"}, {"x_api_key": "another-key"}])
def test_a_key_lets_in(start: Start, framework: str, headers: dict[str, str]) -> None:
    assert ask(start("numeric", framework, **GUARDED), **headers).status == 200


@every_framework
@pytest.mark.parametrize("headers", [{}, {"x_api_key": "wrong"}, {"authorization": f"Basic {KEY}"}])
@pytest.mark.parametrize("method_and_path", [("POST", "/predict"), ("GET", "/info"), ("GET", "/openapi.json")])
def test_without_a_key_nothing_is_told(
    start: Start, framework: str, method_and_path: tuple[str, str], headers: dict[str, str]
) -> None:
    answer = ask(start("numeric", framework, **GUARDED), *method_and_path, **headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@every_framework
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_and_metrics_need_no_key(start: Start, framework: str, path: str) -> None:
    assert ask(start("numeric", framework, **GUARDED), "GET", path).status == 200


@every_framework
@pytest.mark.parametrize("path", ["/info", "/metrics", "/openapi.json"])
def test_keys_are_shown_nowhere(start: Start, framework: str, path: str) -> None:
    service = start("numeric", framework, **GUARDED)
    assert KEY.encode() not in ask(service, "GET", path, x_api_key=KEY).content
    assert KEY not in log_of(service)


@every_framework
def test_more_requests_a_second_than_allowed_are_told_when_to_come_back(start: Start, framework: str) -> None:
    service = start("numeric", framework, RATE_LIMIT="0.1")
    answers = [ask(service) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 429, 429]
    assert answers[1].headers["content-type"] == "application/problem+json"
    assert 1 <= int(answers[1].headers["retry-after"]) <= 10
    assert ask(service, "GET", "/readyz").status == 200


@every_framework
def test_more_requests_at_a_time_than_allowed_are_refused_until_one_ends(start: Start, framework: str) -> None:
    service = start("numeric", framework, **PLAIN)
    with ExitStack() as stack:
        slow = [stack.enter_context(slow_request(service)) for _ in range(2)]
        # /metrics takes no place itself, so that both get theirs
        assert poll(lambda: gauge(service, "http_requests_in_progress") == 2)
        refused = ask(service)
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert ask(service, "GET", "/readyz").status == 200
        slow[0].sendall(ONE[-1:])
        assert slow[0].recv(65536).startswith(b"HTTP/1.1 200")
        assert poll(lambda: ask(service).status == 200)
    # the other client has gone without sending the rest
    assert poll(lambda: gauge(service, "http_requests_in_progress") == 0)


def slow_request(service: Running) -> socket.socket:
    """Send a request but for its last byte."""
    where = urlsplit(service.url)
    client = socket.create_connection((where.hostname, where.port), timeout=10)
    head = f"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(ONE)}\r\n\r\n"
    client.sendall(head.encode() + ONE[:-1])
    return client


@every_framework
@pytest.mark.parametrize(("path", "methods"), [("/predict", "POST"), ("/info", "GET")])
def test_a_browser_learns_whether_a_page_may_ask(start: Start, framework: str, path: str, methods: str) -> None:
    service = start("numeric", framework, **GUARDED)
    answer = ask(service, "OPTIONS", path, origin=PAGE, access_control_request_method="POST")
    assert answer.status == 204
    assert answer.content == b""
    assert "content-length" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == methods
    assert "authorization" in answer.headers["access-control-allow-headers"]


@every_framework
def test_a_path_that_only_the_framework_knows_may_be_asked_with_any_method(start: Start, framework: str) -> None:
    asked = {"origin": PAGE, "access_control_request_method": "DELETE"}
    answer = ask(start("numeric", framework, **GUARDED), "OPTIONS", "/of/my/own", **asked)
    assert answer.status == (404 if framework == "asgi" else 204)
    assert ("DELETE" in answer.headers.get("access-control-allow-methods", "")) is (framework != "asgi")


@every_framework
@pytest.mark.parametrize(("origin", "allowed"), [(PAGE, PAGE), ("https://other.example", None)])
@pytest.mark.parametrize("key", [KEY, "wrong"])
def test_only_a_listed_page_may_read_answers_refusals_included(
    start: Start, framework: str, key: str, origin: str, allowed: str | None
) -> None:
    answer = ask(start("numeric", framework, **GUARDED), x_api_key=key, origin=origin)
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert "origin" in answer.headers["vary"].lower()
    assert "access-control-allow-credentials" not in answer.headers


@every_framework
def test_without_origins_a_browser_gets_no_permission(start: Start, framework: str) -> None:
    service = start("numeric", framework, **PLAIN)
    answer = ask(service, "OPTIONS", "/predict", origin=PAGE, access_control_request_method="POST")
    assert answer.status == 405
    for each in (answer, ask(service, origin=PAGE)):
        assert not [name for name in each.headers if name.startswith("access-control")]


@every_framework
@pytest.mark.parametrize(("method", "path"), [("POST", "/predict"), ("GET", "/info"), ("GET", "/x"), ("PUT", "/info")])
def test_every_answer_has_the_security_headers(start: Start, framework: str, method: str, path: str) -> None:
    headers = ask(start("numeric", framework, **PLAIN), method, path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "frame-ancestors 'none'"


@every_framework
@pytest.mark.parametrize("path", ["/predict", "/nothing"])
def test_a_request_id_comes_back(start: Start, framework: str, path: str) -> None:
    assert (
        ask(start("numeric", framework, **PLAIN), path=path, x_request_id="abc:1/2").headers["x-request-id"]
        == "abc:1/2"
    )


@every_framework
@pytest.mark.parametrize("given", ["", "a b", "x" * 129, '"><script>', "é"])
def test_a_request_id_that_is_not_a_plain_word_is_replaced(start: Start, framework: str, given: str) -> None:
    service = start("numeric", framework, **PLAIN)
    found = [ask(service, x_request_id=given).headers["x-request-id"] for _ in range(2)]
    assert found[0] != found[1]
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", each) for each in found)


def samples(service: Running) -> dict[tuple[str, str], float]:
    """Return the numbers of /metrics by name and labels."""
    answer = ask(service, "GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.content.decode())
    found = [each for family in families for each in family.samples]
    return {
        (each.name, " ".join(f"{name}={each.labels[name]}" for name in sorted(each.labels))): each.value
        for each in found
    }


def gauge(service: Running, name: str) -> float:
    return samples(service)[name, ""]


@every_framework
def test_metrics_count_each_answer_once(start: Start, framework: str) -> None:
    service = start("numeric", framework, **PLAIN)
    wanted = {"route=/predict status=200": 7, "route=/predict status=415": 2, "route=other status=404": 3}
    before = samples(service)
    for _ in range(7):
        ask(service)
    for _ in range(2):
        ask(service, content_type="image/png")
    for number in range(3):
        ask(service, path=f"/nothing/{number}")
    after = samples(service)
    for labels, count in wanted.items():
        assert after["http_requests_total", labels] - before.get(("http_requests_total", labels), 0) == count
    name = "http_request_duration_seconds_count"
    assert after[name, "route=/predict"] - before.get((name, "route=/predict"), 0) == 9
    assert after["predict_rows_total", ""] - before["predict_rows_total", ""] == 7
    assert after["service_ready", ""] == 1
    told = next(labels for name, labels in after if name == "model_info")
    assert re.fullmatch(r"name=\S+ sha256=[0-9a-f]{64} version=\S+", told)


@every_framework
def test_strange_methods_and_paths_make_no_new_series(start: Start, framework: str) -> None:
    service = start("numeric", framework, **PLAIN)

    def flood(numbers: range) -> None:
        for number in numbers:
            ask(service, f"STRANGE{number}", f"/nothing/{number}")
            ask(service, f"STRANGE{number}", "/predict")
            ask(service, "GET", f"/v2/models/{number}/ready")

    flood(range(2))
    before = samples(service)
    flood(range(2, 30))
    # the buckets of this worker's garbage collector and the like may be new, not what clients named
    grown = {labels for name, labels in samples(service).keys() - before.keys() if name.startswith(("http", "predict"))}
    assert grown == set()


@every_framework
def test_workers_count_together(start: Start, framework: str) -> None:
    service = start("numeric", framework, WORKERS="2")
    for _ in range(40):
        assert ask(service).status == 200
    pages = [samples(service) for _ in range(10)]
    for name, labels in [
        ("http_requests_total", "route=/predict status=200"),
        ("predict_rows_total", ""),
        ("predict_batch_requests_sum", ""),
    ]:
        assert {page[name, labels] for page in pages} == {40}


@every_framework
def test_what_a_killed_worker_counted_stays(start: Start, framework: str) -> None:
    service = start("numeric", framework, WORKERS="2")
    for _ in range(10):
        assert ask(service).status == 200
    name = ("http_requests_total", "route=/predict status=200")
    before = samples(service)[name]
    assert before >= 10
    for worker in workers(service):
        worker.kill()
        worker.wait(10)
    assert poll(lambda: answers(service))
    assert samples(service)[name] == before


def workers(service: Running) -> list[psutil.Process]:
    """Return the processes that load the model: the largest two."""
    children = psutil.Process(service.pid).children(recursive=True)
    return sorted(children, key=lambda process: process.memory_info().rss)[-2:]


def answers(service: Running) -> bool:
    try:
        return ask(service, "GET", "/readyz").status == 200
    except (OSError, http.client.HTTPException):
        return False


def log_of(service: Running) -> str:
    """Return what a service has written so far; ``mlship.serving`` keeps it in a file without a name."""
    if sys.platform != "linux":
        pytest.skip("a file without a name is found through /proc")
    return Path(f"/proc/{service.pid}/fd/1").read_text("utf-8")


def lines(service: Running, request_id: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in log_of(service).splitlines() if line.startswith("{")]
    return [line for line in found if line["request_id"] == request_id]


@every_framework
@pytest.mark.parametrize(
    ("path", "key", "wanted"),
    [
        ("/predict?token=hidden", KEY, {"path": "/predict", "route": "/predict", "status": 200, "rows": 1}),
        ("/predict", "wrong", {"path": "/predict", "route": "/predict", "status": 401, "level": "warning"}),
        ("/x%0A%7B%22status%22", KEY, {"path": '/x\n{"status"', "route": "other", "status": 404}),
    ],
)
def test_an_answer_makes_one_line_in_the_access_log(
    start: Start, framework: str, path: str, key: str, wanted: dict[str, object]
) -> None:
    service = start("numeric", framework, **GUARDED)
    request_id = f"log-{framework}-{abs(hash((path, key)))}"
    answer = ask(service, path=path, x_api_key=key, x_request_id=request_id)
    (line,) = poll(lambda: lines(service, request_id))
    assert line == line | wanted
    assert line["method"] == "POST"
    assert line["client"] == "127.0.0.1"
    assert line["bytes"] in (len(answer.content), 0)
    assert 0 < line["seconds"] < 10
    assert "hidden" not in json.dumps(line)


@every_framework
def test_nothing_is_logged_unless_wanted(start: Start, framework: str) -> None:
    service = start("numeric", framework, **PLAIN)
    ask(service, x_request_id="not-to-be-logged")
    assert "not-to-be-logged" not in log_of(service)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


@every_framework
def test_spans_that_are_not_sent_yet_are_sent_at_the_end(
    scaffolded: Callable[..., Path], collector: Collector, framework: str
) -> None:
    # a batch would wait for a minute
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with running(scaffolded("numeric", framework), environment=told) as service:
        assert ask(service, traceparent=f"00-{trace}-{parent}-01").status == 200
        assert not collector.spans
    asked = [span for span in collector.wait() if attributes(span)["url.path"] == "/predict"]
    (span,) = asked
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("POST /predict", trace, parent)
    assert attributes(span)["http.response.status_code"] == 200
    assert attributes(span)["server.address"] == "127.0.0.1"


@pytest.mark.skipif(sys.platform != "linux", reason="files and connections of a process are found through /proc")
def test_the_service_writes_no_file_and_calls_nobody(start: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    folders = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(home))
    service = start("numeric", "asgi", **folders)
    for _ in range(20):
        assert ask(service).status == 200
    assert list(home.rglob("*")) == []
    port = urlsplit(service.url).port
    for process in [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]:
        assert {each.laddr.port for each in process.net_connections("inet")} <= {port}
