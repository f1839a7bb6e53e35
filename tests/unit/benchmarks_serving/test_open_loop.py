"""The sender whose requests come whether or not earlier ones were answered."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from benchmarks.serving.open_loop import Job, generate

_STALL = 0.2


@pytest.fixture
def stalling() -> Iterator[int]:
    """Serve one connection: sleep at its first request, and answer each."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        time.sleep(_STALL)
        with connection:
            while data := connection.recv(1 << 16):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" * data.count(b"POST "))

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    thread.join(5)
    listener.close()


def test_whoever_comes_during_a_stall_is_timed_from_when_the_request_was_due(stalling: int) -> None:
    result = generate(Job(stalling, "/", ["a", "b"], rate=100, seconds=0.3, connections=1))
    assert result.problem == ""
    assert len(result.latencies_ns) == len(result.lags_ns) == 30
    assert sum(latency > _STALL / 2 * 1e9 for latency in result.latencies_ns) > 5
    assert result.answers == [["ok"], ["ok"]]


def test_a_server_that_is_not_there_is_a_problem() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "refused" in generate(Job(port, "/", ["a"], rate=100, seconds=0.1)).problem
