"""mlship plugins."""

from typing import Annotated, Any

import typer
from pydantic import BaseModel

from mlship import plugins
from mlship.cli.common import as_command
from mlship.cli.console import Answer, Screen
from mlship.errors import MissingDependencyError, PluginError
from mlship.workspace import Workspace

Action = Annotated[str | None, typer.Argument(help="'show' to see the options of one plugin.", show_default=False)]
Name = Annotated[str | None, typer.Argument(help="Name of the plugin.", show_default=False)]


@as_command
def command(screen: Screen, workspace: Workspace, action: Action = None, name: Name = None) -> Answer:
    """List the plugins of each stage, or show the options of one: mlship plugins show NAME."""
    every = {group: plugins.names(group) for group in plugins.GROUPS}
    if action is None:
        lines = [f"{group:<11} {name} ({origin})" for group, found in every.items() for name, origin in found.items()]
        return Answer({"plugins": every}, "\n".join(lines))
    if action != "show":
        raise PluginError(f"plugins cannot '{action}'", "mlship plugins show NAME")
    if name is None:
        raise PluginError("which plugin?", "mlship plugins lists them; mlship plugins show NAME")
    group = next((group for group, found in every.items() if name in found), None)
    if group is None:
        known = [known for found in every.values() for known in found]
        raise PluginError(f"no plugin named '{name}'", plugins.nearest(name, known))
    return _shown(group, name)


def _shown(group: plugins.Group, name: str) -> Answer:
    try:
        kind = plugins.load(group, name)
    except MissingDependencyError as error:
        return Answer({"name": name, "group": group, "missing": error.hint}, f"{name}: {error.message}; {error.hint}")
    schema: dict[str, Any] = kind.model_json_schema() if isinstance(kind, type) and issubclass(kind, BaseModel) else {}
    summary = (kind.__doc__ or "").strip().splitlines()[0]
    lines = [f"{name} ({group}): {summary}"]
    for option, field in schema.get("properties", {}).items():
        default = "" if "default" not in field else f" (default {field['default']!r})"
        lines.append(f"  {option:<18} {field.get('description', '')}{default}")
    return Answer({"name": name, "group": group, "summary": summary, "options": schema}, "\n".join(lines))
