import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import APIError, DockerException

from mlship.errors import BuildError, EngineMissingError
from mlship.images.docker import DockerBuilder
from mlship.images.engine import connect, plain_errors


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web_server() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_socket_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with pytest.raises(EngineMissingError, match=rf"no container engine answers at 'unix://{tmp_path}/no\.sock'"):
        connect()


def test_a_closed_port_is_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(EngineMissingError, match="no container engine answers"):
        connect()


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "ftp://127.0.0.1:1", "tcp://127.0.0.1:port"])
def test_an_address_that_cannot_be_used_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(EngineMissingError, match=f"DOCKER_HOST is '{address}'") as caught:
        connect()
    assert caught.value.hint == "unset DOCKER_HOST"


def test_a_server_that_is_no_engine_is_told_apart(web_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", web_server)
    with pytest.raises(EngineMissingError, match="is not a container engine"):
        connect()


def test_without_an_engine_no_image_is_intact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    (tmp_path / "image.json").write_text('{"built": true, "id": "sha256:00", "tags": ["iris:1"]}')
    assert not DockerBuilder().intact({"image": tmp_path / "image.json"})


def test_without_an_engine_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert DockerBuilder.engine() == ""


# The words below are those of docker SDK 7.2 and of engine 20.10.
def test_a_socket_that_may_not_be_used_asks_for_the_group() -> None:
    words = "Error while fetching server API version: ('Connection aborted.', PermissionError(13, 'Permission denied'))"
    with pytest.raises(EngineMissingError, match="no permission") as caught, plain_errors("to answer"):
        raise DockerException(words)
    assert "usermod -aG docker" in caught.value.hint


def test_a_full_disk_is_told() -> None:
    words = "Error processing tar file(exit status 1): write /opt/x.so: no space left on device"
    with pytest.raises(BuildError, match="the disk is full") as caught, plain_errors("to build the image"):
        raise APIError("500 Server Error", explanation=words)
    assert caught.value.hint == "docker system prune"


def test_what_an_engine_says_is_not_taken_for_a_missing_engine() -> None:
    words = "failed to parse Dockerfile: dial tcp: connection refused"
    with pytest.raises(BuildError, match="failed to build the image: failed to parse") as caught:  # noqa: SIM117
        with plain_errors("to build the image"):
            raise APIError("400 Client Error", explanation=words)
    assert not isinstance(caught.value, EngineMissingError)
