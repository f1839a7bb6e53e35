"""mlship benchmark."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from mlship.cli.common import Force, Plugin, Settings, Target, as_command, configured, run_single
from mlship.cli.console import Answer, Screen
from mlship.cli.publishing import Publishing
from mlship.errors import GateError, InterruptedRunError, MlshipError, UsageError
from mlship.reports.writing import doubts, facts, summarise
from mlship.workspace import Workspace

Url = Annotated[str | None, typer.Option("--url", help="Measure the service at this address.", show_default=False)]
Header = Annotated[
    list[str] | None,
    typer.Option(
        "--header", help="Sent with each request to --url, as 'X-API-Key: ...' (repeatable).", show_default=False
    ),
]
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
    Path | None,
    typer.Option("--baseline", help="An older report.json, or benchmarks.jsonl, to compare with.", show_default=False),
]
Strict = Annotated[bool, typer.Option("--strict", help="A gate that cannot tell at this noise fails, too.")]
AcrossHosts = Annotated[
    bool, typer.Option("--across-hosts", help="Compare with another machine, by each one's reference kernel.")
]
Output = Annotated[Path | None, typer.Option("--output", help="Folder to put the report in, too.", show_default=False)]
Save = Annotated[bool, typer.Option("--save", help="Add the figures to benchmarks.jsonl in the workspace.")]

#: Options that would do nothing.
_NOT_WITH = {"--url": ("target", "plugin"), "--against": ("target", "plugin", "price")}

_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    url: Url = None,
    header: Header = None,
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
    """Measure the model and its service, and judge gates.

    Without --url and --against: the original, every candidate, and the service that was scaffolded.
    """
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
    asked = _Asked(given, plugin, settings or (), url, against, header or (), again=force or save)
    asked.require_effect()
    stage = asked.stage(workspace)
    publish = Publishing(screen, workspace, output, save=save)
    run = _elsewhere if url or against else _here
    return run(screen, workspace, asked, stage, publish)


@dataclass(frozen=True)
class _Asked:
    """What the command line says: the stage's options that were ``given``, and what is measured."""

    given: Mapping[str, Any]
    plugin: str | None
    settings: Sequence[str]
    url: str | None
    against: Path | None
    headers: Sequence[str]
    again: bool

    def require_effect(self) -> None:
        """Raise UsageError for options that would do nothing."""
        if self.url and self.against:
            raise UsageError("--url and --against do not go together", "measure one at a time")
        if self.headers and not self.url:
            raise UsageError("--header goes with requests to --url", "leave it out")
        other = "--url" if self.url else "--against" if self.against else ""
        named = {**self.given, **({"plugin": self.plugin} if self.plugin else {})}
        if idle := [name for name in _NOT_WITH.get(other, ()) if name in named]:
            raise UsageError(f"--{idle[0]} has no effect with {other}", "leave it out")

    def stage(self, workspace: Workspace) -> Any:
        """Return the stage as it is configured; raises UsageError for requests at random where there is no rate."""
        flags, chosen = {"benchmark": self.given}, {"benchmark": self.plugin}
        [step] = configured(workspace, ["benchmark"], settings=self.settings, flags=flags, chosen=chosen)
        if "arrivals" in self.given and not getattr(step.instance, "rates", True):
            raise UsageError(
                "--poisson is how the requests of an open loop come, and there is none", "give --rate, too"
            )
        return step.instance


def _here(screen: Screen, workspace: Workspace, asked: _Asked, _: Any, publish: Publishing) -> Answer:
    kept = workspace.failed("benchmark") / "report"
    before = _stamp(kept)
    try:
        answer = run_single(
            screen,
            workspace,
            "benchmark",
            "report",
            plugin=asked.plugin,
            settings=asked.settings,
            force=asked.again,
            options=asked.given,
        )
    except MlshipError:
        screen.stop()
        if _stamp(kept) != before:  # else it is of an earlier run
            publish(kept, passed=False)
        raise
    publish(workspace.artifacts("build")["report"], passed=True)
    return answer


def _elsewhere(screen: Screen, workspace: Workspace, asked: _Asked, stage: Any, publish: Publishing) -> Answer:
    # imported here, since it loads numpy and what measures: help would wait for them
    from mlship.cli.measuring import Where, measure

    where = Where(asked.url, asked.against, asked.headers)
    report, gates, folder = measure(screen, workspace, stage, publish, where)
    shown = workspace.shown(folder / "report.html")
    if report.interrupted:
        publish(folder, passed=False)
        raise InterruptedRunError("interrupted", f"what was measured so far is in {shown}")
    try:
        gates.refuse(report)
    except GateError as error:
        publish(folder, passed=False)
        raise GateError(error.message, f"the report is {shown}" + (f"; {error.hint}" if error.hint else "")) from error
    publish(folder, passed=True)
    for note in doubts(report):
        screen.note(note)
    return Answer({"report": shown, **facts(report)}, f"{shown}: {summarise(report)}", brief=shown)


def _stamp(folder: Path) -> tuple[int, int] | None:
    """Return what another report in ``folder`` would have otherwise."""
    try:
        found = (folder / "report.json").stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _seconds(text: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*", text)
    if not found or not float(found[1]):
        raise UsageError(f"'{text}' is not a time", "write it as 60s or 10m")
    return float(found[1]) * _UNITS[found[2]]
