import io
from pathlib import Path

import pytest

from mlship.errors import BuildError, WorkspaceError
from mlship.images.files import blobs
from mlship.images.files.manifests import digest_of

CONTENT = b"a layer"
DIGEST = digest_of(CONTENT)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def left() -> list[str]:
    return sorted(path.name for path in (blobs.cache() / "sha256").glob("*"))


def test_what_is_stored_is_kept_by_its_digest() -> None:
    path = blobs.store(CONTENT, "a file")
    assert (path.name, blobs.kept(DIGEST)) == (DIGEST.removeprefix("sha256:"), path)
    assert path.read_bytes() == CONTENT


def test_what_is_not_as_its_digest_says_is_not_stored() -> None:
    with pytest.raises(BuildError, match="layer 2 of 'base' is damaged: it should be sha256:"):
        blobs.store(io.BytesIO(b"something else"), "layer 2 of 'base'", DIGEST)
    assert left() == []


def test_a_blob_that_was_damaged_in_the_cache_is_thrown_away() -> None:
    path = blobs.store(CONTENT, "a file")
    path.unlink()
    path.write_bytes(b"a lier.")
    assert blobs.kept(DIGEST) is None
    assert left() == []


@pytest.mark.parametrize("digest", ["sha256:../../../etc/passwd", "md5:0", "sha256:" + "A" * 64, ""])
def test_a_digest_that_cannot_be_checked_is_refused(digest: str) -> None:
    with pytest.raises(BuildError, match="is not a sha256 digest"):
        blobs.kept(digest)


def test_what_was_collected_is_moved_to_its_place() -> None:
    with blobs.claimed(DIGEST) as part:
        part.write_bytes(CONTENT)
        path = blobs.settle(part, DIGEST, "a layer")
    assert blobs.kept(DIGEST) == path
    assert [name for name in left() if name.endswith(".part")] == []


def test_what_was_collected_wrongly_is_removed() -> None:
    with blobs.claimed(DIGEST) as part:
        part.write_bytes(b"something else")
        with pytest.raises(BuildError, match="a layer is damaged"):
            blobs.settle(part, DIGEST, "a layer")
        assert not part.exists()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(WorkspaceError, match=str(tmp_path / "cache")):
        blobs.store(CONTENT, "a file")


def test_what_the_cache_has_is_linked_and_cannot_be_written(tmp_path: Path) -> None:
    path = blobs.store(CONTENT, "a file")
    blobs.put(path, tmp_path / "out")
    assert (tmp_path / "out").samefile(path)
    assert path.stat().st_mode & 0o777 == 0o444


def test_what_was_fetched_is_linked_and_cannot_be_written(tmp_path: Path) -> None:
    with blobs.claimed(DIGEST) as part:
        part.write_bytes(CONTENT)
        path = blobs.settle(part, DIGEST, "a layer")
    blobs.put(path, tmp_path / "out")
    assert (tmp_path / "out").samefile(path)
    assert path.stat().st_mode & 0o777 == 0o444


def test_a_file_of_the_users_is_copied(tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(CONTENT)
    blobs.put(tmp_path / "own", tmp_path / "out")
    assert not (tmp_path / "out").samefile(tmp_path / "own")
    assert (tmp_path / "out").read_bytes() == CONTENT


def test_what_cannot_be_linked_is_copied(tmp_path: Path) -> None:
    path = blobs.store(CONTENT, "a file")
    (tmp_path / "out").write_bytes(b"a file is in the way of links")
    blobs.put(path, tmp_path / "out")
    assert not (tmp_path / "out").samefile(path)
    assert (tmp_path / "out").read_bytes() == CONTENT
