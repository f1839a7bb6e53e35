"""What the targets for clouds refuse before they write a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlship.config import configure
from mlship.errors import UsageError
from tests.unit.targets.writing import runs

TARGETS = ("aws-sagemaker", "aws-ecs", "aws-lambda", "azure-container-apps", "azure-ml")
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "capitals": ({"name": "Iris_1"}, "'Iris_1' cannot be the name of a service"),
    "a name that is too long": ({"name": "a" * 64}, "cannot be the name of a service"),
    "a secret as plain text": ({"env": {"API_KEYS": "hunter2"}}, "API_KEYS looks like a secret"),
    "another secret": ({"env": {"DB_PASSWORD": "hunter2"}}, "DB_PASSWORD looks like a secret"),
    "no variable": ({"env": {"a-b": "1"}}, "'a-b' cannot be the name of a variable"),
    "a misspelt option": ({"replica": 2}, "replica"),
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("options", "message"), list(CASES.values()), ids=list(CASES))
def test_what_cannot_be_meant_is_refused(target: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        configure("targets", target, options)


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "aws-lambda"])
def test_no_replica_is_refused(target: str) -> None:
    with pytest.raises(UsageError, match="replicas"):
        configure("targets", target, {"replicas": 0})


@pytest.mark.parametrize("target", TARGETS)
def test_a_workspace_without_an_image_is_refused(target: str, known_inputs: dict[str, Path], tmp_path: Path) -> None:
    known_inputs["image"].write_text(json.dumps({"built": False}))
    with pytest.raises(UsageError, match="a build context, but no image"):
        runs(known_inputs, tmp_path / "out")(target)


@pytest.mark.parametrize("target", TARGETS)
def test_without_a_benchmark_the_files_say_what_was_assumed(
    target: str, known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    facts = json.loads(known_inputs["image"].read_bytes())
    del facts["cold_start_seconds"], facts["rss_bytes"], known_inputs["report"]
    known_inputs["image"].write_text(json.dumps(facts))
    outcome = runs(known_inputs, tmp_path / "out")(target)
    told = "assumed: a cold start of 10 s, 256 MiB of memory, 100 requests a second"
    assert any(told in note for note in outcome.notes)
    texts = [path.read_text() for path in (tmp_path / "out" / "manifests").iterdir()]
    assert any(told in text for text in texts)
