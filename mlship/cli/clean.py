"""mlship clean."""

from mlship.cli.common import as_command
from mlship.cli.console import Answer, Screen
from mlship.workspace import Workspace


@as_command
def command(screen: Screen, workspace: Workspace) -> Answer:
    """Delete the artifacts of this workspace; mlship.toml and service/ stay."""
    gone = workspace.clean()
    return Answer({"deleted": gone}, f"deleted {', '.join(gone)}" if gone else "nothing to delete")
