import dataclasses
import itertools
import json
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlship.benchmarks.load import Job, generate
from mlship.measure import percentile

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"prediction":[1]}'


class Scripted(socketserver.ThreadingTCPServer):
    """Answers each request with what the script gives for its number and body; None drops the connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, script: Callable[[int, bytes], bytes | None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.numbers, self.bodies = script, itertools.count(), []  # type: ignore[var-annotated]


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: Scripted

    def handle(self) -> None:
        while line := self.rfile.readline():
            assert line == b"POST /predict HTTP/1.1\r\n"
            headers = dict(header.lower().split(b": ") for header in iter(self.rfile.readline, b"\r\n"))
            body = self.rfile.read(int(headers[b"content-length"]))
            self.server.bodies.append(body)
            answer = self.server.script(next(self.server.numbers), body)
            if answer is None:
                return
            self.wfile.write(answer)
            if b"Connection: close" in answer:
                return


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[int, bytes], bytes | None]], Job]]:
    running = []

    def start(script: Callable[[int, bytes], bytes | None]) -> Job:
        server = Scripted(script)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(server)
        job = Job("127.0.0.1", server.server_address[1], "/predict", ["a", "bb", "ccc"], 1, 0.2, 0.0)
        object.__setattr__(job, "server", server)
        return job

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def test_a_server_with_a_known_delay_gives_that_latency(serve: Any) -> None:
    job = serve(lambda number, body: time.sleep(0.02) or OK)
    result = generate(dataclasses.replace(job, seconds=1.0))
    latencies = [each * 1e-9 for each in result.latencies_ns]
    assert not result.problem
    assert 0.02 <= percentile(latencies, 50) < 0.03
    assert len(latencies) <= 50
    assert result.cpu_share < 0.5


def test_two_kinds_of_delay_show_in_the_percentiles(serve: Any) -> None:
    job = serve(lambda number, body: time.sleep(0.1 if number % 10 == 9 else 0.005) or OK)
    result = generate(dataclasses.replace(job, seconds=30.0, requests=60))
    latencies = [each * 1e-9 for each in result.latencies_ns]
    assert 0.005 <= percentile(latencies, 50) < 0.05
    assert 0.1 <= percentile(latencies, 95) < 0.2


def test_connections_are_asked_at_the_same_time(serve: Any) -> None:
    job = serve(lambda number, body: time.sleep(0.1) or OK)
    started = time.monotonic()
    result = generate(dataclasses.replace(job, connections=8, requests=16, seconds=30.0))
    assert len(result.latencies_ns) == 16
    assert time.monotonic() - started < 1.0


def test_an_ordinary_answer_keeps_the_connection(serve: Any) -> None:
    result = generate(dataclasses.replace(serve(lambda number, body: OK), requests=20, seconds=30.0))
    assert len(result.latencies_ns) == 20
    assert result.reconnected == 0


def test_bodies_take_turns(serve: Any) -> None:
    job = serve(lambda number, body: OK)
    generate(dataclasses.replace(job, requests=7, seconds=30.0))
    assert job.server.bodies == [b"a", b"bb", b"ccc", b"a", b"bb", b"ccc", b"a"]


def test_the_warm_up_is_not_measured(serve: Any) -> None:
    job = serve(lambda number, body: time.sleep(0.2 if number == 0 else 0.001) or OK)
    result = generate(dataclasses.replace(job, warm_up_seconds=0.1, seconds=0.3))
    assert max(result.latencies_ns) < 0.15e9
    assert result.sent > len(result.latencies_ns)


def test_every_distinct_answer_is_kept_by_the_body_that_it_answers(serve: Any) -> None:
    def script(number: int, body: bytes) -> bytes:
        content = str(len(body) if number != 3 else "wrong").encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)

    result = generate(dataclasses.replace(serve(script), requests=9, seconds=30.0))
    assert result.answers == [["1", "wrong"], ["2"], ["3"]]
    assert result.unchecked == 0


def test_answers_that_never_repeat_are_counted_beyond_some(serve: Any) -> None:
    def script(number: int, body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%04d" % number

    result = generate(dataclasses.replace(serve(script), bodies=["a"], requests=20, seconds=30.0))
    assert len(result.answers[0]) == 16
    assert result.unchecked == 4


def test_chunked_answers_are_read(serve: Any) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    result = generate(dataclasses.replace(serve(lambda number, body: chunked), requests=6, seconds=30.0))
    assert result.answers[0] == ["abc"]


def test_a_server_that_closes_after_each_answer_is_asked_again(serve: Any) -> None:
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    result = generate(dataclasses.replace(serve(lambda number, body: closing), requests=5, seconds=30.0))
    assert not result.problem
    assert len(result.latencies_ns) == result.reconnected == 5


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (None, "dropped"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\noops", "status 500: oops"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"", "no answer within 0.3 s"),
    ],
)
def test_a_failure_ends_the_load_and_is_named(serve: Any, answer: bytes | None, problem: str) -> None:
    job = serve(lambda number, body: OK if number < 5 else answer)
    result = generate(dataclasses.replace(job, seconds=30.0, timeout_seconds=0.3))
    assert problem in result.problem
    assert result.sent == 6


def test_nothing_that_listens_is_named(serve: Any) -> None:
    job = serve(lambda number, body: OK)
    job.server.shutdown()
    job.server.server_close()
    assert "cannot connect" in generate(job).problem


def test_it_runs_as_a_process_of_its_own(serve: Any) -> None:
    job = dataclasses.replace(serve(lambda number, body: OK), requests=30)
    command = [sys.executable, "-P", "-m", "mlship.benchmarks.load"]
    done = subprocess.run(command, input=json.dumps(dataclasses.asdict(job)).encode(), capture_output=True, check=True)
    assert len(json.loads(done.stdout)["latencies_ns"]) == 30


def test_its_process_loads_no_heavy_library() -> None:
    code = "import sys, mlship.benchmarks.load; print(sorted({'numpy', 'onnxruntime', 'sklearn'} & set(sys.modules)))"
    assert subprocess.check_output([sys.executable, "-c", code]).strip() == b"[]"
