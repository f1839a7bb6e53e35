"""mlship convert."""

from mlship.cli.common import (
    Data,
    Force,
    Model,
    Plugin,
    Settings,
    Target,
    Trust,
    as_command,
    brought,
    results,
    run_stages,
)
from mlship.cli.console import Answer, Screen
from mlship.workspace import Workspace


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    model: Model = None,
    data: Data = None,
    target: Target = None,
    trust: Trust = None,
    plugin: Plugin = None,
    settings: Settings = None,
    force: Force = False,
) -> Answer:
    """Convert a model to ONNX and prove that the answers are the same."""
    given, answers = brought(workspace, model, data, target, trust)
    flags = {"convert": {"target": answers}}
    forced = ["convert"] if force else []
    done = run_stages(
        screen, workspace, ["convert"], given=given, settings=settings, flags=flags, plugin=plugin, force=forced
    )
    onnx = done[0].record.outputs["onnx"].path
    return Answer(results(done), f"{onnx}: {done[0].record.summary}", brief=onnx)
