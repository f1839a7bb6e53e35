from pathlib import Path

import pytest

from mlship import manifest
from mlship.errors import DamagedWorkspaceError
from mlship.manifest import File, Manifest, Record


def record(stage: str) -> Record:
    return Record(
        stage=stage,
        plugin="p",
        fingerprint="0" * 64,
        options={"rows": 3},
        versions={"numpy": "2"},
        inputs={"original": File(path="model.joblib", sha256="a", size=1)},
        outputs={},
        seconds=0.5,
        summary="done",
        notes=("careful",),
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = Manifest().with_record(record("convert"), ("convert",))
    manifest.write(written, tmp_path / "mlship.lock")
    assert manifest.read(tmp_path / "mlship.lock") == written


def test_records_stand_in_the_order_of_the_pipeline() -> None:
    order = ("convert", "optimize")
    both = Manifest().with_record(record("optimize"), order).with_record(record("convert"), order)
    assert list(both.stages) == ["convert", "optimize"]


def test_an_absent_lock_is_empty(tmp_path: Path) -> None:
    assert manifest.read(tmp_path / "mlship.lock") == Manifest()


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"schema_version": 1, "stages": {"convert": {}}}', '{"schema_version": 1, "other": 1}', "\udcff"],
)
def test_a_damaged_lock_is_named_and_never_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "mlship.lock"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DamagedWorkspaceError, match=r"mlship\.lock"):
        manifest.read(path)


def test_a_lock_of_a_newer_mlship_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlship.lock").write_text('{"schema_version": 99, "stages": {}}')
    with pytest.raises(DamagedWorkspaceError, match="99"):
        manifest.read(tmp_path / "mlship.lock")
