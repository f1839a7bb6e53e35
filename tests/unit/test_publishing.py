from pathlib import Path

import pytest

from mlship.cli.console import Screen
from mlship.cli.publishing import HISTORY, Publishing
from mlship.errors import UsageError, WorkspaceError
from mlship.reports import history, writing
from mlship.workspace import Workspace
from tests.unit.verdicts.reports import measured, report


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a report without verdicts."""
    writing.write(report(measured("p50", "service", "c8", 0.01)), tmp_path / "report")
    return tmp_path / "report"


def publishing(root: Path, output: Path | None = None, *, save: bool = False) -> Publishing:
    return Publishing(Screen(as_json=False, verbosity=0), Workspace(root), output, save=save)


def test_of_an_older_report_no_verdicts_stay(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "junit.xml").write_text("of an older run")
    (tmp_path / "out" / "notes.txt").write_text("of the user")
    publishing(tmp_path, tmp_path / "out")(folder, passed=True)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"notes.txt", "report.json", "report.csv", "report.md", "report.html"}


def test_a_summary_that_cannot_be_written_is_a_note(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "nowhere" / "summary.md"))
    publishing(tmp_path, tmp_path / "out")(folder, passed=True)
    assert "cannot be written" in capsys.readouterr().err
    assert (tmp_path / "out" / "report.json").exists()


@pytest.mark.parametrize(("passed", "lines"), [(True, 1), (False, 0)])
def test_only_what_passed_becomes_history(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], passed: bool, lines: int
) -> None:
    publishing(tmp_path, save=True)(folder, passed=passed)
    file = tmp_path / HISTORY
    assert len(history.read(file) if file.exists() else []) == lines
    assert ("only full runs whose gates passed" in capsys.readouterr().err) is not passed


@pytest.mark.parametrize("output", ["file", "file/below", ".mlship", ".mlship/benchmark/report"])
def test_a_folder_that_cannot_hold_the_report_is_refused_at_once(tmp_path: Path, output: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="--output"):
        publishing(tmp_path, tmp_path / output)


def test_a_damaged_history_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / HISTORY).write_text("{\n")
    with pytest.raises(UsageError, match="line 1 is damaged"):
        publishing(tmp_path, save=True)


def test_a_report_that_cannot_be_written_is_told(folder: Path, tmp_path: Path) -> None:
    publish = publishing(tmp_path, tmp_path / "out")
    (tmp_path / "out").write_text("came meanwhile")
    with pytest.raises(WorkspaceError, match="out"):
        publish(folder, passed=True)
