"""An open-loop sender in a process of its own: a job on standard input, the result on standard output (JSON).

Requests are due at the times of a Poisson process, whether or not earlier ones have been answered, and are timed from
when they were due: a server that stalls is charged for everybody who came meanwhile. One that no connection is free for
waits, at its own cost. The loop never sleeps, as a timer wakes up to a millisecond late; it has a core of its own.
"""

import gc
import itertools
import json
import random
import selectors
import socket
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import httptools

_OK = 200
_PATIENCE_NS = 10_000_000_000


@dataclass(frozen=True)
class Job:
    """``rate`` requests a second for ``seconds``, on up to ``connections``, with ``bodies`` in turn."""

    port: int
    path: str
    bodies: Sequence[str]
    rate: float
    seconds: float
    connections: int = 64


@dataclass
class Result:
    """``latencies_ns`` of each request since it was due, ``lags_ns``: how late it was sent for whatever reason.

    ``answers``: by body number, every distinct answer to it.
    """

    latencies_ns: list[int] = field(default_factory=list)
    lags_ns: list[int] = field(default_factory=list)
    answers: list[list[str]] = field(default_factory=list)
    problem: str = ""


def main() -> None:
    """Read a job, do it, write the result."""
    json.dump(asdict(generate(Job(**json.load(sys.stdin)))), sys.stdout)


def generate(job: Job) -> Result:
    """Put the load of ``job`` on a server; the first failure ends it and stands in the result's ``problem``."""
    sender = _Sender(job)
    gc.disable()  # a collection in the middle would look like a slow answer
    try:
        sender.run()
    except (OSError, RuntimeError, httptools.HttpParserError) as error:
        sender.result.problem = str(error) or type(error).__name__
    finally:
        gc.enable()
        sender.selector.close()
        for connection in sender.free:
            connection.socket.close()
    sender.result.answers = [sorted(answer.decode("utf-8", "replace") for answer in seen) for seen in sender.seen]
    return sender.result


class _Connection:
    """One connection; httptools calls ``on_body`` and ``on_message_complete`` while it parses."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number, self.complete = 0, False
        self.parts: list[bytes] = []

    def send(self, number: int, request: bytes) -> None:
        self.number, self.complete = number, False
        self.parts.clear()
        self.parser = httptools.HttpResponseParser(self)
        self.socket.sendall(request)

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        self.complete = True


class _Sender:
    def __init__(self, job: Job) -> None:
        self.job, self.result = job, Result()
        draw = random.Random(0)
        waits = (draw.expovariate(job.rate) * 1e9 for _ in range(int(job.rate * job.seconds)))
        self.due = [int(moment) for moment in itertools.accumulate(waits)]
        self.requests = [_request(job, body.encode()) for body in job.bodies]
        self.seen: list[set[bytes]] = [set() for _ in job.bodies]
        self.selector = selectors.DefaultSelector()
        self.free: list[_Connection] = []

    def run(self) -> None:
        """Send what is due and read what has come, until all is answered."""
        for _ in range(self.job.connections):
            connection = _Connection(self.job.port)
            self.selector.register(connection.socket, selectors.EVENT_READ, connection)
            self.free.append(connection)
        start = time.perf_counter_ns() + 10_000_000
        self.due = [start + moment for moment in self.due]
        self.result.latencies_ns = [0] * len(self.due)
        waiting: deque[int] = deque()
        coming, left, end = 0, len(self.due), self.due[-1] + _PATIENCE_NS
        while left:
            now = time.perf_counter_ns()
            while coming < len(self.due) and self.due[coming] <= now:
                waiting.append(coming)
                coming += 1
            while waiting and self.free:
                self._send(waiting.popleft())
            left -= sum(self._read(key.data) for key, _ in self.selector.select(0))
            if now > end:
                raise RuntimeError(f"{left} requests were not answered")

    def _send(self, number: int) -> None:
        connection = self.free.pop()
        self.result.lags_ns.append(time.perf_counter_ns() - self.due[number])
        connection.send(number, self.requests[number % len(self.requests)])

    def _read(self, connection: _Connection) -> int:
        """Take in what has arrived; return 1 where the answer is complete."""
        data = connection.socket.recv(1 << 18)
        if not data:
            raise RuntimeError("the connection was dropped")
        connection.parser.feed_data(data)
        if not connection.complete:
            return 0
        self.result.latencies_ns[connection.number] = time.perf_counter_ns() - self.due[connection.number]
        if connection.parser.get_status_code() != _OK:
            raise RuntimeError(f"status {connection.parser.get_status_code()}")
        self.seen[connection.number % len(self.requests)].add(b"".join(connection.parts))
        self.free.append(connection)
        return 1


def _request(job: Job, body: bytes) -> bytes:
    head = (
        f"POST {job.path} HTTP/1.1\r\nHost: 127.0.0.1:{job.port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


if __name__ == "__main__":
    main()
