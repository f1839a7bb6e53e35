"""Start a server on the first core, ask it until it answers, see what it uses, and end it with all its children."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from benchmarks.serving.models import Question
from benchmarks.serving.servers import Server

#: The server has a core of its own, and so has what puts load on it.
SERVER_CORE, LOAD_CORE = 0, 1
_POLL, _TIMEOUT, _GRACE = 0.002, 60.0, 5.0
#: One thread for each library of numbers, as there is one core: more would only wait for each other.
_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class FailedError(Exception):
    """A server did not start, or did not answer right."""


@dataclass(frozen=True)
class Running:
    """A server that has answered; ``seconds`` from the start of its process to the first answered prediction."""

    server: Server
    port: int
    pid: int
    seconds: float

    def memory(self) -> int:
        """Return the memory of the process and its children in bytes; shared pages are shared out (PSS)."""
        return sum(process.memory_full_info().pss for process in _family(self.pid))


@contextlib.contextmanager
def running(server: Server, question: Question) -> Iterator[Running]:
    """Run ``server`` while the context lasts.

    Raises FailedError, with the end of its output, where it does not answer ``question`` within a minute.
    """
    port = _free_port()
    with tempfile.TemporaryDirectory() as work, tempfile.TemporaryFile() as log:
        settings = {**_THREADS, **server.settings, "HOST": "127.0.0.1", "PORT": str(port), "WORK": work}
        # a server that may keep no byte code compiles its own modules at each start, which nobody's does in production
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        path = os.pathsep.join([*([str(server.binaries)] if server.binaries else []), os.environ["PATH"]])
        started = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(SERVER_CORE), *server.command],
            cwd=server.folder,
            env={**environment, **settings, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            problem = _wait(process, server, port, question, started)
            if problem:
                log.seek(0)
                raise FailedError(f"{problem}: {' '.join(log.read().decode('utf-8', 'replace').split())[-400:]}")
            yield Running(server, port, process.pid, time.perf_counter() - started)
        finally:
            _end(process)


def _wait(process: subprocess.Popen[bytes], server: Server, port: int, question: Question, started: float) -> str:
    """Return "" once the question is answered, else what went wrong."""
    body = json.dumps(server.dialect.ask(question.rows))
    answer = "nothing"
    while time.perf_counter() - started < _TIMEOUT:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        try:
            connection.request("POST", server.dialect.path, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            content = reply.read()
            if reply.status == http.HTTPStatus.OK:
                return ""
            answer = f"{reply.status} {content[:100].decode('utf-8', 'replace')}"
        except (OSError, http.client.HTTPException):
            pass  # it does not listen yet
        finally:
            connection.close()
        if process.poll() is not None:
            return f"ended with exit code {process.returncode}"
        time.sleep(_POLL)
    return f"answered {answer} within {_TIMEOUT:.0f} s"


def _end(process: subprocess.Popen[bytes]) -> None:
    family = _family(process.pid)
    process.terminate()
    psutil.wait_procs(family, _GRACE)
    for left in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            left.kill()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # children that were started meanwhile
    process.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
