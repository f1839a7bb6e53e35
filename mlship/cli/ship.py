"""mlship ship."""

from typing import Annotated

import typer

from mlship import pipeline
from mlship.cli.build import Tag, fitting, image_flags, require_image
from mlship.cli.common import (
    Code,
    Data,
    Env,
    Force,
    Framework,
    Model,
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
from mlship.cli.deploy import planned
from mlship.cli.proof import proof
from mlship.config import STAGES, plugin_of
from mlship.config import read as read_config
from mlship.errors import UsageError
from mlship.judging import SERVED
from mlship.pipeline import Given
from mlship.plugins import load, nearest
from mlship.workspace import Workspace

From = Annotated[
    str | None, typer.Option("--from", help="Run this stage and those after it again.", show_default=False)
]

Deploy = Annotated[
    list[str] | None,
    typer.Option("--deploy", help="Write the files for this platform, too (repeatable).", show_default=False),
]


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    model: Model = None,
    data: Data = None,
    target: Target = None,
    to: To = None,
    precision: Precision = None,
    framework: Framework = None,
    tag: Tag = None,
    deploy: Deploy = None,
    trust: Trust = None,
    code: Code = None,
    python_env: Env = None,
    settings: Settings = None,
    from_: From = None,
    force: Force = False,
) -> Answer:
    """Take a model file through every stage, to a checked container."""
    stages = list(STAGES)
    if from_ is not None and from_ not in stages:
        raise UsageError(f"there is no stage '{from_}'", nearest(from_, stages))
    _require_service(to or plugin_of("convert", read_config(workspace.config_file)))
    platforms = [planned(workspace, name, {}, {}, force=force) for name in deploy or ()]
    forced = stages if force else stages[stages.index(from_) :] if from_ else []
    given, answers = brought(workspace, model, data, target, trust, code, python_env)
    flags = {
        "convert": {"target": answers, "precision": precision},
        "optimize": {"target": answers},
        "build": image_flags(tag),
    }
    chosen = {"convert": to, "scaffold": framework, "build": fitting(workspace)}
    done = run_stages(
        screen, workspace, stages, given=given, settings=settings, flags=flags, chosen=chosen, force=forced
    )
    if tag:
        require_image(workspace, done[-1].record)
    built = done[-1].record
    done += pipeline.run(workspace, platforms, Given(), screen, force=[step.stage for step in platforms if force])
    return Answer(results(done), proof(workspace), brief=built.summary, headed=True)


def _require_service(converter: str) -> None:
    """Raise UsageError for a converter that makes nothing which a service of mlship runs."""
    if set(SERVED).isdisjoint(load("converters", converter).writes):
        message = f"ship: what '{converter}' makes is scored elsewhere, not by a service of mlship"
        raise UsageError(message, f"mlship convert --to {converter}, or ship --to onnx")
