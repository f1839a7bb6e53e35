"""A server on core 0 that answers after delays that are known beforehand, and tells how long it really took.

It watches the clock instead of sleeping, so that an answer leaves within microseconds of its time. Requests get their
delays by their number, so that everybody who asks gets the same ones.
"""

import argparse
import contextlib
import heapq
import json
import os
import random
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

#: The server has a core of its own, and so has what puts load on it.
SERVER_CORE, LOAD_CORE = 0, 1
_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{"prediction":[0]}'
_TABLE = 100_003


@dataclass(frozen=True)
class Script:
    """Seconds: requests take ``base``, a ``share`` of them ``slow`` instead, drawn by ``seed``.

    With ``sigma``, delays are log-normal with the median ``base``. No answer leaves the server for ``stall`` seconds
    from ``stall_at`` after the first request on.
    """

    name: str
    base: float
    slow: float = 0.0
    share: float = 0.0
    sigma: float = 0.0
    stall: float = 0.0
    stall_at: float = 0.0
    seed: int = 0

    def delays(self) -> list[float]:
        """Return the delays of so many requests as nobody will send; then they start again."""
        draw = random.Random(self.seed)
        if self.sigma:
            return [self.base * draw.lognormvariate(0, self.sigma) for _ in range(_TABLE)]
        return [self.slow if draw.random() < self.share else self.base for _ in range(_TABLE)]

    def truth(self, rate: float, seconds: float, wanted: Sequence[float]) -> list[float]:
        """Return the percentiles, in seconds, of clients who come at equal distances and do not wait for each other."""
        count = int(rate * seconds)
        moments, delays = np.arange(count) / rate, np.resize(self.delays(), count)
        stalled = (moments + delays >= self.stall_at) & (moments < self.stall_at + self.stall)
        latencies = np.where(stalled, np.maximum(delays, self.stall_at + self.stall - moments), delays)
        return percentiles(latencies, wanted)


def percentiles(latencies: Sequence[float] | NDArray[np.float64], wanted: Sequence[float]) -> list[float]:
    """Return nearest-rank percentiles."""
    return [float(each) for each in np.percentile(latencies, wanted, method="inverted_cdf")]


class Server:
    """A running server; ``took`` ends it and returns the seconds from each request's last byte to its answer."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.url, self.port = f"http://127.0.0.1:{port}", port
        self._process = process

    def took(self) -> list[float]:
        output, _ = self._process.communicate("")
        return [float(each) for each in json.loads(output)]


@contextlib.contextmanager
def serving(script: Script) -> Iterator[Server]:
    """Run the server while the context lasts."""
    command = [sys.executable, "-m", "benchmarks.validation.scripted", json.dumps(asdict(script))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Server(process, int(process.stdout.readline()))
        finally:
            process.kill()


@dataclass
class _Line:
    socket: socket.socket
    received: bytes = b""
    since: float = 0.0


@dataclass
class _Serving:
    script: Script
    took: list[float] = field(default_factory=list)
    stalled_from: float = float("inf")

    def run(self) -> None:
        self.delays, self.asked = self.script.delays(), 0
        self.lines: dict[int, _Line] = {}
        self.due: list[tuple[float, int]] = []
        self.poll = select.epoll()
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
            print(listener.getsockname()[1], flush=True)
            listener.setblocking(False)  # noqa: FBT003
            self.poll.register(listener, select.EPOLLIN)
            self.poll.register(0, select.EPOLLIN)
            while not self.turn(listener):
                pass

    def turn(self, listener: socket.socket) -> bool:
        """Read what has come and send what is due; return whether the input has ended."""
        for number, _ in self.poll.poll(0):
            if number == 0:
                return True
            if number == listener.fileno():
                self.accept(listener)
            else:
                self.read(number)
        now = time.perf_counter()
        if self.stalled_from <= now < self.stalled_from + self.script.stall:
            return False
        while self.due and self.due[0][0] <= now:
            self.answer(heapq.heappop(self.due)[1])
        return False

    def accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                line, _ = listener.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line.setblocking(False)  # noqa: FBT003
                self.lines[line.fileno()] = _Line(line)
                self.poll.register(line, select.EPOLLIN)

    def read(self, number: int) -> None:
        line = self.lines[number]
        try:
            data = line.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            del self.lines[number]
            return line.socket.close()
        line.received += data
        head, end, body = line.received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0) if end else 0
        if end and len(body) >= length:
            line.received, line.since = b"", time.perf_counter()
            if not self.asked:
                self.stalled_from = line.since + self.script.stall_at
            heapq.heappush(self.due, (line.since + self.delays[self.asked % _TABLE], number))
            self.asked += 1
        return None

    def answer(self, number: int) -> None:
        if (line := self.lines.get(number)) is not None:
            with contextlib.suppress(ConnectionError):
                line.socket.send(_ANSWER)
            self.took.append(time.perf_counter() - line.since)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script", type=json.loads)
    os.sched_setaffinity(0, {SERVER_CORE})
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # it never sleeps: real-time would be throttled
    with contextlib.suppress(PermissionError):
        os.nice(-15)
    serving = _Serving(Script(**parser.parse_args().script))
    serving.run()
    json.dump(serving.took, sys.stdout)


if __name__ == "__main__":
    _main()
