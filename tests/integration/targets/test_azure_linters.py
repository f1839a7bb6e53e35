"""Azure's own libraries find nothing in what is written for it; scripts/ci-linters.sh brings them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import mlship
from mlship.plugins import load

HERE = os.environ.get("MLSHIP_LINTERS")
#: Asks the libraries from the environment of the linters, as some of them do not go together with those of mlship.
_ASK = """
import dataclasses, importlib, json, pathlib, sys
check = importlib.import_module(sys.argv[1]).check
print(json.dumps(dataclasses.asdict(check(pathlib.Path(sys.argv[2])))))
"""

pytestmark = pytest.mark.skipif(HERE is None, reason="no libraries of Azure: scripts/ci-linters.sh brings them")


def said(message: str, fraction: float | None = None) -> None:
    """Take what a stage says."""


CANARY = {"canary": 10, "canary_image": "registry.example/team/iris:2", "api_keys_secret": "iris-keys"}
AZURE: list[tuple[str, str, dict[str, Any]]] = [
    ("azure-container-apps", "arm", {}),
    ("azure-container-apps", "arm", CANARY),
    ("azure-ml", "azure_schemas", {}),
]


def asked(module: str, folder: Path) -> dict[str, Any]:
    """Return what a check says in the environment of the linters."""
    command = [f"{HERE}/python", "-c", _ASK, f"mlship.targets.checks.{module}", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(Path(mlship.__file__).parents[1])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("target", "module", "options"), AZURE, ids=[f"{name} {number}" for number, (name, *_) in enumerate(AZURE)]
)
def test_azures_own_libraries_find_nothing(
    target: str, module: str, options: dict[str, Any], known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    load("targets", target)(**options).run(known_inputs, tmp_path / "out", said)
    found = asked(module, tmp_path / "out" / "manifests")
    assert found["passed"] is True, found["said"]


@pytest.mark.parametrize(
    ("target", "module", "right", "wrong", "named"),
    [
        ("azure-container-apps", "arm", '"targetPort"', '"targetport"', "targetport"),
        ("azure-ml", "azure_schemas", "liveness_route:", "livenessroute:", "livenessroute"),
    ],
    ids=["container apps", "machine learning"],
)
def test_azures_own_libraries_find_what_is_wrong(
    target: str, module: str, right: str, wrong: str, named: str, known_inputs: dict[str, Path], tmp_path: Path
) -> None:
    load("targets", target)().run(known_inputs, tmp_path / "out", said)
    for path in (tmp_path / "out" / "manifests").iterdir():
        path.write_text(path.read_text().replace(right, wrong))
    found = asked(module, tmp_path / "out" / "manifests")
    assert found["passed"] is False
    assert named in found["said"]
