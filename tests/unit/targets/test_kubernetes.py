import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlship.errors import UsageError
from mlship.testing import quiet
from tests.unit.targets.cluster_support import configured, container, contents, loaded, written

Golden = Callable[[str, Mapping[str, bytes]], None]
CANARY = {"canary": 10, "canary_image": "registry.example/team/iris:2"}


def deployment(inputs: Mapping[str, Path], out: Path, **options: Any) -> dict[str, Any]:
    return loaded(written("kubernetes", inputs, out, **options) / "base" / "deployment.yaml")


def test_the_files_are_those_that_were_looked_at(
    known_inputs: dict[str, Path], tmp_path: Path, assert_golden: Golden
) -> None:
    assert_golden("deploy/kubernetes", contents(written("kubernetes", known_inputs, tmp_path)))


def test_the_files_of_a_canary_are_those_that_were_looked_at(
    known_inputs: dict[str, Path], tmp_path: Path, assert_golden: Golden
) -> None:
    options = CANARY | {
        "api_keys_secret": "iris-keys",
        "env": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://otel:4318"},
        "gateway_ref": "gateways/public",
        "monitoring": True,
        "rate_metric": "http_requests_per_second",
    }
    assert_golden("deploy/kubernetes-canary", contents(written("kubernetes", known_inputs, tmp_path, **options)))


def test_what_was_not_measured_is_said_in_every_file(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    known_inputs.pop("report")
    image = json.loads(known_inputs["image"].read_text())
    del image["cold_start_seconds"], image["rss_bytes"]
    known_inputs["image"].write_text(json.dumps(image))
    files = contents(written("kubernetes", known_inputs, tmp_path))
    assert files
    for content in files.values():
        assert b"# Not measured, so assumed: a cold start of 10 s, 256 MiB of memory, 100 requests" in content


def test_a_pod_has_the_time_to_end_that_its_settings_add_up_to(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    found = deployment(known_inputs, tmp_path, env={"DRAIN_SECONDS": "20", "GRACE_SECONDS": "30.5"})
    pod = found["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= 5 + 20 + 30.5
    assert container(found)["lifecycle"]["preStop"]["sleep"]["seconds"] == 5


@pytest.mark.parametrize("text", ["soon", "-1", "1e3", ""])
def test_a_time_that_cannot_be_meant_is_refused(text: str, known_inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"DRAIN_SECONDS=.* is not a number of seconds"):
        deployment(known_inputs, tmp_path, env={"DRAIN_SECONDS": text})


def test_all_addresses_are_reached_by_the_cluster(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    found = container(deployment(known_inputs, tmp_path, env={"HOST": "::"}))
    assert {"name": "HOST", "value": "::"} in found["env"]


def test_a_pod_with_more_workers_has_as_many_times_what_one_was_measured_to_need(
    known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    def asked(out: Path, workers: str) -> list[float]:
        folder = written("kubernetes", known_inputs, out, env={"WORKERS": workers}, rate_metric="requests")
        told = container(loaded(folder / "base" / "deployment.yaml"))["resources"]
        scaler = loaded(folder / "overlays" / "production" / "horizontalpodautoscaler.yaml")
        targets = [each[each["type"].lower()]["target"]["averageValue"] for each in scaler["spec"]["metrics"]]
        amounts = [*told["requests"].values(), *told["limits"].values(), *targets]
        return [float(text.rstrip("Mim")) for text in amounts]

    one, auto, three = (asked(tmp_path / text, text) for text in ("1", "auto", "3"))
    assert auto == one
    assert three == [3 * each for each in one]


def test_a_slow_start_gets_more_time(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    image = json.loads(known_inputs["image"].read_text()) | {"cold_start_seconds": 12.5}
    known_inputs["image"].write_text(json.dumps(image))
    probe = container(deployment(known_inputs, tmp_path))["startupProbe"]
    assert probe["failureThreshold"] * probe["periodSeconds"] == 125


def test_settings_survive_as_they_are(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    strange = 'yes: "no" # {{ x }}\n- \\ \u2028 \x07 ünï'
    found = container(deployment(known_inputs, tmp_path, env={"ACCESS_LOG": "1", "CORS_ORIGINS": strange}))
    told = {each["name"]: each["value"] for each in found["env"]}
    assert told == {"ACCESS_LOG": "1", "CORS_ORIGINS": strange, "DRAIN_SECONDS": "3", "GRACE_SECONDS": "6"}


def test_a_cluster_takes_no_setting_for_the_name_of_another(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    found = container(deployment(known_inputs, tmp_path, env={"CORS_ORIGINS": "$(DRAIN_SECONDS) $$"}))
    assert {"name": "CORS_ORIGINS", "value": "$$(DRAIN_SECONDS) $$$$"} in found["env"]


def test_grpc_is_reached_where_it_is_asked_for(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    base = written("kubernetes", known_inputs, tmp_path, env={"GRPC_PORT": "8001"}) / "base"
    assert {"name": "grpc", "containerPort": 8001} in container(loaded(base / "deployment.yaml"))["ports"]
    assert [each["port"] for each in loaded(base / "service.yaml")["spec"]["ports"]] == [80, 8001]
    (rule,) = loaded(base / "networkpolicy.yaml")["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [8000, 8001]


def test_only_the_namespaces_that_are_named_may_ask(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = written("kubernetes", known_inputs, tmp_path, callers=["gateways", "monitoring"])
    (rule,) = loaded(folder / "base" / "networkpolicy.yaml")["spec"]["ingress"]
    wanted = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["gateways", "monitoring"]}
    assert rule["from"] == [{"namespaceSelector": {"matchExpressions": [wanted]}}]


def test_images_are_pulled_with_the_secret_that_is_named(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    pod = deployment(known_inputs, tmp_path, pull_secret="registry")["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_a_canary_that_is_in_no_registry_is_told(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    stage = configured("kubernetes", {"canary": 10, "canary_image": "iris:2"})
    (found,) = (note for note in stage.run(known_inputs, tmp_path, quiet).notes if "tells no registry" in note)
    assert found.startswith("'iris:2' ")
    assert "--canary-image registry.example/iris:2" in found


def test_namespaces_that_others_may_use_are_neither_made_nor_labelled(
    known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    stage = configured("kubernetes", {"namespace": "models"})
    notes = " ".join(stage.run(known_inputs, tmp_path, quiet).notes)
    assert "the namespaces models and models-staging are not made" in notes
    for overlay, namespace in (("production", "models"), ("staging", "models-staging")):
        folder = tmp_path / "manifests" / "overlays" / overlay
        told = loaded(folder / "kustomization.yaml")
        assert told["namespace"] == namespace
        assert not (folder / "namespace.yaml").exists()
        assert all((folder / name).exists() for name in told["resources"])
        assert "namespace.yaml" not in told["resources"]


def test_what_a_cluster_will_not_know_is_told(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    stage = configured("kubernetes", {"image": "iris:1"})
    notes = " ".join(stage.run(known_inputs, tmp_path, quiet).notes)
    assert all(each in notes for each in ("'iris:1' tells no registry", "iris.example.com", "no API keys"))


def test_api_keys_are_read_from_the_secret_that_is_named(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    found = deployment(known_inputs, tmp_path, api_keys_secret="iris-keys")
    (volume,) = found["spec"]["template"]["spec"]["volumes"]
    (mount,) = container(found)["volumeMounts"]
    assert volume["secret"]["secretName"] == "iris-keys"
    told = {each["name"]: each["value"] for each in container(found)["env"]}
    assert told["API_KEYS_FILE"] == f"{mount['mountPath']}/{volume['secret']['items'][0]['path']}"


def test_a_secret_as_plain_text_is_refused(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="API_KEYS looks like a secret"):
        written("kubernetes", known_inputs, tmp_path, env={"API_KEYS": "letmein"})


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_an_image_made_without_an_engine_is_pinned_by_its_digest(
    overlay: str, known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    image = json.loads(known_inputs["image"].read_text()) | {"builder": "oci", "digest": "sha256:" + "2" * 64}
    known_inputs["image"].write_text(json.dumps(image))
    folder = written("kubernetes", known_inputs, tmp_path)
    (found,) = loaded(folder / "overlays" / overlay / "kustomization.yaml")["images"]
    expected = {"newName": "registry.example/team/iris", "digest": "sha256:" + "2" * 64}
    assert found == {"name": "model-image", **expected}


def test_an_engines_id_is_no_digest(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = written("kubernetes", known_inputs, tmp_path)
    (found,) = loaded(folder / "overlays" / "production" / "kustomization.yaml")["images"]
    assert found == {"name": "model-image", "newName": "registry.example/team/iris", "newTag": "1.2"}


@pytest.mark.parametrize("share", [0, 10, 100])
def test_weights_add_up_and_a_header_chooses(share: int, known_inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = written("kubernetes", known_inputs, tmp_path, canary=share, canary_image="iris:2")
    *named, rule = loaded(folder / "overlays" / "production" / "httproute.yaml")["spec"]["rules"]
    weights = {each["name"]: each["weight"] for each in rule["backendRefs"]}
    assert weights == {"iris": 100 - share, "iris-canary": share}
    chosen = {each["matches"][0]["headers"][0]["value"]: each["backendRefs"][0]["name"] for each in named}
    assert chosen == {"always": "iris-canary", "never": "iris"}


def test_metrics_are_not_for_the_public(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    production = written("kubernetes", known_inputs, tmp_path) / "overlays" / "production"
    (rule,) = loaded(production / "ingress.yaml")["spec"]["rules"]
    (route,) = loaded(production / "httproute.yaml")["spec"]["rules"]
    paths = [each["path"] for each in rule["http"]["paths"]]
    assert paths == [each["path"]["value"] for each in route["matches"]]
    assert "/predict" in paths
    assert not {"/", "/metrics"} & set(paths)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({**CANARY, "route": "ingress"}, "an Ingress has no weights"),
        ({"replicas": 3, "max_replicas": 2}, "max_replicas=2 is less than replicas=3"),
        ({"host": "Models_1"}, "'Models_1' is not a name in a cluster"),
        ({"api_keys_secret": "my keys"}, "'my keys' is not a name in a cluster"),
        ({"name": "Iris_1"}, "'Iris_1' cannot be the name of a service"),
        ({"image": "Iris 1"}, "'Iris 1' is not the name of an image"),
        ({"replicas": 0}, "replicas"),
        ({"namespace": "my models"}, "'my models' cannot be the name of a namespace"),
        ({"callers": ["Gateways"]}, "'Gateways' cannot be the name of a namespace"),
        ({"env": {"PORT": "9000"}}, "the image listens at 8000"),
        ({"env": {"GRPC_PORT": "-1"}}, "GRPC_PORT='-1' is not a port"),
        ({"env": {"HOST": "127.0.0.1"}}, "HOST='127.0.0.1': the cluster could not reach"),
        ({"env": {"HOST": ""}}, "HOST='': the cluster could not reach"),
        ({"env": {"WORKERS": "many"}}, "WORKERS='many' is neither a number of workers nor auto"),
        ({"env": {"WORKERS": "0"}}, "WORKERS='0' is neither"),
        ({"env": {"WORKERS": "1.5"}}, "WORKERS='1.5' is neither"),
        ({"canary": 10, "canary_image": "registry.example/team/iris:1.2"}, "is the image that the other requests get"),
        ({"canary": 10, "canary_image": "Iris 2"}, "'Iris 2' is not the name of an image"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    options: dict[str, Any], said: str, known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        written("kubernetes", known_inputs, tmp_path, **options)


def test_without_an_image_there_is_nothing_to_deploy(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    known_inputs["image"].write_text(json.dumps({"built": False}))
    with pytest.raises(UsageError, match="no image"):
        written("kubernetes", known_inputs, tmp_path)
