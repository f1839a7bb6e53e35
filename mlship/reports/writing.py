"""Write a report: JSON for programs, CSV for tables, Markdown for pull requests, HTML for people, JUnit for CI."""

import json
from collections.abc import Sequence
from pathlib import Path

from mlship.artifacts import write_atomic
from mlship.reports import history, junit, markdown, page, table
from mlship.reports.history import Entry
from mlship.reports.model import Report
from mlship.reports.summary import facts, summarise

__all__ = ["doubts", "facts", "summarise", "write", "write_history"]


def write(report: Report, folder: Path, *, strict: bool | None = None) -> list[Path]:
    """Write the report's files into ``folder`` and return them; the same report gives the same bytes.

    junit.xml is there only when there are verdicts, or answers were wrong; ``strict`` makes an unclear one a failure in
    it (None: as the report was made, by its options). Raises OSError when a file cannot be written.
    """
    files = {
        "report.json": json.dumps(report.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        "report.csv": table.text(report),
        "report.md": markdown.text(report),
        "report.html": page.text(report),
    }
    if report.verdicts or not (report.parity or {}).get("passed", True):
        strictly = bool(report.options.get("strict")) if strict is None else strict
        files["junit.xml"] = junit.text(report, strict=strictly)
    else:
        (folder / "junit.xml").unlink(missing_ok=True)  # of a run that had gates
    for name, content in files.items():
        write_atomic(folder / name, content.encode())
    return [folder / name for name in files]


def doubts(report: Report) -> tuple[str, ...]:
    """Say what is to be known beside the figures: gates that this noise does not tell, and what limits the loads."""
    unclear = [verdict.sentence for verdict in report.verdicts if verdict.outcome == "unclear"]
    return (*unclear, *page.doubts(report))


def write_history(entries: Sequence[Entry], folder: Path) -> Path:
    """Write history.html, the figures over releases, into ``folder`` and return it."""
    write_atomic(folder / "history.html", history.page(entries).encode())
    return folder / "history.html"
