"""mlship inspect."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Annotated

import typer

from mlship import config, gate
from mlship.cli.common import Trust, as_command
from mlship.cli.console import Answer, Screen
from mlship.graphs.table import planned_route, public_name
from mlship.inspection import Inspection, Step, way_to_trust
from mlship.originals.adapters import ADAPTERS
from mlship.workspace import Workspace

#: Start of an Inspection's format -> what becomes of a model that is a graph already, or that its library exports.
_WHOLE = {
    "ONNX": "already ONNX: taken as it is",
    "PyTorch": "exported by PyTorch",
    "Keras": "exported by Keras",
}
#: Packages whose models ``--to native`` has no file format for.
_NOT_KEPT = {"keras", "onnx", "statsmodels", "torch"}
_OWN_WAY = "bring a converter for it: entry point mlship.graphs (docs/how-to/convert-your-own-transformer.md)"

File = Annotated[Path, typer.Argument(help="Model file (joblib or pickle).")]


@as_command
def command(screen: Screen, workspace: Workspace, model: File, trust: Trust = None) -> Answer:
    """Say what is in a model file, without executing any of it: classes, versions, verdict, planned route."""
    trusted = (*config.read(workspace.config_file).project.trust, *(trust or ()))
    found = gate.inspect(model, trusted)
    differences = gate.version_differences(found)
    route = _route(found)
    data = {
        **asdict(found),
        "verdict": "untrusted" if found.untrusted else "trusted",
        "version_differences": differences,
        "planned_route": route,
    }
    return Answer(data, "\n".join(_lines(found, differences, route)), brief=str(data["verdict"]))


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
    lines.append(f"route: {'; '.join(route) or 'no estimator found'}")
    if lost := _unconverted(found, route):
        listed = ", ".join(sorted({name.rpartition(".")[2] for name in lost}))
        lines.append(f"  no converter to ONNX for {listed}; {_way_on(lost)}")
    return lines


def _route(found: Inspection) -> tuple[str, ...]:
    """Return who would convert what: a word on the whole model, or a line for each estimator in it."""
    whole = _whole(found)
    if whole:
        return (whole,)
    names = found.globals or (found.model,)
    adapted = [public_name(name).rpartition(".")[2] for name in names if _is_adapted(name)]
    return tuple(dict.fromkeys((*planned_route(names), *(f"{name}: mlship" for name in adapted))))


def _whole(found: Inspection) -> str:
    return next((said for start, said in _WHOLE.items() if found.format.startswith(start)), "")


def _is_adapted(name: str) -> bool:
    """Say whether an adapter takes objects of this class; results of statsmodels go by the model that was fitted."""
    if not name.startswith("statsmodels."):
        return name in ADAPTERS
    from mlship.graphs.families.statsmodels import MEANS  # for these files only: inspecting is to be quick

    return name.rpartition(".")[2] in MEANS


def _way_on(lost: Sequence[str]) -> str:
    """Offer native only where every class comes with a package that an image can install."""
    brought = packages_distributions()
    packages = {name.partition(".")[0] for name in lost}
    if packages <= brought.keys() - _NOT_KEPT:
        return "its own library can serve it: --to native"
    return f"{_OWN_WAY}, or replace the step"


def _unconverted(found: Inspection, route: Sequence[str]) -> list[str]:
    """Return the classes of steps that nobody is planned to convert, qualified, also those of users' own packages."""
    if _whole(found):
        return []
    planned = dict(step.split(": ", 1) for step in route)
    named = [f"sklearn.{name}" for name, plan in planned.items() if plan == "no converter"]
    classes = [model for model in _classes((Step("", found.model, found.steps),)) if "." in model]
    fitted = bool(route) and found.model.startswith("statsmodels.")  # its results, around a model that is planned
    foreign = [model for model in classes if not model.startswith(("sklearn.", "onnx.")) and not fitted]
    return sorted({*named, *(name for name in foreign if name.rpartition(".")[2] not in planned)})


def _classes(steps: Sequence[Step]) -> list[str]:
    return [model for step in steps for model in (step.model, *_classes(step.steps))]


def _tree(steps: Sequence[Step], depth: int) -> list[str]:
    lines = []
    for step in steps:
        lines.append(f"{'  ' * depth}{step.name}: {step.model}")
        lines += _tree(step.steps, depth + 1)
    return lines
