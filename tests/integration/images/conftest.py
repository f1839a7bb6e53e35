"""A real registry for the tests of images, and where Docker would keep its password."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.images.registries import Server, login, serving


@pytest.fixture(scope="session")
def registry(registry_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a registry with basic authentication; without its program the test is skipped, or fails in CI."""
    with serving(registry_program, tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture
def logged_in(registry: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the registry's password as docker login does; return the file that it is in."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return login(tmp_path / "docker", registry.host)
