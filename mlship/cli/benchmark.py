"""mlship benchmark."""

import contextlib
import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mlship.cli.common import Force, Plugin, Settings, Target, as_command, configured, run_single
from mlship.cli.console import Answer, Screen
from mlship.errors import GateError, InterruptedRunError, UsageError
from mlship.workspace import Workspace

Url = Annotated[str | None, typer.Option("--url", help="Measure the service at this address.", show_default=False)]
Against = Annotated[
    Path | None, typer.Option("--against", help="Compare with another workspace, in turns.", show_default=False)
]
Rate = Annotated[
    list[float] | None,
    typer.Option("--rate", help="Requests a second of an open loop (repeatable).", show_default=False),
]
Poisson = Annotated[bool, typer.Option("--poisson", help="Requests of an open loop come at random.")]
Connections = Annotated[
    list[int] | None,
    typer.Option("--connections", help="Connections of a closed loop (repeatable).", show_default="1, 8, 64"),
]
Duration = Annotated[
    str | None,
    typer.Option("--duration", help="Keep the last load up so long, as 10m.", show_default=False),
]
Slo = Annotated[
    str | None,
    typer.Option("--slo", help="Find the highest rate that meets it, as p99=20ms.", show_default=False),
]
Price = Annotated[
    float | None,
    typer.Option("--price", help="Of the machine, an hour: tells what predictions cost.", show_default=False),
]
FailIf = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-if", help="A gate, as 'p99@c64 > 20ms' or 'throughput < -10%' (repeatable).", show_default=False
    ),
]
Baseline = Annotated[
    Path | None, typer.Option("--baseline", help="An older report.json to compare with.", show_default=False)
]
Strict = Annotated[bool, typer.Option("--strict", help="A gate that cannot tell at this noise fails, too.")]
AcrossHosts = Annotated[
    bool, typer.Option("--across-hosts", help="Compare with another machine, by each one's reference kernel.")
]
Output = Annotated[Path | None, typer.Option("--output", help="Folder to put the report in, too.", show_default=False)]
Save = Annotated[bool, typer.Option("--save", help="Add the figures to benchmarks.jsonl in the workspace.")]

#: Stands beside mlship.toml, to be committed.
HISTORY = "benchmarks.jsonl"

_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    url: Url = None,
    against: Against = None,
    rate: Rate = None,
    poisson: Poisson = False,
    connections: Connections = None,
    duration: Duration = None,
    slo: Slo = None,
    target: Target = None,
    price: Price = None,
    fail_if: FailIf = None,
    baseline: Baseline = None,
    strict: Strict = False,
    across_hosts: AcrossHosts = False,
    output: Output = None,
    save: Save = False,
    plugin: Plugin = None,
    settings: Settings = None,
    force: Force = False,
) -> Answer:
    """Measure the original, every candidate and the service; judge gates, compare with a baseline or a workspace."""
    if url and against:
        raise UsageError("--url and --against do not go together", "measure one at a time")
    options = {
        "rates": tuple(rate) if rate else None,
        "arrivals": "poisson" if poisson else None,
        "connections": tuple(connections) if connections else () if rate else None,
        "duration": _seconds(duration) if duration else None,
        "slo": slo,
        "target": target,
        "price": price,
        "fail_if": tuple(fail_if) if fail_if else None,
        "baseline": str(baseline.absolute()) if baseline else None,
        "strict": strict or None,
        "across_hosts": across_hosts or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    publish = _Publish(workspace, output, save=save)
    if url or against:
        [step] = configured(workspace, ["benchmark"], settings=settings, flags={"benchmark": given})
        return _elsewhere(screen, workspace, step.instance, publish, url, against)
    try:
        answer = run_single(
            screen,
            workspace,
            "benchmark",
            "report",
            plugin=plugin,
            settings=settings,
            force=force or baseline is not None,
            options=given,
        )
    except (GateError, InterruptedRunError):
        publish(workspace.failed("benchmark") / "report")
        raise
    publish(workspace.artifacts("build")["report"])
    return answer


def _elsewhere(
    screen: Screen, workspace: Workspace, stage: Any, publish: "_Publish", url: str | None, against: Path | None
) -> Answer:
    # imported here, since it loads what measures
    from mlship.cli.measuring import measure

    report, gates, folder = measure(screen, workspace, stage, url, against)
    publish(folder)
    shown = workspace.shown(folder / "report.html")
    if report.interrupted:
        raise InterruptedRunError("interrupted", f"what was measured so far is in {shown}")
    try:
        gates.refuse(report)
    except GateError as error:
        raise GateError(error.message, f"the report is {shown}" + (f"; {error.hint}" if error.hint else "")) from error
    from mlship.reports.writing import facts, summarise

    return Answer({"report": shown, **facts(report)}, f"{shown}: {summarise(report)}", brief=shown)


class _Publish:
    """Takes a report to where the user wants it, and into the summary of a job on GitHub."""

    def __init__(self, workspace: Workspace, output: Path | None, *, save: bool) -> None:
        self._workspace, self._output, self._save = workspace, output, save

    def __call__(self, folder: Path) -> None:
        if not (folder / "report.json").is_file():
            return
        if self._output is not None:
            shutil.copytree(folder, self._output, dirs_exist_ok=True)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write((folder / "report.md").read_text("utf-8") + "\n")
        if self._save:
            self._append(folder)

    def _append(self, folder: Path) -> None:
        from mlship.reports import history, reading

        saved = datetime.now(UTC).isoformat(timespec="seconds")
        history.append(
            reading.read(folder), self._workspace.root / HISTORY, revision=_revision(self._workspace.root), saved=saved
        )


def _revision(root: Path) -> str:
    """Return the commit of the project, as git describes it; "unversioned" where there is none."""
    command = ["git", "-C", str(root), "describe", "--tags", "--always", "--dirty"]
    with contextlib.suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()
    return "unversioned"


def _seconds(text: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*", text)
    if not found or not float(found[1]):
        raise UsageError(f"'{text}' is not a time", "write it as 60s or 10m")
    return float(found[1]) * _UNITS[found[2]]
