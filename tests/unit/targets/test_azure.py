"""What the Azure targets write."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlship.errors import UsageError
from tests.unit.targets.writing import Run, Written, runs, writes

TARGETS = ("azure-container-apps", "azure-ml")
CANARY: dict[str, Any] = {"canary": 10, "canary_image": "registry.example/team/iris:2"}


@pytest.fixture
def run(known_inputs: dict[str, Path], tmp_path: Path) -> Run:
    return runs(known_inputs, tmp_path / "out")


@pytest.fixture
def written(known_inputs: dict[str, Path], tmp_path: Path) -> Written:
    return writes(known_inputs, tmp_path / "out")


def app(files: Mapping[str, bytes], name: str = "container-app.json") -> dict[str, Any]:
    """Return the properties of the app in a template."""
    found: dict[str, Any] = json.loads(files[name])["resources"][0]["properties"]
    return found


@pytest.mark.parametrize(
    ("folder", "target", "options"),
    [
        ("azure-container-apps", "azure-container-apps", CANARY | {"api_keys_secret": "iris-keys"}),
        ("azure-ml", "azure-ml", {}),
    ],
    ids=TARGETS,
)
def test_it_writes_the_golden_files(
    folder: str,
    target: str,
    options: dict[str, Any],
    written: Written,
    assert_golden: Callable[[str, Mapping[str, bytes]], None],
) -> None:
    assert_golden(f"deploy/{folder}", written(target, **options))


def test_the_scale_rule_is_the_rate_at_which_a_replica_is_busy(written: Written) -> None:
    # Container Apps count requests of 15 seconds and divide by 15: "concurrent" ones are requests a second
    rules = app(written("azure-container-apps"))["template"]["scale"]["rules"]
    assert rules == [{"name": "requests", "http": {"metadata": {"concurrentRequests": "12000"}}}]


def test_probes_ask_what_the_service_answers(written: Written) -> None:
    probes = app(written("azure-container-apps"))["template"]["containers"][0]["probes"]
    asked = {probe["type"]: probe["httpGet"] for probe in probes}
    assert asked == {
        "Startup": {"path": "/livez", "port": 8000},
        "Liveness": {"path": "/livez", "port": 8000},
        "Readiness": {"path": "/readyz", "port": 8000},
    }


def test_without_another_image_the_newest_revision_gets_all_requests(written: Written) -> None:
    files = written("azure-container-apps")
    assert list(files) == ["container-app.json"]
    configuration = app(files)["configuration"]
    assert configuration["activeRevisionsMode"] == "Single"
    assert configuration["ingress"]["traffic"] == [{"latestRevision": True, "weight": 100}]


def test_a_canary_splits_the_requests_between_the_two_revisions(written: Written) -> None:
    files = written("azure-container-apps", **CANARY)
    parameters = json.loads(files["canary.json"])["parameters"]
    assert parameters["weight"]["defaultValue"] == 10
    assert parameters["registryServer"]["defaultValue"] == "registry.example"
    stable, canary = app(files), app(files, "canary.json")
    images = [each["template"]["containers"][0]["image"] for each in (stable, canary)]
    assert images == ["registry.example/team/iris:1.2", CANARY["canary_image"]]
    assert canary["configuration"]["activeRevisionsMode"] == "Multiple"
    names = [f"iris--{each['template']['revisionSuffix']}" for each in (stable, canary)]
    assert [each["revisionName"] for each in canary["configuration"]["ingress"]["traffic"]] == names
    assert stable["configuration"]["ingress"]["traffic"] == [{"revisionName": names[0], "weight": 100}]


@pytest.mark.parametrize(
    "options", [{"env": {"ACCESS_LOG": "1"}}, {"replicas": 3}, {"api_keys_secret": "iris-keys"}], ids=str
)
def test_a_revision_has_another_name_where_anything_in_it_is_another(options: dict[str, Any], written: Written) -> None:
    names = [app(written("azure-container-apps", **given))["template"]["revisionSuffix"] for given in ({}, options, {})]
    assert names[0] == names[2] != names[1]


def test_a_canary_that_is_promoted_keeps_its_revision(written: Written) -> None:
    canary = app(written("azure-container-apps", **CANARY), "canary.json")
    promoted = app(written("azure-container-apps", image=CANARY["canary_image"]))
    assert promoted["template"] == canary["template"]


def test_an_image_that_names_no_registry_is_pulled_from_that_of_the_parameter(written: Written) -> None:
    [container] = app(written("azure-container-apps", image="iris:1"))["template"]["containers"]
    assert container["image"] == "[concat(parameters('registryServer'), '/iris:1')]"


def test_images_in_two_registries_are_refused(run: Run) -> None:
    with pytest.raises(UsageError, match="is in another registry than"):
        run("azure-container-apps", canary=10, canary_image="other.example/iris:2")


def test_settings_are_no_expressions(written: Written) -> None:
    value = "[concat('a', \"b\")]"
    environment = app(written("azure-container-apps", env={"MODEL_NAME": value}))["template"]["containers"][0]["env"]
    assert {"name": "MODEL_NAME", "value": f"[{value}"} in environment


def test_api_keys_are_a_reference_to_key_vault(written: Written) -> None:
    files = written("azure-container-apps", api_keys_secret="iris-keys")
    assert app(files)["configuration"]["secrets"][0]["keyVaultUrl"] == "[parameters('apiKeysSecretUrl')]"
    environment = app(files)["template"]["containers"][0]["env"]
    assert {"name": "API_KEYS", "secretRef": "api-keys"} in environment


def test_the_routes_of_a_managed_endpoint_are_those_of_the_service(written: Written) -> None:
    environment = yaml.safe_load(written("azure-ml")["deployment.yml"])["environment"]
    assert environment["inference_config"] == {
        "liveness_route": {"port": 8000, "path": "/livez"},
        "readiness_route": {"port": 8000, "path": "/readyz"},
        "scoring_route": {"port": 8000, "path": "/predict"},
    }


def test_a_deployment_belongs_to_the_endpoint(written: Written) -> None:
    files = {name: yaml.safe_load(content) for name, content in written("azure-ml", image="iris:2.0").items()}
    assert files["deployment.yml"]["endpoint_name"] == files["endpoint.yml"]["name"] == "iris"
    assert files["deployment.yml"]["name"] == "version-2-0"


def test_the_name_of_a_deployment_is_one_that_the_platform_takes(written: Written) -> None:
    for tag in ("1", "V_" + 100 * "x", "_"):
        name = yaml.safe_load(written("azure-ml", image=f"iris:{tag}")["deployment.yml"])["name"]
        assert re.fullmatch(r"[a-z][a-z0-9-]{1,30}[a-z0-9]", name)


def test_api_keys_are_refused_where_the_endpoint_has_its_own(run: Run) -> None:
    with pytest.raises(UsageError, match="api_keys_secret='iris-keys' has no place there"):
        run("azure-ml", api_keys_secret="iris-keys")


@pytest.mark.parametrize(
    ("target", "name", "hint"),
    [("azure-container-apps", "a--b", "--name a-b"), ("azure-ml", "ab", "--name ab-model")],
    ids=TARGETS,
)
def test_names_that_only_the_platform_forbids_are_refused(target: str, name: str, hint: str, run: Run) -> None:
    with pytest.raises(UsageError, match=f"'{name}' cannot be the name") as caught:
        run(target, name=name)
    assert caught.value.hint == hint


@pytest.mark.parametrize("target", TARGETS)
def test_names_that_are_too_long_are_refused(target: str, run: Run) -> None:
    with pytest.raises(UsageError, match="32 characters"):
        run(target, name="a" * 33)


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_for_arm_is_refused(target: str, run: Run, known_inputs: dict[str, Path]) -> None:
    facts = json.loads(known_inputs["image"].read_bytes())
    known_inputs["image"].write_text(json.dumps(facts | {"platforms": ["linux/arm64"]}))
    with pytest.raises(UsageError, match="runs linux/amd64, and the image is for linux/arm64"):
        run(target)
