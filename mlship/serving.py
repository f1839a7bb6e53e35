"""Start a scaffolded service on this machine, wait until it is ready, and end it for sure."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

from packaging.requirements import InvalidRequirement, Requirement

from mlship.errors import ServiceError
from mlship.extras import missing

_POLL, _GRACE = 0.005, 5.0
_ATTEMPTS = 3
#: Settings of who may ask and how often: those of the user's shell are not meant for a service that mlship asks itself.
_ACCESS = frozenset({"API_KEYS", "API_KEYS_FILE", "RATE_LIMIT", "CORS_ORIGINS"})


@dataclass(frozen=True)
class Running:
    """A service that answered: its address, process id, and seconds from its start to its first answer.

    That is the first right answer where ``running`` was told how to ask for one, else the first 200 of /readyz.
    """

    url: str
    pid: int
    cold_start: float


@contextlib.contextmanager
def running(
    service: Path,
    *,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    ask: Callable[[str], None] | None = None,
) -> Iterator[Running]:
    """Serve the folder ``service`` on a free port of 127.0.0.1 while the context lasts.

    ``python`` is the interpreter that has the packages of the service's requirements.txt; ``environment`` adds to that
    of this process without its API keys, rate limit and CORS; ``timeout`` is in seconds. ``ask`` asks the service at an
    address, once it is ready, for its first answer, and raises where that is not right.
    Raises ServiceError, with the end of the service's output, when it does not get ready, MissingDependencyError where
    that may be because this interpreter lacks one of those packages.
    """
    if not (service / "serve.py").is_file():
        raise ServiceError(f"'{service}' is not a service folder: it has no serve.py", "mlship scaffold")
    with tempfile.TemporaryFile() as log:
        process, ready = _start(service, python, environment or {}, timeout, log, ask)
        try:
            yield ready
        finally:
            _end(process)


def require_packages(service: Path) -> None:
    """Raise MissingDependencyError for the first package of the service's requirements.txt that is not installed."""
    requirements = service / "requirements.txt"
    lines = requirements.read_text("utf-8").splitlines() if requirements.is_file() else []
    for line in (line.partition("#")[0].strip() for line in lines):
        try:
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate():
                version(wanted.name)
        except InvalidRequirement:  # an empty line, or one of pip's options
            continue
        except PackageNotFoundError as error:
            raise missing(wanted.name, f"the service in '{service}'") from error


def is_ready(host: str, port: int, timeout: float = 1.0) -> bool:
    """Say whether /readyz of the service answers 200, within ``timeout`` seconds."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _start(
    service: Path,
    python: str,
    environment: Mapping[str, str],
    timeout: float,
    log: IO[bytes],
    ask: Callable[[str], None] | None,
) -> tuple[subprocess.Popen[bytes], Running]:
    for _ in range(_ATTEMPTS):
        port = _free_port()
        url = f"http://127.0.0.1:{port}"
        log.seek(0)
        log.truncate()
        started = time.monotonic()
        process = _spawn(service, python, environment, port, log)
        try:
            problem = _wait(process, port, started, timeout)
            if not problem and ask is not None:
                ask(url)
        except BaseException:
            _end(process)
            raise
        if not problem:
            return process, Running(url, process.pid, time.monotonic() - started)
        _end(process)
        if b"address already in use" not in _read(log):
            break
    if python == sys.executable and b"ModuleNotFoundError" in _read(log):
        require_packages(service)
    message = f"the service in '{service}' {problem}\n{_tail(log)}"
    raise ServiceError(message.rstrip(), f"see it fail: cd '{service}' && python serve.py")


def _spawn(
    service: Path, python: str, environment: Mapping[str, str], port: int, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    command = [python, "serve.py"]
    if setpriv := shutil.which("setpriv"):  # so that the service ends even when this process is killed
        command = [setpriv, "--pdeathsig", "KILL", "--", *command]
    # a service folder is an artifact: running it must not change it
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    inherited = {name: value for name, value in os.environ.items() if name not in _ACCESS}
    try:
        return subprocess.Popen(
            command,
            cwd=service,
            env={**inherited, **environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    except OSError as error:
        raise ServiceError(f"the service in '{service}' cannot be started with '{python}': {error}") from error


def _wait(process: subprocess.Popen[bytes], port: int, started: float, timeout: float) -> str:
    """Return "" once the service is ready, else what went wrong."""
    while time.monotonic() - started < timeout:
        ready = is_ready("127.0.0.1", port, min(timeout, 1.0))
        if process.poll() is not None:
            return f"ended with exit code {process.returncode} before it was ready"
        if ready:
            return ""
        time.sleep(_POLL)
    return f"was not ready within {timeout:g} s"


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
    with contextlib.suppress(ProcessLookupError):  # whatever it left behind in its group
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _read(log: IO[bytes]) -> bytes:
    log.seek(0)
    return log.read()


def _tail(log: IO[bytes]) -> str:
    lines = _read(log).decode("utf-8", "replace").splitlines()[-15:]
    return "\n".join(f"  | {line}" for line in lines)
