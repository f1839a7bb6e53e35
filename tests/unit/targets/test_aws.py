"""What the AWS targets write."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlship.errors import UsageError
from tests.unit.targets.writing import Run, Written, resources, runs, stack, writes

TARGETS = ("aws-sagemaker", "aws-ecs", "aws-lambda")


@pytest.fixture
def run(known_inputs: dict[str, Path], tmp_path: Path) -> Run:
    return runs(known_inputs, tmp_path / "out")


@pytest.fixture
def written(known_inputs: dict[str, Path], tmp_path: Path) -> Written:
    return writes(known_inputs, tmp_path / "out")


@pytest.mark.parametrize("target", TARGETS)
def test_it_writes_the_golden_files(
    target: str, written: Written, assert_golden: Callable[[str, Mapping[str, bytes]], None]
) -> None:
    assert_golden(f"deploy/{target}", written(target))


def test_api_keys_of_ecs_are_a_reference(written: Written) -> None:
    text = written("aws-ecs", api_keys_secret="iris-keys")["stack.yaml"].decode()
    assert "ValueFrom: !Ref ApiKeysSecretArn" in text
    assert "ApiKeysSecretArn" not in written("aws-ecs")["stack.yaml"].decode()


@pytest.mark.parametrize("target", ["aws-sagemaker", "aws-lambda"])
def test_api_keys_are_refused_where_aws_asks_who_is_there(target: str, run: Run) -> None:
    with pytest.raises(UsageError, match="api_keys_secret='iris-keys' has no place there"):
        run(target, api_keys_secret="iris-keys")


@pytest.mark.parametrize("target", ["aws-sagemaker", "aws-ecs"])
def test_autoscaling_aims_at_60_per_cent_of_what_a_replica_answered(target: str, written: Written) -> None:
    policy = resources(written(target))["ScalingPolicy"]["TargetTrackingScalingPolicyConfiguration"]
    assert policy["TargetValue"] == 20_000 * 0.6 * 60


def test_an_update_of_ecs_keeps_the_tasks_that_autoscaling_has_added(written: Written) -> None:
    found = resources(written("aws-ecs", replicas=3))
    assert "DesiredCount" not in found["Service"]
    assert found["ScalableTarget"]["MinCapacity"] == 3


def test_an_image_that_names_no_registry_is_not_pulled_from_where_all_may_write(written: Written) -> None:
    images = [stack(written("aws-ecs", image=image))["Parameters"]["Image"] for image in ("iris:1", "ghcr.io/a/iris:1")]
    assert ["Default" in each for each in images] == [False, True]


@pytest.mark.parametrize("target", ["aws-ecs", "azure-container-apps", "azure-ml"])
def test_it_is_said_that_an_image_must_be_pushed(target: str, run: Run) -> None:
    told = [note for note in run(target, image="iris:1").notes if "tells no registry" in note]
    assert len(told) == 1
    assert not [note for note in run(target).notes if "tells no registry" in note]


@pytest.mark.parametrize("target", ["aws-sagemaker", "aws-ecs"])
def test_fewer_copies_at_most_than_at_least_are_refused(target: str, run: Run) -> None:
    with pytest.raises(UsageError, match="max_replicas=2 is less than replicas=3"):
        run(target, replicas=3, max_replicas=2)


def test_sagemaker_gets_the_port_that_it_asks(written: Written) -> None:
    container = resources(written("aws-sagemaker", env={"PORT": "80"}))["Model"]["PrimaryContainer"]
    assert container["Environment"] == {"PORT": "8080"}


def test_one_instance_is_updated_at_once_and_several_by_a_canary(written: Written) -> None:
    kinds = []
    for replicas in (1, 2):
        endpoint = resources(written("aws-sagemaker", replicas=replicas))["Endpoint"]
        policy = endpoint["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
        kinds.append(policy["Type"])
    assert kinds == ["ALL_AT_ONCE", "CANARY"]


@pytest.fixture
def arm(known_inputs: dict[str, Path]) -> None:
    """Have the image be for ARM alone."""
    facts = json.loads(known_inputs["image"].read_bytes())
    known_inputs["image"].write_text(json.dumps(facts | {"platforms": ["linux/arm64"]}))


@pytest.mark.usefixtures("arm")
def test_an_image_for_arm_gets_such_a_machine(written: Written) -> None:
    assert stack(written("aws-sagemaker"))["Parameters"]["InstanceType"]["Default"] == "ml.m6g.large"
    assert resources(written("aws-ecs"))["Task"]["RuntimePlatform"]["CpuArchitecture"] == "ARM64"
    assert resources(written("aws-lambda"))["Function"]["Architectures"] == ["arm64"]


def test_lambda_gets_a_version_of_another_name_for_another_image(
    known_inputs: dict[str, Path], written: Written
) -> None:
    names = []
    facts = json.loads(known_inputs["image"].read_bytes())
    for number in (1, 2, 1):  # under the same tag
        known_inputs["image"].write_text(json.dumps(facts | {"id": f"sha256:{number}"}))
        names.append(next(name for name in resources(written("aws-lambda")) if name.startswith("Version")))
    assert names[0] == names[2] != names[1]


def test_lambda_gets_its_client_for_the_python_and_the_machine_of_the_image(
    known_inputs: dict[str, Path], written: Written
) -> None:
    facts = json.loads(known_inputs["image"].read_bytes())
    known_inputs["image"].write_text(json.dumps(facts | {"python": "3.13", "platforms": ["linux/arm64"]}))
    head = written("aws-lambda")["Dockerfile"].decode().split("FROM")[0]
    assert "--platform manylinux2014_aarch64 --python-version 3.13 awslambdaric==" in head
    assert "docker build --platform linux/arm64 " in head


@pytest.mark.parametrize(
    ("options", "there", "absent"),
    [({}, "Url", "Api"), ({"front": "api-gateway"}, "Api", "Url")],
    ids=["function URL", "API Gateway"],
)
def test_lambda_is_asked_where_the_option_says(
    options: dict[str, Any], there: str, absent: str, written: Written
) -> None:
    found = resources(written("aws-lambda", **options))
    assert there in found
    assert absent not in found


def test_lambda_keeps_copies_started_where_that_is_asked_for(written: Written) -> None:
    assert "ProvisionedConcurrencyConfig" not in resources(written("aws-lambda"))["Live"]
    live = resources(written("aws-lambda", replicas=3))["Live"]
    assert live["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 3}


def test_settings_are_quoted(written: Written) -> None:
    value = 'yes: "no"\n  - # {{ $x }}'
    task = resources(written("aws-ecs", env={"MODEL_NAME": value}))["Task"]
    environment = {each["Name"]: each["Value"] for each in task["ContainerDefinitions"][0]["Environment"]}
    assert environment["MODEL_NAME"] == value


def with_memory(inputs: dict[str, Path], size: int) -> None:
    """Have the service be measured to use ``size`` bytes."""
    del inputs["report"]
    facts = json.loads(inputs["image"].read_bytes())
    inputs["image"].write_text(json.dumps(facts | {"rss_bytes": size}))


def test_a_large_service_gets_a_larger_machine(known_inputs: dict[str, Path], written: Written) -> None:
    with_memory(known_inputs, 4 * 2**30)
    assert stack(written("aws-sagemaker"))["Parameters"]["InstanceType"]["Default"] == "ml.m5.xlarge"
    assert resources(written("aws-lambda"))["Function"]["MemorySize"] == 8192


def test_a_service_that_is_larger_than_a_function_is_refused(known_inputs: dict[str, Path], run: Run) -> None:
    with_memory(known_inputs, 6 * 2**30)
    with pytest.raises(UsageError, match="needs 12288 MiB, and a function has 10240 at most"):
        run("aws-lambda")


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_name_of_an_image_is_refused(target: str, run: Run) -> None:
    with pytest.raises(UsageError, match="is not the name of an image"):
        run(target, image="iris:1\nUSER root")
