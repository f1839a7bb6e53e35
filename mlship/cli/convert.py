"""mlship convert."""

from mlship.cli.common import (
    Code,
    Data,
    Env,
    Force,
    Model,
    Plugin,
    Precision,
    Settings,
    Target,
    To,
    Trust,
    as_command,
    brought,
    results,
    run_stages,
)
from mlship.cli.console import Answer, Screen
from mlship.errors import UsageError
from mlship.workspace import Workspace


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    model: Model = None,
    data: Data = None,
    target: Target = None,
    to: To = None,
    precision: Precision = None,
    trust: Trust = None,
    code: Code = None,
    python_env: Env = None,
    plugin: Plugin = None,
    settings: Settings = None,
    force: Force = False,
) -> Answer:
    """Convert a model to ONNX and prove that the answers are the same."""
    if to and plugin and to != plugin:
        raise UsageError(f"--to {to} and --plugin {plugin} name two converters", f"--to {to}")
    given, answers = brought(workspace, model, data, target, trust, code, python_env)
    flags = {"convert": {"target": answers, "precision": precision}}
    forced = ["convert"] if force else []
    chosen = {"convert": to or plugin}
    done = run_stages(
        screen, workspace, ["convert"], given=given, settings=settings, flags=flags, chosen=chosen, force=forced
    )
    record = done[0].record
    path = next(file.path for kind, file in record.outputs.items() if kind not in ("signature", "golden"))
    return Answer(results(done), f"{path}: {record.summary}", brief=path)
