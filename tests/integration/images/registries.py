"""A registry that runs on this machine for the tests, and a way to it that breaks down."""

import base64
import contextlib
import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "mlship", "right"
# bcrypt, the only hash that it takes, of that password: no library of ours makes one
_HTPASSWD = f"{USER}:$2b$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC\n"
_PATIENCE = 20

_CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: "{folder}/storage"}}}}
http: {{addr: "127.0.0.1:{port}"{tls}}}
auth: {{htpasswd: {{realm: test, path: "{folder}/htpasswd"}}}}
"""


@dataclass(frozen=True)
class Server:
    """A registry: where it answers ("127.0.0.1:5000"), and where it keeps what it has."""

    host: str
    folder: Path

    @property
    def port(self) -> int:
        return int(self.host.rpartition(":")[2])

    def tags(self, repository: str) -> list[str]:
        """Return the tags that are written, as the registry keeps them."""
        folder = self.folder / "storage/docker/registry/v2/repositories" / repository / "_manifests/tags"
        return sorted(path.name for path in folder.glob("*"))


def login(folder: Path, *hosts: str, password: str = PASSWORD) -> Path:
    """Write what docker login leaves in ``folder``, DOCKER_CONFIG."""
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth} for host in hosts}}))
    return folder / "config.json"


@contextlib.contextmanager
def serving(program: str, folder: Path, certificate: tuple[Path, Path] | None = None) -> Iterator[Server]:
    """Run Debian's docker-registry on a free port; with a ``certificate`` (and its key) it speaks TLS."""
    (folder / "htpasswd").write_text(_HTPASSWD)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tls = f', tls: {{certificate: "{certificate[0]}", key: "{certificate[1]}"}}' if certificate else ""
    (folder / "config.yml").write_text(_CONFIG.format(folder=folder, port=port, tls=tls))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        _wait(port, process, folder / "log")
        yield Server(f"127.0.0.1:{port}", folder)
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"docker-registry does not start: {log.read_text()[-2000:]}")


class Cutter:
    """A way to a server that cuts connections after so many bytes of one direction, ``times`` times.

    ``passed`` are the bytes that went through, up and down.
    """

    def __init__(self, port: int, *, up: int | None = None, down: int | None = None, times: int = 1) -> None:
        self._target, self._limits, self._times = port, {"up": up, "down": down}, times
        self.passed = {"up": 0, "down": 0}
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "Cutter":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            self._close(one)
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            self._start(self._pipe, client, server, "up")
            self._start(self._pipe, server, client, "down")

    def _pipe(self, source: socket.socket, target: socket.socket, way: str) -> None:
        limit, passed = self._limits[way], 0
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                passed += len(piece)
                with self._lock:
                    cut = limit is not None and passed > limit and self._times > 0
                    self._times -= cut
                if cut and limit is not None:
                    piece = piece[: len(piece) - (passed - limit)]
                target.sendall(piece)
                self.passed[way] += len(piece)
                if cut:
                    break
        self._close(source)
        self._close(target)

    @staticmethod
    def _close(one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
