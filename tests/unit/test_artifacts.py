import errno
from pathlib import Path

import pytest

from mlship import artifacts


def test_the_digest_of_a_folder_depends_on_names_and_contents(tmp_path: Path) -> None:
    for name, inner in (("one", "a"), ("two", "a"), ("three", "b")):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / inner).write_text("same")
    digests = [artifacts.digest(tmp_path / name) for name in ("one", "two", "three")]
    assert digests[0] == digests[1] != digests[2]


def test_byte_code_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("x = 1")
    before = artifacts.digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "app.pyc").write_bytes(b"1")
    assert artifacts.digest(tmp_path) == before


def test_a_failed_atomic_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    artifacts.write_atomic(target, b"old")
    with pytest.raises(TypeError):
        artifacts.write_atomic(target, "not bytes")  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "no permission"), (errno.EIO, "file: Input")]
)
def test_errors_of_the_file_system_say_what_to_do(number: int, words: str) -> None:
    import os

    assert words in artifacts.storage_error(OSError(number, os.strerror(number), "file")).message.replace("'", "")
