"""The build stage where no engine runs: a complete context, and the service checked as a local process."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlship import golden as golden_set
from mlship.errors import GateError, ServiceError, UsageError
from mlship.images.docker import DockerBuilder
from mlship.stages import Outcome

Inputs = dict[str, Path]


def quiet(message: str, fraction: float | None = None) -> None:
    pass


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


@pytest.fixture
def wheels(tmp_path: Path) -> str:
    """A folder with one wheel, so that no index is needed."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return str(folder)


@pytest.fixture
def inputs(make_service: Callable[..., Inputs]) -> Inputs:
    return make_service(requirements="tiny\n")


@pytest.fixture
def outcome(inputs: Inputs, wheels: str, tmp_path: Path) -> Outcome:
    return DockerBuilder(wheels=wheels).run(inputs, tmp_path / "out", quiet)


def test_the_context_is_complete(outcome: Outcome, tmp_path: Path) -> None:
    context = tmp_path / "out" / outcome.artifacts["context"]
    assert "FROM python:3.12-slim" in (context / "Dockerfile").read_text()
    assert (context / "requirements.lock").read_text().startswith("tiny==1.0 --hash=sha256:")
    assert (context / "dependencies" / "tiny-1.0.dist-info" / "METADATA").is_file()
    assert (context / "model" / "model.onnx").is_file()


def test_the_service_was_checked_instead(outcome: Outcome) -> None:
    assert outcome.facts["parity"]["passed"] is True
    assert outcome.facts["parity"]["rows"] == 120


def test_it_is_said_that_no_image_was_built(outcome: Outcome, tmp_path: Path) -> None:
    image = json.loads((tmp_path / "out" / outcome.artifacts["image"]).read_text())
    assert image["built"] is False
    assert image["reason"] == "no container engine answers at 'tcp://127.0.0.1:1'"
    assert "no image was built" in outcome.notes[0]


def test_what_was_not_built_is_as_good_as_can_be_until_an_engine_comes(outcome: Outcome, tmp_path: Path) -> None:
    assert DockerBuilder().intact({"image": tmp_path / "out" / outcome.artifacts["image"]})


def test_a_base_whose_python_nobody_knows_asks_for_the_option(inputs: Inputs, wheels: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not tell which Python"):
        DockerBuilder(wheels=wheels, base="team/base:7").run(inputs, tmp_path, quiet)


def test_a_service_with_other_answers_does_not_pass(inputs: Inputs, wheels: str, tmp_path: Path) -> None:
    golden = golden_set.read(inputs["golden"])
    golden_set.write(replace(golden, outputs={"prediction": golden.outputs["prediction"] + 1}), tmp_path / "golden.npz")
    with pytest.raises(GateError, match="120 of 120 rows differ"):
        DockerBuilder(wheels=wheels).run(inputs | {"golden": tmp_path / "golden.npz"}, tmp_path / "out", quiet)


def test_a_service_that_does_not_start_is_told(
    make_service: Callable[..., Inputs], wheels: str, tmp_path: Path
) -> None:
    inputs = make_service(app="raise RuntimeError('upside down')", requirements="tiny\n")
    with pytest.raises(ServiceError, match="upside down"):
        DockerBuilder(wheels=wheels).run(inputs, tmp_path, quiet)
