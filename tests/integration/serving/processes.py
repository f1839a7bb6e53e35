"""serve.py as a process of its own, that tests start, ask and end."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from mlship.serving import is_ready

BODY = b'{"features": [[5.1, 3.5, 1.4, 0.2]]}'
ANSWER = {"prediction": [0]}
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
#: Seconds within which a process that was told to end has ended.
ENDING = 20.0

#: One app for each of the two servers.
BOTH = pytest.mark.parametrize("framework", ["asgi", "flask"])
#: Each way in which processes are started; that of flask is the same for any number of workers.
ANY = pytest.mark.parametrize(("framework", "workers"), [("asgi", "1"), ("asgi", "2"), ("flask", "2")])


@dataclass(frozen=True)
class Server:
    """A running serve.py; ``log`` is what it says."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ask(self, method: str = "POST", path: str = "/predict", body: bytes | None = BODY) -> tuple[int, str]:
        """Ask over a connection of its own; returns status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body if method == "POST" else None)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def counted(self) -> float:
        """Return how many predictions the metrics know."""
        _, page = self.ask("GET", "/metrics")
        wanted = 'http_requests_total{route="/predict",status="200"} '
        [line] = [line for line in page.splitlines() if line.startswith(wanted)]
        return float(line.removeprefix(wanted))

    def workers(self) -> list[psutil.Process]:
        """Return the processes that this one has started."""
        return psutil.Process(self.process.pid).children()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(ENDING)


def launch(service: Path, folder: Path, variables: Mapping[str, str]) -> Server:
    """Run serve.py of ``service`` on a free port; what it writes goes to ``folder``."""
    port = _free_port()
    told = {"PORT": str(port), "SHARED_DIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    log = folder / f"log-{port}"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "serve.py"],
            cwd=service,
            env=os.environ | told,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    return Server(process, port, log)


def wait_ready(server: Server) -> None:
    """Wait until it is ready."""
    until(lambda: server.process.poll() is not None or is_ready("127.0.0.1", server.port, 5.0))
    assert server.process.poll() is None, server.log.read_text()


def kill(server: Server) -> None:
    """Kill it, with what it has started."""
    with suppress(psutil.NoSuchProcess):
        for each in psutil.Process(server.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                each.kill()
    server.process.kill()
    server.process.wait()


def until(holds: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
