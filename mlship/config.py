"""Configuration: mlship.toml, ``--set`` and flags become the options of stage plugins."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlship import plugins
from mlship.errors import ConfigError
from mlship.stages import Stage

#: stage -> (group of its plugins, the plugin that is taken when none is named)
STAGES: dict[str, tuple[plugins.Group, str]] = {
    "convert": ("converters", "onnx"),
    "optimize": ("optimizers", "planner"),
    "scaffold": ("scaffolds", "fastapi"),
    "benchmark": ("benchmarks", "standard"),
    "build": ("images", "docker"),
}


class Project(BaseModel):
    """The [project] table: what is shipped. Paths are relative to mlship.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str | None = Field(None, description="the model file")
    data: str | None = Field(None, description="sample rows: CSV, Parquet, JSON lines, .npy or .npz")
    target: str | None = Field(None, description="column of the sample that holds the true answers")
    trust: tuple[str, ...] = Field((), description="names that the loading gate lets through")
    code: str | None = Field(None, description="your own code that the model needs: a .py file, or a folder")
    python_env: Literal["here", "auto"] = Field(
        "here", description="auto: models of another scikit-learn are visited in an environment of their own"
    )


class Config(BaseModel):
    """mlship.toml as a whole; ``stages`` holds the tables of the stages as they were written."""

    model_config = ConfigDict(frozen=True)

    project: Project = Project()
    stages: dict[str, dict[str, Any]] = {}


def read(path: Path) -> Config:
    """Read mlship.toml; an absent file is an empty configuration.

    Raises ConfigError for what is not TOML, and for tables and keys that do not exist.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Config()
    except (OSError, ValueError) as error:
        raise ConfigError(f"'{path.name}' cannot be read: {error}") from error
    known = ["project", *STAGES, "deploy"]
    for name, table in content.items():
        if name not in known or not isinstance(table, dict):
            raise ConfigError(f"'{path.name}' has no table [{name}]", plugins.nearest(name, known))
    project = content.pop("project", {})
    return Config(project=_validated(Project, project, "[project]"), stages=content)


def plugin_of(stage: str, config: Config) -> str:
    """Return the plugin that does ``stage`` where the command line names none."""
    return str(config.stages.get(stage, {}).get("plugin", STAGES[stage][1]))


def target(name: str, config: Config, settings: Mapping[str, Any], flags: Mapping[str, Any]) -> Stage:
    """Return the configured plugin of a deploy target: from [deploy] and [deploy.NAME], ``--set``, then given flags.

    Options in [deploy] are those of every target that has them. Raises ConfigError, PluginError.
    """
    tables, shared = _deploy_tables(config.stages.get("deploy", {}))
    fields = plugins.load("targets", name).model_fields
    own = tables.get(name, {})
    options = {key: value for key, value in shared.items() if key in fields} | own | dict(settings)
    options |= {key: value for key, value in flags.items() if value is not None}
    variables = [source["env"] for source in (shared, own, settings) if "env" in source]
    if all(isinstance(each, dict) for each in variables) and "env" in fields:
        # one variable more is no reason to lose the others
        options["env"] = {key: value for each in variables for key, value in each.items()}
    return configure("targets", name, options)


def _deploy_tables(table: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Return the tables [deploy.TARGET], and the options in [deploy], each of which some target has."""
    targets = plugins.names("targets")
    tables = {key: value for key, value in table.items() if key in targets}
    shared = {key: value for key, value in table.items() if key not in targets}
    for key, value in tables.items():
        if not isinstance(value, dict):
            raise ConfigError(f"[deploy]: '{key}' is a target, and has a table of its own", f"[deploy.{key}]")
    if shared:
        known = {
            name for target in plugins.BUILT_IN["targets"] for name in plugins.load("targets", target).model_fields
        }
        for key in shared.keys() - known:
            raise ConfigError(f"[deploy]: no target has an option '{key}'", plugins.nearest(key, [*known, *targets]))
    return tables, shared


def parse_assignments(assignments: Sequence[str], stages: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Turn ``--set key=value`` and ``--set stage.key=value`` into options by stage ("" where no stage is named).

    Values are read as TOML where they are TOML (numbers, booleans, lists), else as text.
    """
    result: dict[str, dict[str, Any]] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise ConfigError(f"'--set {assignment}' is not key=value", "for example: --set precision=float32")
        stage, dot, key = name.rpartition(".")
        if dot and stage not in stages:
            raise ConfigError(
                f"'--set {assignment}': no stage '{stage}' in this run", plugins.nearest(stage, list(stages))
            )
        result.setdefault(stage, {})[key] = _value(value)
    return result


def assemble(
    stage: str, config: Config, settings: Mapping[str, Mapping[str, Any]], flags: Mapping[str, Any], plugin: str | None
) -> tuple[str, Stage]:
    """Return the name and the configured plugin of ``stage``: from mlship.toml, then ``--set``, then given flags."""
    group, default = STAGES[stage]
    table = dict(config.stages.get(stage, {}))
    name = plugin or table.pop("plugin", default)
    table.pop("plugin", None)
    given = {key: value for key, value in flags.items() if value is not None}
    options = {**table, **settings.get(stage, {}), **given}
    return name, configure(group, name, options)


def distribute(
    settings: Mapping[str, Mapping[str, Any]], classes: Mapping[str, type[Stage]]
) -> dict[str, dict[str, Any]]:
    """Give settings that name no stage to the one stage that has such an option.

    Raises ConfigError when none has it, or several have.
    """
    result = {stage: dict(options) for stage, options in settings.items() if stage}
    for key, value in settings.get("", {}).items():
        owners = [stage for stage, kind in classes.items() if key in kind.model_fields]
        if len(owners) == 1 or len(classes) == 1:
            result.setdefault((owners or list(classes))[0], {})[key] = value
            continue
        if owners:
            raise ConfigError(f"several stages have the option '{key}'", f"for example: --set {owners[0]}.{key}=...")
        options = sorted({name for kind in classes.values() for name in kind.model_fields})
        raise ConfigError(f"no stage has the option '{key}'", plugins.nearest(key, options))
    return result


def configure(group: plugins.Group, name: str, options: Mapping[str, Any]) -> Stage:
    """Load plugin ``name`` and validate its options; raises ConfigError that names the nearest option."""
    kind = plugins.load(group, name)
    stage = _validated(kind, options, f"{group} plugin '{name}'")
    assert isinstance(stage, Stage)
    return stage


def _validated(kind: type[BaseModel], options: Mapping[str, Any], where: str) -> Any:
    try:
        return kind.model_validate_json(json.dumps(options, default=str))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigError(
                f"{where} has no option '{key}'", plugins.nearest(key, list(kind.model_fields))
            ) from error
        field = kind.model_fields.get(str(first["loc"][0]) if first["loc"] else "")
        hint = f"{key}: {field.description}" if field is not None and field.description else ""
        raise ConfigError(f"{where}: '{key}' cannot be {first['input']!r}: {first['msg'].lower()}", hint) from error


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text
