"""A user builds images: with an engine and without, for two platforms, into files and a registry, and through gates."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv
from docker import DockerClient

from mlship.images.files.stored import Stored
from tests.e2e.conftest import QUICK, Mlship
from tests.integration.images.registries import Server, login, serving
from tests.unit.images.image_support import AMD64, SLIM, assembled, layer

NO_ENGINE = {"DOCKER_HOST": "tcp://127.0.0.1:1"}


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave the user's cache of mlship alone; that of uv stays, so that nothing is downloaded again."""
    asked = subprocess.run([uv.find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_CACHE_DIR", asked.stdout.strip())
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def scaffolded(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace that has a service, and slim/: a base as far as it is looked at."""
    folder = tmp_path_factory.mktemp("scaffolded")
    model, sample = str(trained / "forest.joblib"), str(trained / "forest.csv")
    for command in (["convert", model, "--data", sample, "--target", "cultivar"], ["scaffold", "--framework", "asgi"]):
        subprocess.run([sys.executable, "-m", "mlship", *command], cwd=folder, check=True, capture_output=True)
    slim = assembled(folder / "blobs", [layer(folder / "blobs", SLIM)], AMD64)
    Stored.of([slim], (), "slim:1").write_layout(folder / "slim")
    return folder


@pytest.fixture
def workspace(scaffolded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(scaffolded, tmp_path / "workspace")


@pytest.fixture
def registry(registry_program: str, tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "registry").mkdir()
    with serving(registry_program, tmp_path / "registry") as server:
        yield server


def build(mlship: Mlship, workspace: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    ran = mlship("build", *arguments, cwd=workspace, **{**NO_ENGINE, **environment})
    return ran.code, ran.out, ran.err


def test_without_an_engine_the_image_is_put_together_here(mlship: Mlship, workspace: Path) -> None:
    code, out, err = build(mlship, workspace, "-t", "forest:1", "--base", "./slim")
    assert code == 0, err
    assert "forest:1 for linux/amd64" in out
    assert "the image was not started" in err
    assert (workspace / ".mlship/build/layout/index.json").is_file()


def test_the_digest_stands_alone_on_standard_output(mlship: Mlship, workspace: Path) -> None:
    code, out, err = build(mlship, workspace, "-q", "--base", "./slim")
    image = json.loads((workspace / ".mlship/build/image.json").read_text())
    assert (code, out, err) == (0, image["id"] + "\n", "")
    assert image["id"].startswith("sha256:")


def test_source_date_epoch_is_the_time_of_everything(mlship: Mlship, workspace: Path) -> None:
    digests = [
        build(mlship, workspace, "-q", "--base", "./slim", SOURCE_DATE_EPOCH=seconds)[1]
        for seconds in ("86400", "0", "86400")
    ]
    assert digests[0] == digests[2] != digests[1]
    config = Stored.read(workspace / ".mlship/build/layout").images[0].config
    assert json.loads(config.path.read_bytes())["created"] == "1970-01-02T00:00:00Z"


def test_an_image_is_written_to_a_file_or_a_folder(mlship: Mlship, workspace: Path) -> None:
    for name, found in (("image.tar", "image.tar"), ("image", "image/oci-layout")):
        code, _, err = build(mlship, workspace, "--base", "./slim", "--output", name)
        assert code == 0, err
        assert (workspace / found).is_file()


def test_an_image_is_pushed_to_a_registry_that_asks_for_a_password(
    mlship: Mlship, workspace: Path, registry: Server, tmp_path: Path
) -> None:
    name = f"{registry.host}/team/forest:1"
    arguments = ("-t", name, "--base", "./slim", "--push")
    code, _, err = build(mlship, workspace, *arguments, DOCKER_CONFIG=str(tmp_path))
    assert code == 1
    assert f"docker login {registry.host}" in err
    assert registry.tags("team/forest") == []
    login(tmp_path / "docker", registry.host)
    code, out, err = build(mlship, workspace, *arguments, "--json", DOCKER_CONFIG=str(tmp_path / "docker"))
    assert code == 0, err
    assert "1" in registry.tags("team/forest")
    assert json.loads(out)["pushed"]["bytes"] > 1e6


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
def test_gates_fail_the_build_and_say_by_how_much(mlship: Mlship, workspace: Path, base_image: str) -> None:
    gates = ("--max-size", "1MB", "--max-cold-start", "1ms", "--max-rss", "1MB")
    ran = mlship("build", "-t", "forest:gates", "--base", base_image, *gates, cwd=workspace, engine=True)
    assert ran.code == 4
    assert all(option in ran.err for option in ("--max-size 1MB", "--max-cold-start 1ms", "--max-rss 1MB"))


@pytest.mark.docker
@pytest.mark.parametrize("builder", ["docker", "oci"])
def test_the_digest_is_what_docker_run_takes(
    mlship: Mlship, workspace: Path, engine: DockerClient, base_image: str, builder: str
) -> None:
    base = base_image
    if builder == "oci":
        base = "./base.tar"
        with (workspace / base).open("wb") as file:
            file.writelines(engine.images.get(base_image).save())
    ran = mlship("build", "-q", "-t", "forest:digest", "--base", base, cwd=workspace, engine=True)
    assert ran.code == 0, ran.err
    assert engine.images.get(ran.out.strip()).tags == ["forest:digest"]
    engine.images.remove("forest:digest", force=True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--builder", "buildah"], "no plugin named 'buildah'"),
        (["--builder", "oci", "--plugin", "oci"], "name the same thing"),
        (["--platform", "linux/riscv64"], "no images for platform 'linux/riscv64'"),
        (["--push"], "--push needs the name of the image"),
        (["-t", "Forest:1"], "'Forest:1' is not a name for an image"),
        (["--max-size", "small"], "'small' is not a size"),
        (["--max-cold-start", "5MB"], "'5MB' is not a time"),
        (["--wheels", "nowhere", "--base", "./slim"], "'nowhere' is not a folder"),
        (["--builder", "docker", "--base", "./slim"], "an engine builds on an image that it has"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(
    mlship: Mlship, scaffolded: Path, arguments: list[str], told: str
) -> None:
    code, _, err = build(mlship, scaffolded, *arguments)
    assert code == 2
    assert told in err
    assert "hint: " in err


def test_a_wrong_epoch_is_named(mlship: Mlship, scaffolded: Path) -> None:
    code, _, err = build(mlship, scaffolded, SOURCE_DATE_EPOCH="yesterday")
    assert code == 2
    assert "SOURCE_DATE_EPOCH is 'yesterday'" in err


def test_a_base_that_is_not_there_leaves_nothing_behind(mlship: Mlship, workspace: Path) -> None:
    code, _, err = build(mlship, workspace, "-t", "forest:1", "--base", "./nowhere")
    assert code == 3
    assert "base image 'nowhere' cannot be read" in err
    assert not (workspace / ".mlship/build").exists()


def test_a_base_that_has_changed_is_built_on_anew(mlship: Mlship, workspace: Path) -> None:
    first, second, third = (build(mlship, workspace, "-q", "--base", "./slim")[1] for _ in range(3))
    assert first == second == third
    files = {**SLIM, "etc/issue": b"mended"}
    slim = assembled(workspace / "blobs", [layer(workspace / "blobs", files)], AMD64)
    Stored.of([slim], (), "slim:2").write_layout(workspace / "slim")
    assert build(mlship, workspace, "-q", "--base", "./slim")[1] != first


def test_paths_in_the_configuration_are_relative_to_it(mlship: Mlship, workspace: Path, tmp_path: Path) -> None:
    (workspace / "mlship.toml").write_text('[build]\nbase = "./slim"\n')
    ran = mlship("build", "-q", "-w", str(workspace), cwd=tmp_path, **NO_ENGINE)
    assert ran.code == 0, ran.err


def test_ship_says_how_to_start_what_no_engine_has(mlship: Mlship, workspace: Path) -> None:
    ran = mlship("ship", "--set", "build.base=./slim", *QUICK, cwd=workspace, **NO_ENGINE)
    assert ran.code == 0, ran.err
    assert "not started" in ran.out
    assert "docker run" not in ran.out
