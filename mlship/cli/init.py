"""mlship init."""

from mlship.artifacts import storage_error, write_atomic
from mlship.cli.common import Data, Force, Model, Target, as_command
from mlship.cli.console import Answer, Screen
from mlship.config import STAGES
from mlship.errors import ConfigError
from mlship.rendering import render
from mlship.workspace import Workspace


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    model: Model = None,
    data: Data = None,
    target: Target = None,
    force: Force = False,
) -> Answer:
    """Write a mlship.toml to start from."""
    path = workspace.config_file
    if path.exists() and not force:
        raise ConfigError(f"there is a '{path.name}' already", "edit it, or mlship init --force")
    names = {stage: plugin for stage, (_, plugin) in STAGES.items()}
    content = render("mlship.toml.j2", {"model": model, "data": data, "target": target, "stages": names})
    try:
        write_atomic(path, content.encode())
    except OSError as error:
        raise storage_error(error) from error
    return Answer({"written": str(path)}, f"wrote {path.name}; next: mlship ship")
