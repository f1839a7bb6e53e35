"""A server in a thread that answers as a script says, and a job for it."""

import itertools
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlship.load.engine import clock
from mlship.load.generating import generate
from mlship.load.job import Job, Result
from mlship.load.merging import Merging
from mlship.load.wire import Share


class Scripted(socketserver.ThreadingTCPServer):
    """Answers each request with what the script gives for its number and body; None drops the connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, script: Callable[[int, bytes], bytes | None], family: int, tls: Path | None) -> None:
        self.address_family = family
        super().__init__(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), Handler)
        self.script, self.numbers = script, itertools.count()
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone is no error."""


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: Scripted

    def handle(self) -> None:
        while line := self.rfile.readline():
            fields = list(iter(self.rfile.readline, b"\r\n"))
            headers = dict(field.lower().strip().split(b": ", 1) for field in fields)
            body = self.rfile.read(int(headers[b"content-length"]))
            self.server.heads.append(line + b"".join(fields))
            self.server.bodies.append(body)
            answer = self.server.script(next(self.server.numbers), body)
            if answer is None:
                return
            self.wfile.write(answer)
            if b"onnection: close" in answer or b"HTTP/1.0" in answer:
                return


class Served:
    """A job of 1 connection, a fifth of a second and no warm-up, and the server that it is for."""

    def __init__(self, server: Scripted, scheme: str) -> None:
        host = "[::1]" if server.address_family == socket.AF_INET6 else "127.0.0.1"
        self.server, self.port = server, server.server_address[1]
        url = f"{scheme}://{host}:{self.port}"
        self.job = Job(url, "/predict", [b"a", b"bb", b"ccc"], seconds=0.2, warm_up_seconds=0.0, timeout_seconds=5.0)


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    running: list[Scripted] = []

    def start(
        script: Callable[[int, bytes], bytes | None], *, family: int = socket.AF_INET, tls: Path | None = None
    ) -> Served:
        server = Scripted(script, family, tls)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(server)
        return Served(server, "https" if tls else "http")

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def load() -> Callable[[Job], Result]:
    """Return a function that puts the load of a job on its service from this process."""

    def put(job: Job) -> Result:
        merging = Merging(1, None)
        return merging.result([generate(Share(job), clock, lambda: False, merging.add)])

    return put


@pytest.fixture
def refusing() -> Iterator[int]:
    """A port where nobody listens, and nobody else can."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
