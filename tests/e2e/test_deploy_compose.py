"""A user starts copies of a service behind nginx on the engine, asks them, and ends them; and what is refused."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from tests.e2e.conftest import Mlship
from tests.integration.targets.conftest import gateway_image

__all__ = ["gateway_image"]

NAME = f"story-{os.getpid()}"
TAG = f"{NAME}:1"


@pytest.fixture(scope="module")
def workspace(
    engine: DockerClient, base_image: str, trained: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Return a workspace with an image."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copy(trained / "linear.joblib", folder)
    shutil.copy(trained / "linear.npy", folder)
    for command in (
        ["convert", "linear.joblib", "--data", "linear.npy"],
        ["scaffold", "--framework", "asgi"],
        ["build", "-t", TAG, "--base", base_image],
    ):
        subprocess.run([sys.executable, "-m", "mlship", *command], cwd=folder, check=True, capture_output=True)
    yield folder
    engine.images.remove(TAG, force=True)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def left(engine: DockerClient) -> list[str]:
    """Return the names of what the stack has on the engine."""
    mine = {"label": f"io.mlship.stack={NAME}"}
    containers = engine.containers.list(all=True, filters=mine, ignore_removed=True)
    found = [*containers, *engine.networks.list(filters=mine), *engine.volumes.list(filters=mine)]
    return sorted(str(each.name) for each in found)


@pytest.mark.docker
def test_copies_are_started_verified_and_ended(
    mlship: Mlship, workspace: Path, port: int, engine: DockerClient, gateway_image: Callable[[str], str]
) -> None:
    options = ("--replicas", "2", "--set", f"port={port}", "--set", f"gateway_image={gateway_image('nginx')}")
    url = f"http://127.0.0.1:{port}"
    try:
        ran = mlship("deploy", "compose", *options, "--up", cwd=workspace, engine=True)
        assert ran.code == 0, ran.err
        assert f"{url}: 2 copies, 2 of them new; nginx was started" in ran.out
        assert len(left(engine)) == 6  # two copies, the gateway and its volume, two networks
        verified = mlship("verify", "--url", url, cwd=workspace)
        assert verified.code == 0, verified.err
        told = mlship("deploy", "compose", *options, "--up", "--json", cwd=workspace, engine=True).json
        assert (told["url"], told["new"], told["gateway"]) == (url, 0, "is as it was")
    finally:
        ended = mlship("deploy", "compose", "--down", cwd=workspace, engine=True)
    assert ended.code == 0, ended.err
    assert ended.out == f"ended 3 containers of {NAME}\n"
    assert left(engine) == []


@pytest.mark.docker
def test_what_cannot_be_started_is_refused_before_anything_is(
    mlship: Mlship, workspace: Path, port: int, engine: DockerClient, gateway_image: Callable[[str], str]
) -> None:
    gateway = ("--set", f"gateway_image={gateway_image('nginx')}")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        arguments = ("deploy", "compose", *gateway, "--set", f"port={taken}", "--up")
        ran = mlship(*arguments, cwd=workspace, engine=True)
    assert (ran.code, ran.err.splitlines()[-2:]) == (
        2,
        [f"error: port {taken} of 127.0.0.1 is taken", f"  hint: --set port={taken + 1}"],
    )
    arguments = ("deploy", "compose", *gateway, "--set", f"port={port}", "--image", "nowhere:1", "--up")
    ran = mlship(*arguments, cwd=workspace, engine=True)
    assert (ran.code, ran.err.splitlines()[-2:]) == (
        2,
        [
            "error: the image 'nowhere:1' is not on the engine",
            "  hint: docker pull nowhere:1, or mlship build -t nowhere:1",
        ],
    )
    assert left(engine) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "subnet=10.0.0.0/8"], "subnet '10.0.0.0/8' is not a private network of 256 addresses"),
        (["--set", "port=70000"], "'port' cannot be 70000"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_with_a_hint(mlship: Mlship, arguments: list[str], told: str) -> None:
    ran = mlship("deploy", "compose", *arguments)
    assert ran.code == 2
    assert told in ran.err
    assert "hint: " in ran.err


@pytest.mark.docker
def test_no_engine_is_told(mlship: Mlship, workspace: Path) -> None:
    ran = mlship("deploy", "compose", "--up", cwd=workspace)
    assert ran.code == 3
    assert "no container engine" in ran.err
    files = json.loads((workspace / ".mlship" / "deploy" / "compose" / "manifests" / "stack.json").read_text())
    assert files["name"] == NAME
