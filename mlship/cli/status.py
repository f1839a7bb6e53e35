"""mlship status."""

from typing import Any

from mlship import pipeline
from mlship.cli.common import as_command
from mlship.cli.console import Answer, Screen
from mlship.config import STAGES
from mlship.errors import DamagedWorkspaceError
from mlship.manifest import Record
from mlship.workspace import Workspace


@as_command
def command(screen: Screen, workspace: Workspace) -> Answer:
    """Show what the workspace holds, and what is out of date."""
    records = workspace.manifest().stages
    states: dict[str, dict[str, Any]] = {}
    for stage in [*STAGES, *(stage for stage in records if stage not in STAGES)]:  # deploy/TARGET, of those there are
        states[stage] = _state(workspace, records.get(stage))
        # deployments are made of what the stages left, not of each other
        bad = ("gone", "damaged", "out of date")
        earlier = [name for name, state in states.items() if name in STAGES and state["state"] in bad]
        if states[stage]["state"] == "done" and earlier:
            states[stage] = {"state": "out of date", "changed": earlier}
    width = max(10, *map(len, states))
    lines = [
        f"{stage:<{width}} {state['state']:<12} {records[stage].summary if stage in records else ''}".rstrip()
        for stage, state in states.items()
    ]
    if not records:
        lines.append("nothing yet; next: mlship ship MODEL --data SAMPLE")
    return Answer({"stages": states}, "\n".join(lines))


def _state(workspace: Workspace, record: Record | None) -> dict[str, Any]:
    if record is None:
        return {"state": "not run"}
    try:
        state = workspace.state(record)
    except DamagedWorkspaceError as error:
        return {"state": "damaged", "problem": error.message, "hint": error.hint}
    changed = pipeline.stale_inputs(workspace, record)
    if state == "intact" and changed:
        return {"state": "out of date", "changed": changed}
    facts = {"plugin": record.plugin, "seconds": record.seconds, "facts": record.facts}
    return {"state": "done" if state == "intact" else state, **facts}
