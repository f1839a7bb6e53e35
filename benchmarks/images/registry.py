"""A registry on this machine, and a count of the bytes that are sent to it."""

import contextlib
import http.client
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = "docker-registry"
_PIECE, _POLL, _TIMEOUT = 1 << 16, 0.02, 20.0
_SETTINGS = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


class NoRegistryError(Exception):
    """There is no registry to measure with."""


@dataclass
class Counter:
    """A registry at ``host`` (address:port); ``sent`` bytes have gone to it, heads of requests included."""

    host: str
    sent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, count: int) -> None:
        """Count bytes."""
        with self._lock:
            self.sent += count


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[Counter]:
    """Run a registry that keeps its images in ``folder``; what goes to it is counted on the way.

    Raises NoRegistryError where there is none, or it does not answer.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise NoRegistryError(f"there is no {PROGRAM} (Debian's package of that name)")
    port = _free_port()
    settings = folder / "registry.yml"
    settings.write_text(_SETTINGS.format(folder=folder / "images", port=port), "utf-8")
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(settings)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait(port, process)
            with counting(port) as counter:
                yield counter
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def counting(port: int) -> Iterator[Counter]:
    """Pass on to ``port`` of this machine what arrives at another one, and count it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        counter = Counter(f"127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=_accept, args=(listener, port, counter), daemon=True).start()
        yield counter
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, which close alone does not


def _accept(listener: socket.socket, port: int, counter: Counter) -> None:
    with contextlib.suppress(OSError):  # the listener was closed
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, port, counter), daemon=True).start()


def _serve(client: socket.socket, port: int, counter: Counter) -> None:
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        back = threading.Thread(target=_pass_on, args=(server, client, lambda count: None), daemon=True)
        back.start()
        _pass_on(client, server, counter.add)
        back.join()


def _pass_on(source: socket.socket, target: socket.socket, count: Callable[[int], None]) -> None:
    with contextlib.suppress(OSError):  # one of the two has gone
        while piece := source.recv(_PIECE):
            count(len(piece))
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        with contextlib.suppress(OSError):
            connection.request("GET", "/v2/")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        connection.close()
        time.sleep(_POLL)
    raise NoRegistryError(f"{PROGRAM} does not answer")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
