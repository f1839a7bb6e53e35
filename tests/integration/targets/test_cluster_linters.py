"""checkov, helm and kubectl find nothing in what targets write for Kubernetes; scripts/ci-linters.sh brings them."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlship.stages import Checked
from mlship.targets.checks import programs
from mlship.testing import quiet
from tests.unit.targets.cluster_support import configured, container, loaded, written

#: Objects of a cluster by their kind and name.
Objects = dict[tuple[str, str], dict[str, Any]]

HERE = os.environ.get("MLSHIP_LINTERS")
STRANGE = 'yes: "no" # {{ .Values.host }} $(DRAIN_SECONDS) $$ \\ \u2028 \x07 ünï\n- '
CANARY: dict[str, Any] = {"canary": 10, "canary_image": "registry.example/team/iris:2"}
OPTIONS: dict[str, dict[str, Any]] = {
    "canary": {**CANARY, "gateway_ref": "gateways/public"},
    "settings": {
        "api_keys_secret": "iris-keys",
        "callers": ["gateways", "monitoring"],
        "env": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318", "CORS_ORIGINS": STRANGE, "GRPC_PORT": "8001"},
        "pull_secret": "registry",
        "monitoring": True,
        "tls_secret": "iris-tls",
        "rate_metric": "http_requests_per_second",
        "image": "registry.example/team/iris@sha256:" + "3" * 64,
    },
}


@pytest.fixture(autouse=True)
def linters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the linters where they are named; there each of them has to be."""
    if HERE is not None:
        monkeypatch.setenv("PATH", f"{HERE}{os.pathsep}{os.environ['PATH']}")


def require(name: str) -> None:
    if shutil.which(name) is None:
        assert HERE is None, f"no {name} in '{HERE}'"
        pytest.skip(f"no {name}: scripts/ci-linters.sh brings it")


def checked(target: str, options: dict[str, Any], folder: Path) -> dict[str, Checked]:
    return {each.validator: each for each in configured(target, options).check(folder, quiet)}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_manifests_pass_all_that_looks_at_them(
    options: dict[str, Any], known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    require("kubectl")
    require("checkov")
    found = checked("kubernetes", options, written("kubernetes", known_inputs, tmp_path, **options))
    assert {name: each.passed for name, each in found.items()} == {
        "kubectl kustomize overlays/staging": True,
        "kubectl kustomize overlays/production": True,
        "kubernetes-validate": True,
        "checkov": True,
    }, found


def test_checkov_finds_what_is_wrong(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    require("checkov")
    folder = written("kubernetes", known_inputs, tmp_path)
    path = folder / "base" / "deployment.yaml"
    path.write_text(path.read_text().replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"))
    found = checked("kubernetes", {}, folder)["checkov"]
    assert found.passed is False
    assert "CKV_K8S_22" in found.said


@pytest.mark.parametrize(("target", "program"), [("kubernetes", "kubectl"), ("helm", "helm")])
def test_what_is_of_one_version_is_of_no_other(
    target: str, program: str, known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    require(program)
    folder = written(target, known_inputs, tmp_path, **CANARY)
    objects = built(folder) if target == "kubernetes" else rendered(folder, tmp_path / "out")
    pods = {name: each["spec"]["template"] for (kind, name), each in objects.items() if kind == "Deployment"}
    assert {name: pod["spec"]["containers"][0]["image"] for name, pod in pods.items()} == {
        "iris": "registry.example/team/iris:1.2",
        "iris-canary": "registry.example/team/iris:2",
    }
    policies = [each["spec"]["podSelector"] for (kind, _), each in objects.items() if kind == "NetworkPolicy"]
    for name, pod in pods.items():
        assert selected(objects["Service", name]["spec"]["selector"], pods) == [name]
        assert selected(objects["PodDisruptionBudget", name]["spec"]["selector"]["matchLabels"], pods) == [name]
        assert objects["HorizontalPodAutoscaler", name]["spec"]["scaleTargetRef"]["name"] == name
        assert ("ServiceAccount", pod["spec"]["serviceAccountName"]) in objects
        assert any(name in selected(policy["matchLabels"], pods) for policy in policies)


def test_staging_has_one_replica_and_production_as_many_as_the_autoscaler_says(
    known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    require("kubectl")
    folder = written("kubernetes", known_inputs, tmp_path, replicas=4)
    assert built(folder, "staging")["Deployment", "iris"]["spec"]["replicas"] == 1
    production = built(folder)
    assert "replicas" not in production["Deployment", "iris"]["spec"]
    assert production["HorizontalPodAutoscaler", "iris"]["spec"]["minReplicas"] == 4


@pytest.mark.parametrize(
    ("options", "overlay", "namespace"),
    [
        ({}, "production", "iris"),
        ({}, "staging", "iris-staging"),
        ({"namespace": "models"}, "production", "models"),
        ({"namespace": "models"}, "staging", "models-staging"),
    ],
)
def test_everything_is_in_the_namespace_of_its_overlay(
    options: dict[str, str], overlay: str, namespace: str, known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    require("kubectl")
    objects = built(written("kubernetes", known_inputs, tmp_path, **options), overlay)
    assert (("Namespace", namespace) in objects) is (not options)
    assert {each["metadata"].get("namespace", namespace) for each in objects.values()} == {namespace}
    assert all("namespace" in each["metadata"] for (kind, _), each in objects.items() if kind != "Namespace")


def test_a_setting_comes_out_of_a_chart_as_it_went_in(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    require("helm")
    chart = written("helm", known_inputs, tmp_path / "helm", env={"CORS_ORIGINS": STRANGE})
    deployment = rendered(chart, tmp_path / "out")["Deployment", "iris"]
    told = {each["name"]: each["value"] for each in container(deployment)["env"]}
    # in the values of variables $$ stands for $
    assert told["CORS_ORIGINS"].replace("$$", "$") == STRANGE
    assert "$$(DRAIN_SECONDS) $$$$" in told["CORS_ORIGINS"]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_chart_passes_all_that_looks_at_it(
    options: dict[str, Any], known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    require("helm")
    require("checkov")
    found = checked("helm", options, written("helm", known_inputs, tmp_path, **options))
    assert {name: each.passed for name, each in found.items()} == {
        "helm lint": True,
        "helm template": True,
        "kubernetes-validate": True,
        "checkov": True,
    }, found


def test_the_chart_makes_what_the_manifests_are(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    require("helm")
    manifests = written("kubernetes", known_inputs, tmp_path / "kubernetes")
    chart = written("helm", known_inputs, tmp_path / "helm")
    found = rendered(chart, tmp_path / "out")["Deployment", "iris"]
    expected = loaded(manifests / "base" / "deployment.yaml")
    names = found["spec"]["template"]["metadata"]["labels"]
    assert names.pop("helm.sh/chart") == "iris-0.1.0"
    assert names.pop("app.kubernetes.io/managed-by") == "Helm"
    assert container(found)["image"] == "registry.example/team/iris:1.2"
    container(found)["image"] = "model-image"
    assert found["spec"] == expected["spec"]


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("containerPort: 8000", "containerPort: eight", "containerPort"),
        ("maxReplicas: 20", "maxReplicas: 1", "maxReplicas is less than"),
        ('    repository: ""', "    repository: iris", "an Ingress has none of"),
        ("  weight: 0", "  weight: 10", "canary.image.repository has no name"),
        ('  tag: "1.2"', '  tag: ""', "needs a tag or a digest"),
    ],
    ids=["type", "replicas", "weights", "canary", "tag"],
)
def test_helm_refuses_values_that_cannot_be_meant(
    was: str, becomes: str, said: str, known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    require("helm")
    folder = written("helm", known_inputs, tmp_path)
    values = (folder / "values.yaml").read_text()
    assert was in values
    (folder / "values.yaml").write_text(values.replace(was, becomes))
    found = checked("helm", {}, folder)
    assert found["helm template"].passed is False
    assert said in found["helm template"].said


def built(folder: Path, overlay: str = "production") -> Objects:
    """Return what kubectl makes of an overlay."""
    done = programs.ended("kubectl", ["kustomize", f"overlays/{overlay}"], folder)
    assert done is not None
    assert done.returncode == 0, done.stderr
    return by_name(done.stdout)


def rendered(chart: Path, out: Path) -> Objects:
    """Return what helm makes of a release that is called like the chart."""
    made = programs.program("helm", ["template", "iris", ".", "--output-dir", str(out)], chart)
    assert made.passed, made.said
    return by_name("---\n".join(path.read_text() for path in sorted(out.rglob("*.yaml"))))


def by_name(text: str) -> Objects:
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}


def selected(labels: Mapping[str, str], pods: Mapping[str, Any]) -> list[str]:
    return [name for name, pod in pods.items() if labels.items() <= pod["metadata"]["labels"].items()]
