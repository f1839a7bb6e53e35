"""Pushing to a real registry and pulling from it, also where the way there breaks down."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from mlship.errors import BaseImageMissingError, BuildError, WorkspaceError
from mlship.images.files import archives, blobs, layouts, manifests, reading
from mlship.images.files.blobs import Assembled, Attached, Image
from mlship.images.registries import transport
from mlship.images.registries.registry import Pushed, Registry
from tests.integration.images.registries import PASSWORD, USER, Cutter, Server, login, serving
from tests.unit.images.image_support import AMD64, ARM64, assembled, bill, keep, layer, quiet, small

TIMEOUTS = (2.0, 2.0)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.fixture
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return a name of the test's own."""
    return f"team/{tmp_path.name.strip('_').replace('__', '_').lower()}"


@pytest.fixture
def image(tmp_path: Path) -> Assembled:
    return small(tmp_path / "blobs")


def push(reference: str, *images: Assembled, attached: tuple[Attached, ...] = ()) -> Pushed:
    index = manifests.index([(each.platform, each.manifest) for each in images]) if len(images) > 1 else None
    return Registry(reference, TIMEOUTS).push(images, index, attached, quiet)


def pull(reference: str, platform: Any = AMD64) -> Image:
    return Registry(reference, TIMEOUTS).pull(platform, quiet)


def heavy(folder: Path, size: int = 3_000_000) -> Assembled:
    """Return an image with a layer that cannot be made smaller."""
    return assembled(folder, [layer(folder, {"opt/weights": os.urandom(size)}, packed=False)])


def parts() -> list[str]:
    return [path.name for path in blobs.cache().rglob("*.part")]


@pytest.mark.usefixtures("logged_in")
def test_what_was_pushed_is_pulled(registry: Server, repository: str, image: Assembled) -> None:
    name = f"{registry.host}/{repository}:1"
    pushed = push(name, image)
    found = pull(name)
    assert pushed.digest == found.digest == manifests.digest_of(image.manifest)
    assert [(one.digest, one.diff_id) for one in found.layers] == [(one.digest, one.diff_id) for one in image.layers]
    assert [one.path.read_bytes() for one in found.layers] == [one.path.read_bytes() for one in image.layers]
    assert found.config == json.loads(image.config.path.read_bytes())


@pytest.mark.usefixtures("logged_in")
def test_a_layer_of_no_bytes_is_pulled(registry: Server, repository: str, tmp_path: Path) -> None:
    empty = keep(tmp_path / "blobs", b"", manifests.TAR, manifests.digest_of(b""))
    push(f"{registry.host}/{repository}:1", assembled(tmp_path / "blobs", [empty]))
    (found,) = pull(f"{registry.host}/{repository}:1").layers
    assert (found.digest, found.path.read_bytes()) == (empty.digest, b"")


@pytest.mark.usefixtures("logged_in")
def test_a_base_from_a_registry_is_read(registry: Server, repository: str, image: Assembled) -> None:
    name = f"{registry.host}/{repository}:1"
    push(name, image)
    base = reading.inspect(pull(name))
    assert (base.name, base.python, base.digest) == (name, "3.12", manifests.digest_of(image.manifest))


@pytest.mark.usefixtures("logged_in")
def test_a_second_push_sends_what_changed_alone(registry: Server, repository: str, tmp_path: Path) -> None:
    first, second = (small(tmp_path / "blobs", text=text) for text in (b"first model", b"second model"))
    push(f"{registry.host}/{repository}:1", first)
    pushed = push(f"{registry.host}/{repository}:2", second)
    assert (pushed.blobs_sent, pushed.blobs_there) == (2, 1)
    # the manifest goes twice: by its digest, and as the tag
    assert pushed.bytes_sent == second.layers[1].size + second.config.size + 2 * len(second.manifest)


@pytest.mark.usefixtures("logged_in")
def test_what_another_repository_has_is_not_sent(registry: Server, repository: str, tmp_path: Path) -> None:
    push(f"{registry.host}/{repository}-base:1", heavy(tmp_path / "blobs"))
    base = pull(f"{registry.host}/{repository}-base:1").layers
    pushed = push(f"{registry.host}/{repository}:1", assembled(tmp_path / "blobs", base, settings={"Cmd": ["serve"]}))
    assert (pushed.blobs_sent, pushed.blobs_there) == (1, 1)
    assert pushed.bytes_sent < base[0].size


@pytest.mark.usefixtures("logged_in")
def test_an_index_has_an_image_for_each_platform(registry: Server, repository: str, tmp_path: Path) -> None:
    images = [small(tmp_path / "blobs", platform) for platform in (AMD64, ARM64)]
    name = f"{registry.host}/{repository}:1"
    push(name, *images)
    for each in images:
        found = pull(name, each.platform)
        assert found.digest == manifests.digest_of(each.manifest)
        assert found.config["architecture"] == each.platform.architecture


@pytest.mark.usefixtures("logged_in")
def test_a_platform_that_is_not_in_the_index_is_named(registry: Server, repository: str, tmp_path: Path) -> None:
    one = small(tmp_path / "blobs", ARM64)
    index = manifests.index([(ARM64, one.manifest)])
    name = f"{registry.host}/{repository}:1"
    Registry(name).push([one], index, (), quiet)
    with pytest.raises(BuildError, match="is not there for linux/amd64, only for linux/arm64"):
        pull(name)


@pytest.mark.usefixtures("logged_in")
def test_a_single_image_for_another_platform_is_refused(registry: Server, repository: str, image: Assembled) -> None:
    push(f"{registry.host}/{repository}:1", image)
    with pytest.raises(BuildError, match="is not there for linux/arm64, only for linux/amd64"):
        pull(f"{registry.host}/{repository}:1", ARM64)


@pytest.mark.usefixtures("logged_in")
def test_what_is_attached_is_found_below_the_digest(registry: Server, repository: str, image: Assembled) -> None:
    attached = [bill(image.config.path.parent, image.manifest) for _ in range(2)]
    name = f"{registry.host}/{repository}"
    push(f"{name}:1", image, attached=(attached[0], attached[1]))
    tag = manifests.digest_of(image.manifest).replace(":", "-")
    assert registry.tags(repository) == ["1", tag]
    with transport.Transport(
        transport.Reference(registry.host, repository, tag), BuildError, "pull", TIMEOUTS
    ) as reached:
        index = reached.send("GET", f"manifests/{tag}", headers={"Accept": manifests.INDEX}).json()
    assert [told["artifactType"] for told in index["manifests"]] == ["application/vnd.cyclonedx+json"]


@pytest.mark.usefixtures("logged_in")
def test_an_image_by_digest_is_kept_and_needs_no_registry(registry: Server, repository: str, image: Assembled) -> None:
    pushed = push(f"{registry.host}/{repository}:1", image)
    name = f"{repository}@{pushed.digest}"
    first = pull(f"{registry.host}/{name}")
    assert pull(f"127.0.0.1:1/{name}").layers[0].path == first.layers[0].path


def test_without_a_password_the_registry_refuses(registry: Server, repository: str, image: Assembled) -> None:
    with pytest.raises(BuildError, match=f"registry '{registry.host}' wants a password for '{repository}'") as caught:
        push(f"{registry.host}/{repository}:1", image)
    assert caught.value.hint == f"docker login {registry.host}"
    with pytest.raises(BaseImageMissingError, match=r"wants a password for '.*', or does not exist"):
        pull(f"{registry.host}/{repository}:1")


def test_a_wrong_password_is_told_apart(registry: Server, repository: str, image: Assembled, tmp_path: Path) -> None:
    login(tmp_path / "docker", registry.host, password="wrong")
    with pytest.raises(BuildError, match=f"registry '{registry.host}' refuses the password of '{USER}'") as caught:
        push(f"{registry.host}/{repository}:1", image)
    assert "wrong" not in caught.value.message
    assert caught.value.hint == f"docker login {registry.host}"


@pytest.fixture
def helper(registry: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that keeps the password with a program, as docker-credential-pass does."""

    def keep(setting: dict[str, Any], script: str = "") -> None:
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker" / "config.json").write_text(json.dumps(setting))
        program = tmp_path / "bin" / "docker-credential-test"
        program.parent.mkdir()
        told = json.dumps({"ServerURL": registry.host, "Username": USER, "Secret": PASSWORD})
        usual = f"test $(cat) = {registry.host} && echo '{told}'"
        program.write_text(f"#!/bin/sh\n{script or usual}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return keep


@pytest.mark.parametrize("setting", ["credsStore", "credHelpers"])
def test_a_password_is_had_from_a_helper(
    setting: str, helper: Callable[..., None], registry: Server, repository: str, image: Assembled
) -> None:
    helper({setting: "test" if setting == "credsStore" else {registry.host: "test"}})
    assert push(f"{registry.host}/{repository}:1", image).blobs_sent == 3


@pytest.mark.parametrize(
    ("program", "script", "words"),
    [("test", "echo the vault is locked; exit 1", "the vault is locked"), ("absent", "", "docker-credential-absent")],
)
def test_a_helper_that_fails_is_named(
    program: str, script: str, words: str, helper: Callable[..., None], registry: Server, image: Assembled
) -> None:
    helper({"credsStore": program}, script)
    with pytest.raises(BuildError, match=words) as caught:
        push(f"{registry.host}/team/never:1", image)
    assert f"docker login {registry.host}" in caught.value.hint


@pytest.mark.usefixtures("logged_in")
@pytest.mark.parametrize("version", ["no-such-tag", f"sha256:{'0' * 64}"])
def test_a_version_that_is_not_there_is_named(
    version: str, registry: Server, repository: str, image: Assembled
) -> None:
    push(f"{registry.host}/{repository}:1", image)
    name = f"{registry.host}/{repository}{'@' if ':' in version else ':'}{version}"
    with pytest.raises(BaseImageMissingError, match=f"'{name}' does not exist: manifest unknown"):
        pull(name)


@pytest.mark.usefixtures("logged_in")
def test_a_repository_that_is_not_there_is_named(registry: Server) -> None:
    with pytest.raises(BaseImageMissingError, match="no/such:1' does not exist"):
        pull(f"{registry.host}/no/such:1")


def test_a_registry_that_does_not_run_is_named(image: Assembled) -> None:
    with pytest.raises(BuildError, match=r"registry '127\.0\.0\.1:1' cannot be reached: Connection refused"):
        push("127.0.0.1:1/team/iris:1", image)


def test_a_registry_that_does_not_exist_is_named() -> None:
    with pytest.raises(BaseImageMissingError, match=r"registry 'registry\.invalid' cannot be reached"):
        pull("registry.invalid/team/iris:1")


def test_a_registry_that_never_answers_is_not_waited_for_in_vain(image: Assembled) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BuildError, match=f"registry '{host}' does not answer within 0.2 seconds"):
            Registry(f"{host}/team/iris:1", (0.2, 0.2)).push([image], None, (), quiet)


@pytest.fixture
def cut(registry: Server, tmp_path: Path) -> Iterator[Callable[..., Cutter]]:
    """Return a function that makes a way to the registry that breaks down."""
    made: list[Cutter] = []

    def make(**limits: Any) -> Cutter:
        made.append(Cutter(registry.port, **limits))
        made[-1].__enter__()
        login(tmp_path / "docker", registry.host, *(one.host for one in made))
        return made[-1]

    yield make
    for one in made:
        one.__exit__()


def test_an_upload_that_was_cut_once_is_made_again(
    cut: Callable[..., Cutter], registry: Server, repository: str, tmp_path: Path
) -> None:
    way = cut(up=1_000_000)
    image = heavy(tmp_path / "blobs")
    pushed = push(f"{way.host}/{repository}:1", image)
    assert pushed.bytes_sent >= image.layers[0].size
    assert registry.tags(repository) == ["1"]


@pytest.mark.usefixtures("logged_in")
def test_an_upload_that_is_always_cut_writes_no_tag_and_is_continued(
    cut: Callable[..., Cutter], registry: Server, repository: str, tmp_path: Path
) -> None:
    way = cut(up=1_000_000, times=99)
    image = heavy(tmp_path / "blobs")
    image = assembled(tmp_path / "blobs", [layer(tmp_path / "blobs", {"etc/small": b"."}), *image.layers])
    with pytest.raises(BuildError, match=f"the connection to registry '{way.host}' was cut") as caught:
        push(f"{way.host}/{repository}:1", image)
    assert caught.value.hint == "run it again: what is there already is not sent again"
    assert registry.tags(repository) == []
    pushed = push(f"{registry.host}/{repository}:1", image)
    assert (pushed.blobs_sent, pushed.blobs_there) == (2, 1)


def test_a_tag_stays_what_it_was_until_all_is_there(
    cut: Callable[..., Cutter], registry: Server, repository: str, image: Assembled, tmp_path: Path
) -> None:
    way = cut(up=1_000_000, times=99)
    push(f"{way.host}/{repository}:1", image)
    with pytest.raises(BuildError, match="was cut"):
        push(f"{way.host}/{repository}:1", heavy(tmp_path / "blobs"))
    assert pull(f"{way.host}/{repository}:1").digest == manifests.digest_of(image.manifest)


@pytest.mark.usefixtures("logged_in")
def test_a_download_that_was_cut_once_is_continued(
    cut: Callable[..., Cutter], registry: Server, repository: str, tmp_path: Path
) -> None:
    image = heavy(tmp_path / "blobs")
    push(f"{registry.host}/{repository}:1", image)
    way = cut(down=2_000_000)
    found = pull(f"{way.host}/{repository}:1")
    assert found.layers[0].path.read_bytes() == image.layers[0].path.read_bytes()
    assert way.passed["down"] < image.layers[0].size + 500_000
    assert parts() == []


@pytest.mark.usefixtures("logged_in")
def test_a_download_that_is_always_cut_is_continued_by_the_next_run(
    cut: Callable[..., Cutter], registry: Server, repository: str, tmp_path: Path
) -> None:
    image = heavy(tmp_path / "blobs", 5_000_000)
    push(f"{registry.host}/{repository}:1", image)
    way = cut(down=1_000_000, times=3)
    with pytest.raises(BaseImageMissingError, match="was cut"):
        pull(f"{way.host}/{repository}:1")
    assert len(parts()) == 1
    found = pull(f"{way.host}/{repository}:1")
    assert found.layers[0].path.read_bytes() == image.layers[0].path.read_bytes()
    assert way.passed["down"] < image.layers[0].size + 500_000
    assert parts() == []


@pytest.mark.usefixtures("logged_in")
def test_a_layer_that_is_not_what_its_digest_says_is_refused(
    registry: Server, repository: str, image: Assembled
) -> None:
    push(f"{registry.host}/{repository}:1", image)
    kept = image.layers[0].digest.removeprefix("sha256:")
    (stored,) = (registry.folder / "storage/docker/registry/v2/blobs").rglob(f"{kept}/data")
    content = stored.read_bytes()
    stored.write_bytes(content[:-1] + b"?")
    try:
        with pytest.raises(BuildError, match=r"layer 1 of 2 of '.*' is damaged: it should be sha256:"):
            pull(f"{registry.host}/{repository}:1")
    finally:
        stored.write_bytes(content)
    assert parts() == []
    assert pull(f"{registry.host}/{repository}:1").layers[0].path.read_bytes() == content


@pytest.mark.usefixtures("logged_in")
def test_a_full_disk_is_named_and_nothing_is_left(registry: Server, repository: str, image: Assembled) -> None:
    push(f"{registry.host}/{repository}:1", image)
    with blobs.claimed(image.layers[0].digest) as part:
        part.symlink_to("/dev/full")
    with pytest.raises(WorkspaceError, match=f"the disk is full: cannot write '{part}'"):
        pull(f"{registry.host}/{repository}:1")
    assert parts() == []


@pytest.mark.usefixtures("logged_in")
def test_no_proxy_leads_to_this_machine(
    registry: Server, repository: str, image: Assembled, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert push(f"{registry.host}/{repository}:1", image).blobs_sent == 3


@pytest.mark.usefixtures("logged_in")
def test_a_blob_that_is_gone_from_this_disk_is_named(registry: Server, repository: str, image: Assembled) -> None:
    image.layers[1].path.unlink()
    with pytest.raises(WorkspaceError, match=f"'{image.layers[1].path}': No such file"):
        push(f"{registry.host}/{repository}:1", image)
    assert registry.tags(repository) == []


@pytest.mark.usefixtures("logged_in")
def test_a_blob_that_was_changed_on_this_disk_is_not_accepted(
    registry: Server, repository: str, image: Assembled
) -> None:
    wrong = replace(image.layers[1], path=image.config.path, size=image.config.size)
    with pytest.raises(BuildError, match=r"failed to push .*: 400 .*digest"):
        push(f"{registry.host}/{repository}:1", image._replace(layers=(image.layers[0], wrong)))
    assert registry.tags(repository) == []


@pytest.fixture
def with_tls(
    registry_program: str, certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[Server]:
    with serving(registry_program, tmp_path_factory.mktemp("tls-registry"), certificate) as server:
        login(tmp_path / "docker", server.host)
        yield server


def test_a_certificate_that_is_not_trusted_is_told(
    with_tls: Server, certificate: tuple[Path, Path], image: Assembled, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BuildError, match=r"the certificate of registry '.*' is not trusted") as caught:
        push(f"{with_tls.host}/team/iris:1", image)
    assert caught.value.hint == "export SSL_CERT_FILE=/path/of/its/ca.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert push(f"{with_tls.host}/team/iris:1", image).blobs_sent == 3


@pytest.mark.parametrize(
    "limits", [{"down": 200}, {"up": 1_000_000}, {"down": 2_000_000}], ids=["greeting", "upload", "download"]
)
def test_a_connection_with_tls_that_was_cut_once_is_made_again(
    limits: dict[str, int],
    with_tls: Server,
    certificate: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    image = heavy(tmp_path / "blobs")
    with Cutter(with_tls.port, **limits) as way:
        login(tmp_path / "docker", way.host)
        push(f"{way.host}/team/iris:1", image)
        found = pull(f"{way.host}/team/iris:1")
    assert found.layers[0].path.read_bytes() == image.layers[0].path.read_bytes()


def test_a_registry_elsewhere_without_tls_is_refused(registry: Server) -> None:
    elsewhere = f"127.1:{registry.port}"  # this machine, by a name that does not say so
    with pytest.raises(BaseImageMissingError, match=f"registry '{elsewhere}' does not speak TLS"):
        pull(f"{elsewhere}/team/iris:1")


@pytest.mark.docker
@pytest.mark.usefixtures("logged_in")
def test_the_engine_pulls_what_was_pushed(
    engine: DockerClient, registry: Server, repository: str, image: Assembled
) -> None:
    pushed = push(f"{registry.host}/{repository}:1", image)
    password = {"username": USER, "password": PASSWORD}
    found = engine.images.pull(f"{registry.host}/{repository}", "1", auth_config=password)
    try:
        assert found.id == image.config.digest
        assert found.attrs["RepoDigests"] == [f"{registry.host}/{repository}@{pushed.digest}"]
    finally:
        engine.images.remove(found.id, force=True)


@pytest.mark.docker
def test_the_engine_loads_what_was_written(engine: DockerClient, image: Assembled, tmp_path: Path) -> None:
    layouts.write_archive(image, "mlship-test/written:1", tmp_path / "image.tar")
    with (tmp_path / "image.tar").open("rb") as stream:
        (found,) = engine.images.load(stream)
    try:
        assert (found.id, found.tags) == (image.config.digest, ["mlship-test/written:1"])
    finally:
        engine.images.remove(found.id, force=True)


@pytest.mark.docker
def test_what_the_engine_saves_is_read(engine: DockerClient, base_image: str, tmp_path: Path) -> None:
    saved = engine.images.get(base_image)
    with (tmp_path / "base.tar").open("wb") as stream:
        for piece in saved.save(named=True):
            stream.write(piece)
    base = reading.inspect(archives.read(tmp_path / "base.tar", type(AMD64).own()))
    assert base.size == saved.attrs["Size"]
    told = engine.containers.run(base_image, ["python3", "-c", ASK], remove=True).decode().split()
    assert [base.python, base.machine, ".".join(map(str, base.glibc))] == told


ASK = (
    "import os, platform, sys; "
    "print('%d.%d' % sys.version_info[:2], platform.machine(), os.confstr('CS_GNU_LIBC_VERSION').split()[1])"
)
