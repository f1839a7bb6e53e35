"""Which process listens is found out with processes of our own."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mlship.trials.listening import process_at

_ALONE = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""
_FORKED = """
import os, socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
workers = [os.fork() for _ in range(2)]
sys.stdin.read()
"""
_SPAWNED = """
import socket, subprocess, sys
WORKER = (
    "import socket, sys\\nserver = socket.socket()\\nserver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\\n"
    "server.bind(('127.0.0.1', int(sys.argv[1])))\\nserver.listen()\\nprint(server.getsockname()[1], flush=True)\\n"
    "sys.stdin.read()"
)
port = "0"
for _ in range(2):
    worker = subprocess.Popen([sys.executable, "-c", WORKER, port], stdout=subprocess.PIPE, text=True)
    port = worker.stdout.readline().strip()
print(port, flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def started(program: str) -> Iterator[tuple[int, int]]:
    """Run a program while the context lasts; yields its process id, and the port that it tells."""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield process.pid, int(process.stdout.readline())
        assert process.stdin
        process.stdin.close()


@pytest.mark.parametrize("program", [_ALONE, _FORKED, _SPAWNED], ids=["alone", "forked", "spawned"])
def test_the_topmost_process_of_the_service_is_found(program: str) -> None:
    with started(program) as (pid, port):
        assert process_at(f"http://127.0.0.1:{port}") == pid


def test_a_name_of_this_machine_will_do() -> None:
    with started(_ALONE) as (pid, port):
        assert process_at(f"localhost:{port}/predict") == pid


def test_one_that_takes_any_address_is_found() -> None:
    with socket.create_server(("", 0)) as server:
        assert process_at(f"127.0.0.1:{server.getsockname()[1]}") == os.getpid()


def test_where_nobody_listens_nothing_is_found() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert process_at(f"http://127.0.0.1:{bound.getsockname()[1]}") is None


@pytest.mark.parametrize("url", ["http://192.0.2.1", "http://no-such-host.invalid:80"])
def test_another_machine_has_no_process_here(url: str) -> None:
    assert process_at(url) is None
