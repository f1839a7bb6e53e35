import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlship import manifest
from mlship.artifacts import digest
from mlship.errors import DamagedWorkspaceError, WorkspaceError
from mlship.manifest import File, Record
from mlship.workspace import Workspace


def written(workspace: Workspace, out: Path, content: str, stage: str = "convert") -> Record:
    """Write model.onnx below ``out`` and describe it as the pipeline does."""
    (out / "model.onnx").write_text(content)
    path = workspace.shown(workspace.folder(stage) / "model.onnx")
    file = File(path=path, sha256=digest(out / "model.onnx"), size=len(content))
    return Record(
        stage=stage, plugin="p", fingerprint=content, options={}, versions={}, inputs={}, outputs={"onnx": file},
        seconds=0.0, summary=content,
    )  # fmt: skip


def commit(workspace: Workspace, content: str) -> None:
    with workspace.locked(print), workspace.staging("convert") as out:
        workspace.commit(written(workspace, out, content), out, None)


def test_what_is_committed_is_there_and_in_the_lock(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    commit(workspace, "one")
    commit(workspace, "two")
    record = workspace.manifest().stages["convert"]
    assert (record.summary, workspace.state(record)) == ("two", "intact")
    assert (tmp_path / ".mlship/convert/model.onnx").read_text() == "two"


def test_a_stage_that_fails_leaves_things_as_they_were(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    commit(workspace, "one")
    with pytest.raises(TypeError), workspace.locked(print), workspace.staging("convert") as out:
        (out / "model.onnx").write_bytes("a stage with a defect")
    assert (tmp_path / ".mlship/convert/model.onnx").read_text() == "one"
    assert not (tmp_path / ".mlship/tmp").exists()


@pytest.mark.parametrize("killed_after", ["journal", "old moved away", "new in place", "lock written"])
def test_a_commit_that_was_killed_half_way_is_finished_by_the_next_run(tmp_path: Path, killed_after: str) -> None:
    workspace = Workspace(tmp_path)
    commit(workspace, "one")
    home = tmp_path / ".mlship"
    staged = home / "tmp" / "convert-killed"
    staged.mkdir(parents=True)
    record = written(workspace, staged, "two")
    journal = {"folder": staged.name, "publish": None, "record": record.model_dump(mode="json")}
    (home / "commit.json").write_text(json.dumps(journal))
    if killed_after != "journal":
        (home / "convert").rename(home / "tmp" / "old")
    if killed_after in ("new in place", "lock written"):
        staged.rename(home / "convert")
    if killed_after == "lock written":
        manifest.write(workspace.manifest().with_record(record, ("convert",)), workspace.lock_file)
    with workspace.locked(print):
        found = workspace.manifest().stages["convert"]
        assert (found.summary, workspace.state(found)) == ("two", "intact")
    assert not (home / "commit.json").exists()
    assert not (home / "tmp").exists()


def test_leftovers_of_a_killed_run_are_swept(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / ".mlship/tmp/convert-killed").mkdir(parents=True)
    with workspace.locked(print):
        assert not (tmp_path / ".mlship/tmp").exists()


def test_a_file_changed_by_hand_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    commit(workspace, "one")
    (tmp_path / ".mlship/convert/model.onnx").write_text("else")
    with pytest.raises(DamagedWorkspaceError, match=r"\.mlship/convert/model\.onnx' was changed") as caught:
        workspace.artifacts("optimize")
    assert caught.value.hint == "mlship convert --force makes it again"


def test_a_file_that_is_missing_is_named_and_a_whole_folder_is_just_gone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    commit(workspace, "one")
    record = workspace.manifest().stages["convert"]
    (tmp_path / ".mlship/convert/model.onnx").unlink()
    with pytest.raises(DamagedWorkspaceError, match="is missing"):
        workspace.state(record)
    (tmp_path / ".mlship/convert").rmdir()
    assert workspace.state(record) == "gone"


HOLD = """
import sys, time
from pathlib import Path
from mlship.workspace import Workspace
with Workspace(Path(sys.argv[1])).locked(print):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_second_process_is_told_who_holds_the_workspace(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path), "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        said: list[str] = []
        with (
            pytest.raises(WorkspaceError, match=f"process {other.pid}"),
            Workspace(tmp_path, patience=0.2).locked(said.append),
        ):
            pass
        assert str(other.pid) in said[0]
        other.kill()


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    first, second = Workspace(tmp_path), Workspace(tmp_path)
    held, order = threading.Event(), []

    def hold() -> None:
        with first.locked(print):
            held.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with second.locked(lambda _: None):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="file"), Workspace(tmp_path / "file").locked(print):
        pass


class TestPublishing:
    """The service folder belongs to the user: what he changed stays, the rest follows the scaffold."""

    def publish(self, workspace: Workspace, contents: dict[str, str]) -> Record:
        with workspace.locked(print), workspace.staging("scaffold") as out:
            for name, content in contents.items():
                (out / "service" / name).parent.mkdir(parents=True, exist_ok=True)
                (out / "service" / name).write_text(content)
            file = File(path=".mlship/scaffold/service", sha256=digest(out / "service"), size=0)
            record = Record(
                stage="scaffold", plugin="p", fingerprint="f", options={}, versions={}, inputs={},
                outputs={"service": file}, seconds=0.0, summary="",
            )  # fmt: skip
            workspace.commit(record, out, "service")
        return workspace.manifest().stages["scaffold"]

    def test_untouched_files_follow_and_touched_ones_stay(self, tmp_path: Path) -> None:
        workspace = Workspace(tmp_path)
        self.publish(workspace, {"app.py": "one", "core.py": "one", "old.py": "one", "gone.py": "one"})
        (tmp_path / "service/app.py").write_text("mine")
        (tmp_path / "service/gone.py").unlink()
        record = self.publish(workspace, {"app.py": "two", "core.py": "two", "new.py": "two", "gone.py": "one"})
        found = {path.name: path.read_text() for path in (tmp_path / "service").glob("*.py")}
        assert found == {"app.py": "mine", "core.py": "two", "new.py": "two"}
        assert record.notes == ("service/: kept your app.py; the new versions are in .mlship/scaffold/service",)

    def test_later_stages_get_the_users_copy(self, tmp_path: Path) -> None:
        workspace = Workspace(tmp_path)
        self.publish(workspace, {"app.py": "one"})
        assert workspace.artifacts("build")["service"] == tmp_path / "service"

    def test_a_folder_of_the_user_that_mlship_never_wrote_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "service").mkdir()
        (tmp_path / "service" / "mine.py").write_text("")
        with pytest.raises(WorkspaceError, match="'service'"):
            Workspace(tmp_path).refuse_foreign("service")

    def test_a_folder_that_mlship_wrote_is_known_again_without_the_lock(self, tmp_path: Path) -> None:
        workspace = Workspace(tmp_path)
        self.publish(workspace, {"app.py": "one", "core.py": "one"})
        (tmp_path / "service/app.py").write_text("mine")
        workspace.clean()
        workspace.refuse_foreign("service")
        self.publish(workspace, {"app.py": "two", "core.py": "two"})
        assert (tmp_path / "service/app.py").read_text() == "mine"
        assert (tmp_path / "service/core.py").read_text() == "two"

    def test_the_model_in_it_stays_mlships(self, tmp_path: Path) -> None:
        workspace = Workspace(tmp_path)
        record = self.publish(workspace, {"app.py": "one", "model/model.onnx": "one"})
        (tmp_path / "service/model/model.onnx").write_text("mine")
        with pytest.raises(DamagedWorkspaceError, match=r"'service/model/model\.onnx' was changed"):
            workspace.state(record)
        self.publish(workspace, {"app.py": "one", "model/model.onnx": "one"})
        assert (tmp_path / "service/model/model.onnx").read_text() == "one"

    def test_a_deleted_copy_is_written_again(self, tmp_path: Path) -> None:
        workspace = Workspace(tmp_path)
        record = self.publish(workspace, {"app.py": "one"})
        shutil.rmtree(tmp_path / "service")
        assert workspace.state(record) == "gone"


def test_clean_deletes_what_is_ours_only(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    commit(workspace, "one")
    (tmp_path / "mlship.toml").write_text("")
    assert workspace.clean() == [".mlship", "mlship.lock"]
    assert os.listdir(tmp_path) == ["mlship.toml"]
