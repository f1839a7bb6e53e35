"""mlship scaffold."""

from mlship.cli.common import Force, Framework, Grpc, Plugin, Settings, as_command, run_single
from mlship.cli.console import Answer, Screen
from mlship.errors import UsageError
from mlship.workspace import Workspace


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    framework: Framework = None,
    grpc: Grpc = False,
    plugin: Plugin = None,
    settings: Settings = None,
    force: Force = False,
) -> Answer:
    """Write a web service for the model; it is yours to change."""
    if framework and plugin and framework != plugin:
        raise UsageError("--framework and --plugin mean the same, and name two", f"--framework {framework}")
    return run_single(
        screen,
        workspace,
        "scaffold",
        "service",
        plugin=framework or plugin,
        settings=settings,
        force=force,
        options={"grpc": grpc or None},
    )
