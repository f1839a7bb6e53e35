"""What targets write for Kubernetes, before the validators that can be had without a cluster."""

from pathlib import Path
from typing import Any

import pytest

from mlship import rendering
from mlship.stages import Checked
from mlship.testing import quiet
from tests.unit.targets.cluster_support import configured, written

SCHEMAS = rendering.templates().parents[1] / "shared" / "schemas"
CRD = SCHEMAS / "kserve-inferenceservice.crd.yaml"
CANARY = {"canary": 10, "canary_image": "registry.example/team/iris:2"}
SECRETS = {"api_keys_secret": "keys", "pull_secret": "registry"}
SETTINGS = {"api_keys_secret": "iris-keys", "monitoring": True, "tls_secret": "tls", "rate_metric": "requests"}


def checked(target: str, options: dict[str, Any], folder: Path) -> dict[str, Checked]:
    return {each.validator: each for each in configured(target, options).check(folder, quiet)}


@pytest.mark.parametrize("options", [{}, CANARY, SETTINGS], ids=["plain", "canary", "settings"])
def test_the_manifests_are_strictly_valid_in_three_versions_of_kubernetes(
    options: dict[str, Any], known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    folder = written("kubernetes", known_inputs, tmp_path, **options)
    found = checked("kubernetes", options, folder)["kubernetes-validate"]
    assert found.passed, found.said


@pytest.mark.parametrize(
    "options",
    [{}, SECRETS, {"mode": "Serverless", **SECRETS}, {"mode": "Serverless", **CANARY}],
    ids=["plain", "secrets", "knative", "canary"],
)
def test_an_inference_service_is_what_its_definition_says(
    options: dict[str, Any], known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    if not CRD.exists():
        pytest.skip(f"no {CRD.name} in shared/schemas beside the checkout")
    model = tmp_path / "service" / "model"
    model.mkdir(parents=True)
    (model / "model.onnx").write_bytes(b"")
    options = {**options, "crd": str(CRD)}
    folder = written("kserve", {**known_inputs, "service": tmp_path / "service"}, tmp_path, **options)
    (found,) = checked("kserve", options, folder).values()
    assert (found.passed, found.said) == (True, "2 objects, strictly")
