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


@pytest.mark.parametrize(
    ("api", "kind"),
    [
        ("autoscaling/v3", "HorizontalPodAutoscaler"),
        ("policy/v1beta1", "PodDisruptionBudget"),
        ("networking.k8s.io/v2", "Ingress"),
        ("v2", "Service"),
        ("v1", "Servise"),
    ],
)
def test_what_kubernetes_does_not_know_is_a_finding(api: str, kind: str, path: Path) -> None:
    path.write_text(f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: iris}}\n")
    found = manifests.check({"a.yaml": path})
    assert found.passed is False
    minor = int(utils.latest_version().split(".")[1])
    assert f"a.yaml: Kubernetes 1.{minor} has no {kind} of {api}" in found.said


@pytest.mark.parametrize(
    ("api", "kind"),
    [("gateway.networking.k8s.io/v1", "HTTPRoute"), ("apps.example.org/v1", "Deployment")],
)
def test_a_group_of_another_project_is_not_held_against_one_that_begins_alike(api: str, kind: str, path: Path) -> None:
    path.write_text(f"apiVersion: {api}\nkind: {kind}\nspec: {{other: 1}}\n")
    found = manifests.check({"a.yaml": path})
    assert found.passed
    assert found.said.endswith(f"not {kind}, of other projects")


@pytest.mark.parametrize("text", ["metadata: {name: a}", "apiVersion: v1", "kind: Pod", "kind: 1", "- 1", "text", "{}"])
def test_a_document_that_is_no_object_is_a_finding(text: str, path: Path) -> None:
    path.write_text(f"{ACCOUNT}---\n{text}\n")
    found = manifests.check({"a.yaml": path})
    assert (found.passed, found.said) == (False, "a.yaml: a document without apiVersion or kind")


def test_what_kubectl_reads_itself_is_no_object(path: Path) -> None:
    path.write_text(f"{ACCOUNT}---\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n")
    assert manifests.check({"a.yaml": path}).said.startswith("1 objects, ")
