"""A small registry that refuses, where the usual one does not, to hand on layers, and tells how it was asked."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mlship.images.files.blobs import Assembled
from mlship.images.registries.registry import Registry
from tests.unit.images.image_support import AMD64, assembled, layer, quiet


class Odd(http.server.ThreadingHTTPServer):
    """Answers ``refusal`` when a layer is to be had from another repository.

    ``kept`` is what it has, by path; ``encodings`` are those in which its blobs were asked for.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusal = 202
        self.kept: dict[str, bytes] = {}
        self.encodings: list[str] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Odd

    def do_HEAD(self) -> None:
        self._answer(200 if self.path in self.server.kept else 404)

    def do_GET(self) -> None:
        if "/blobs/" in self.path:
            self.server.encodings.append(self.headers["Accept-Encoding"])
        self._answer(200, self.server.kept[self.path])

    def do_POST(self) -> None:
        self._answer(self.server.refusal if "mount=" in self.path else 202, Location=f"{urlsplit(self.path).path}1")

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        address = urlsplit(self.path)
        digest = parse_qs(address.query).get("digest")
        path = address.path.replace("uploads/1", digest[0]) if digest else address.path
        self.server.kept[path] = content
        self._answer(201, **{"OCI-Subject": "-"})

    def _answer(self, code: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Odd]:
    with Odd() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


def image(folder: Path, source: str = "") -> Assembled:
    return assembled(folder, [replace(layer(folder, {"etc/base": b"."}), source=source)])


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_layer_that_another_repository_does_not_hand_on_is_sent(code: int, server: Odd, tmp_path: Path) -> None:
    server.refusal = code
    made = image(tmp_path / "blobs", f"{server.host}/not/ours")
    assert Registry(f"{server.host}/a/b:1").push([made], None, (), quiet).blobs_sent == 2
    assert f"/v2/a/b/blobs/{made.layers[0].digest}" in server.kept


def test_blobs_are_asked_for_as_they_are(server: Odd, tmp_path: Path) -> None:
    Registry(f"{server.host}/a/b:1").push([image(tmp_path / "blobs")], None, (), quiet)
    Registry(f"{server.host}/a/b:1").pull(AMD64, quiet)
    assert server.encodings == ["identity", "identity"]
