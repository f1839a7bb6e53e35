"""How a server is started, whichever it is: its settings, its address, and what its processes share."""

import os
import shutil
import signal
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from core.running import reload, workers
from core.running.parents import PARENT, follow
from core.settings import Given, from_environment

#: Connections that may wait to be accepted.
BACKLOG = 2048
_SERVICE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """Settings of the server; each is read from the environment variable of its name in upper case.

    ``model`` is the model folder. ``workers`` are processes. ``tls_cert`` and ``tls_key`` are PEM files. Seconds:
    ``keep_alive`` that a connection may stay open without a request, ``drain_seconds`` from SIGTERM to the close of the
    port, ``grace_seconds`` for requests that are being answered then. ``reload`` starts anew when a file changes.
    """

    model: Path
    host: str
    port: int
    workers: int
    tls_cert: Path | None
    tls_key: Path | None
    keep_alive: float
    grace_seconds: float
    drain_seconds: float
    reload: bool

    @property
    def url(self) -> str:
        """Where it answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls_cert else ''}://{host}:{self.port}"


class StartError(Exception):
    """The server cannot start; what it says is for the one who started it."""


def start(run: Callable[[Server], int]) -> NoReturn:
    """Let ``run`` serve until it is told to end, and end with its exit code.

    A setting that cannot be meant ends with exit code 2, a StartError with 1, each with one line on standard error.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # until the server has its own: the first process of a container
        signal.signal(number, _leave)  # would not heed them, and Python shows a traceback
    try:
        server = read(os.environ, sys.argv[1:])
    except (ValueError, OSError) as error:
        sys.exit(_complain(error, 2))
    if parent := os.environ.pop(PARENT, ""):
        follow(int(parent))
    for name, value in workers.environment(server.model, server.workers).items():
        os.environ.setdefault(name, value)
    try:
        if server.reload:
            for each in bind(server):
                each.close()
            sys.exit(reload.run({_SERVICE, server.model}, os.environ | {PARENT: str(os.getpid())}))
        sys.exit(run(server))
    except StartError as error:
        sys.exit(_complain(error, 1))


def read(environment: Mapping[str, str], arguments: Sequence[str] = ()) -> Server:
    """Read the settings of the server; raises ValueError for one that cannot be meant, OSError for a missing file.

    The argument "serve" is what SageMaker calls a container with, and changes nothing.
    """
    if list(arguments) not in ([], ["serve"]):
        raise ValueError(f"arguments {' '.join(arguments)!r}: settings are environment variables, README.md lists them")
    settings = from_environment(environment)
    given = Given(environment)
    files = [_file(given, name) for name in ("TLS_CERT", "TLS_KEY")]
    _check_tls(*files)
    return Server(
        model=settings.model_dir,
        host=given.text("HOST") or "127.0.0.1",
        port=given.port("PORT") if given.text("PORT") else 8000,
        workers=workers.count(given.text("WORKERS") or "1", settings.model_dir),
        tls_cert=files[0],
        tls_key=files[1],
        # longer than the 60 s for which load balancers keep idle connections
        keep_alive=given.number("KEEP_ALIVE", 65.0),
        grace_seconds=given.number("GRACE_SECONDS", 8.0),
        drain_seconds=settings.drain_seconds,
        reload=given.share("RELOAD", 0.0) > 0,
    )


def bind(server: Server) -> list[socket.socket]:
    """Bind the address: a socket for each worker, among which the kernel shares out connections where it can.

    Raises StartError where the address cannot be had.
    """
    shares = server.workers > 1 and sys.platform == "linux"  # elsewhere SO_REUSEPORT does not balance
    try:
        family, kind, _, _, address = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)[0]
        with _socket(family, kind) as probe:  # without SO_REUSEPORT, which would join another server of this user
            probe.bind(address)
            address = probe.getsockname()
        sockets = [_socket(family, kind) for _ in range(server.workers if shares else 1)]
        for each in sockets:
            if shares:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            each.bind(address)
            each.listen(BACKLOG)
    except OSError as error:
        raise StartError(f"cannot serve at {server.url}: {(error.strerror or str(error)).lower()}") from error
    return sockets if shares else sockets * server.workers


@contextmanager
def shared_folder() -> Iterator[Path]:
    """Make the folder by which workers share what they count, in memory where that can be, and remove it at the end."""
    wanted = os.environ.get("SHARED_DIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)  # noqa: S108
    try:
        folder = Path(tempfile.mkdtemp(prefix="service-", dir=wanted))
    except OSError as error:
        raise StartError(f"there is no folder for what workers share, set SHARED_DIR to one: {error}") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _socket(family: int, kind: int) -> socket.socket:
    # Said outright, as asyncio sends small answers at once (TCP_NODELAY) only where the socket tells its protocol.
    made = socket.socket(family, kind, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def _leave(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _complain(error: object, code: int) -> int:
    sys.stderr.write(f"error: {' '.join(str(error).split())}\n")
    return code


def _file(given: Given, name: str) -> Path | None:
    if not given.text(name):
        return None
    path = Path(given.text(name))
    with path.open("rb"):  # raises OSError, with the name, where it cannot be read
        return path


def _check_tls(cert: Path | None, key: Path | None) -> None:
    if cert and key:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
        except ssl.SSLError as error:
            told = f"TLS_CERT='{cert}' and TLS_KEY='{key}' are no certificate and its key"
            raise ValueError(f"{told}: {error}") from error
    elif cert or key:
        raise ValueError("TLS_CERT and TLS_KEY go together")
