"""Measurements of mlship benchmark that are no stage of the workspace: of an address, and against another workspace."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlship.cli.console import Screen
from mlship.errors import UsageError
from mlship.reports import writing
from mlship.reports.model import Report
from mlship.trials import elsewhere
from mlship.trials.loads import Loads
from mlship.trials.objective import Objective
from mlship.verdicts.gates import Gates
from mlship.workspace import Workspace

#: Seconds for all rounds of a comparison, where no --duration says otherwise.
_COMPARED = 40.0


def measure(
    screen: Screen, workspace: Workspace, stage: Any, url: str | None, against: Path | None
) -> tuple[Report, Gates, Path]:
    """Measure with the options of the benchmark ``stage``; return the report, its gates, and the folder it is in.

    Raises UsageError where the workspace knows no golden set, or an option does not go with the other.
    """
    of = elsewhere.known(workspace.artifacts("deploy"), "this workspace")
    older = Path(stage.baseline) if stage.baseline else None
    if against and older:
        raise UsageError("--against and --baseline do not go together", "a comparison has its own other side")
    gates = Gates.read(
        stage.fail_if, older, compared=bool(against), strict=stage.strict, across_hosts=stage.across_hosts
    )
    options = stage.model_dump(mode="json")
    screen.started("benchmark", url or f"against {against}")
    if against:
        report = _versus(of, against, workspace, stage, gates, screen, options)
    else:
        report = elsewhere.remote(str(url), of, _loads(stage), gates, screen.progress, options)
    screen.stop()
    folder = workspace.folder("reports") / report.kind
    writing.write(report, folder, strict=stage.strict)
    for note in report.notes:
        screen.note(note)
    return report, gates, folder


def _versus(
    of: elsewhere.Known,
    against: Path,
    workspace: Workspace,
    stage: Any,
    gates: Gates,
    screen: Screen,
    options: Mapping[str, Any],
) -> Report:
    if not (against / "mlship.lock").is_file():
        raise UsageError(f"'{against}' is not a workspace of mlship: it has no mlship.lock", "give its folder")
    if stage.rates or stage.slo:
        raise UsageError("a comparison has closed loops only", "leave out --rate and --slo")
    other = elsewhere.known(Workspace(against).artifacts("deploy"), f"'{against}'")
    subjects = {"this": str(workspace.root.resolve().name), "other": str(against)}
    seconds = stage.duration or _COMPARED
    return elsewhere.versus(
        of,
        other,
        _loads(stage, compared=True),
        gates,
        screen.progress,
        seconds=seconds,
        subjects=subjects,
        options=options,
    )


def _loads(stage: Any, *, compared: bool = False) -> Loads:
    """Return what is asked; in a comparison 8 connections with single rows, unless others are named."""
    connections = stage.connections
    if compared and connections == type(stage).model_fields["connections"].default:
        connections = (8,)
    return Loads(
        connections,
        stage.rates,
        stage.arrivals,
        1 if compared else stage.rows,
        stage.seconds,
        None if compared else stage.duration,
        Objective.parse(stage.slo) if stage.slo else None,
        stage.price,
        stage.seed,
    )
