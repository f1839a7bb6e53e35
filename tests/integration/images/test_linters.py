"""hadolint and checkov find nothing in the Dockerfiles that mlship writes; scripts/ci-linters.sh brings both."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlship.images import context as contexts
from mlship.images import parts, planning
from mlship.images.base import Base
from mlship.images.plan import Platform
from mlship.images.planning import Subject, Unpacked

#: Of a machine like the tests' own; the Dockerfile does not depend on it.
BASE = Base("python:3.12-slim", "3.12", "python3", "x86_64", (2, 36), digest="sha256:" + "b" * 64)
HERE = os.environ.get("MLSHIP_LINTERS")


@pytest.fixture(scope="module", params=["asgi", "fastapi", "flask", "django"])
def context(
    request: pytest.FixtureRequest,
    cases: Mapping[str, Any],
    scaffolded: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Write the context of a service, without its libraries, which no linter looks at."""
    service, folder = scaffolded("numeric", request.param), tmp_path_factory.mktemp("context")
    sources = {"io.mlship.source.sha256": "5" * 64}
    subject = Subject(service, cases["numeric"].signature, "team/iris:1", 8000, "abc123", None, 0, sources)
    parts.copy(service, folder)
    (folder / parts.DEPENDENCIES).mkdir()
    libraries = Unpacked(folder / parts.DEPENDENCIES, ("a==1 --hash=sha256:00",), ())
    contexts.write(planning.plan(subject, BASE, Platform("amd64"), libraries, folder), folder, 0)
    return folder


def linter(name: str) -> str:
    """Return the program: where the linters are named it has to be there."""
    found = shutil.which(name, path=HERE)
    if found is None and HERE is None:
        pytest.skip(f"no {name}: scripts/ci-linters.sh brings it")
    assert found is not None, f"no {name} in '{HERE}'"
    return found


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_hadolint_finds_nothing(context: Path) -> None:
    found = run(linter("hadolint"), "--no-color", "--failure-threshold", "ignore", str(context / "Dockerfile"))
    assert (found.returncode, found.stdout) == (0, ""), found.stdout + found.stderr


def test_checkov_finds_nothing(context: Path) -> None:
    options = ["--framework", "dockerfile", "--output", "json", "--skip-download"]
    found = run(linter("checkov"), *options, "--file", str(context / "Dockerfile"))
    told = json.loads(found.stdout)
    assert told["summary"]["failed"] == 0, [
        (each["check_id"], each["check_name"]) for each in told["results"]["failed_checks"]
    ]
    assert told["summary"]["passed"] > 10
    assert told["summary"]["parsing_errors"] == told["summary"]["skipped"] == 0


@pytest.mark.parametrize(("name", "option"), [("hadolint", ()), ("checkov", ("--skip-download", "--file"))])
def test_the_linters_find_what_is_wrong(name: str, option: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian:latest\nRUN apt-get install curl\nUSER root\n")
    found = run(linter(name), *option, str(tmp_path / "Dockerfile"))
    assert found.returncode != 0
    assert "Dockerfile" in found.stdout
