import gzip
import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from mlship.images.files import layers
from mlship.images.files.blobs import Blob
from mlship.images.plan import Layer


def folder(path: Path, *, reverse: bool = False) -> Path:
    """Write the same files in one order or the other, with other times and modes."""
    names = ["b/c.py", "a.py", "b/a/long-" + "x" * 120 + ".py"]
    for name in reversed(names) if reverse else names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
        (path / name).chmod(0o600 if reverse else 0o664)
        os.utime(path / name, (1e9 + reverse, 1e9 + reverse))
    return path


@pytest.fixture
def packed(tmp_path: Path) -> Blob:
    return layers.pack(Layer("service", folder(tmp_path / "one"), "/opt/app/service"), 7, tmp_path / "one.tar.gz")


def test_a_layer_depends_on_the_content_of_its_folder_alone(packed: Blob, tmp_path: Path) -> None:
    other = Layer("service", folder(tmp_path / "two", reverse=True), "/opt/app/service")
    again = layers.pack(other, 7, tmp_path / "two.tar.gz")
    assert (again.digest, again.diff_id) == (packed.digest, packed.diff_id)
    assert layers.pack(other, 8, tmp_path / "later.tar.gz").digest != packed.digest


def test_everything_belongs_to_root_and_all_may_read_it(packed: Blob) -> None:
    with tarfile.open(packed.path) as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == [
        "opt",
        "opt/app",
        "opt/app/service",
        "opt/app/service/a.py",
        "opt/app/service/b",
        "opt/app/service/b/a",
        "opt/app/service/b/a/long-" + "x" * 120 + ".py",
        "opt/app/service/b/c.py",
    ]
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 7)}
    assert {member.mode for member in members if member.isdir()} == {0o755}
    assert {member.mode for member in members if member.isfile()} == {0o644}


def test_a_layer_is_called_by_its_bytes(packed: Blob) -> None:
    content = packed.path.read_bytes()
    assert packed.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert packed.diff_id == f"sha256:{hashlib.sha256(gzip.decompress(content)).hexdigest()}"
    assert packed.size == len(content)


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    folder(tmp_path / "one")
    assert layers.unpacked_size(tmp_path / "one") == sum(
        path.stat().st_size for path in (tmp_path / "one").rglob("*.py")
    )


def test_what_its_owner_may_run_all_may_run(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "helper").write_text("")
    (tmp_path / "one" / "helper").chmod(0o700)
    packed = layers.pack(Layer("service", tmp_path / "one", "/opt"), 7, tmp_path / "one.tar.gz")
    with tarfile.open(packed.path) as archive:
        assert archive.getmember("opt/helper").mode == 0o755
