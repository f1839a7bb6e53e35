"""mlship scaffold."""

from mlship.cli.common import Force, Plugin, Settings, as_command, run_single
from mlship.cli.console import Answer, Screen
from mlship.workspace import Workspace


@as_command
def command(
    screen: Screen, workspace: Workspace, plugin: Plugin = None, settings: Settings = None, force: Force = False
) -> Answer:
    """Write a web service for the model; it is yours to change."""
    return run_single(screen, workspace, "scaffold", "service", plugin=plugin, settings=settings, force=force)
