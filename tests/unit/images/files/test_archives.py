import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlship.errors import BaseImageMissingError, BuildError
from mlship.images.files import archives, layouts, manifests
from mlship.images.plan import Platform
from tests.unit.images.image_support import AMD64, ARM64, SLIM, small, tarball


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(path: Path, files: Mapping[str, bytes | str]) -> Path:
    """Write an archive; text is where a link leads."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


def saved(path: Path, platform: Platform = AMD64, layer: bytes | None = None, **images: str) -> Path:
    """Write what docker save wrote before version 25: one layer, which all ``images`` (architecture by tag) share."""
    content = tarball(SLIM)
    files: dict[str, bytes | str] = {"0/layer.tar": layer or content}
    listing = []
    for number, (tag, architecture) in enumerate((images or {"base": platform.architecture}).items()):
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": {"n": str(number)}},
            "rootfs": {"type": "layers", "diff_ids": [manifests.digest_of(content)]},
        }
        files |= {f"{number}.json": json.dumps(config).encode(), f"{number + 1}/layer.tar": "../0/layer.tar"}
        listing.append({"Config": f"{number}.json", "RepoTags": [f"{tag}:1"], "Layers": [f"{number + 1}/layer.tar"]})
    return write(path, {**files, "manifest.json": json.dumps(listing).encode()})


def test_layers_of_docker_save_stay_plain(tmp_path: Path) -> None:
    image = archives.read(saved(tmp_path / "base.tar"), AMD64)
    (layer,) = image.layers
    assert (layer.media_type, layer.digest) == (manifests.TAR, layer.diff_id)
    assert layer.path.read_bytes() == tarball(SLIM)
    assert image.name == str(tmp_path / "base.tar")


def test_a_layer_that_the_cache_has_is_not_copied_again(tmp_path: Path) -> None:
    path = saved(tmp_path / "base.tar")
    (first,) = archives.read(path, AMD64).layers
    made = first.path.stat().st_ino
    (second,) = archives.read(path, AMD64).layers
    assert (second, second.path.stat().st_ino) == (first, made)


def test_an_archive_is_known_by_the_digests_in_it(tmp_path: Path) -> None:
    known = archives.identity(saved(tmp_path / "base.tar"))
    assert archives.identity(saved(tmp_path / "same.tar")) == known
    assert archives.identity(saved(tmp_path / "other.tar", ARM64)) not in {known, ""}
    folder = tmp_path / "layout"
    folder.mkdir()
    (folder / "index.json").write_text("{}")
    assert archives.identity(folder) not in {known, ""}


@pytest.mark.parametrize("content", [b"", b"hello", bytes(10_000)], ids=["empty", "text", "zeros"])
def test_what_is_no_archive_is_not_known(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "base.tar").write_bytes(content)
    assert archives.identity(tmp_path / "base.tar") == ""
    assert archives.identity(tmp_path / "no.tar") == ""


def test_the_image_of_the_platform_is_taken(tmp_path: Path) -> None:
    path = saved(tmp_path / "base.tar", here="amd64", there="arm64")
    assert archives.read(path, ARM64).config["architecture"] == "arm64"


def test_platforms_that_are_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="is not there for linux/arm64, only for linux/amd64") as caught:
        archives.read(saved(tmp_path / "base.tar"), ARM64)
    assert caught.value.hint == "--platform linux/amd64"


def test_of_two_images_for_a_platform_none_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="holds 2 images: one:1, two:1"):
        archives.read(saved(tmp_path / "base.tar", one="amd64", two="amd64"), AMD64)


def test_a_layer_that_is_not_the_one_of_the_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"a layer of '.*base\.tar' is damaged"):
        archives.read(saved(tmp_path / "base.tar", layer=tarball({"etc/evil": b""})), AMD64)


def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    config = {"architecture": "amd64", "rootfs": {"diff_ids": ["sha256:0"]}}
    listing = [{"Config": "0.json", "RepoTags": None, "Layers": ["gone.tar"]}]
    path = write(
        tmp_path / "base.tar", {"0.json": json.dumps(config).encode(), "manifest.json": json.dumps(listing).encode()}
    )
    with pytest.raises(BuildError, match=r"is damaged: no gone\.tar"):
        archives.read(path, AMD64)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BaseImageMissingError, match=r"'.*no\.tar' cannot be read: No such file"):
        archives.read(tmp_path / "no.tar", AMD64)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base.tar").write_text("hello")
    with pytest.raises(BuildError, match="neither a folder nor a whole tar archive"):
        archives.read(tmp_path / "base.tar", AMD64)


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_holds_no_image_is_refused(is_folder: bool, tmp_path: Path) -> None:
    path = tmp_path if is_folder else write(tmp_path / "base.tar", {"readme": b""})
    with pytest.raises(BuildError, match="holds no image"):
        archives.read(path, AMD64)


def test_an_archive_that_was_cut_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "base.tar"
    layouts.write_archive(small(tmp_path / "blobs"), "", path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with pytest.raises(BuildError, match=r"base\.tar' is neither a folder nor a whole tar archive"):
        archives.read(path, AMD64)


def unpacked(folder: Path, archive: Path) -> Path:
    with tarfile.open(archive) as found:
        found.extractall(folder, filter="data")
    return folder


def relisted(folder: Path, **told: object) -> Path:
    """Change what the manifest.json in a folder tells."""
    (listed,) = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps([listed | told]))
    return folder


def test_a_folder_with_what_docker_save_wrote_is_read(tmp_path: Path) -> None:
    (layer,) = archives.read(unpacked(tmp_path / "base", saved(tmp_path / "base.tar")), AMD64).layers
    assert layer.digest == layer.diff_id == manifests.digest_of(layer.path.read_bytes())


def test_a_packed_layer_in_such_a_folder_has_a_digest(tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "base", saved(tmp_path / "base.tar", layer=gzip.compress(tarball(SLIM), mtime=0)))
    (layer,) = archives.read(folder, AMD64).layers
    assert (layer.media_type, layer.digest) == (manifests.GZIP, manifests.digest_of(layer.path.read_bytes()))


@pytest.mark.parametrize("is_absolute", [True, False])
@pytest.mark.parametrize("what", ["Config", "Layers"])
def test_docker_saves_names_cannot_lead_out_of_the_folder(what: str, is_absolute: bool, tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "base", saved(tmp_path / "base.tar"))
    inside = folder / {"Config": "0.json", "Layers": "0/layer.tar"}[what]
    outside = inside.replace(tmp_path / "outside")
    name = str(outside) if is_absolute else "../outside"
    with pytest.raises(BuildError, match=rf"is damaged: '.*{outside.name}' leads out of it"):
        archives.read(relisted(folder, **{what: name if what == "Config" else [name]}), AMD64)


def test_a_link_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "base", saved(tmp_path / "base.tar"))
    outside = (folder / "0" / "layer.tar").replace(tmp_path / "outside")
    (folder / "0" / "layer.tar").symlink_to(outside)
    with pytest.raises(BuildError, match=r"is damaged: '1/layer\.tar' leads out of it"):
        archives.read(folder, AMD64)


def test_a_layer_of_a_folder_that_was_changed_is_damaged(tmp_path: Path) -> None:
    image = small(tmp_path / "blobs")
    layouts.write_layout([image], None, (), "a:1", tmp_path / "base")
    (tmp_path / "base" / "blobs" / "sha256" / image.layers[0].path.name).write_bytes(b"other")
    with pytest.raises(BuildError, match="is damaged: it should be sha256:"):
        archives.read(tmp_path / "base", AMD64)


@pytest.mark.parametrize("digest", ["sha256:../../../../etc/passwd", "sha256:" + "0" * 64])
def test_a_layout_cannot_lead_out_of_itself(digest: str, tmp_path: Path) -> None:
    told = {"mediaType": manifests.MANIFEST, "digest": digest, "size": 2}
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [told]}))
    with pytest.raises(BuildError, match=r"is not a sha256 digest|is not there for linux/amd64"):
        archives.read(tmp_path, AMD64)


def test_an_index_that_holds_itself_is_not_followed_for_ever(tmp_path: Path) -> None:
    folder = tmp_path / "blobs" / "sha256"
    folder.mkdir(parents=True)
    told = {"mediaType": manifests.INDEX, "digest": "sha256:" + "0" * 64, "size": 2}
    for path in (tmp_path / "index.json", folder / ("0" * 64)):
        path.write_text(json.dumps({"schemaVersion": 2, "manifests": [told, told]}))
    with pytest.raises(BuildError, match="is not there for linux/amd64, only for no platform"):
        archives.read(tmp_path, AMD64)


@pytest.mark.parametrize("told", [{}, {"platform": None}], ids=["absent", "null"])
def test_a_platform_is_read_from_the_config_where_the_index_does_not_tell(
    told: dict[str, None], tmp_path: Path
) -> None:
    layouts.write_layout([small(tmp_path / "blobs")], None, (), "a:1", tmp_path / "base")
    index = json.loads((tmp_path / "base" / "index.json").read_bytes())
    del index["manifests"][0]["platform"]
    index["manifests"][0] |= told
    (tmp_path / "base" / "index.json").write_text(json.dumps(index))
    assert archives.read(tmp_path / "base", AMD64).config["architecture"] == "amd64"
