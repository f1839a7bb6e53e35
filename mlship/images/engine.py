"""The container engine: reach it, and say in plain words what is wrong with it."""

import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import docker
import psutil
from docker import DockerClient
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container
from docker.utils import version_lt
from urllib3.exceptions import HTTPError

from mlship.errors import BuildError, EngineMissingError, MlshipError

#: Seconds that one request may take; a build may be silent for this long.
PATIENCE = 900
_GREETING = 10
_SOCKET = "unix:///var/run/docker.sock"
#: What is used of the engine's API: statistics without waiting for a second count of them.
_NEEDED = "1.41"
_NEWER = f"mlship needs API {_NEEDED}: Docker 20.10, Podman 4, or later"
_UNSET = "unset DOCKER_HOST"
_START = "start Docker or Podman, or point DOCKER_HOST at an engine that runs: docker context ls"

#: What to look for in the engine's words, the error to raise, its message and its hint.
Cause = tuple[str, type[MlshipError], str, str]


def connect() -> DockerClient:
    """Reach the engine that DOCKER_HOST names, else the one at the usual socket.

    Raises EngineMissingError when none answers, or one that is too old.
    """
    try:
        with plain_errors("to answer"):
            _knock()
            client = docker.from_env(timeout=_GREETING)
            try:
                client.ping()
                _require_version(client)
            except BaseException:
                client.close()
                raise
    except ValueError as error:
        raise EngineMissingError(f"DOCKER_HOST is '{address()}', which cannot be used: {error}", _UNSET) from error
    except BuildError as error:
        message = f"what answers at '{address()}' is not a container engine: {error.message}"
        raise EngineMissingError(message, _START) from error
    client.api.timeout = PATIENCE
    return client


def address() -> str:
    """Return where the engine is looked for."""
    return os.environ.get("DOCKER_HOST") or _SOCKET


@contextmanager
def plain_errors(doing: str) -> Iterator[None]:
    """Turn what the docker SDK raises into EngineMissingError or BuildError; ``doing`` completes "failed ..."."""
    try:
        yield
    except APIError as error:
        raise refused(error, doing) from error
    except (DockerException, HTTPError, OSError) as error:
        words = f"{type(error).__name__}: {_one_line(error)}" if isinstance(error, OSError) else _one_line(error)
        raise _explain(words, _CAUSES) or _failed(doing, words) from error


def refused(error: APIError, doing: str) -> MlshipError:
    """Explain what an engine says that did answer."""
    words = _one_line(error.explanation or error)
    return disk_full(words) or _failed(doing, words)


def disk_full(words: str) -> MlshipError | None:
    """Return the error to raise when ``words`` tell of a full disk."""
    return _explain(words, _CAUSES[:1])


def owner() -> str:
    """Return what tells who made a container or a layer: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def is_orphan(owner: str) -> bool:
    """Say whether the process called ``owner`` was one of this host and has ended."""
    host, _, process = owner.rpartition(":")
    return host == socket.gethostname() and process.isdigit() and not psutil.pid_exists(int(process))


@contextmanager
def removed(container: Container) -> Iterator[Container]:
    """Remove a container when the context ends, whatever state it is in by then."""
    try:
        yield container
    finally:
        with suppress(NotFound):
            container.remove(force=True, v=True)


def _knock() -> None:
    """Raise OSError when nothing listens at the socket: docker SDK 7.2 leaves its own socket open when it finds out."""
    scheme, _, path = address().rpartition("://")
    if scheme in {"unix", "http+unix"}:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(_GREETING)
            door.connect(f"/{path.lstrip('/')}")


def _require_version(client: DockerClient) -> None:
    found = str(client.api.api_version)
    if version_lt(found, _NEEDED):
        version = client.version().get("Version", "")
        message = f"the container engine at '{address()}' is too old: version {version}, API {found}"
        raise EngineMissingError(message, _NEWER)


def _explain(words: str, causes: Sequence[Cause]) -> MlshipError | None:
    for pattern, kind, message, hint in causes:
        if re.search(pattern, words, re.IGNORECASE):
            return kind(message.format(address=address(), words=words), hint)
    return None


def _failed(doing: str, words: str) -> BuildError:
    return BuildError(f"the container engine failed {doing}: {words}", "docker info")


_CAUSES: tuple[Cause, ...] = (
    (
        "no space left on device|disk quota exceeded",
        BuildError,
        "the disk is full: {words}",
        "docker system prune",
    ),
    (
        "API versions below",
        EngineMissingError,
        "the container engine at '{address}' is too old: {words}",
        _NEWER,
    ),
    (
        r"PermissionError|connect: permission denied",
        EngineMissingError,
        "no permission to use the container engine at '{address}'",
        "sudo usermod -aG docker $USER, then log in again",
    ),
    (
        "bind address|paramiko|TLS configuration|tls_|Invalid (host|port)|Unsupported scheme|Failed to parse",
        EngineMissingError,
        "DOCKER_HOST is '{address}', which cannot be used: {words}",
        _UNSET,
    ),
    (
        "FileNotFoundError|Connection refused|ConnectionRefused|Failed to establish|Name or service not known"
        "|Failed to resolve|ConnectTimeout|No route to host",
        EngineMissingError,
        "no container engine answers at '{address}'",
        _START,
    ),
    (
        "Connection aborted|ConnectionReset|BrokenPipe|Connection broken|IncompleteRead|Read timed out"
        "|RemoteDisconnected",
        EngineMissingError,
        "the container engine at '{address}' stopped answering",
        "docker info",
    ),
)


def _one_line(told: object) -> str:
    return " ".join(str(told).split()) or type(told).__name__
