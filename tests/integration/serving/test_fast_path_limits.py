"""What a client may send before its request begins: heads of 64 KiB, and within KEEP_ALIVE, on any path."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from mlship.serving import Running

PATIENCE = 5.0
BODY = b'{"features": [[5.1,3.5,1.4,0.2]]}'
LINE = b"POST /predict HTTP/1.1\r\n"
REST = b"Host: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
POST = LINE + REST
KIB = 1024


@pytest.fixture(params=[("asgi", "1"), ("asgi", "0"), ("fastapi", "1"), ("fastapi", "asgi")], ids="-".join)
def service(request: pytest.FixtureRequest, start: Callable[..., Running]) -> Running:
    framework, fast = request.param
    return start("numeric", framework, FAST_PATH=fast, KEEP_ALIVE="1")


def connect(service: Running) -> socket.socket:
    address = urlsplit(service.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Return status and body of the next answer, and nothing of what comes behind it."""
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers = dict(line.rstrip().split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
        return status, stream.read(int(headers[b"content-length"]))


def received(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes, also where it does not wait for all that was sent."""
    content = b""
    try:
        while more := connection.recv(65536):
            content += more
    except ConnectionResetError:
        pass
    return content


LARGE = {
    "one header": LINE + b"X: " + b"y" * 65 * KIB + b"\r\n" + REST,
    "many headers": LINE + b"X: y\r\n" * 12 * KIB + REST,
    "its address": b"GET /livez?" + b"x" * 65 * KIB + b" HTTP/1.1\r\n\r\n",
    "trailers": LINE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 12 * KIB + b"\r\n",
}


@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE.keys())
@pytest.mark.parametrize("before", [b"", POST], ids=["first", "second"])
def test_a_head_that_is_too_large_is_refused(service: Running, before: bytes, content: bytes) -> None:
    with connect(service) as connection:
        if before:
            connection.sendall(before)
            assert answer(connection)[0] == 200
        connection.sendall(content)
        head, _, body = received(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"\r\nconnection: close" in head
    assert b"\r\ncontent-type: application/problem+json" in head
    assert json.loads(body)["status"] == 431


@pytest.mark.parametrize("whole", [True, False], ids=["in one", "in parts"])
def test_a_large_body_with_a_trailer_behind_it_is_read(service: Running, whole: bool) -> None:
    body = b'{"features": [[5.1, 3.5, 1.4, 0.2]]}' + b" " * 100 * KIB
    parts = [b"POST /pre", b"dict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"]
    parts += [b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n" % (len(body), body), b"X-Sum: 1\r\n\r\n"]
    with connect(service) as connection:
        for part in [b"".join(parts)] if whole else parts:
            connection.sendall(part)
            time.sleep(0.01)  # parts are to arrive apart
        assert answer(connection)[0] == 200


def test_a_trailer_without_end_is_refused_when_it_is_too_large(service: Running) -> None:
    with connect(service) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(b"y" * 20_000 * KIB)


def test_a_head_without_end_is_refused_when_it_is_too_large(service: Running) -> None:
    with connect(service) as connection:
        connection.sendall(LINE + b"X: ")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(b"y" * 20_000 * KIB)
        assert received(connection).startswith(b"HTTP/1.1 431 ")


def test_a_head_that_is_nearly_too_large_is_read(service: Running) -> None:
    with connect(service) as connection:
        for _ in range(3):
            connection.sendall(LINE + b"X: " + b"y" * 63 * KIB + b"\r\n" + REST)
            assert answer(connection)[0] == 200


PARTS = {"nothing": b"", "an empty line": b"\r\n", "a byte": b"P", "a part": LINE + b"Host:"}


def test_a_connection_without_a_whole_head_is_closed_also_when_bytes_trickle_in(service: Running) -> None:
    closed: dict[str, float] = {}
    with ExitStack() as stack:
        connections = {}
        for before in (b"", POST, b"GET /livez HTTP/1.1\r\n\r\n"):
            for name, part in PARTS.items():
                connection = connections[f"{name} behind {before!r}"] = stack.enter_context(connect(service))
                connection.sendall(before + part)
                if before:
                    assert answer(connection)[0] == 200
        since = time.monotonic()
        while len(closed) < len(connections) and time.monotonic() - since < PATIENCE:
            time.sleep(0.05)  # what is tested are slow clients
            for name in connections.keys() - closed.keys():
                if is_closed(connections[name], b"y" if name.startswith("a part") else b""):
                    closed[name] = time.monotonic() - since
    assert closed.keys() == connections.keys()
    assert 0.7 < min(closed.values()) <= max(closed.values()) < 2.0, closed


def is_closed(connection: socket.socket, more: bytes) -> bool:
    """Send ``more``, and say whether the server has closed the connection, without another word."""
    try:
        connection.sendall(more)
        connection.settimeout(0.001)
        assert connection.recv(1) == b""
    except TimeoutError:
        return False
    except (ConnectionResetError, BrokenPipeError):
        return True
    return True


def test_a_body_that_comes_late_finds_the_connection_open(service: Running) -> None:
    with connect(service) as plain, connect(service) as other:
        plain.sendall(LINE + REST[:-5])
        other.sendall(LINE + b"Content-Encoding: identity\r\nConnection: keep-alive, x-a\r\n" + REST[:-5])
        time.sleep(1.3)  # what is tested is a slow client
        for connection in (plain, other):
            connection.sendall(REST[-5:])
            assert answer(connection)[0] == 200
