"""A certificate, API keys and another version behind Envoy, as --up starts them."""

import shutil
import ssl
from pathlib import Path
from typing import Any

import pytest

from benchmarks.deploy.deployed import Deployed
from mlship.client import Client
from mlship.errors import ServiceError
from tests.integration.targets.conftest import Images

pytestmark = pytest.mark.docker

GATEWAY = "envoy"
KEY = {"X-API-Key": "key-of-a-client"}


@pytest.fixture(scope="module")
def options(images: Images, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "keys").write_text(f"another-key\n{KEY['X-API-Key']}\n")
    for name, file in zip(("cert.pem", "key.pem"), certificate, strict=True):
        shutil.copy(file, folder / name)
    for file in folder.iterdir():
        file.chmod(0o644)  # the gateway and the copies run as user 10001
    return {
        "replicas": 1,
        "canary": 50,
        "canary_image": images.second,
        "api_keys_secret": str(folder / "keys"),
        "tls_cert": str(folder / "cert.pem"),
        "tls_key": str(folder / "key.pem"),
    }


@pytest.fixture(autouse=True)
def _trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


def client(deployed: Deployed, **headers: str) -> Client:
    return Client(f"https://127.0.0.1:{deployed.port}", headers=headers)


def versions(deployed: Deployed, count: int, **headers: str) -> set[str]:
    with client(deployed, **KEY, **headers) as found:
        return {found.ask("GET", "/info")["version"] for _ in range(count)}


def test_the_gateway_shows_its_certificate(deployed: Deployed, certificate: tuple[Path, Path]) -> None:
    shown = ssl.get_server_certificate(("127.0.0.1", deployed.port))
    assert shown.split() == certificate[0].read_text().split()


def test_who_has_no_key_is_refused_and_who_has_one_is_answered(deployed: Deployed) -> None:
    with client(deployed) as found:
        assert found.request("POST", "/predict", b"{}")[0] == 401
    with client(deployed, **KEY) as found:
        assert found.request("GET", "/info")[0] == 200


def test_health_is_told_without_a_key(deployed: Deployed) -> None:
    with client(deployed) as found:
        assert found.request("GET", "/readyz")[0] == 200


def test_nothing_is_answered_without_encryption(deployed: Deployed) -> None:
    with Client(f"http://127.0.0.1:{deployed.port}") as found, pytest.raises(ServiceError):
        found.ask("GET", "/readyz")


def test_each_version_gets_its_share_and_can_be_asked_for(deployed: Deployed) -> None:
    assert versions(deployed, 40) == {"1", "2"}
    assert versions(deployed, 20, **{"X-Canary": "always"}) == {"2"}
    assert versions(deployed, 20, **{"X-Canary": "never"}) == {"1"}
