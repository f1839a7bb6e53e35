"""mlship ship."""

from typing import Annotated

import typer

from mlship.cli.build import Tag, image_flags, require_image
from mlship.cli.common import Data, Force, Model, Settings, Target, Trust, as_command, brought, results, run_stages
from mlship.cli.console import Answer, Screen
from mlship.cli.proof import proof
from mlship.config import STAGES
from mlship.errors import UsageError
from mlship.plugins import nearest
from mlship.workspace import Workspace

From = Annotated[
    str | None, typer.Option("--from", help="Run this stage and those after it again.", show_default=False)
]


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    model: Model = None,
    data: Data = None,
    target: Target = None,
    tag: Tag = None,
    trust: Trust = None,
    settings: Settings = None,
    from_: From = None,
    force: Force = False,
) -> Answer:
    """Take a model file through every stage, to a checked container."""
    stages = list(STAGES)
    if from_ is not None and from_ not in stages:
        raise UsageError(f"there is no stage '{from_}'", nearest(from_, stages))
    forced = stages if force else stages[stages.index(from_) :] if from_ else []
    given, answers = brought(workspace, model, data, target, trust)
    flags = {"convert": {"target": answers}, "build": image_flags(tag)}
    done = run_stages(screen, workspace, stages, given=given, settings=settings, flags=flags, force=forced)
    if tag:
        require_image(workspace, done[-1].record)
    return Answer(results(done), proof(workspace), brief=done[-1].record.summary)
