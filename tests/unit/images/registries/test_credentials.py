import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mlship.errors import BuildError
from mlship.images.registries import credentials
from mlship.images.registries.credentials import Credentials


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, told: Any) -> None:
    (folder / "config.json").write_text(told if isinstance(told, str) else json.dumps(told))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("registry.example:5000", "registry.example:5000"),
        ("https://registry.example/v1/", "registry.example"),
        ("https://index.docker.io/v1/", "docker.io"),
    ],
)
def test_a_login_is_found_as_docker_finds_it(
    key: str, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(tmp_path, monkeypatch, {"auths": {key: auth("ann", "pass:word")}})
    assert credentials.find(registry) == Credentials("ann", "pass:word")


@pytest.mark.parametrize("told", [{}, {"auths": {}}, {"auths": {"other.example": auth("ann", "x")}}, ""])
def test_without_a_login_there_are_none(told: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(tmp_path, monkeypatch, told)
    assert credentials.find("registry.example") is None


def test_an_identity_token_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(tmp_path, monkeypatch, {"auths": {"registry.example": {"identitytoken": "secret"}}})
    with pytest.raises(BuildError, match=r"an identity token for 'registry\.example'") as caught:
        credentials.find("registry.example")
    assert "secret" not in str(caught.value)
    assert caught.value.hint.endswith("docker login registry.example")


def test_a_configuration_that_is_damaged_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(tmp_path, monkeypatch, {"auths": {"registry.example": {"auth": "%%%"}}})
    with pytest.raises(BuildError, match=r"does not give the password for 'registry\.example'"):
        credentials.find("registry.example")


def test_a_password_goes_as_http_wants_it() -> None:
    assert base64.b64decode(Credentials("änn", "pass:word").basic).decode() == "änn:pass:word"
