"""The stacks for AWS are created in an imitation of it, and what comes of them is asked for."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlship.plugins import load

HERE = os.environ.get("MLSHIP_LINTERS")
SCRIPT = Path(__file__).with_name("moto_stack.py")
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/iris"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
REGISTRY = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
Create = Callable[..., dict[str, Any]]


@pytest.fixture
def create(known_inputs: dict[str, Path], tmp_path: Path) -> Create:
    """Return a function that writes the stack of a target, creates it with parameters, and returns what came of it."""
    if HERE is None:
        pytest.skip("no moto, the imitation of AWS: scripts/ci-linters.sh brings it")

    def make(target: str, parameters: dict[str, str], **options: Any) -> dict[str, Any]:
        load("targets", target)(**options).run(known_inputs, tmp_path / "out", lambda message, fraction=None: None)
        command = [f"{HERE}/python", str(SCRIPT), target, str(tmp_path / "out" / "manifests" / "stack.yaml")]
        given = json.dumps(parameters)
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        assert told["status"] == "CREATE_COMPLETE"
        return told

    return make


def test_sagemaker_has_an_endpoint_with_the_image(create: Create) -> None:
    image = f"{REGISTRY}/iris:1.2"
    given = {"Image": image, "RoleArn": ROLE, "Subnets": "{subnets}", "SecurityGroups": "{group}", "KmsKeyArn": KEY}
    told = create("aws-sagemaker", given, replicas=3)
    assert (told["variant"]["InitialInstanceCount"], told["variant"]["InstanceType"]) == (3, "ml.m5.large")
    container = told["model"]["PrimaryContainer"]
    assert (container["Image"], container["Environment"]) == (image, {"PORT": "8080"})


def test_ecs_has_a_service_behind_a_load_balancer(create: Create) -> None:
    secret = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:iris-keys-a1b2c3"
    given = {
        "VpcId": "{vpc}",
        "TaskSubnets": "{subnets}",
        "LoadBalancerSubnets": "{subnets}",
        "ClientCidr": "10.0.0.0/16",
        "CertificateArn": "{certificate}",
        "AccessLogBucket": "logs",
        "LogKeyArn": KEY,
        "ExecutionRoleArn": ROLE,
        "TaskRoleArn": ROLE,
        "ApiKeysSecretArn": secret,
    }
    told = create("aws-ecs", given, api_keys_secret="iris-keys")
    [container] = told["task"]["containerDefinitions"]
    assert (container["user"], container["readonlyRootFilesystem"]) == ("10001", True)
    assert container["secrets"] == [{"name": "API_KEYS", "valueFrom": secret}]
    assert (told["group"]["HealthCheckPath"], told["group"]["Port"]) == ("/readyz", 8000)
    assert told["balancer"]["Scheme"] == "internal"
    assert [(each["Port"], each["Protocol"]) for each in told["listeners"]] == [(443, "HTTPS")]


def test_lambda_has_a_function_from_the_image(create: Create) -> None:
    image = f"{REGISTRY}/iris-lambda@sha256:{0:064}"
    function = create("aws-lambda", {"Image": image, "RoleArn": ROLE, "LogKeyArn": KEY})["function"]
    assert function["Code"]["ImageUri"] == image
    assert (function["Configuration"]["MemorySize"], function["Configuration"]["Timeout"]) == (1769, 29)
