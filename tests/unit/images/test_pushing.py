from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from mlship.errors import EngineMissingError
from mlship.images.pushing import refused, save


@pytest.fixture
def nobody() -> Iterator[DockerClient]:
    """Return a client of an engine that does not answer."""
    client = DockerClient(base_url="tcp://127.0.0.1:1", version="1.41")
    yield client
    client.close()


@pytest.mark.parametrize(
    ("tag", "registry"),
    [
        ("user/iris:1", "docker.io"),
        ("iris:1", "docker.io"),
        ("registry.example/team/iris:1", "registry.example"),
        ("localhost:5000/iris:1", "localhost:5000"),
    ],
)
def test_who_is_refused_is_told_where_to_log_in(tag: str, registry: str) -> None:
    assert refused(tag, "denied: requested access to the resource is denied").hint == f"docker login {registry}"


def test_errors_of_the_users_disk_are_none_of_the_engine(nobody: DockerClient, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        save(nobody, "iris:1", tmp_path / "file" / "image.tar")


def test_an_engine_that_does_not_answer_leaves_no_file(nobody: DockerClient, tmp_path: Path) -> None:
    with pytest.raises(EngineMissingError):
        save(nobody, "iris:1", tmp_path / "image.tar")
    assert not list(tmp_path.iterdir())
