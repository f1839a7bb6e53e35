import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlship.errors import UsageError
from mlship.testing import quiet
from tests.unit.targets.cluster_support import configured, contents, loaded, written

Golden = Callable[[str, Mapping[str, bytes]], None]
CANARY = {"canary": 10, "canary_image": "registry.example/team/iris:2", "mode": "Serverless"}
MODE = "serving.kserve.io/deploymentMode"


@pytest.fixture
def inputs(known_inputs: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    """Return a target's inputs with a service, of whose model only the name counts."""
    model = tmp_path / "service" / "model"
    model.mkdir(parents=True)
    (model / "model.onnx").write_bytes(b"")
    return {**known_inputs, "service": tmp_path / "service"}


def predictor(inputs: Mapping[str, Path], out: Path, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = loaded(written("kserve", inputs, out, **options) / "inferenceservice.yaml")
    assert isinstance(found["spec"]["predictor"], dict)
    return found["spec"]["predictor"]


def test_the_files_are_those_that_were_looked_at(
    inputs: dict[str, Path], tmp_path: Path, assert_golden: Golden
) -> None:
    assert_golden("deploy/kserve", contents(written("kserve", inputs, tmp_path)))


def test_clients_ask_for_the_model_by_the_name_of_its_inference_service(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    (container,) = predictor(inputs, tmp_path, name="flowers")["containers"]
    assert {"name": "MODEL_NAME", "value": "flowers"} in container["env"]


def test_a_canary_is_the_image_that_comes_with_its_share(inputs: dict[str, Path], tmp_path: Path) -> None:
    found = predictor(inputs, tmp_path, **CANARY)
    assert found["canaryTrafficPercent"] == 10
    assert found["containers"][0]["image"] == "registry.example/team/iris:2"


def test_knative_gets_no_field_that_it_refuses(inputs: dict[str, Path], tmp_path: Path) -> None:
    found = predictor(inputs, tmp_path, mode="Serverless", api_keys_secret="keys")
    refused = {"terminationGracePeriodSeconds", "securityContext", "topologySpreadConstraints", "deploymentStrategy"}
    assert not refused & found.keys()
    assert "lifecycle" not in found["containers"][0]


def test_without_knative_a_new_pod_is_ready_before_an_old_one_goes(inputs: dict[str, Path], tmp_path: Path) -> None:
    found = predictor(inputs, tmp_path)
    assert found["deploymentStrategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_a_known_digest_pins_the_image(inputs: dict[str, Path], tmp_path: Path) -> None:
    image = json.loads(inputs["image"].read_text()) | {"builder": "oci", "digest": "sha256:" + "2" * 64}
    inputs["image"].write_text(json.dumps(image))
    (container,) = predictor(inputs, tmp_path)["containers"]
    assert container["image"] == "registry.example/team/iris@sha256:" + "2" * 64


def test_a_model_in_its_own_library_has_no_file_for_triton(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    assert list(contents(written("kserve", known_inputs, tmp_path))) == ["inferenceservice.yaml"]


def test_knative_takes_the_requests_a_second_as_they_are(inputs: dict[str, Path], tmp_path: Path) -> None:
    name = "autoscaling.knative.dev/target-utilization-percentage"
    for mode, share in (("Serverless", "100"), ("RawDeployment", None)):
        found = loaded(written("kserve", inputs, tmp_path / mode, mode=mode) / "inferenceservice.yaml")
        assert found["metadata"]["annotations"].get(name) == share


@pytest.mark.parametrize(("before", "after"), [({}, {"replicas": 3}), ({"mode": "Serverless"}, CANARY)])
def test_one_deployment_has_the_mode_of_the_last(
    before: dict[str, Any], after: dict[str, Any], inputs: dict[str, Path], tmp_path: Path
) -> None:
    folders = [written("kserve", inputs, tmp_path / str(index), **each) for index, each in enumerate((before, after))]
    one, other = (loaded(each / "inferenceservice.yaml")["metadata"]["annotations"][MODE] for each in folders)
    assert one == other == before.get("mode", "RawDeployment")


@pytest.mark.parametrize("options", [{}, {"mode": "RawDeployment"}])
def test_a_canary_needs_knative(options: dict[str, Any], inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="RawDeployment sends no share") as raised:
        written("kserve", inputs, tmp_path, canary=10, canary_image="registry.example/team/iris:2", **options)
    assert str(raised.value.hint).startswith("--set mode=Serverless")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"replicas": 3, "max_replicas": 2}, "max_replicas=2 is less than replicas=3"),
        ({**CANARY, "canary_image": "Iris 2"}, "'Iris 2' is not the name of an image"),
        ({**CANARY, "canary_image": "registry.example/team/iris:1.2"}, "is the image that the other requests get"),
        ({"env": {"HOST": "localhost"}}, "HOST='localhost': the cluster could not reach"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    options: dict[str, Any], said: str, inputs: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        written("kserve", inputs, tmp_path, **options)


def test_a_canary_that_is_in_no_registry_is_told(inputs: dict[str, Path], tmp_path: Path) -> None:
    stage = configured("kserve", {**CANARY, "canary_image": "iris:2"})
    (found,) = (note for note in stage.run(inputs, tmp_path, quiet).notes if "tells no registry" in note)
    assert "--canary-image registry.example/iris:2" in found
