"""mlship deploy."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mlship import config, pipeline, plugins
from mlship.cli.common import Force, Settings, as_command, results, storing
from mlship.cli.console import Answer, Screen
from mlship.errors import ConfigError, GateError, UsageError
from mlship.pipeline import Given, Step
from mlship.stages import Checked, Target
from mlship.workspace import Workspace

To = Annotated[str | None, typer.Argument(metavar="TARGET", help="Platform to deploy to.", show_default=False)]
Name = Annotated[str | None, typer.Option("--name", help="Name of the service.", show_default=False)]
Image = Annotated[str | None, typer.Option("--image", help="Image to deploy; the one built last.", show_default=False)]
Replicas = Annotated[int | None, typer.Option("--replicas", help="Copies of the service.", show_default=False)]
Gateway = Annotated[
    str | None, typer.Option("--gateway", help="In front of them: nginx, envoy, kong or tyk.", show_default=False)
]
Canary = Annotated[
    int | None, typer.Option("--canary", help="Per cent of requests for --canary-image.", show_default=False)
]
CanaryImage = Annotated[
    str | None, typer.Option("--canary-image", help="The other version of the image.", show_default=False)
]
Check = Annotated[bool, typer.Option("--check", help="Run every validator that is installed.")]
Up = Annotated[bool, typer.Option("--up", help="Start it on this machine.")]
Down = Annotated[bool, typer.Option("--down", help="End what --up has started.")]


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    target: To = None,
    name: Name = None,
    image: Image = None,
    replicas: Replicas = None,
    gateway: Gateway = None,
    canary: Canary = None,
    canary_image: CanaryImage = None,
    check: Check = False,
    up: Up = False,
    down: Down = False,
    settings: Settings = None,
    force: Force = False,
) -> Answer:
    """Write deployment files for a platform, check them, or start them here."""
    if target is None:
        raise UsageError("deploy: to which platform?", f"mlship deploy TARGET: {', '.join(plugins.names('targets'))}")
    if down and (up or check):
        raise UsageError("--down does not go together with --up or --check", "one at a time")
    flags = {
        "name": name,
        "image": image,
        "replicas": replicas,
        "gateway": gateway,
        "canary": canary,
        "canary_image": canary_image,
    }
    if down:
        return _ended(workspace, target, screen)
    step = planned(workspace, target, _assigned(settings or ()), flags, force=force)
    instance = step.instance
    assert isinstance(instance, Target)
    if up:
        _require_started(target, instance)
    _note_age(workspace, screen)
    done = pipeline.run(workspace, [step], Given(), screen, force=[step.stage] if force else [])
    record = done[0].record
    folder = workspace.located(record.outputs["manifests"])
    told: dict[str, Any] = {**results(done), "folder": workspace.shown(folder)}
    lines = [f"{workspace.shown(folder)}/: {record.summary}"]
    with workspace.locked(screen.note), storing():
        if check:
            told["checks"] = _checked(instance, folder, screen, lines)
        if up:
            told |= instance.up(folder, screen.progress)
            lines.append(str(told["sentence"]))
    screen.stop()
    return Answer(told, "\n".join(lines), brief=str(told.get("url", folder)))


def planned(
    workspace: Workspace, target: str, settings: Mapping[str, Any], flags: Mapping[str, Any], *, force: bool
) -> Step:
    """Return the step that writes the files of ``target``.

    Raises UsageError, unless ``force``, where its folder holds what mlship did not write.
    """
    instance = config.target(target, config.read(workspace.config_file), settings, flags)
    step = Step(f"deploy/{target}", target, instance)
    if not force:
        _require_own(workspace, step.stage)
    return step


def _ended(workspace: Workspace, target: str, screen: Screen) -> Answer:
    """End what was started from the files that lie there, whatever options are given now."""
    record = workspace.manifest().stages.get(f"deploy/{target}")
    instance = config.target(target, config.Config(), {}, {})
    assert isinstance(instance, Target)
    _require_started(target, instance)
    if record is None or workspace.state(record) == "gone":
        hint = f"mlship deploy {target} --name NAME, and then --down, if NAME was started"
        raise UsageError(f"this workspace holds no files of a deployment to {target}", hint)
    with workspace.locked(screen.note), storing():
        told = instance.down(workspace.located(record.outputs["manifests"]), screen.progress)
    screen.stop()
    return Answer(told, str(told["sentence"]))


def _require_started(target: str, instance: Target) -> None:
    if type(instance).up is Target.up:
        message = f"deploy {target}: nothing of it runs on this machine"
        raise UsageError(message, "leave --up and --down out; mlship deploy compose --up")


def _note_age(workspace: Workspace, screen: Screen) -> None:
    """Say so where the image was made from what has changed since."""
    built = workspace.manifest().stages.get("build")
    if built is not None and (changed := pipeline.stale_inputs(workspace, built)):
        screen.note(f"the image is older than {', '.join(changed)}: mlship build makes it anew")


def _assigned(settings: Sequence[str]) -> dict[str, Any]:
    """Return options by name; env.NAME=value sets one variable of the service."""
    variables = [text.partition("env.")[2] for text in settings if text.startswith(("env.", "deploy.env."))]
    others = [text for text in settings if not text.startswith(("env.", "deploy.env."))]
    given = config.parse_assignments(others, ["deploy"])
    options = {**given.get("deploy", {}), **given.get("", {})}
    for text in variables:
        name, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"'--set env.{text}' is not env.NAME=value", "for example: --set env.ACCESS_LOG=0")
        if not isinstance(options.setdefault("env", {}), dict):
            raise ConfigError(f"'--set env={options['env']}' is no table", "for example: --set env.ACCESS_LOG=0")
        options["env"][name] = value
    return options


def _require_own(workspace: Workspace, stage: str) -> None:
    folder, record = workspace.folder(stage), workspace.manifest().stages.get(stage)
    written = {workspace.located(file) for file in record.outputs.values()} if record else set()
    if folder.is_dir() and not written.issuperset(folder.iterdir()):
        message = f"'{workspace.shown(folder)}' holds files that mlship did not write"
        raise UsageError(message, "move them away, or write over them with --force")
    if record is not None:
        workspace.state(record)


def _checked(instance: Target, folder: Path, screen: Screen, lines: list[str]) -> list[dict[str, Any]]:
    """Run the validators; raises GateError where one of them finds something."""
    found = instance.check(folder, screen.progress)
    screen.stop()
    lines += [f"  {_sign(each)} {each.validator}: {each.said.splitlines()[0]}" for each in found]
    failed = [each for each in found if each.passed is False]
    if failed:
        words = "\n".join(f"{each.validator}:\n{each.said}" for each in failed)
        raise GateError(f"the files do not pass their validators\n{words}", "change what they name, and run it again")
    return [{"validator": each.validator, "passed": each.passed, "said": each.said} for each in found]


def _sign(checked: Checked) -> str:
    return "-" if checked.passed is None else "+"
