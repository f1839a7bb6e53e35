"""mlship report."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from mlship.cli.benchmark import HISTORY
from mlship.cli.common import as_command
from mlship.cli.console import Answer, Screen
from mlship.errors import UsageError
from mlship.workspace import Workspace

File = Annotated[
    Path | None, typer.Argument(help="A report.json, or its folder; else the workspace's newest.", show_default=False)
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in a browser.")]
History = Annotated[bool, typer.Option("--history", help="Plot what mlship benchmark --save has kept.")]


@as_command
def command(
    screen: Screen, workspace: Workspace, file: File = None, open_: Open = False, history: History = False
) -> Answer:
    """Write the page of the last benchmark again, or that of all that were saved."""
    from mlship.reports import history as histories
    from mlship.reports import reading, writing

    pages = workspace.folder("reports")
    if history:
        entries = histories.read(file or workspace.root / HISTORY)
        page = writing.write_history(entries, pages)
        said = f"{len(entries)} benchmark{'s' * (len(entries) != 1)}"
    else:
        report = reading.read(file or _newest(workspace))
        writing.write(report, pages / "again")
        page, said = pages / "again" / "report.html", writing.summarise(report)
    if open_ and not webbrowser.open(page.resolve().as_uri()):
        screen.note("no browser could be opened")
    shown = workspace.shown(page)
    return Answer({"page": shown}, f"{shown}: {said}", brief=shown)


def _newest(workspace: Workspace) -> Path:
    """Return the newest report: of the benchmark stage, of one that a gate ended, of an address or a comparison."""
    kept = [workspace.failed("benchmark") / "report", *sorted(workspace.folder("reports").glob("*/"))]
    if "report" in (there := workspace.artifacts("build")):
        kept.append(there["report"])
    found = [folder for folder in kept if folder.name != "again" and (folder / "report.json").is_file()]
    if not found:
        raise UsageError("report: there is no benchmark in this workspace yet", "mlship benchmark")
    return max(found, key=lambda folder: (folder / "report.json").stat().st_mtime)
