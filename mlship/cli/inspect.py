"""mlship inspect."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlship import config, gate
from mlship.cli.common import Trust, as_command
from mlship.cli.console import Answer, Screen
from mlship.graphs.table import planned_route
from mlship.inspection import Inspection, Step, way_to_trust
from mlship.workspace import Workspace

File = Annotated[Path, typer.Argument(help="Model file (joblib or pickle).")]


@as_command
def command(screen: Screen, workspace: Workspace, model: File, trust: Trust = None) -> Answer:
    """Say what is in a model file, without executing any of it: classes, versions, verdict, planned route."""
    trusted = (*config.read(workspace.config_file).project.trust, *(trust or ()))
    found = gate.inspect(model, trusted)
    differences = gate.version_differences(found)
    route = planned_route(found.globals or (found.model,))
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
        lines.append(f"  if you trust where it comes from: {way_to_trust(found.untrusted)}")
    elif found.globals:
        lines.append(f"verdict: safe to load; all {len(found.globals)} names that it imports are on the allow-list")
    else:
        lines.append("verdict: safe to load; it holds data only")
    lines.append(f"route: {'; '.join(route) or 'no estimator of scikit-learn found'}")
    if lost := _unconverted(found, route):
        lines.append(f"  no converter to ONNX for {', '.join(lost)}; its own library can serve it: --to native")
    return lines


def _unconverted(found: Inspection, route: Sequence[str]) -> list[str]:
    """Return the classes of steps that nobody is planned to convert, also those of users' own packages."""
    planned = dict(step.split(": ", 1) for step in route)
    named = [name for name, plan in planned.items() if plan == "no converter"]
    classes = [model for model in _classes((Step("", found.model, found.steps),)) if "." in model]
    foreign = [model.rpartition(".")[2] for model in classes if not model.startswith(("sklearn.", "onnx."))]
    return sorted({*named, *(name for name in foreign if name not in planned)})


def _classes(steps: Sequence[Step]) -> list[str]:
    return [model for step in steps for model in (step.model, *_classes(step.steps))]


def _tree(steps: Sequence[Step], depth: int) -> list[str]:
    lines = []
    for step in steps:
        lines.append(f"{'  ' * depth}{step.name}: {step.model}")
        lines += _tree(step.steps, depth + 1)
    return lines
