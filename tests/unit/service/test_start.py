"""Settings of the server, and where it listens."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def core_start(service_code: Callable[[str], Any]) -> Any:
    return service_code("core.running.start")


def test_without_variables_it_answers_this_machine_only(core_start: Any) -> None:
    server = core_start.read({})
    assert (server.url, server.workers, server.drain_seconds, server.reload) == ("http://127.0.0.1:8000", 1, 0.0, False)


def test_variables_set_it(core_start: Any) -> None:
    told = {"HOST": "::1", "PORT": "0", "WORKERS": "3", "KEEP_ALIVE": "2.5", "GRACE_SECONDS": "0", "RELOAD": "1"}
    server = core_start.read(told)
    assert (server.url, server.workers, server.keep_alive, server.grace_seconds) == ("http://[::1]:0", 3, 2.5, 0.0)
    assert server.reload


def test_the_argument_of_sagemaker_changes_nothing(core_start: Any) -> None:
    assert core_start.read({"PORT": "81"}, ["serve"]) == core_start.read({"PORT": "81"})


@pytest.mark.parametrize(
    ("variables", "arguments", "named"),
    [
        ({"PORT": "http"}, [], "PORT='http'"),
        ({"PORT": "65536"}, [], "PORT='65536'"),
        ({"WORKERS": "many"}, [], "WORKERS='many'"),
        ({"KEEP_ALIVE": "-1"}, [], "KEEP_ALIVE='-1'"),
        ({"GRACE_SECONDS": "soon"}, [], "GRACE_SECONDS='soon'"),
        ({"DRAIN_SECONDS": "x"}, [], "DRAIN_SECONDS='x'"),
        ({"RELOAD": "maybe"}, [], "RELOAD='maybe'"),
        ({"MAX_ROWS": "0"}, [], "MAX_ROWS='0'"),
        ({"API_KEYS": " , "}, [], "API_KEYS holds no key"),
        ({"TLS_KEY": __file__}, [], "TLS_CERT and TLS_KEY go together"),
        ({"TLS_KEY": __file__, "TLS_CERT": __file__}, [], "no certificate and its key"),
        ({}, ["--port", "80"], "'--port 80'"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(
    core_start: Any, variables: dict[str, str], arguments: list[str], named: str
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        core_start.read(variables, arguments)
    assert named in str(caught.value)


def test_a_certificate_that_is_not_there_is_named(core_start: Any) -> None:
    with pytest.raises(FileNotFoundError, match="no-such-file"):
        core_start.read({"TLS_CERT": "/no-such-file", "TLS_KEY": "/no-such-file"})


def test_each_worker_gets_a_socket_of_the_same_port(core_start: Any) -> None:
    sockets = core_start.bind(core_start.read({"PORT": "0", "WORKERS": "3"}))
    try:
        assert len({each.getsockname() for each in sockets}) == 1
        assert len({each.fileno() for each in sockets}) == 3
        assert {each.proto for each in sockets} == {socket.IPPROTO_TCP}
    finally:
        for each in sockets:
            each.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_in_use_is_refused_even_where_it_could_be_shared(core_start: Any, workers: str) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        with pytest.raises(core_start.StartError, match=f":{port}: address already in use"):
            core_start.bind(core_start.read({"PORT": port, "WORKERS": workers}))


def test_an_address_of_another_machine_is_refused(core_start: Any) -> None:
    with pytest.raises(core_start.StartError, match=r"cannot serve at http://192\.0\.2\.1:8000: "):
        core_start.bind(core_start.read({"HOST": "192.0.2.1"}))


def test_the_folder_that_workers_share_is_gone_at_the_end(
    core_start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARED_DIR", str(tmp_path))
    with core_start.shared_folder() as folder:
        (folder / "counts").touch()
        assert folder.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_asks_for_another(
    core_start: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARED_DIR", str(tmp_path / "missing"))
    with pytest.raises(core_start.StartError, match="set SHARED_DIR"), core_start.shared_folder():
        pass
