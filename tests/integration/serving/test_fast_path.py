"""The fast path with clients that are slow, many, gone, or do not read: as safe as uvicorn, and counted like it."""

import os
import re
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from mlship.serving import Running, running

PATIENCE = 5.0
BODY = b'{"features": [[5.1,3.5,1.4,0.2]]}'
FRAMEWORKS = ["asgi", "fastapi"]


def post(name: str = "one", body: bytes = BODY, extra: bytes = b"", path: bytes = b"/predict") -> bytes:
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: %b\r\n%bContent-Length: %d\r\n\r\n"
    return head % (path, name.encode(), extra, len(body)) + body


def get(name: str, path: str = "/livez") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: {name}\r\n\r\n".encode()


def connect(service: Running) -> socket.socket:
    address = urlsplit(service.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def answers(connection: socket.socket, count: int) -> list[tuple[int, str]]:
    """Return status and request id of the next ``count`` answers."""
    found: list[tuple[bytes, bytes]] = []
    received = b""
    while len(found) < count:
        more = connection.recv(65536)
        assert more, f"closed after {len(found)} answers: {received!r}"
        received += more
        found = re.findall(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n(?:[^\r]+\r\n)*?x-request-id: ([^\r]+)\r\n", received)
    assert len(found) == count
    return [(int(status), name.decode()) for status, name in found]


def is_closed(connection: socket.socket) -> bool:
    """Say whether the server closes the connection without another answer."""
    received = b""
    while more := connection.recv(65536):
        received += more
    return b"HTTP/1.1" not in received


@pytest.fixture(params=FRAMEWORKS)
def service(request: pytest.FixtureRequest, start: Callable[..., Running]) -> Running:
    return start("numeric", request.param)


@pytest.fixture
def ending(scaffolded: Callable[..., Path]) -> Iterator[Callable[..., Running]]:
    """Return a function that starts a service for one test."""
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(running(scaffolded("numeric", "asgi"), environment=environment))


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("fast", "places"), [("1", 0), ("0", 1)], ids=["on", "off"])
def test_it_is_on_unless_it_is_switched_off(
    start: Callable[..., Running], framework: str, fast: str, places: int
) -> None:
    service = start("numeric", framework, FAST_PATH=fast)
    with connect(service) as connection:
        connection.sendall(post("whole") + post("half")[:-5])
        assert answers(connection, 1) == [(200, "whole")]
        # The one difference that can be seen: uvicorn begins with a request when it has its head.
        deadline = time.monotonic() + 0.5
        while metric(service, "http_requests_in_progress") != places:
            assert time.monotonic() < deadline


def test_a_request_that_comes_byte_by_byte_is_answered(service: Running) -> None:
    with connect(service) as connection:
        for byte in post("slow"):
            connection.send(bytes([byte]))
        assert answers(connection, 1) == [(200, "slow")]


@pytest.mark.parametrize("pause", [0.05, 1.2], ids=["shortly after its head", "long after its head"])
def test_a_body_that_comes_after_its_head_is_answered(service: Running, pause: float) -> None:
    head, _, body = post("apart").partition(b"\r\n\r\n")
    with connect(service) as connection:
        connection.sendall(head + b"\r\n\r\n")
        time.sleep(pause)  # what is tested is a client that waits
        connection.sendall(body + post("next"))
        assert answers(connection, 2) == [(200, "apart"), (200, "next")]


def test_a_body_that_never_comes_is_refused(start: Callable[..., Running]) -> None:
    with connect(start("numeric", "asgi", BODY_TIMEOUT="0.2")) as connection:
        connection.sendall(post("half")[:-5])
        assert answers(connection, 1) == [(408, "half")]
        assert is_closed(connection)


def test_a_body_that_never_comes_is_refused_in_time(start: Callable[..., Running]) -> None:
    with connect(start("numeric", "asgi", BODY_TIMEOUT="0.2")) as connection:
        sent = time.monotonic()
        connection.sendall(post("half")[:-5])
        assert answers(connection, 1) == [(408, "half")]
        assert time.monotonic() - sent < 0.9


def test_requests_sent_at_once_are_answered_in_order(service: Running) -> None:
    expected = [(status, f"{number}") for number in range(17) for status in (200, 200, 200, 200, 400, 405)]
    names = [f"{number}" for number in range(17)]
    sent = b"".join(
        post(name) * 2 + get(name) + post(name) + post(name, b"nonsense") + get(name, "/predict") for name in names
    )
    with connect(service) as connection:
        connection.sendall(sent)
        assert answers(connection, len(expected)) == expected


def test_a_client_that_has_ended_its_side_is_answered(service: Running) -> None:
    with connect(service) as connection:
        connection.sendall(post("last"))
        connection.shutdown(socket.SHUT_WR)
        assert answers(connection, 1) == [(200, "last")]
        assert is_closed(connection)


def test_clients_that_ask_at_once_get_their_own_answers(service: Running) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(service)) for _ in range(64)]
        for number, connection in enumerate(connections):
            connection.sendall(post(f"{number}", BODY if number % 3 else b'{"features": [[1,2,3]]}'))
        for number, connection in enumerate(connections):
            assert answers(connection, 1) == [(200 if number % 3 else 422, f"{number}")]


def test_clients_that_leave_before_their_answer_harm_nobody(service: Running) -> None:
    for number in range(200):
        with connect(service) as connection:
            reset = b"\1\0\0\0\0\0\0\0"  # linger for no time: a reset instead of an orderly end
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset if number % 2 else bytes(8))
            connection.sendall(post() * (number % 5 + 1) + post()[: number % 150])
    with connect(service) as connection:
        connection.sendall(post("after"))
        assert answers(connection, 1) == [(200, "after")]
    assert metric(service, "http_requests_in_progress") == 0


def test_two_thousand_idle_connections_do_not_matter(service: Running) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 5000:
        pytest.skip(f"this user may open only {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with ExitStack() as stack:
            connections = [stack.enter_context(connect(service)) for _ in range(2000)]
            for connection in connections[::2]:
                connection.sendall(post("idle"))
            for connection in connections[::2]:
                assert answers(connection, 1) == [(200, "idle")]
            started = time.monotonic()
            for number, connection in enumerate(connections[:100]):
                connection.sendall(post(f"{number}"))
                assert answers(connection, 1) == [(200, f"{number}")]
            assert time.monotonic() - started < 2.0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_client_that_does_not_read_is_not_read_from(start: Callable[..., Running], framework: str) -> None:
    service = start("numeric", framework, KEEP_ALIVE="1")
    before = memory(service.pid)
    with connect(service) as connection:
        connection.settimeout(2.0)
        with pytest.raises(TimeoutError):
            connection.sendall(post() * 400_000)  # until it has waited for longer than an idle connection may
        assert memory(service.pid) - before < 30_000_000
        connection.settimeout(PATIENCE)
        received = 0
        while received < 8_000_000:  # more than had been written by then
            more = connection.recv(65536)
            assert more
            received += len(more)
    with connect(service) as connection:
        connection.sendall(post("after"))
        assert answers(connection, 1) == [(200, "after")]


def test_a_connection_is_closed_when_it_was_idle_for_long_enough(start: Callable[..., Running]) -> None:
    with connect(start("numeric", "asgi", KEEP_ALIVE="1")) as connection:
        for name in ("one", "two", "three"):
            connection.sendall(post(name))
            assert answers(connection, 1) == [(200, name)]
            answered = time.monotonic()
            time.sleep(0.6 if name != "three" else 0)  # what is tested is a client that waits
        assert is_closed(connection)
        assert 0.9 < time.monotonic() - answered < 1.6


def test_a_request_that_has_begun_is_answered_before_the_service_ends(ending: Callable[..., Running]) -> None:
    service = ending()
    with connect(service) as connection, connect(service) as idle:
        connection.sendall(post("begun")[:-5])
        idle.sendall(post("idle"))
        assert answers(idle, 1) == [(200, "idle")]
        os.kill(service.pid, signal.SIGTERM)
        assert is_closed(idle)
        connection.sendall(post()[-5:])
        assert answers(connection, 1) == [(200, "begun")]
        assert is_closed(connection)


def test_a_key_is_asked_for(start: Callable[..., Running]) -> None:
    with connect(start("numeric", "asgi", API_KEYS="secret")) as connection:
        connection.sendall(post("without") + post("with", extra=b"X-API-Key: secret\r\n"))
        assert answers(connection, 2) == [(401, "without"), (200, "with")]


def test_a_rate_is_held_to(start: Callable[..., Running]) -> None:
    with connect(start("numeric", "asgi", RATE_LIMIT="3")) as connection:
        connection.sendall(post() * 4)
        assert [status for status, _ in answers(connection, 4)] == [200, 200, 200, 429]
        time.sleep(1)
        connection.sendall(post())
        assert answers(connection, 1) == [(200, "one")]


def test_requests_with_the_same_head_have_names_of_their_own(service: Running) -> None:
    request = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
    with connect(service) as connection:
        connection.sendall(request * 5)
        told = answers(connection, 5)
    assert [status for status, _ in told] == [200] * 5
    assert len({name for _, name in told}) == 5


def test_a_place_is_given_back_whatever_the_answer(start: Callable[..., Running]) -> None:
    with connect(start("numeric", "asgi", MAX_CONCURRENCY="1")) as connection:
        for body, status in ((BODY, 200), (b"nonsense", 400), (b'{"features": 1}', 422)) * 3:
            connection.sendall(post(body=body))
            assert answers(connection, 1) == [(status, "one")]


@pytest.mark.parametrize("path", [b"/predict", b"/predict?outputs=all", b"/invocations"])
def test_each_answer_is_counted_once(start: Callable[..., Running], path: bytes) -> None:
    service = start("numeric", "asgi")
    route = path.decode().partition("?")[0]
    before = metric(service, "http_requests_total", f'route="{route}",status="200"')
    with connect(service) as connection:
        connection.sendall(post(path=path, extra=b"Content-Type: application/json\r\n") * 7)
        answers(connection, 7)
    assert metric(service, "http_requests_total", f'route="{route}",status="200"') - before == 7


def metric(service: Running, name: str, labels: str = "") -> float:
    page = httpx.get(f"{service.url}/metrics").text
    found = [line for line in page.splitlines() if line.startswith(name) and labels in line]
    return float(found[0].split()[-1])


def memory(pid: int) -> int:
    """Return the resident memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
