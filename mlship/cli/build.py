"""mlship build."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mlship import config, pipeline
from mlship.cli.common import Force, Plugin, Settings, as_command, configured, results, storing
from mlship.cli.console import Answer, Screen
from mlship.errors import EngineMissingError, UsageError
from mlship.manifest import Record
from mlship.pipeline import Given
from mlship.plugins import load
from mlship.stages import ImageBuilder
from mlship.workspace import Workspace

Tag = Annotated[str | None, typer.Option("--tag", "-t", help="Name of the image, as in iris:1.", show_default=False)]
Builder = Annotated[
    str | None,
    typer.Option("--builder", help="docker (an engine) or oci (none); what is there.", show_default=False),
]
PlatformOption = Annotated[
    str | None,
    typer.Option("--platform", help="linux/amd64, linux/arm64, or both with a comma.", show_default=False),
]
Base = Annotated[str | None, typer.Option("--base", help="Image to build on.", show_default=False)]
Output = Annotated[
    Path | None,
    typer.Option("--output", help="Write the image to a .tar file, or as OCI layout to a folder.", show_default=False),
]
Push = Annotated[bool, typer.Option("--push", help="Push the image to the registry that its name begins with.")]
Wheels = Annotated[
    Path | None,
    typer.Option("--wheels", help="Folder to take all wheels from: nothing is downloaded.", show_default=False),
]
MaxSize = Annotated[
    str | None, typer.Option("--max-size", help="Fail if the image is larger, as 150MB.", show_default=False)
]
MaxColdStart = Annotated[
    str | None, typer.Option("--max-cold-start", help="Fail if it starts more slowly, as 2s.", show_default=False)
]
MaxRss = Annotated[
    str | None, typer.Option("--max-rss", help="Fail if it takes more memory, as 200MB.", show_default=False)
]


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    tag: Tag = None,
    builder: Builder = None,
    platform: PlatformOption = None,
    base: Base = None,
    wheels: Wheels = None,
    output: Output = None,
    push: Push = False,
    max_size: MaxSize = None,
    max_cold_start: MaxColdStart = None,
    max_rss: MaxRss = None,
    plugin: Plugin = None,
    settings: Settings = None,
    force: Force = False,
) -> Answer:
    """Build an image of the service, start it and check its answers."""
    if builder and plugin:
        raise UsageError("--builder and --plugin name the same thing", "leave one out")
    platforms = platform.split(",") if platform else None
    flags = {
        "tag": tag,
        "platform": platforms,
        "base": base,
        "wheels": str(wheels) if wheels else None,
        "created": created(),
        "max_size": max_size,
        "max_cold_start": max_cold_start,
        "max_rss": max_rss,
    }
    chosen = {"build": builder or plugin or fitting(workspace, platforms, base, output)}
    [step] = configured(workspace, ["build"], settings=settings, flags={"build": flags}, chosen=chosen)
    if push and not getattr(step.instance, "tag", ""):
        raise UsageError("--push needs the name of the image", "-t registry.example/iris:1")
    done = pipeline.run(workspace, [step], Given(), screen, force=["build"] if force else [])
    record = done[0].record
    require_image(workspace, record)
    image = image_of(workspace, record)
    told = {**results(done), **_published(screen, workspace, step.instance, record, output, push=push)}
    return Answer(told, record.summary, brief=str(image.get("id", "")))


def image_flags(tag: str | None) -> dict[str, Any]:
    """Return the options of a build: who names an image wants one, who names none takes a checked context instead."""
    return {"tag": tag, "require_base": None if tag else False, "created": created()}


def created() -> int | None:
    """Return the time that SOURCE_DATE_EPOCH gives to everything that is built; raises UsageError for no number.

    Source: reproducible-builds.org, "SOURCE_DATE_EPOCH".
    """
    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    if told and not told.isdigit():
        raise UsageError(f"SOURCE_DATE_EPOCH is '{told}', not seconds since 1970", "unset SOURCE_DATE_EPOCH")
    return int(told) if told else None


def fitting(
    workspace: Workspace,
    platforms: Sequence[str] | None = None,
    base: str | None = None,
    output: Path | None = None,
) -> str | None:
    """Return the builder that fits what is there, where mlship.toml names none: an engine's, else the one without.

    An engine builds for its own platform, on an image that it has, and writes archives only.
    """
    written = config.read(workspace.config_file).stages.get("build", {})
    if "plugin" in written:
        return None
    docker = load("images", "docker")
    asked = [*(platforms or written.get("platform", ()))]
    fits = docker.fits(asked, str(base or written.get("base", ""))) and (output is None or output.suffix == ".tar")
    return "docker" if fits and docker.engine() else "oci"


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


def _published(
    screen: Screen, workspace: Workspace, builder: Any, record: Record, output: Path | None, *, push: bool
) -> Mapping[str, Any]:
    """Write the image to ``output`` and push it, where that is asked for; return what is told of it."""
    assert isinstance(builder, ImageBuilder)
    outputs = {kind: workspace.located(file) for kind, file in record.outputs.items()}
    told: dict[str, Any] = {}
    with storing():
        if output:
            builder.export(outputs, output, screen.progress)
            told["output"] = str(output)
            screen.note(f"written to {output}")
        if push:
            told["pushed"] = builder.push(outputs, screen.progress)
            screen.note(told["pushed"]["sentence"])
    screen.stop()
    return told
