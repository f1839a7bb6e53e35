"""mlship report."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from mlship.artifacts import write_atomic
from mlship.cli.common import as_command, storing
from mlship.cli.console import Answer, Screen
from mlship.cli.publishing import HISTORY
from mlship.errors import UsageError
from mlship.reports import history as histories
from mlship.reports import page as pages
from mlship.reports import reading, writing
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
    own = workspace.folder("reports")
    if history:
        source = file / HISTORY if file and file.is_dir() else file or workspace.root / HISTORY
        entries = histories.read(source)
        said = f"{len(entries)} benchmark{'s' * (len(entries) != 1)}"
        page = own / "history.html" if own.parent.is_dir() else source.with_suffix(".html")
        with storing():
            write_atomic(page, histories.page(entries).encode())
    else:
        source = file or _newest(workspace)
        report = reading.read(source)
        said = writing.summarise(report)
        page = own / "again" / "report.html" if own.parent.is_dir() else _beside(source)
        with storing():
            if own.parent.is_dir():
                writing.write(report, page.parent, strict=bool(report.options.get("strict")))
            else:
                write_atomic(page, pages.text(report).encode())
    if open_ and not webbrowser.open(page.resolve().as_uri()):
        screen.note("no browser could be opened")
    shown = workspace.shown(page)
    return Answer({"page": shown}, f"{shown}: {said}", brief=shown)


def _beside(source: Path) -> Path:
    """Return where the page of a report goes outside of a workspace, which is not to become one by that."""
    return source / "report.html" if source.is_dir() else source.with_suffix(".html")


def _newest(workspace: Workspace) -> Path:
    """Return the newest report: of the benchmark stage, of one that a gate ended, of an address or a comparison."""
    kept = [workspace.failed("benchmark") / "report", *sorted(workspace.folder("reports").glob("*/"))]
    if "report" in (there := workspace.artifacts("build")):
        kept.append(there["report"])
    found = [folder for folder in kept if folder.name != "again" and (folder / "report.json").is_file()]
    if not found:
        raise UsageError("report: there is no benchmark in this workspace yet", "mlship benchmark")
    return max(found, key=lambda folder: (folder / "report.json").stat().st_mtime)
