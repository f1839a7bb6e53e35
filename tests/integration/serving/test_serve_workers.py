"""Several workers: they count together, are replaced, and end together."""

import http.client
import json
import shutil
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.integration.serving.processes import BODY, BOTH, ENDING, HEAD, Server, until

Serve = Callable[..., Server]
#: The second worker to get here is slow to start.
SLOW = """
import os, time
try:
    os.mkdir(os.environ["SHARED_DIR"] + "/first")
except FileExistsError:
    time.sleep(1)
"""


@BOTH
def test_nothing_is_left_behind(serve: Serve, framework: str, tmp_path: Path) -> None:
    server = serve(framework, WORKERS="2")
    workers = server.workers()
    assert server.end() == 0
    assert not any(worker.is_running() for worker in workers)
    assert not list(tmp_path.glob("service-*"))


@BOTH
def test_workers_end_when_the_process_that_started_them_is_killed(serve: Serve, framework: str, tmp_path: Path) -> None:
    server = serve(framework, WORKERS="2")
    workers = server.workers()
    assert len(workers) == 2
    server.process.kill()
    until(lambda: not any(worker.is_running() for worker in workers))
    assert not list(tmp_path.glob("service-*"))


@BOTH
def test_workers_count_together_and_a_killed_one_is_replaced(serve: Serve, framework: str) -> None:
    server = serve(framework, WORKERS="2")
    for _ in range(20):
        assert server.ask()[0] == 200
    assert {server.counted() for _ in range(8)} == {20.0}
    killed, other = server.workers()
    killed.kill()
    until(lambda: len(set(server.workers()) - {killed}) == 2)
    assert other in server.workers()
    until(lambda: _all_answer(server))
    assert server.counted() >= 20


def test_it_is_ready_when_all_workers_are_so_none_is_ended_with_requests_that_it_cannot_answer_yet(
    serve: Serve, scaffolded: Callable[..., Path], tmp_path: Path
) -> None:
    service = shutil.copytree(scaffolded("numeric", "asgi"), tmp_path / "service")
    app = service / "app.py"
    app.write_text(app.read_text() + SLOW)
    server = serve(service=service, ready=False, WORKERS="2", DRAIN_SECONDS="0.5")
    until(lambda: _state(server) == "starting")
    until(lambda: _state(server) == "ok")
    with ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        clients = [stack.enter_context(socket.create_connection(address, timeout=10)) for _ in range(12)]
        for client in clients:
            client.sendall(HEAD + BODY[:10])
        server.process.send_signal(signal.SIGTERM)
        until(lambda: _state(server) == "draining")
        for client in clients:
            client.sendall(BODY[10:])
            assert client.makefile("rb").readline().split()[1] == b"200"
    assert server.process.wait(ENDING) == 0


def _state(server: Server) -> str | None:
    """Return what /readyz says; None where it does not answer, as a connection may wait for the slow worker."""
    try:
        with urlopen(f"http://127.0.0.1:{server.port}/readyz", timeout=0.2) as answer:
            return json.load(answer)["status"]
    except HTTPError as error:
        return json.load(error)["status"]
    except OSError:
        return None


def _all_answer(server: Server) -> bool:
    try:
        return all(server.ask()[0] == 200 for _ in range(8))
    except (OSError, http.client.HTTPException):
        return False
