import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mlship.errors import UsageError
from tests.unit.targets.cluster_support import contents, loaded, written

Golden = Callable[[str, Mapping[str, bytes]], None]


def refused(folder: Path, values: Mapping[str, Any]) -> list[str]:
    """Return the places in ``values`` that the schema of the chart refuses."""
    schema = json.loads((folder / "values.schema.json").read_text())
    return [error.json_path for error in jsonschema.Draft7Validator(schema).iter_errors(values)]


def test_the_files_are_those_that_were_looked_at(
    known_inputs: dict[str, Path], tmp_path: Path, assert_golden: Golden
) -> None:
    assert_golden("deploy/helm", contents(written("helm", known_inputs, tmp_path)))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"canary": 5, "canary_image": "iris:2", "gateway_ref": "gateways/public"},
        {"env": {"ACCESS_LOG": "1", "NO": "y"}, "api_keys_secret": "keys", "tls_secret": "tls", "monitoring": True},
        {"image": "registry.example/iris@sha256:" + "a" * 64, "rate_metric": "requests"},
    ],
    ids=["plain", "canary", "settings", "digest"],
)
def test_the_values_are_what_their_schema_says(
    options: dict[str, Any], known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    folder = written("helm", known_inputs, tmp_path, **options)
    assert refused(folder, loaded(folder / "values.yaml")) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"replicas": 3}, "$"),
        ({"containerPort": "8000"}, "$.containerPort"),
        ({"env": {"API_KEYS": "letmein"}}, "$.env"),
        ({"env": {"ACCESS_LOG": 1}}, "$.env.ACCESS_LOG"),
        ({"route": "loadbalancer"}, "$.route"),
        ({"image": {"repository": "iris", "tag": "1", "digest": "latest"}}, "$.image.digest"),
        ({"resources": {"requests": {"cpu": "1", "memory": "1 GB"}}}, "$.resources"),
    ],
)
def test_the_schema_refuses_what_cannot_be_meant(
    change: dict[str, Any], where: str, known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    folder = written("helm", known_inputs, tmp_path)
    assert where in refused(folder, {**loaded(folder / "values.yaml"), **change})


def test_settings_survive_as_they_are(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    strange = 'yes: "no" # {{ x }}\n- \\ ünï'
    folder = written("helm", known_inputs, tmp_path, env={"CORS_ORIGINS": strange, "NO": "on"})
    told = {"CORS_ORIGINS": strange, "NO": "on", "DRAIN_SECONDS": "3", "GRACE_SECONDS": "6"}
    assert loaded(folder / "values.yaml")["env"] == told


def test_a_file_of_keys_of_ones_own_survives(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = written("helm", known_inputs, tmp_path, env={"API_KEYS_FILE": "/keys/mine"})
    assert loaded(folder / "values.yaml")["env"]["API_KEYS_FILE"] == "/keys/mine"


def test_the_file_of_the_secret_is_named_once(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = written("helm", known_inputs, tmp_path, api_keys_secret="keys")
    assert "API_KEYS_FILE" not in loaded(folder / "values.yaml")["env"]


def test_a_canary_needs_weights(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="an Ingress has no weights"):
        written("helm", known_inputs, tmp_path, canary=5, canary_image="iris:2", route="ingress")
