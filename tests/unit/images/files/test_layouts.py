import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlship.errors import UsageError, WorkspaceError
from mlship.images.files import archives, layouts, manifests
from mlship.images.files.blobs import Assembled
from tests.unit.images.image_support import AMD64, ARM64, bill, small

NAME = "registry.example/team/iris:1"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def image(tmp_path: Path) -> Assembled:
    return small(tmp_path / "blobs")


@pytest.fixture
def images(image: Assembled, tmp_path: Path) -> list[Assembled]:
    return [image, small(tmp_path / "blobs", ARM64)]


def index_of(images: list[Assembled]) -> bytes:
    return manifests.index([(each.platform, each.manifest) for each in images])


def archive(images: list[Assembled], target: Path) -> None:
    layouts.write_archive(images[0], NAME, target)


def layout(images: list[Assembled], target: Path) -> None:
    layouts.write_layout(images, index_of(images), (), NAME, target)


def tar(images: list[Assembled], target: Path) -> None:
    layouts.write_tar(images, index_of(images), (), NAME, target)


Write = Callable[[list[Assembled], Path], None]


@pytest.mark.parametrize("write", [archive, layout, tar])
def test_what_is_written_is_read_again(write: Write, images: list[Assembled], tmp_path: Path) -> None:
    write(images, tmp_path / "out")
    found = archives.read(tmp_path / "out", AMD64)
    assert [each.digest for each in found.layers] == [each.digest for each in images[0].layers]
    assert [each.diff_id for each in found.layers] == [each.diff_id for each in images[0].layers]
    assert [each.path.read_bytes() for each in found.layers] == [each.path.read_bytes() for each in images[0].layers]
    assert found.digest == manifests.digest_of(images[0].manifest)


@pytest.mark.parametrize("write", [layout, tar])
def test_each_platform_is_in_the_one_index(write: Write, images: list[Assembled], tmp_path: Path) -> None:
    write(images, tmp_path / "out")
    for image in images:
        found = archives.read(tmp_path / "out", image.platform)
        assert found.config["architecture"] == image.platform.architecture
        assert found.digest == manifests.digest_of(image.manifest)


def test_the_index_that_is_pushed_is_the_one_that_is_written(images: list[Assembled], tmp_path: Path) -> None:
    layout(images, tmp_path / "out")
    top = json.loads((tmp_path / "out" / "index.json").read_bytes())
    assert [told["digest"] for told in top["manifests"]] == [manifests.digest_of(index_of(images))]


def test_a_layout_tells_its_name_to_each_tool(image: Assembled, tmp_path: Path) -> None:
    layouts.write_layout([image], None, (), NAME, tmp_path / "out")
    (told,) = json.loads((tmp_path / "out" / "index.json").read_bytes())["manifests"]
    assert told["annotations"] == {"io.containerd.image.name": NAME, "org.opencontainers.image.ref.name": "1"}
    assert told["platform"] == {"architecture": "amd64", "os": "linux"}


def test_what_is_attached_is_in_the_layout(image: Assembled, tmp_path: Path) -> None:
    parts = bill(tmp_path / "blobs", image.manifest)
    layouts.write_layout([image], None, [parts], NAME, tmp_path / "out")
    top = json.loads((tmp_path / "out" / "index.json").read_bytes())
    assert top["manifests"][1]["artifactType"] == "application/vnd.cyclonedx+json"
    assert archives.read(tmp_path / "out", AMD64).digest == manifests.digest_of(image.manifest)


@pytest.mark.parametrize("write", [archive, tar])
def test_two_archives_of_one_image_are_the_same_bytes(write: Write, images: list[Assembled], tmp_path: Path) -> None:
    for name in ("first", "second"):
        write(images, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_an_archive_without_a_name_has_no_tag(image: Assembled, tmp_path: Path) -> None:
    layouts.write_archive(image, "", tmp_path / "out")
    with tarfile.open(tmp_path / "out") as found:
        stream = found.extractfile("manifest.json")
        assert stream is not None
        assert json.load(stream)[0]["RepoTags"] is None


def test_a_layout_is_replaced_by_another(image: Assembled, tmp_path: Path) -> None:
    for text in (b"first", b"second"):
        layouts.write_layout([small(tmp_path / "blobs", text=text)], None, (), NAME, tmp_path / "out")
    blobs = [path.name for path in (tmp_path / "out" / "blobs" / "sha256").iterdir()]
    assert len(blobs) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs", "out"]


def test_a_folder_of_somebody_else_is_not_replaced(image: Assembled, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="is no OCI layout"):
        layouts.write_layout([image], None, (), NAME, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"


def change(folder: Path, **told: object) -> None:
    """Change what the index.json of a layout tells."""
    index = json.loads((folder / "index.json").read_bytes())
    (folder / "index.json").write_text(json.dumps(index | told))


def called(name: str, number: int = 0) -> dict[str, object]:
    annotations = {"io.containerd.image.name": name} if name else {}
    return {"mediaType": manifests.MANIFEST, "digest": f"sha256:{number:064d}", "size": 2, "annotations": annotations}


def test_a_layout_of_ours_is_replaced_by_one_of_another_name(image: Assembled, tmp_path: Path) -> None:
    for name in ("iris:1", NAME):
        layouts.write_layout([image], None, [bill(tmp_path / "blobs", image.manifest)], name, tmp_path / "out")
    (told, _) = json.loads((tmp_path / "out" / "index.json").read_bytes())["manifests"]
    assert told["annotations"]["io.containerd.image.name"] == NAME


@pytest.mark.parametrize("listed", [[], [called(NAME)], [called(NAME), called(NAME, 1)]], ids=["none", "one", "two"])
def test_a_layout_of_others_is_replaced_where_it_holds_this_name_alone(
    listed: list[object], image: Assembled, tmp_path: Path
) -> None:
    layouts.write_layout([image], None, (), NAME, tmp_path / "out")
    change(tmp_path / "out", manifests=listed, annotations=None)
    layouts.write_layout([image], None, (), NAME, tmp_path / "out")
    assert archives.read(tmp_path / "out", AMD64).digest == manifests.digest_of(image.manifest)


CHART = {key: told for key, told in called("").items() if key != "annotations"} | {
    "artifactType": "application/x.chart"
}


@pytest.mark.parametrize(
    "told",
    [
        {"manifests": [called(NAME), called("other:1", 1)]},
        {"manifests": [called(NAME), called("", 1)]},
        {"manifests": [called("other:1")], "annotations": None},
        {"manifests": [CHART]},
        {"manifests": [called(NAME), {**called("other:1"), "artifactType": "application/x.chart"}]},
        {"manifests": None},
    ],
    ids=["two", "one without a name", "another", "no image", "something with a name", "damaged"],
)
def test_a_layout_that_holds_other_things_is_not_replaced(
    told: dict[str, object], image: Assembled, tmp_path: Path
) -> None:
    layouts.write_layout([image], None, (), NAME, tmp_path / "out")
    change(tmp_path / "out", **told)
    before = (tmp_path / "out" / "index.json").read_bytes()
    with pytest.raises(UsageError, match=f"out' holds other things than '{NAME}'") as caught:
        layouts.write_layout([image], None, (), NAME, tmp_path / "out")
    assert caught.value.hint == "name another folder"
    assert (tmp_path / "out" / "index.json").read_bytes() == before


def test_a_layout_with_files_of_somebody_else_is_not_replaced(image: Assembled, tmp_path: Path) -> None:
    layouts.write_layout([image], None, (), NAME, tmp_path / "out")
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="holds other things"):
        layouts.write_layout([image], None, (), NAME, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"


def test_what_was_there_is_put_back_when_the_new_cannot_take_its_place(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.json").write_text("{}")
    with pytest.raises(FileNotFoundError):
        layouts.swap(tmp_path / "gone", tmp_path / "out", tmp_path / "old")
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["out", "out/index.json"]


@pytest.mark.parametrize("name", ["i.tar.gz", "i.tgz", "i.zip", "i.tar.bz2", "i.tar.xz", "i.tar.zst", "I.TAR.GZ"])
def test_no_folder_is_called_like_an_archive(name: str, image: Assembled, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{name}' would be a folder") as caught:
        layouts.write_layout([image], None, (), NAME, tmp_path / name)
    assert caught.value.hint == "name a .tar file"
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("write", [archive, layout, tar])
def test_nothing_half_made_is_left(write: Write, images: list[Assembled], tmp_path: Path) -> None:
    images[0].layers[1].path.unlink()
    (tmp_path / "there").mkdir()
    with pytest.raises(WorkspaceError):
        write(images, tmp_path / "there" / "out")
    assert [*(tmp_path / "there").iterdir()] == []


def read_members(path: Path) -> list[tuple[str, int, int, int, float]]:
    with tarfile.open(path) as found:
        return [(one.name, one.uid, one.gid, one.mode, one.mtime) for one in found]


def test_the_members_of_an_archive_tell_nothing_of_this_machine(image: Assembled, tmp_path: Path) -> None:
    layouts.write_archive(image, NAME, tmp_path / "out")
    members = read_members(tmp_path / "out")
    assert {member[1:] for member in members} == {(0, 0, 0o755, 0), (0, 0, 0o644, 0)}
    assert [member[0] for member in members] == sorted(member[0] for member in members)
