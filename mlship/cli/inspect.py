"""mlship inspect."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mlship import gate
from mlship.cli.common import Trust, as_command
from mlship.cli.console import Answer, Screen
from mlship.workspace import Workspace

File = Annotated[Path, typer.Argument(help="Model file (joblib or pickle).")]


@as_command
def command(screen: Screen, workspace: Workspace, model: File, trust: Trust = None) -> Answer:
    """Say what is in a model file, without executing any of it: classes, versions, verdict, planned route."""
    inspection = gate.inspect(model, trust or ())
    return Answer(asdict(inspection), "")
