"""mlship build."""

import json
from typing import Annotated, Any

import typer

from mlship.cli.common import Force, Plugin, Settings, as_command, results, run_stages
from mlship.cli.console import Answer, Screen
from mlship.errors import EngineMissingError
from mlship.manifest import Record
from mlship.workspace import Workspace

Tag = Annotated[str | None, typer.Option("--tag", "-t", help="Name of the image, as in iris:1.", show_default=False)]


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    tag: Tag = None,
    plugin: Plugin = None,
    settings: Settings = None,
    force: Force = False,
) -> Answer:
    """Build an image of the service, start it and check its answers."""
    forced = ["build"] if force else []
    done = run_stages(
        screen,
        workspace,
        ["build"],
        settings=settings,
        flags={"build": {"tag": tag}},
        chosen={"build": plugin},
        force=forced,
    )
    record = done[0].record
    require_image(workspace, record)
    return Answer(results(done), record.summary, brief=str(image_of(workspace, record).get("id", "")))


def image_flags(tag: str | None) -> dict[str, Any]:
    """Return the options of a build: who names an image wants one, who names none takes a checked context instead."""
    return {"tag": tag, "require_base": None if tag else False}


def image_of(workspace: Workspace, record: Record) -> dict[str, Any]:
    """Return image.json of a build."""
    image = json.loads(workspace.located(record.outputs["image"]).read_text("utf-8"))
    assert isinstance(image, dict)
    return image


def require_image(workspace: Workspace, record: Record) -> None:
    """Raise EngineMissingError where the build had to leave it at a context."""
    image = image_of(workspace, record)
    if not image["built"]:
        context = record.outputs["context"].path
        hint = f"the context is complete; where an engine runs: docker build -t NAME {context}"
        raise EngineMissingError(f"no image was built: {image['reason']}", hint)
