"""Requests that take longer than a copy is given, behind nginx and Envoy: all others are answered."""

import io
import os
import socket
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker import DockerClient

from benchmarks.deploy.constant import Constant
from benchmarks.deploy.deployed import Deployed
from mlship.client import Client

pytestmark = pytest.mark.docker

REPLICAS, SLOW = 3, "2.6"
_DOCKERFILE = """FROM {base}
COPY sleeper.py /
ENTRYPOINT ["python3", "/sleeper.py"]
HEALTHCHECK CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz')"]
"""


@pytest.fixture(scope="module")
def sleeper(engine: DockerClient, base_image: str) -> Iterator[str]:
    """Build the image of a service that takes as many seconds to answer as it is asked to."""
    tag, context = f"mlship-test/sleeper:{os.getpid()}", io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        tar.add(Path(__file__).with_name("sleeper.py"), "sleeper.py", filter=_readable)
        dockerfile = _DOCKERFILE.format(base=base_image).encode()
        told = tarfile.TarInfo("Dockerfile")
        told.size = len(dockerfile)
        tar.addfile(told, io.BytesIO(dockerfile))
    context.seek(0)
    engine.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)
    yield tag
    engine.images.remove(tag, force=True)


def _readable(told: tarfile.TarInfo) -> tarfile.TarInfo:
    told.mode, told.uid, told.gid = 0o644, 0, 0
    return told


@pytest.fixture(params=["nginx", "envoy"])
def deployed(
    request: pytest.FixtureRequest,
    engine: DockerClient,
    known_inputs: dict[str, Path],
    sleeper: str,
    gateway_image: Callable[[str], str],
    tmp_path: Path,
) -> Iterator[Deployed]:
    """Start three copies that are given up after a second."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "name": f"test-slow-{request.param}-{os.getpid()}",
        "gateway": request.param,
        "gateway_image": gateway_image(request.param),
        "image": sleeper,
        "replicas": REPLICAS,
        "try_timeout": 1.0,
        "port": port,
    }
    found = Deployed(engine, tmp_path / "deployed", known_inputs, options)
    try:
        found.up()
        yield found
    finally:
        found.down()


def test_requests_that_are_slow_fail_no_others_and_are_not_tried_again_and_again(deployed: Deployed) -> None:
    with Constant(deployed.port, "/predict", [b"0"], [[[0.0]]]) as load, ThreadPoolExecutor(12) as clients:
        load.wait_for(100)
        statuses = list(clients.map(lambda _: ask(deployed, SLOW), range(24)))
        load.wait_for(600)
    assert load.problems() == []
    assert statuses == [504] * 24
    logs = [deployed.copy(number).logs().decode() for number in range(1, REPLICAS + 1)]
    assert sum(log.splitlines().count(f"asked for {SLOW} s") for log in logs) <= 3 * 24


def ask(deployed: Deployed, seconds: str) -> int:
    with Client(f"http://127.0.0.1:{deployed.port}") as client:
        return client.request("POST", "/predict", seconds.encode())[0]
