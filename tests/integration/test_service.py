"""The service that the scaffold writes, as a real process: uvicorn, sockets, and a venv of its own."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlship.replay import replay
from mlship.serving import Running, running

FOREIGN = ("mlship", "sklearn", "scipy", "pandas", "onnx")


@pytest.fixture(scope="module", params=["numeric", "mixed", "switch"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(scaffolded: Callable[[str], Path]) -> Iterator[Running]:
    with running(scaffolded("numeric")) as started:
        yield started


@pytest.fixture
def connection(server: Running) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=20)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory, scaffolded: Callable[[str], Path]) -> Path:
    """The Python of a venv that has what requirements.txt asks for, pytest, and nothing else."""
    home = tmp_path_factory.mktemp("alone")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    requirements = str(scaffolded("numeric") / "requirements.txt")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "-r", requirements, "pytest"], check=True)
    return python


def ask(connection: http.client.HTTPConnection, body: bytes, url: str = "/predict") -> tuple[int, Any]:
    connection.request("POST", url, body)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_the_golden_set_passes_over_http(
    scaffolded: Callable[[str], Path], cases: Mapping[str, Any], name: str
) -> None:
    with running(scaffolded(name)) as started:
        verdict = replay(started.url, cases[name].golden, cases[name].signature)
    assert verdict.passed, verdict.sentence()
    assert verdict.rows == len(cases[name].golden)


def test_a_refused_request_leaves_the_connection_open(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, b"nonsense")[0] == 400
    held = connection.sock
    assert ask(connection, b'{"features": [[5.1, 3.5, 1.4, 0.2]]}') == (200, {"prediction": [0]})
    assert connection.sock is held


def test_a_body_in_chunks_is_limited_like_any_other(connection: http.client.HTTPConnection) -> None:
    chunks = (b" " * 1_048_576 for _ in range(64))
    try:
        connection.request("POST", "/predict", chunks, encode_chunked=True)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the service need not wait for the rest
    else:
        assert connection.getresponse().status == 413


def test_an_announced_body_that_is_too_large_is_refused_before_it_is_sent(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=20) as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        with client.makefile("rb") as answer:
            assert b"413" in answer.readline()


def test_a_client_that_leaves_in_the_middle_does_no_harm(
    server: Running, connection: http.client.HTTPConnection
) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=20) as client:
            client.sendall(b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{"features": [[')
    assert ask(connection, b'{"features": [[5.1, 3.5, 1.4, 0.2]]}')[0] == 200


def test_large_batches_do_not_hold_up_the_probes(server: Running) -> None:
    body = json.dumps({"features": [[5.1, 3.5, 1.4, 0.2]] * 10_000}).encode()
    port = int(server.url.rpartition(":")[2])
    done = threading.Event()

    def load() -> None:
        busy = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while not done.is_set():
            ask(busy, body, "/predict?outputs=all")
        busy.close()

    worker = threading.Thread(target=load)
    worker.start()
    try:
        probe = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        seconds = []
        for _ in range(30):
            started = time.perf_counter()
            probe.request("GET", "/livez")
            assert probe.getresponse().read() == b'{"status":"ok"}'
            seconds.append(time.perf_counter() - started)
        probe.close()
    finally:
        done.set()
        worker.join()
    assert sorted(seconds)[15] < 0.5


def test_many_connections_at_once_each_get_their_own_answer(server: Running, cases: Mapping[str, Any]) -> None:
    golden = cases["numeric"].golden
    rows, expected = golden.inputs["features"], golden.outputs["prediction"]
    wrong: list[int] = []

    def work(first: int) -> None:
        own = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=20)
        for row in range(first, len(rows), 8):
            _, answer = ask(own, json.dumps({"features": [rows[row].tolist()]}).encode())
            if answer != {"prediction": [int(expected[row])]}:
                wrong.append(row)
        own.close()

    workers = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_a_service_without_its_model_says_what_is_missing(scaffolded: Callable[[str], Path], tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import app"],
        cwd=scaffolded("numeric"),
        env=os.environ | {"MODEL_DIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert f"the model folder '{tmp_path}' cannot be read" in ran.stderr


def test_it_runs_where_neither_mlship_nor_scikit_learn_is_installed(
    scaffolded: Callable[[str], Path], cases: Mapping[str, Any], alone: Path, name: str
) -> None:
    found = subprocess.run(
        [alone, "-I", "-c", f"import importlib.util as u; print([n for n in {FOREIGN} if u.find_spec(n)])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"
    with running(scaffolded(name), python=str(alone)) as started:
        verdict = replay(started.url, cases[name].golden, cases[name].signature)
    assert verdict.passed, verdict.sentence()


def test_its_own_tests_pass_there(scaffolded: Callable[[str], Path], alone: Path, name: str) -> None:
    ran = subprocess.run(
        [alone, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=scaffolded(name),
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_commands_of_the_readme_work(scaffolded: Callable[[str], Path], name: str) -> None:
    service = scaffolded(name)
    lines = (service / "README.md").read_text().splitlines()
    commands = [line for line in lines if line.startswith("curl ")]
    answer = next(line for line in lines if line.startswith("It answers")).partition("`")[2].rpartition("`")[0]
    with running(service) as started:
        for command in commands:
            asked = command.replace("http://127.0.0.1:8000", started.url)
            ran = subprocess.run(["sh", "-c", asked], capture_output=True, text=True, check=True)
            assert json.loads(ran.stdout) == json.loads(answer)
    assert len(commands) == 2
