"""Measurements of mlship benchmark that are no stage of the workspace: of an address, and against another workspace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlship.cli.common import storing
from mlship.cli.console import Screen
from mlship.cli.publishing import Publishing
from mlship.client import headers_of, split
from mlship.errors import MlshipError, UsageError
from mlship.reports import writing
from mlship.reports.model import Report
from mlship.trials import elsewhere
from mlship.trials.loads import Loads
from mlship.trials.objective import Objective
from mlship.verdicts.gates import Gates
from mlship.workspace import Workspace

#: Seconds for all rounds of a comparison, where no --duration says otherwise.
_COMPARED = 40.0


@dataclass(frozen=True)
class Where:
    """What is measured: the service at ``url``, with ``headers`` ('Name: value'), or this one ``against`` another."""

    url: str | None
    against: Path | None
    headers: Sequence[str] = ()


def measure(
    screen: Screen, workspace: Workspace, stage: Any, publish: Publishing, where: Where
) -> tuple[Report, Gates, Path]:
    """Measure with the options of the benchmark ``stage``; return the report, its gates, and the folder it is in.

    After an error the report of what was measured until then is written and published, and the error raised.
    Raises UsageError where the workspace knows no golden set, or an option does not go with the other.
    """
    of = elsewhere.known(workspace.artifacts("deploy"), "this workspace")
    gates = _gates(stage, where)
    folder = workspace.folder("reports") / _kind(where)
    kept: list[Report] = []

    def keep(report: Report) -> None:
        with storing():
            writing.write(report, folder, strict=stage.strict)
        kept.append(report)

    if where.url:
        split(where.url)  # before it stands in a report: it may hold a password
    screen.started("benchmark", where.url or f"against {where.against}")
    try:
        report = _measured(screen, workspace, stage, of, gates, keep, where)
    except MlshipError as error:
        screen.stop()
        if not kept:
            raise
        publish(folder, passed=False)
        hint = f"what was found is in {workspace.shown(folder)}/" + (f"; {error.hint}" if error.hint else "")
        raise type(error)(error.message, hint) from error
    screen.stop()
    keep(report)
    for note in report.notes:
        screen.note(note)
    return report, gates, folder


def _kind(where: Where) -> Literal["comparison", "url"]:
    return "comparison" if where.against else "url"


def _gates(stage: Any, where: Where) -> Gates:
    older = Path(stage.baseline) if stage.baseline else None
    if where.against and older:
        raise UsageError("--against and --baseline do not go together", "a comparison has its own other side")
    return Gates.read(
        stage.fail_if,
        older,
        compared=where.against is not None,
        strict=stage.strict,
        across_hosts=stage.across_hosts,
        kind=_kind(where),
        address=where.url,
    )


def _measured(
    screen: Screen,
    workspace: Workspace,
    stage: Any,
    of: elsewhere.Known,
    gates: Gates,
    keep: elsewhere.Keep,
    where: Where,
) -> Report:
    options = stage.model_dump(mode="json")
    if where.against:
        return _versus(of, where.against, workspace, stage, gates, screen, options, keep)
    headers = headers_of(where.headers)
    return elsewhere.remote(str(where.url), of, _loads(stage), gates, screen.progress, options, keep, headers)


def _versus(
    of: elsewhere.Known,
    against: Path,
    workspace: Workspace,
    stage: Any,
    gates: Gates,
    screen: Screen,
    options: Mapping[str, Any],
    keep: elsewhere.Keep,
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
        keep=keep,
    )


def _loads(stage: Any, *, compared: bool = False) -> Loads:
    """Return what is asked; in a comparison 8 connections with single rows, unless others are named."""
    connections = stage.connections
    if compared and "connections" not in stage.model_fields_set:
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
