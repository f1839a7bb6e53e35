"""The contract suite runs for every plugin that mlship brings."""

from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mlship import plugins
from mlship.config import STAGES, configure
from mlship.images.files.stored import Stored
from mlship.stages import Stage
from mlship.testing import StageContract, example
from tests.unit.images.image_support import small


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return example(tmp_path_factory.mktemp("shared"))


class Shared:
    """One set of artifacts for many plugins, each of which must leave it as it is; TestOnnx makes its own."""

    @pytest.fixture(scope="class")
    @classmethod
    def artifacts(cls, made: dict[str, Path]) -> dict[str, Path]:
        return made


class TestOnnx(StageContract):
    group, name = "converters", "onnx"
    options = {"target": "target"}


class TestNative(Shared, StageContract):
    group, name = "converters", "native"
    options = {"target": "target"}


class TestPmml(Shared, StageContract):
    group, name = "converters", "pmml"
    options = {"target": "target"}


class TestPlanner(Shared, StageContract):
    group, name = "optimizers", "planner"
    options = {"seconds": 0.1, "time_budget": 5.0}


class TestAsgi(Shared, StageContract):
    group, name = "scaffolds", "asgi"


class TestFastApi(Shared, StageContract):
    group, name = "scaffolds", "fastapi"


class TestFlask(Shared, StageContract):
    group, name = "scaffolds", "flask"


class TestDjango(Shared, StageContract):
    group, name = "scaffolds", "django"


class TestStandard(Shared, StageContract):
    group, name = "benchmarks", "standard"
    options = {"seconds": 0.1, "sizes": (1, 10), "starts": 1, "connections": (1,)}


class TestDocker(Shared, StageContract):
    group, name = "images", "docker"
    options = {"base": "python:3.11-slim"}

    @pytest.fixture(autouse=True)
    def no_engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it does with an engine is shown in tests/integration."""
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


class TestOci(Shared, StageContract):
    group, name = "images", "oci"

    @pytest.fixture(autouse=True)
    def no_engine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it does with an engine is shown in tests/integration."""
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    @pytest.fixture
    def stage(self, tmp_path: Path) -> Stage:
        """Build on what looks like python:3.12-slim."""
        Stored.of([small(tmp_path / "blobs")], (), "slim:1").write_layout(tmp_path / "slim")
        return configure("images", "oci", {"base": str(tmp_path / "slim")})


class TestEcs(StageContract):
    group, name = "targets", "aws-ecs"


class TestLambda(StageContract):
    group, name = "targets", "aws-lambda"


class TestSageMaker(StageContract):
    group, name = "targets", "aws-sagemaker"


class TestContainerApps(StageContract):
    group, name = "targets", "azure-container-apps"


class TestAzureMl(StageContract):
    group, name = "targets", "azure-ml"


class TestCompose(StageContract):
    group, name = "targets", "compose"


class TestHelm(StageContract):
    group, name = "targets", "helm"


class TestKServe(StageContract):
    group, name = "targets", "kserve"


class TestKubernetes(StageContract):
    group, name = "targets", "kubernetes"


class TestTriton(StageContract):
    group, name = "targets", "triton"


@pytest.mark.parametrize(("group", "name"), STAGES.values(), ids=STAGES)
def test_the_libraries_of_a_stage_that_runs_by_default_come_with_mlship(group: plugins.Group, name: str) -> None:
    brought = {Requirement(line) for line in requires("mlship") or ()}
    names = {each.name for each in brought if each.marker is None or "extra" not in str(each.marker)}
    assert set(plugins.load(group, name).libraries) <= names


def test_no_built_in_plugin_is_left_out() -> None:
    shown = {(kind.group, kind.name) for kind in StageContract.__subclasses__()}
    built_in = {
        (group, name)
        for group, found in plugins.BUILT_IN.items()
        if group not in ("sources", "methods")
        for name in found
    }
    assert shown == built_in
