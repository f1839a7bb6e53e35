"""What the workspace knows before it deploys, as in the unit tests; images of a service and of gateways."""

import io
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import ImageNotFound

from benchmarks.deploy import gateway_images
from benchmarks.deploy.deployed import Deployed
from mlship.images.docker import DockerBuilder
from tests.unit.targets.conftest import known_inputs

__all__ = ["known_inputs"]


@dataclass(frozen=True)
class Images:
    """The artifacts of a service by kind, and the names of two images of it, of the versions 1 and 2."""

    inputs: dict[str, Path]
    first: str
    second: str


@pytest.fixture(scope="session")
def images(
    engine: DockerClient,
    base_image: str,
    cases: Mapping[str, Any],
    scaffolded: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Images]:
    """Build a service."""
    folder = tmp_path_factory.mktemp("image")
    inputs = cases["numeric"].write(folder) | {"service": scaffolded("numeric", "asgi")}
    tag = f"mlship-test/deployed:{os.getpid()}"
    outcome = DockerBuilder(tag=tag, base=base_image).run(inputs, folder, lambda message, fraction=None: None)
    versions = [f"{tag}-{version}" for version in (1, 2)]
    for version, name in enumerate(versions, 1):
        dockerfile = io.BytesIO(f"FROM {tag}\nENV MODEL_VERSION={version}\n".encode())
        engine.images.build(fileobj=dockerfile, tag=name, rm=True)
    yield Images({**inputs, "image": folder / outcome.artifacts["image"]}, *versions)
    for name in (*versions, tag):
        engine.images.remove(name, force=True)


@pytest.fixture(scope="session")
def gateway_image(engine: DockerClient, base_image: str) -> Iterator[Callable[[str], str]]:
    """Return a function that makes the image of a gateway from the program of this machine."""
    made: dict[str, str] = {}

    def make(name: str) -> str:
        if gateway_images.program(name) is None:
            message = f"no {name}: scripts/ci-engine.sh packages, pip install 'mlship[test]'"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
        if name not in made:
            made[name] = gateway_images.build(engine, base_image, name)
        return made[name]

    yield make
    for tag in made.values():
        with suppress(ImageNotFound):  # the stories of the command line share it
            engine.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the options of every change of the stack: those that the module names in OPTIONS."""
    return dict(request.module.OPTIONS)


@pytest.fixture(scope="module")
def deployed(
    request: pytest.FixtureRequest,
    engine: DockerClient,
    images: Images,
    gateway_image: Callable[[str], str],
    options: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Deployed]:
    """Start version 1 behind the gateway that the module names in GATEWAY."""
    gateway = request.module.GATEWAY
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    all_options = {
        "name": f"test-{gateway}-{os.getpid()}",
        "gateway": gateway,
        "gateway_image": gateway_image(gateway),
        "image": images.first,
        "port": port,
        **options,
    }
    found = Deployed(engine, tmp_path_factory.mktemp("deployed"), images.inputs, all_options)
    try:
        found.up()
        yield found
    finally:
        found.down()
