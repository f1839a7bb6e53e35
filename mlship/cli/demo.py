"""mlship demo."""

from mlship import demo
from mlship.artifacts import storage_error
from mlship.cli.build import Tag, fitting, image_flags, require_image
from mlship.cli.common import Settings, as_command, results, run_stages
from mlship.cli.console import Answer, Screen
from mlship.cli.proof import proof
from mlship.config import STAGES
from mlship.pipeline import Given
from mlship.workspace import Workspace


def command_(screen: Screen, workspace: Workspace, tag: Tag = None, settings: Settings = None) -> Answer:
    """Train a small model and ship it: see every stage at work."""
    screen.note(f"everything is written to {workspace.root}/")
    try:
        model, sample, target = demo.train(workspace.root)
    except OSError as error:
        raise storage_error(error) from error
    flags = {"convert": {"target": target}, "build": image_flags(tag)}
    chosen = {"build": fitting(workspace)}
    given = Given(model, sample)
    done = run_stages(screen, workspace, list(STAGES), given=given, settings=settings, flags=flags, chosen=chosen)
    if tag:
        require_image(workspace, done[-1].record)
    return Answer(results(done), proof(workspace), brief=done[-1].record.summary, headed=True)


command_.workspace = "mlship-demo"  # type: ignore[attr-defined]  # the folder it uses when -w names none
command = as_command(command_)
