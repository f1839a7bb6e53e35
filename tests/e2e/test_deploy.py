"""A user has an image, and wants files for a platform: written, checked, kept from being overwritten, refused."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlship import plugins
from mlship.images.files.stored import Stored
from tests.e2e.conftest import Mlship
from tests.e2e.test_docs import CHECKOUT, commands
from tests.unit.images.image_support import AMD64, SLIM, assembled, layer

PAGES = sorted((CHECKOUT / "docs" / "how-to").glob("deploy-*.md"))
TARGETS = list(plugins.BUILT_IN["targets"])
#: Validators that come with mlship[test], and the targets that they look at.
INSTALLED = {"kubernetes-validate", "tritonclient's config.pbtxt", "nginx"}
CHECKED_HERE = {"kubernetes", "triton", "compose"}
QUICK = "[optimize]\nseconds = 0.2\n[benchmark]\nseconds = 0.2\nstarts = 1\nsizes = [1]\n[build]\nbase = './slim'\n"


@pytest.fixture(scope="module")
def shipped(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Ship a model to an image, and to files for two platforms; return the workspace and what was answered."""
    folder = tmp_path_factory.mktemp("shipped")
    shutil.copy(trained / "forest.joblib", folder / "model.joblib")
    shutil.copy(trained / "forest.csv", folder / "sample.csv")
    slim = assembled(folder / "blobs", [layer(folder / "blobs", SLIM)], AMD64)
    Stored.of([slim], (), "slim:1").write_layout(folder / "slim")
    (folder / "mlship.toml").write_text(QUICK + "[deploy]\nreplicas = 3\n[deploy.compose]\nport = 8099\n")
    words = ["ship", "model.joblib", "--data", "sample.csv", "--target", "cultivar", "-t", "iris:1", "--json"]
    words += ["--framework", "asgi", "--deploy", "compose", "--deploy", "kubernetes"]
    environment = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("mlship")), *words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture
def workspace(shipped: tuple[Path, str], tmp_path: Path) -> Path:
    return shutil.copytree(shipped[0], tmp_path / "workspace")


def test_ship_writes_files_for_the_platforms_that_are_named(shipped: tuple[Path, str]) -> None:
    folder, answered = shipped
    told = json.loads(answered)["stages"]
    assert {"deploy/compose", "deploy/kubernetes"} <= set(told)
    compose = (folder / ".mlship" / "deploy" / "compose" / "manifests" / "compose.yaml").read_text()
    assert "127.0.0.1:8099:" in compose
    assert compose.count('image: "iris:1"') == 3


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_passes_its_validators(target: str, mlship: Mlship, workspace: Path) -> None:
    ran = mlship("deploy", target, "--check", "--json", cwd=workspace)
    assert ran.code == 0, ran.err
    passed = {each["validator"]: each["passed"] for each in ran.json["checks"]}
    assert False not in passed.values()
    assert all(passed[name] for name in INSTALLED & {*passed})
    assert INSTALLED & {*passed} or target not in CHECKED_HERE
    written = [path for path in (workspace / ran.json["folder"]).rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if path.suffix in {".yaml", ".yml", ".json"} and not path.read_text().strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_on_a_platform_run_as_written(page: Path, mlship: Mlship, workspace: Path) -> None:
    found = commands(page.read_text("utf-8"))
    assert any(words[0] == "deploy" for words in found)
    for words in found:
        ran = mlship(*words, cwd=workspace)
        assert ran.code == 0, f"mlship {' '.join(words)}: {ran.err}"


def test_every_target_has_a_page() -> None:
    assert [page.stem.removeprefix("deploy-") for page in PAGES] == sorted(TARGETS)


def test_files_that_a_user_has_changed_are_not_overwritten(mlship: Mlship, workspace: Path) -> None:
    file = workspace / ".mlship" / "deploy" / "compose" / "manifests" / "compose.yaml"
    file.write_text("mine: true\n")
    ran = mlship("deploy", "compose", "--replicas", "2", cwd=workspace)
    assert ran.code != 0
    assert "was changed since deploy/compose wrote it" in ran.err
    assert "mlship deploy compose --force" in ran.err
    assert file.read_text() == "mine: true\n"
    assert mlship("deploy", "compose", "--replicas", "2", "--force", cwd=workspace).code == 0
    assert file.read_text().count('image: "iris:1"') == 2


def test_files_that_a_user_has_made_are_not_overwritten(mlship: Mlship, workspace: Path) -> None:
    folder = workspace / ".mlship" / "deploy" / "helm"
    folder.mkdir()
    (folder / "Chart.yaml").write_text("mine: true\n")
    ran = mlship("deploy", "helm", cwd=workspace)
    assert ran.code == 2
    assert "'.mlship/deploy/helm' holds files that mlship did not write" in ran.err
    assert mlship("deploy", "helm", "--force", cwd=workspace).code == 0


def test_a_file_beside_them_is_not_deleted(mlship: Mlship, workspace: Path) -> None:
    mine = workspace / ".mlship" / "deploy" / "compose" / "mine.yaml"
    mine.write_text("mine: true\n")
    ran = mlship("deploy", "compose", "--replicas", "2", cwd=workspace)
    assert ran.code == 2
    assert "holds files that mlship did not write" in ran.err
    assert mine.exists()


def test_an_image_that_is_older_than_its_service_is_told(mlship: Mlship, workspace: Path) -> None:
    with (workspace / "service" / "app.py").open("a") as file:
        file.write("# mine\n")
    ran = mlship("deploy", "kubernetes", cwd=workspace)
    assert ran.code == 0
    assert "the image is older than service: mlship build makes it anew" in ran.err


def test_one_deployment_does_not_make_another_out_of_date(mlship: Mlship, workspace: Path) -> None:
    (workspace / ".mlship" / "deploy" / "compose" / "manifests" / "compose.yaml").write_text("mine: true\n")
    told = mlship("status", "--json", cwd=workspace).json["stages"]
    assert (told["deploy/compose"]["state"], told["deploy/kubernetes"]["state"]) == ("damaged", "done")


def test_a_second_run_writes_nothing_and_the_status_tells_of_it(mlship: Mlship, workspace: Path) -> None:
    ran = mlship("deploy", "compose", cwd=workspace)
    assert "skipped, nothing has changed" in ran.err
    told = mlship("status", "--json", cwd=workspace).json["stages"]
    assert told["deploy/compose"]["state"] == "done"


BAD = {
    "no target": ([], "to which platform?"),
    "another target": (["kubernets"], "kubernetes"),
    "no replicas": (["compose", "--replicas", "0"], "replicas"),
    "a name that DNS forbids": (["kubernetes", "--name", "Iris_1"], "--name iris-1"),
    "a secret as plain text": (["compose", "--set", "env={ API_KEYS = 'abc' }"], "looks like a secret"),
    "another gateway": (["compose", "--gateway", "apache"], "gateway"),
    "an option of others": (["kubernetes", "--gateway", "nginx"], "has no option 'gateway'"),
    "a share for no image": (["compose", "--canary", "10"], "--canary-image"),
    "a secret in an address": (["compose", "--set", "env.DB=postgres://me:pass@host/x"], "looks like a secret"),
    "variables that are none": (["compose", "--set", "env=abc", "--set", "env.A=1"], "is no table"),
    "nothing to end": (["kubernetes", "--down"], "nothing of it runs on this machine"),
    "what starts nothing": (["kubernetes", "--up"], "nothing of it runs on this machine"),
}


@pytest.mark.parametrize(("words", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_meant_is_refused(words: list[str], said: str, mlship: Mlship, workspace: Path) -> None:
    ran = mlship("deploy", *words, cwd=workspace)
    assert ran.code in (1, 2)
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_without_an_image_it_says_what_makes_one(mlship: Mlship, tmp_path: Path) -> None:
    ran = mlship("deploy", "compose", cwd=tmp_path)
    assert ran.code == 2
    assert "mlship build" in ran.err or "mlship ship" in ran.err
