"""mlship benchmark."""

from mlship.cli.common import Force, Plugin, Settings, as_command, run_single
from mlship.cli.console import Answer, Screen
from mlship.workspace import Workspace


@as_command
def command(
    screen: Screen, workspace: Workspace, plugin: Plugin = None, settings: Settings = None, force: Force = False
) -> Answer:
    """Measure the original, the converted model and the service."""
    return run_single(screen, workspace, "benchmark", "report", plugin=plugin, settings=settings, force=force)
