"""A scaffolded service in its image: what it makes of the limits of its container, and how it ends."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient
from docker.models.containers import Container

from mlship.images.docker import DockerBuilder

pytestmark = pytest.mark.docker

ASK = """
import http.client, sys
method, path, body = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
connection.request(method, path, body.encode())
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""
ROW = '{"features": [[5.1, 3.5, 1.4, 0.2]]}'


@pytest.fixture(scope="module", params=["asgi", "flask"])
def image(
    request: pytest.FixtureRequest,
    engine: DockerClient,
    base_image: str,
    cases: Mapping[str, Any],
    scaffolded: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("image")
    inputs = cases["numeric"].write(folder) | {"service": scaffolded("numeric", request.param)}
    tag = f"mlship-test/{request.param}:{os.getpid()}"
    DockerBuilder(tag=tag, base=base_image).run(inputs, folder, lambda message, fraction=None: None)
    yield tag
    engine.images.remove(tag, force=True)


@contextmanager
def running(engine: DockerClient, image: str, *command: str, cpus: float = 1, **options: Any) -> Iterator[Container]:
    """Run the image, locked down, until it is ready."""
    locked: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "network_mode": "none", "mem_limit": "1g"}
    container = engine.containers.run(image, [*command], detach=True, nano_cpus=int(cpus * 1e9), **locked, **options)
    try:
        deadline = time.monotonic() + 40
        while ask(container, "GET", "/readyz") != '200 {"status":"ok"}':
            assert time.monotonic() < deadline, container.logs().decode()
            time.sleep(0.1)
        yield container
    finally:
        container.remove(force=True)


def ask(container: Container, method: str, path: str, body: str = "") -> str:
    ran = container.exec_run(["python3", "-c", ASK, method, path, body])
    return bytes(ran.output).decode().strip() if ran.exit_code == 0 else ""


@pytest.mark.parametrize(("cpus", "workers"), [(0.5, 1), (1, 1), (2, 2)])
def test_there_are_as_many_workers_as_processors(engine: DockerClient, image: str, cpus: float, workers: int) -> None:
    if cpus > len(os.sched_getaffinity(0)):
        pytest.skip(f"needs {cpus} processors")
    with running(engine, image, cpus=cpus) as container:
        assert ask(container, "POST", "/predict", ROW) == '200 {"prediction":[0]}'
        [line] = container.logs().decode().splitlines()
        assert line == f"serving at http://0.0.0.0:8000 with {workers} worker{'s' * (workers > 1)}"
        for number in range(8):
            assert f'status="200"}} {number + 1}.0' in next(
                line
                for line in ask(container, "GET", "/metrics").splitlines()
                if line.startswith('http_requests_total{route="/predict"')
            )
            ask(container, "POST", "/predict", ROW)


def test_the_argument_that_sagemaker_gives_changes_nothing(engine: DockerClient, image: str) -> None:
    with running(engine, image, "serve") as container:
        assert ask(container, "POST", "/predict", ROW) == '200 {"prediction":[0]}'


def test_it_drains_when_the_container_is_stopped(engine: DockerClient, image: str) -> None:
    with running(engine, image, environment={"DRAIN_SECONDS": "2"}) as container:
        started = time.monotonic()
        container.kill("SIGTERM")
        assert ask(container, "GET", "/readyz") == '503 {"status":"draining"}'
        assert container.wait(timeout=20)["StatusCode"] == 0
        assert time.monotonic() - started > 2


def test_it_ends_with_an_error_that_tells_what_is_wrong(engine: DockerClient, image: str) -> None:
    container = engine.containers.run(image, detach=True, environment={"WORKERS": "many"}, network_mode="none")
    try:
        assert container.wait(timeout=20)["StatusCode"] == 2
        assert container.logs() == b"error: WORKERS='many' is neither a positive whole number nor auto\n"
    finally:
        container.remove(force=True)
