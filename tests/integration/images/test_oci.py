"""Images that are put together without an engine: they run, are the same every time, and go where they are sent."""

import gzip
import json
import os
import struct
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import uv
from docker import DockerClient
from docker.errors import ImageNotFound

from mlship.errors import BaseImageMissingError, BuildError, GateError, UsageError
from mlship.images.docker import DockerBuilder
from mlship.images.files.stored import Stored
from mlship.images.oci import OciBuilder
from mlship.stages import Outcome
from tests.integration.images.registries import PASSWORD, USER, Server
from tests.unit.images.image_support import AMD64, ARM64, Files, Link, assembled, layer, quiet

Inputs = dict[str, Path]
Service = Callable[..., Inputs]

#: Numbers of machines in the header of an ELF file ("e_machine", System V ABI).
X86_64, AARCH64 = 62, 183


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Leave the user's cache of mlship alone; that of uv stays, so that nothing is downloaded again."""
    asked = subprocess.run([uv.find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_CACHE_DIR", asked.stdout.strip())
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def archive(engine: DockerClient, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a file with a base image, as docker save writes it."""
    path = tmp_path_factory.mktemp("base") / "base.tar"
    with path.open("wb") as file:
        for chunk in engine.images.get(base_image).save(named=True):
            file.write(chunk)
    return str(path)


@pytest.fixture
def tag(engine: DockerClient) -> Iterator[str]:
    """Return a name for an image, which is removed from the engine afterwards."""
    name = f"mlship-test/oci:{os.getpid()}"
    yield name
    with suppress(ImageNotFound):
        engine.images.remove(name, force=True)


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """Return a base for two platforms as far as it is looked at: nothing in it runs."""
    images = []
    for platform in (AMD64, ARM64):
        files: Files = {
            f"usr/lib/{platform.machine}-linux-gnu/libc.so.6": b"GNU C Library (Debian) stable release version 2.36.\n",
            "lib": Link("usr/lib"),
            "usr/local/bin/python3": Link("python3.12"),
            "usr/local/bin/python3.12": b"\x7fELF",
        }
        images.append(assembled(tmp_path / "bare", [layer(tmp_path / "bare", files)], platform))
    Stored.of(images, (), "bare:1").write_layout(tmp_path / "layout")
    return str(tmp_path / "layout")


@pytest.fixture
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


def run(inputs: Inputs, out: Path, **options: Any) -> Outcome:
    out.mkdir(parents=True, exist_ok=True)
    return OciBuilder(**options).run(inputs, out, quiet)


def members(stored: Stored, platform: int, number: int) -> dict[str, bytes]:
    """Return the first bytes of the files in a layer: of the image for the ``platform``, ``number`` from the last."""
    blob = stored.images[platform].layers[number]
    with gzip.open(blob.path) as stream, tarfile.open(fileobj=stream) as archive:
        return {member.name: found.read(20) for member in archive if (found := archive.extractfile(member)) is not None}


def machines(files: dict[str, bytes]) -> set[int]:
    return {struct.unpack_from("<H", head, 18)[0] for head in files.values() if head.startswith(b"\x7fELF")}


@pytest.mark.docker
def test_the_image_runs_and_answers_as_the_model_does(
    engine: DockerClient, archive: str, tag: str, make_service: Service, tmp_path: Path
) -> None:
    facts = run(make_service(), tmp_path / "out", base=archive, tag=tag).facts
    assert facts["built"] is True
    assert facts["parity"]["passed"] is True
    assert facts["parity"]["rows"] == 120
    assert 0 < facts["cold_start_seconds"] < 30
    assert 0 < facts["compressed_over_base"] < 45e6
    assert 10e6 < facts["size_over_base"] < 120e6
    image = engine.images.get(tag)
    assert image.attrs["Config"]["User"] == "10001:10001"
    assert image.id == facts["id"]


@pytest.mark.docker
def test_both_builders_put_the_same_files_into_an_image(
    engine: DockerClient, archive: str, base_image: str, tag: str, make_service: Service, tmp_path: Path
) -> None:
    inputs, listed = make_service(), []
    command = ["-c", "import os; print(sorted((p, sorted(f)) for p, _, f in os.walk('/opt/app')))"]
    for builder in (OciBuilder(base=archive, tag=tag), DockerBuilder(base=base_image, tag=tag)):
        out = tmp_path / type(builder).__name__
        out.mkdir()
        builder.run(inputs, out, quiet)
        listed.append(engine.containers.run(tag, command, entrypoint=["python3"], remove=True))
    assert listed[0] == listed[1]


@pytest.mark.usefixtures("_no_engine")
def test_the_same_inputs_give_the_same_digest_in_any_folder(
    archive: str, make_service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, digests = make_service(), []
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name / "cache"))
        digests.append(run(inputs, tmp_path / name, base=archive, tag="linear:1").facts["id"])
    assert digests[0] == digests[1]
    later = run(inputs, tmp_path / "three", base=archive, tag="linear:1", created=86400)
    assert later.facts["id"] != digests[0]


@pytest.mark.usefixtures("_no_engine")
def test_an_image_for_arm64_is_put_together_here(bare: str, make_service: Service, tmp_path: Path) -> None:
    platforms = ("linux/amd64", "linux/arm64")
    outcome = run(make_service(), tmp_path / "out", base=bare, tag="linear:1", platform=platforms)
    stored = Stored.read(tmp_path / "out" / "layout")
    assert outcome.facts["platforms"] == [*platforms]
    assert outcome.facts["id"] == stored.digest
    assert [each.platform for each in stored.images] == [AMD64, ARM64]
    assert [machines(members(stored, number, -3)) for number in (0, 1)] == [{X86_64}, {AARCH64}]
    index = json.loads(stored.index or b"")
    assert [told["platform"]["architecture"] for told in index["manifests"]] == ["amd64", "arm64"]
    configs = [json.loads(each.config.path.read_bytes()) for each in stored.images]
    assert [config["architecture"] for config in configs] == ["amd64", "arm64"]


@pytest.mark.usefixtures("_no_engine")
def test_without_an_engine_the_service_is_checked_instead(bare: str, make_service: Service, tmp_path: Path) -> None:
    outcome = run(make_service(), tmp_path / "out", base=bare, tag="linear:1")
    assert outcome.facts["built"] is True
    assert outcome.facts["parity"]["passed"] is True
    assert any("was not started" in note for note in outcome.notes)


@pytest.mark.usefixtures("_no_engine")
def test_what_an_image_is_made_of_is_written_beside_it(bare: str, make_service: Service, tmp_path: Path) -> None:
    inputs = make_service()
    run(inputs, tmp_path / "out", base=bare, tag="linear:1")
    beside = tmp_path / "out" / "plan" / "linux-amd64"
    plan = json.loads((beside / "plan.json").read_text())
    lock = (beside / "requirements.lock").read_text().splitlines()
    bill = json.loads((beside / "sbom.cdx.json").read_text())
    assert plan["lock"] == lock
    assert any(line.startswith("onnxruntime==") and "--hash=sha256:" in line for line in lock)
    assert "onnxruntime" in {part["name"] for part in bill["components"]}
    assert {"onnxruntime"} <= {left["distribution"] for left in plan["left_out"]}
    assert all(left["reason"] for left in plan["left_out"])


@pytest.mark.docker
@pytest.mark.usefixtures("logged_in")
def test_another_model_sends_its_layer_alone(
    engine: DockerClient, registry: Server, base_image: str, tag: str, make_service: Service, tmp_path: Path
) -> None:
    base = f"{registry.host}/team/base"
    engine.images.get(base_image).tag(base, "1")
    told = engine.api.push(base, "1", auth_config={"username": USER, "password": PASSWORD})
    assert "error" not in told
    name = f"{registry.host}/team/linear"
    builders = [OciBuilder(base=f"{base}:1", tag=f"{name}:{number}") for number in (1, 2)]
    pushed = []
    for builder, slope in zip(builders, (1.5, 2.5), strict=True):
        out = tmp_path / f"{slope}"
        out.mkdir()
        outcome = builder.run(make_service(slope=slope), out, quiet)
        outputs = {kind: out / path for kind, path in outcome.artifacts.items()}
        pushed.append(builder.push(outputs, quiet))
        engine.images.remove(str(builder.tag), force=True)
    assert pushed[0]["bytes"] > 20e6
    assert pushed[1]["bytes"] < 300e3
    assert {"1", "2"} <= {*registry.tags("team/linear")}
    try:
        pulled = engine.images.pull(name, "2", auth_config={"username": USER, "password": PASSWORD})
        assert pulled.attrs["RepoDigests"] == [f"{name}@{pushed[1]['digest']}"]
    finally:
        engine.images.remove(f"{name}:2", force=True)
        engine.images.remove(f"{base}:1", force=True)


@pytest.mark.docker
def test_a_file_that_was_written_is_loaded_by_an_engine(
    engine: DockerClient, archive: str, tag: str, make_service: Service, tmp_path: Path
) -> None:
    builder = OciBuilder(base=archive, tag=tag)
    outcome = builder.run(make_service(), tmp_path, quiet)
    engine.images.remove(tag, force=True)
    builder.export({"layout": tmp_path / outcome.artifacts["layout"]}, tmp_path / "image.tar", quiet)
    with (tmp_path / "image.tar").open("rb") as file:
        assert [image.tags for image in engine.images.load(file)] == [[tag]]


@pytest.mark.docker
def test_an_image_that_costs_too_much_gets_no_name(
    engine: DockerClient, archive: str, tag: str, make_service: Service, tmp_path: Path
) -> None:
    with pytest.raises(GateError, match=r"size is .* --max-size 50MB"):
        run(make_service(), tmp_path, base=archive, tag=tag, max_size="50MB")
    named = {"label": ["org.opencontainers.image.title=oci", f"org.opencontainers.image.version={os.getpid()}"]}
    assert engine.api.images(filters=named) == []


@pytest.mark.usefixtures("_no_engine")
def test_a_base_of_another_python_than_asked_for_is_refused(bare: str, make_service: Service, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"has Python 3\.12, not 3\.13"):
        run(make_service(), tmp_path, base=bare, python="3.13")


@pytest.mark.usefixtures("_no_engine")
def test_a_base_that_is_not_there_is_named(make_service: Service, tmp_path: Path) -> None:
    with pytest.raises(BaseImageMissingError, match=r"nowhere\.tar"):
        run(make_service(), tmp_path, base=str(tmp_path / "nowhere.tar"))


@pytest.mark.usefixtures("_no_engine")
def test_a_wheel_that_is_not_there_for_a_platform_is_named(bare: str, make_service: Service, tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    with pytest.raises(BuildError, match=r"no wheel of '.*' in .* for Python 3\.12 on aarch64"):
        run(make_service(), tmp_path / "out", base=bare, platform=("linux/arm64",), wheels=str(tmp_path / "wheels"))
    assert not list((tmp_path / "out").iterdir())


def test_a_platform_without_wheels_is_refused() -> None:
    with pytest.raises(UsageError, match="linux/riscv64"):
        OciBuilder(platform=("linux/riscv64",))
