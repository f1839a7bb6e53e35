"""The proof of scaffolded services: what they make of one processor, of the largest requests, and of being stopped."""

import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient
from docker.models.containers import Container

from mlship.images import base as bases
from mlship.images.build import build
from mlship.images.docker import DockerBuilder
from mlship.images.plan import Platform
from mlship.images.proofs import strain
from mlship.images.proofs.proof import Proof, prove

pytestmark = pytest.mark.docker

ROW = [5.1, 3.5, 1.4, 0.2]


@dataclass(frozen=True)
class Proven:
    """An image, and what was seen of it."""

    image: str
    proof: Proof


@pytest.fixture(scope="module", params=["asgi", "flask"])
def proven(
    request: pytest.FixtureRequest,
    engine: DockerClient,
    base_image: str,
    cases: Mapping[str, Any],
    scaffolded: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Proven]:
    folder = tmp_path_factory.mktemp("image")
    inputs = cases["numeric"].write(folder) | {"service": scaffolded("numeric", request.param)}
    builder = DockerBuilder(tag=f"mlship-test/proven-{request.param}:{os.getpid()}", base=base_image)
    work = builder.work(inputs, folder, quiet)
    builder.write_context(work, bases.ask(engine, base_image), Platform.own())
    image = build(engine, folder / "context", quiet)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(strain, "SECONDS", 90.0)  # what becomes of the requests is tested, not how busy a machine is
            found = prove(engine, str(image.id), work.expected, builder.limits)
        yield Proven(str(image.id), found)
    finally:
        engine.images.remove(image.id, force=True)


def quiet(message: str, fraction: float | None = None) -> None:
    pass


def test_a_service_goes_by_the_processor_that_it_gets(proven: Proven) -> None:
    assert (proven.proof.workers, proven.proof.threads) == (1, 1)


def test_a_service_starts_and_ends_in_time(proven: Proven) -> None:
    assert proven.proof.cold_start <= proven.proof.first_answer
    assert proven.proof.endured.exit_code == 0
    assert proven.proof.notes() == ()


def test_a_service_bears_the_largest_requests(proven: Proven) -> None:
    found = proven.proof.endured.strain
    assert found is not None
    assert found.rows == 10_000
    assert found.requests == found.answered + found.refused == strain.CLIENTS * strain.ROUNDS
    assert proven.proof.rss <= proven.proof.peak < 512 * 2**20


def test_a_request_that_has_begun_is_answered_when_the_container_is_stopped(
    engine: DockerClient, proven: Proven
) -> None:
    body = json.dumps({"features": [ROW] * 100}).encode()
    with running(engine, proven.image) as (container, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body[:100])
        stopping = threading.Thread(target=container.stop, kwargs={"timeout": 10})
        stopping.start()
        wait_for(port, 503)
        connection.send(body[100:])
        answer = connection.getresponse()
        assert (answer.status, len(json.loads(answer.read())["prediction"])) == (200, 100)
        connection.close()
        stopping.join(20)
        container.reload()
        assert container.attrs["State"]["ExitCode"] == 0


@contextmanager
def running(engine: DockerClient, image: str) -> Iterator[tuple[Container, int]]:
    """Run the image, locked down, until it is ready."""
    container = engine.containers.run(
        image,
        detach=True,
        read_only=True,
        cap_drop=["ALL"],
        environment={"DRAIN_SECONDS": "1"},
        ports={"8000/tcp": ("127.0.0.1", 0)},
    )
    try:
        container.reload()
        port = int(container.ports["8000/tcp"][0]["HostPort"])
        wait_for(port, 200)
        yield container, port
    finally:
        container.remove(force=True)


def wait_for(port: int, status: int) -> None:
    """Wait until /readyz answers with ``status``."""
    deadline, found = time.monotonic() + 20, 0
    while found != status:
        assert time.monotonic() < deadline, f"/readyz answers {found}"
        found = asked(port)
        time.sleep(0.02)


def asked(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()
