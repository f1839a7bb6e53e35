import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mlship.errors import EngineMissingError
from mlship.images.engine import connect


@pytest.fixture
def engine_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], str]]:
    """Return a function that starts what says of itself that it is an engine of some version, at DOCKER_HOST."""
    running: list[tuple[HTTPServer, threading.Thread]] = []

    def start(version: str, api: str) -> str:
        class Engine(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told = b"OK" if self.path.endswith("_ping") else json.dumps({"Version": version, "ApiVersion": api})
                content = told if isinstance(told, bytes) else told.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Engine)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        address = f"tcp://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("DOCKER_HOST", address)
        return address

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("version", "api"), [("19.03.15", "1.40"), ("17.06.2-ce", "1.30"), ("3.4.4", "1.40")])
def test_an_engine_that_is_too_old_is_told_with_its_version(
    engine_of: Callable[[str, str], str], version: str, api: str
) -> None:
    address = engine_of(version, api)
    with pytest.raises(EngineMissingError) as caught:
        connect()
    assert caught.value.message == f"the container engine at '{address}' is too old: version {version}, API {api}"
    assert caught.value.hint == "mlship needs API 1.41: Docker 20.10, Podman 4, or later"


def test_an_engine_that_the_sdk_does_not_know_any_more_is_too_old(engine_of: Callable[[str, str], str]) -> None:
    engine_of("1.11.2", "1.23")
    with pytest.raises(EngineMissingError, match="is too old: API versions below") as caught:
        connect()
    assert "Docker 20.10" in caught.value.hint


@pytest.mark.parametrize(("version", "api"), [("20.10.24", "1.41"), ("4.3.1", "1.41"), ("29.0.1", "1.52")])
def test_an_engine_that_is_new_enough_is_taken(engine_of: Callable[[str, str], str], version: str, api: str) -> None:
    engine_of(version, api)
    client = connect()
    assert client.api.api_version == api
    client.close()
