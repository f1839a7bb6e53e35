from pathlib import Path

import pytest
from kubernetes_validate import utils

from mlship.targets.checks import manifests

ACCOUNT = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: iris}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "account.yaml"


def test_three_versions_of_kubernetes_are_asked(path: Path) -> None:
    path.write_text(ACCOUNT)
    found = manifests.check({"account.yaml": path})
    minor = int(utils.latest_version().split(".")[1])
    newest = ", ".join(f"1.{each}" for each in (minor - 2, minor - 1, minor))
    assert (found.passed, found.said) == (True, f"1 objects, strictly, for Kubernetes {newest}")


def test_a_field_that_is_not_known_is_named_with_its_file(path: Path) -> None:
    path.write_text(ACCOUNT + "automountToken: false\n")
    found = manifests.check({"account.yaml": path})
    assert found.passed is False
    assert "account.yaml: ServiceAccount" in found.said
    assert "automountToken" in found.said


def test_objects_of_other_projects_are_named(path: Path) -> None:
    path.write_text(f"{ACCOUNT}---\napiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\n---\n")
    found = manifests.check({"account.yaml": path})
    assert found.passed
    assert found.said.endswith("not ServiceMonitor, of other projects")
