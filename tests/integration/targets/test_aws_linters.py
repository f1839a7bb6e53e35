"""cfn-lint and checkov find nothing in what is written for AWS; scripts/ci-linters.sh brings them."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlship.plugins import load
from mlship.stages import Target
from mlship.targets.checks import checkov, programs

HERE = os.environ.get("MLSHIP_LINTERS")
MORE: dict[str, tuple[str, dict[str, Any]]] = {
    "sagemaker": ("aws-sagemaker", {}),
    "one instance": ("aws-sagemaker", {"replicas": 1, "env": {"ACCESS_LOG": "1"}}),
    "ecs": ("aws-ecs", {}),
    "ecs with keys": ("aws-ecs", {"api_keys_secret": "iris-keys", "env": {"ACCESS_LOG": "1"}}),
    "api gateway": ("aws-lambda", {"front": "api-gateway", "replicas": 2, "env": {"ACCESS_LOG": "1"}}),
}

pytestmark = pytest.mark.skipif(HERE is None, reason="no linters of AWS: scripts/ci-linters.sh brings them")


def said(message: str, fraction: float | None = None) -> None:
    """Take what a stage says."""


@pytest.fixture(autouse=True)
def linters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the linters of scripts/ci-linters.sh found first."""
    monkeypatch.setenv("PATH", f"{HERE}:{os.environ['PATH']}")


def test_the_check_of_lambda_finds_nothing(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    stage: Target = load("targets", "aws-lambda")()
    stage.run(known_inputs, tmp_path / "out", said)
    found = stage.check(tmp_path / "out" / "manifests", said)
    assert [each for each in found if not each.passed] == []
    assert [each.validator for each in found] == ["cfn-lint", "checkov", "checkov, Dockerfile", "hadolint"]


def test_no_validator_finds_anything_in_the_other_stacks(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "stacks"
    folder.mkdir()
    for name, (target, options) in MORE.items():
        load("targets", target)(**options).run(known_inputs, tmp_path / name, said)
        shutil.copy(tmp_path / name / "manifests" / "stack.yaml", folder / f"{name}.yaml")
    # one start of each for all, as they take seconds to start
    files = sorted(path.name for path in folder.iterdir())
    found = programs.program("cfn-lint", ["--template", *files], folder), checkov.check(folder, "cloudformation", {})
    assert [each for each in found if not each.passed] == []


def test_what_is_wrong_is_found(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    stage: Target = load("targets", "aws-ecs")()
    stage.run(known_inputs, tmp_path / "out", said)
    path = tmp_path / "out" / "manifests" / "stack.yaml"
    text = path.read_text()
    for right, wrong in (("Priority: 1", "Priority: first"), ("Protocol: HTTPS", "Protocol: HTTP")):
        assert right in text
        text = text.replace(right, wrong)
    path.write_text(text)
    found = {each.validator: each for each in stage.check(path.parent, said)}
    assert found["cfn-lint"].passed is False
    assert found["checkov"].passed is False
    assert "Listener" in found["checkov"].said
