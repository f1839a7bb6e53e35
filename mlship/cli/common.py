"""What all commands share: options, the error boundary, and running stages."""

import functools
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from mlship import config, pipeline, plugins
from mlship.artifacts import storage_error
from mlship.cli.console import Answer, Screen
from mlship.errors import InterruptedRunError, MlshipError
from mlship.manifest import Record
from mlship.pipeline import Done, Given, Step
from mlship.trust import remember
from mlship.visiting import PythonEnv, Terms
from mlship.workspace import ORDER, Workspace

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer and errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say every step.")]
Root = Annotated[Path, typer.Option("--workspace", "-w", help="Folder of the workspace.", show_default="this folder")]

Model = Annotated[Path | None, typer.Argument(help="Model file (joblib or pickle).", show_default=False)]
Data = Annotated[
    Path | None, typer.Option("--data", help="Sample rows: CSV, Parquet, JSON lines, .npy or .npz.", show_default=False)
]
Target = Annotated[
    str | None, typer.Option("--target", help="Column of the sample that holds the true answers.", show_default=False)
]
Trust = Annotated[
    list[str] | None,
    typer.Option("--trust", help="A name that the loading gate lets through (repeatable).", show_default=False),
]
To = Annotated[
    str | None,
    typer.Option("--to", help="What to convert to: onnx, pmml or native (its own library).", show_default=False),
]
Precision = Annotated[
    str | None, typer.Option("--precision", help="Of the ONNX model: auto, float64 or float32.", show_default=False)
]
Code = Annotated[
    Path | None,
    typer.Option(
        "--code", help="Your own code that the model needs: a .py file, or a folder of modules.", show_default=False
    ),
]
Env = Annotated[
    PythonEnv | None,
    typer.Option(
        "--python-env",
        help="auto: visit a model of another scikit-learn in an environment of its own.",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Option of a plugin: key=value or stage.key=value.", show_default=False),
]
Force = Annotated[bool, typer.Option("--force", help="Run even if nothing has changed.")]
Framework = Annotated[
    str | None,
    typer.Option("--framework", help="Of the service: fastapi, flask, django or asgi (none).", show_default=False),
]
Grpc = Annotated[bool, typer.Option("--grpc", help="Answer the Open Inference Protocol over gRPC too.")]
Plugin = Annotated[str | None, typer.Option("--plugin", help="Plugin that does this stage.", show_default=False)]


def as_command(function: Callable[..., Answer]) -> Callable[..., None]:
    """Make ``function(screen, workspace, ...)`` a command with the common options, whose errors end in exit codes."""

    @functools.wraps(function)
    def run(*, json_: bool, quiet: bool, verbose: bool, root: Path, **own: Any) -> None:
        screen = Screen(as_json=json_, verbosity=verbose - quiet)
        try:
            screen.answer(function(screen, Workspace(root), **own))
        except MlshipError as error:
            screen.error(error)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            interrupted = InterruptedRunError("interrupted", "the same command goes on where this one stopped")
            screen.error(interrupted)
            raise typer.Exit(interrupted.exit_code) from None

    own = list(inspect.signature(function).parameters.values())[2:]
    default_root = Path(getattr(function, "workspace", "."))
    common = [
        _keyword("json_", Json, default=False),
        _keyword("quiet", Quiet, default=False),
        _keyword("verbose", Verbose, default=False),
        _keyword("root", Root, default=default_root),
    ]
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + common
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def run_stages(
    screen: Screen,
    workspace: Workspace,
    stages: Sequence[str],
    *,
    given: Given | None = None,
    settings: Sequence[str] | None = None,
    flags: Mapping[str, Mapping[str, Any]] | None = None,
    chosen: Mapping[str, str | None] | None = None,
    force: Collection[str] = (),
) -> list[Done]:
    """Configure ``stages``, as ``configured`` does, and run them.

    One with a baseline is not skipped: that is a file which may have changed.
    """
    steps = configured(workspace, stages, settings=settings, flags=flags, chosen=chosen)
    force = {*force, *(step.stage for step in steps if getattr(step.instance, "baseline", None))}
    return pipeline.run(workspace, steps, given or Given(), screen, force=force)


def configured(
    workspace: Workspace,
    stages: Sequence[str],
    *,
    settings: Sequence[str] | None = None,
    flags: Mapping[str, Mapping[str, Any]] | None = None,
    chosen: Mapping[str, str | None] | None = None,
) -> list[Step]:
    """Configure ``stages`` from mlship.toml, ``settings``, ``flags`` and ``chosen`` plugins (by stage).

    Paths in mlship.toml are relative to it, all others to the current folder.
    """
    written = _located(config.read(workspace.config_file), workspace.root)
    picked = {stage: (chosen or {}).get(stage) for stage in stages}
    names = {stage: name or config.plugin_of(stage, written) for stage, name in picked.items()}
    classes = {stage: plugins.load(config.STAGES[stage][0], name) for stage, name in names.items()}
    assigned = config.distribute(config.parse_assignments(settings or (), stages), classes)
    return [
        Step(stage, *config.assemble(stage, written, assigned, (flags or {}).get(stage, {}), picked[stage]))
        for stage in stages
    ]


def brought(
    workspace: Workspace,
    model: Path | None,
    data: Path | None,
    target: str | None,
    trust: Sequence[str] | None,
    code: Path | None = None,
    python_env: PythonEnv | None = None,
) -> tuple[Given, str | None]:
    """Return what the user brings and the target: from the command line, else mlship.toml, else the last conversion.

    Names that the user trusts are remembered in mlship.toml.
    """
    remember(workspace.config_file, trust or ())
    project = config.read(workspace.config_file).project
    last: Record | None = workspace.manifest().stages.get("convert")
    base = workspace.root
    own = code or (base / project.code if project.code else None)
    if model is None and project.model is None and last is not None:
        files = {kind: workspace.located(file) for kind, file in last.inputs.items()}
        env = python_env or ("auto" if "environment" in last.facts else project.python_env)
        terms = Terms(project.trust, own or files.get("code"), env)
        given = Given(files.get("original"), data or files.get("sample"), terms)
        return given, target or last.options.get("target")
    found = model or (base / project.model if project.model else None)
    sample = data or (base / project.data if project.data else None)
    if last is not None and found is not None and workspace.shown(found) == last.inputs["original"].path:
        own = own or (workspace.located(last.inputs["code"]) if "code" in last.inputs else None)
    terms = Terms(project.trust, own, python_env or project.python_env)
    return Given(found, sample, terms), target or project.target


def results(done: Sequence[Done]) -> dict[str, Any]:
    """Return what came of the stages, for --json."""
    return {"stages": {item.record.stage: pipeline.to_json(item) for item in done}}


def stages_from(first: str | None, stages: Sequence[str] = ORDER) -> list[str]:
    """Return ``first`` and the stages after it; an empty list when it is None."""
    return [] if first is None else list(stages[list(stages).index(first) :])


@contextmanager
def storing() -> Iterator[None]:
    """Turn errors of the file system into such as say what to do."""
    try:
        yield
    except OSError as error:
        raise storage_error(error) from error


def _located(written: config.Config, root: Path) -> config.Config:
    """Return the configuration with its paths from where mlship is run."""
    stages = {stage: dict(table) for stage, table in written.stages.items()}
    for stage, option in (("benchmark", "baseline"), ("build", "wheels"), ("build", "base")):
        value = stages.get(stage, {}).get(option)
        # the name of a base image is no path, unless it looks like one
        if isinstance(value, str) and (option != "base" or value.startswith(("./", "../")) or value.endswith(".tar")):
            stages[stage][option] = str(root.absolute() / value)
    return written.model_copy(update={"stages": stages})


def _keyword(name: str, annotation: Any, *, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def run_single(
    screen: Screen,
    workspace: Workspace,
    stage: str,
    kind: str,
    *,
    plugin: str | None,
    settings: Sequence[str] | None,
    force: bool,
    options: Mapping[str, Any] | None = None,
) -> Answer:
    """Run one stage on what the workspace holds; the answer is where its artifact ``kind`` lies.

    ``options`` are those of the plugin that have a flag of their own.
    """
    forced = [stage] if force else []
    flags = {stage: options or {}}
    done = run_stages(screen, workspace, [stage], settings=settings, flags=flags, chosen={stage: plugin}, force=forced)
    record = done[0].record
    if kind not in record.outputs:
        return Answer(results(done), record.summary)
    path = f"{kind}/" if record.published else record.outputs[kind].path
    return Answer(results(done), f"{path}: {record.summary}", brief=path)
