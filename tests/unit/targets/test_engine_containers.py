"""What the containers of a stack are made with, and what tells that they would be made otherwise now."""

from pathlib import Path

import pytest

from mlship.errors import UsageError
from mlship.targets.engine import containers
from mlship.targets.engine.containers import Spec
from mlship.targets.gateways.programs import PROGRAMS
from mlship.targets.stack import Gateway
from tests.unit.targets.compose_support import plan


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """Return a file with a colon in its name, which separates paths where mounts are written as text."""
    path = tmp_path / "cert:key.pem"
    path.write_text("certificate and key")
    return path


def gateway(name: Gateway = "nginx", **options: object) -> Spec:
    return containers.gateway(plan(gateway=name, **options), PROGRAMS[name], "sha256:1", {})


def copy(**options: object) -> Spec:
    found = plan(**options)
    return containers.copy(found, found.stable[0], "sha256:1")


def mounted(spec: Spec) -> dict[str, str]:
    return {mount["Target"]: mount["Source"] for mount in spec.options["mounts"]}


def test_one_file_can_be_the_certificate_and_the_key(pem: Path) -> None:
    found = mounted(gateway(tls_cert=str(pem), tls_key=str(pem)))
    assert found.pop("/etc/gateway").endswith("-gateway")
    assert found == {"/run/secrets/tls_cert": str(pem), "/run/secrets/tls_key": str(pem)}


def test_a_renewed_certificate_is_noticed(pem: Path) -> None:
    before = gateway(tls_cert=str(pem), tls_key=str(pem)).digest
    assert gateway(tls_cert=str(pem), tls_key=str(pem)).digest == before
    pem.write_text("another one, valid longer")
    assert gateway(tls_cert=str(pem), tls_key=str(pem)).digest != before


def test_changed_api_keys_are_noticed(pem: Path) -> None:
    before = copy(api_keys_secret=str(pem)).digest
    pem.write_text("one key more")
    assert copy(api_keys_secret=str(pem)).digest != before


def test_a_file_that_is_not_there_is_named(pem: Path) -> None:
    pem.unlink()
    with pytest.raises(UsageError, match=f"there is no file '{pem}'"):
        copy(api_keys_secret=str(pem))


def test_nginx_is_told_to_answer_what_it_has_before_it_ends() -> None:
    assert gateway().options["stop_signal"] == "SIGQUIT"
    assert gateway("envoy").options["stop_signal"] is None
