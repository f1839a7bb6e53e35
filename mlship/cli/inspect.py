"""mlship inspect."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlship import gate
from mlship.cli.common import Trust, as_command
from mlship.cli.console import Answer, Screen
from mlship.graphs.table import planned_route
from mlship.inspection import Inspection, Step
from mlship.workspace import Workspace

File = Annotated[Path, typer.Argument(help="Model file (joblib or pickle).")]


@as_command
def command(screen: Screen, workspace: Workspace, model: File, trust: Trust = None) -> Answer:
    """Say what is in a model file, without executing any of it: classes, versions, verdict, planned route."""
    found = gate.inspect(model, trust or ())
    differences = gate.version_differences(found)
    route = planned_route(found.globals)
    data = {
        **asdict(found),
        "verdict": "untrusted" if found.untrusted else "trusted",
        "version_differences": differences,
        "planned_route": route,
    }
    return Answer(data, "\n".join(_lines(found, differences, route)).replace("[", "\\["), brief=str(data["verdict"]))


def _lines(found: Inspection, differences: Sequence[str], route: Sequence[str]) -> list[str]:
    columns = "" if found.n_features is None else f", {found.n_features} columns"
    versions = ", ".join(f"{name} {version}" for name, version in found.trained_with.items())
    lines = [
        f"{found.path.name}: {found.model} ({found.format}, {found.size:,} bytes{columns})",
        *_tree(found.steps, 1),
        f"saved with: {versions or 'not recorded'}",
        *(f"careful: {difference}" for difference in differences),
    ]
    if found.feature_names:
        lines.append(f"columns: {', '.join(found.feature_names[:12])}{' ...' if len(found.feature_names) > 12 else ''}")
    if found.untrusted:
        lines.append(f"verdict: not loaded without your word; it would import {', '.join(found.untrusted)}")
        lines.append(f"  if you trust where it comes from: --trust {found.untrusted[0]}")
    else:
        lines.append(f"verdict: safe to load; all {len(found.globals)} names that it imports are on the allow-list")
    return [*lines, f"route: {'; '.join(route) or 'no estimator of scikit-learn found'}"]


def _tree(steps: Sequence[Step], depth: int) -> list[str]:
    lines = []
    for step in steps:
        lines.append(f"{'  ' * depth}{step.name}: {step.model}")
        lines += _tree(step.steps, depth + 1)
    return lines
