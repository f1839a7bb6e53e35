"""Where the report of mlship benchmark goes besides its own folder: a folder, a job's summary, and the history."""

import contextlib
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from mlship.artifacts import files, write_atomic
from mlship.cli.common import storing
from mlship.cli.console import Screen
from mlship.errors import UsageError
from mlship.reports import history, reading
from mlship.workspace import Workspace

#: Stands beside mlship.toml, to be committed.
HISTORY = "benchmarks.jsonl"

_VERDICTS = "junit.xml"


class Publishing:
    """Takes a report to where the user wants it, into the summary of a job on GitHub, and where asked into the history.

    Raises UsageError where ``output`` cannot be such a folder, or the history is no history: before anything is
    measured.
    """

    def __init__(self, screen: Screen, workspace: Workspace, output: Path | None, *, save: bool) -> None:
        self._screen, self._workspace, self._output, self._save = screen, workspace, output, save
        if output is not None:
            _require_folder(output, workspace)
        if save:
            self._require_history()

    def __call__(self, folder: Path, *, passed: bool) -> None:
        """Publish what is in ``folder``; only what has ``passed``, a full run with its gates, becomes history."""
        if not (folder / "report.json").is_file():
            return
        if self._output is not None:
            with storing():
                _copy(folder, self._output)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            self._summarise(folder, Path(summary))
        if self._save and passed:
            self._append(folder)
        elif self._save:
            self._screen.note(f"not added to {HISTORY}: only full runs whose gates passed are")

    def _summarise(self, folder: Path, summary: Path) -> None:
        text = (folder / "report.md").read_text("utf-8")
        try:
            with summary.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
        except OSError as error:  # the report is there all the same
            self._screen.note(f"GITHUB_STEP_SUMMARY: '{summary}' cannot be written: {error.strerror}")

    def _require_history(self) -> None:
        file = self._workspace.root / HISTORY
        if file.exists():
            history.read(file)

    def _append(self, folder: Path) -> None:
        root = self._workspace.root
        saved = datetime.now(UTC).isoformat(timespec="seconds")
        with storing():
            history.append(reading.read(folder), root / HISTORY, revision=_revision(root), saved=saved)


def _require_folder(output: Path, workspace: Workspace) -> None:
    there = next((place for place in (output, *output.parents) if place.exists()), None)
    if there is not None and not there.is_dir():
        raise UsageError(f"--output: '{there}' is not a folder", "name a folder, which need not be there yet")
    own = workspace.folder("benchmark").parent.resolve()
    if output.resolve() == own or own in output.resolve().parents:
        raise UsageError(f"--output: '{output}' is where mlship keeps its own files", "name a folder outside .mlship")


def _copy(folder: Path, output: Path) -> None:
    """Copy a report, file by file; of an older one in the same place no verdicts stay."""
    for name in files(folder):
        write_atomic(output / name, (folder / name).read_bytes())
    if not (folder / _VERDICTS).exists():
        (output / _VERDICTS).unlink(missing_ok=True)


def _revision(root: Path) -> str:
    """Return the commit of the project, as git describes it; "unversioned" where there is none."""
    command = ["git", "-C", str(root), "describe", "--tags", "--always", "--dirty"]
    with contextlib.suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    return "unversioned"
