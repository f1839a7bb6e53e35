"""A closed-loop load generator in a process of its own: a job on standard input, the result on standard output (JSON).

Each connection sends its next request when the answer to the last one is complete. Requests are built before the clock
starts; an answer is timed from before it is asked for until its last byte was parsed.
"""

import itertools
import json
import selectors
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import httptools

_OK = 200
_VARIANTS = 16


@dataclass(frozen=True)
class Job:
    """What to send where, and for how long: at most ``seconds`` and at most ``requests``, after a warm-up."""

    host: str
    port: int
    path: str
    bodies: Sequence[str]
    connections: int
    seconds: float
    warm_up_seconds: float = 0.3
    requests: int = 1_000_000
    timeout_seconds: float = 10.0


@dataclass
class Result:
    """What came of it.

    ``latencies_ns``: of each answer in the measured time, which lasted ``seconds``; ``sent`` counts the warm-up too.
    ``answers``: by body number, every distinct answer to it, up to 16; ``unchecked`` counts those beyond.
    ``cpu_share`` is the part of one core that this generator used; ``problem`` says why it stopped before its time.
    """

    latencies_ns: list[int] = field(default_factory=list)
    seconds: float = 0.0
    sent: int = 0
    answers: list[list[str]] = field(default_factory=list)
    unchecked: int = 0
    reconnected: int = 0
    cpu_share: float = 0.0
    problem: str = ""


def main() -> None:
    """Read a job, do it, write the result."""
    job = Job(**json.load(sys.stdin))
    json.dump(asdict(generate(job)), sys.stdout)


def generate(job: Job) -> Result:
    """Put the load of ``job`` on a service; the first failure ends it and stands in the result's ``problem``."""
    load = _Load(job)
    try:
        load.open()
        if job.warm_up_seconds:
            load.phase(job.warm_up_seconds, job.requests)
        load.result.latencies_ns.clear()
        before, started = time.process_time(), time.perf_counter()
        load.phase(job.seconds, job.requests)
        load.result.seconds = time.perf_counter() - started
        load.result.cpu_share = (time.process_time() - before) / load.result.seconds
    except _FailedError as error:
        load.result.problem = str(error)
    finally:
        load.close()
    load.result.answers = [[answer.decode("utf-8", "replace") for answer in sorted(seen)] for seen in load.seen]
    return load.result


class _FailedError(Exception):
    """The service did something that makes going on pointless."""


class _Connection:
    """One connection; httptools calls ``on_body`` and ``on_message_complete`` while it parses."""

    def __init__(self, address: tuple[str, int], timeout: float) -> None:
        self._address, self._timeout = address, timeout
        self.body, self.asked, self.started = 0, False, 0
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(self._address, self._timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.parser = httptools.HttpResponseParser(self)
        self.parts: list[bytes] = []
        self.complete, self.kept = False, True

    def ask(self, body: int, request: bytes) -> None:
        self.body, self.asked, self.complete = body, True, False
        self.parts.clear()
        self.started = time.perf_counter_ns()
        self.socket.sendall(request)

    def on_body(self, part: bytes) -> None:
        self.parts.append(part)

    def on_message_complete(self) -> None:
        self.complete = True
        self.kept = self.parser.should_keep_alive()  # true only now: the parser forgets it with the message


class _Load:
    def __init__(self, job: Job) -> None:
        self.job, self.result = job, Result()
        self.requests = [_request(job, body.encode()) for body in job.bodies]
        self.seen: list[set[bytes]] = [set() for _ in job.bodies]
        self.turn = itertools.cycle(range(len(job.bodies)))
        self.selector = selectors.DefaultSelector()

    def open(self) -> None:
        try:
            for _ in range(self.job.connections):
                connection = _Connection((self.job.host, self.job.port), self.job.timeout_seconds)
                self.selector.register(connection.socket, selectors.EVENT_READ, connection)
        except OSError as error:
            raise _FailedError(f"cannot connect: {error}") from error

    def close(self) -> None:
        for key in list(self.selector.get_map().values()):
            key.data.socket.close()
        self.selector.close()

    def phase(self, seconds: float, requests: int) -> None:
        """Ask until the time or the number of requests is over, then wait for the last answers."""
        deadline, left = time.perf_counter() + seconds, requests
        for key in list(self.selector.get_map().values())[:requests]:
            self._ask(key.data)
            left -= 1
        asking = min(requests, self.job.connections)
        while asking:
            ready = self.selector.select(self.job.timeout_seconds)
            if not ready:
                raise _FailedError(f"no answer within {self.job.timeout_seconds:g} s")
            for key, _ in ready:
                if not self._read(key.data):
                    continue
                if left > 0 and time.perf_counter() < deadline:
                    self._ask(key.data)
                    left -= 1
                else:
                    asking -= 1

    def _ask(self, connection: _Connection) -> None:
        body = next(self.turn)
        self.result.sent += 1
        try:
            connection.ask(body, self.requests[body])
        except OSError as error:
            raise _FailedError(f"the connection was dropped: {error}") from error

    def _read(self, connection: _Connection) -> bool:
        """Take in what has arrived; return whether the answer is complete."""
        try:
            data = connection.socket.recv(1 << 18)
            if not data:
                raise _FailedError("the connection was dropped in the middle of an answer")
            connection.parser.feed_data(data)
        except OSError as error:
            raise _FailedError(f"the connection was dropped: {error}") from error
        except httptools.HttpParserError as error:
            raise _FailedError(f"the answer is not HTTP: {error}") from error
        if connection.complete:
            self._record(connection, time.perf_counter_ns())
        return connection.complete

    def _record(self, connection: _Connection, now: int) -> None:
        self.result.latencies_ns.append(now - connection.started)
        answer, status = b"".join(connection.parts), connection.parser.get_status_code()
        if status != _OK:
            raise _FailedError(f"status {status}: {answer[:200].decode('utf-8', 'replace')}")
        seen = self.seen[connection.body]
        if answer not in seen:
            if len(seen) < _VARIANTS:
                seen.add(answer)
            else:
                self.result.unchecked += 1
        if not connection.kept:
            self._reopen(connection)

    def _reopen(self, connection: _Connection) -> None:
        self.selector.unregister(connection.socket)
        connection.socket.close()
        try:
            connection.open()
        except OSError as error:
            raise _FailedError(f"cannot connect again: {error}") from error
        connection.complete = True
        self.selector.register(connection.socket, selectors.EVENT_READ, connection)
        self.result.reconnected += 1


def _request(job: Job, body: bytes) -> bytes:
    head = (
        f"POST {job.path} HTTP/1.1\r\nHost: {job.host}:{job.port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


if __name__ == "__main__":
    main()
