"""ARM templates of container apps held against the types in Azure's own library, where that is installed."""

import importlib
import json
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from mlship.stages import Checked

_NAME = "azure-mgmt-appcontainers"
_TYPE = "Microsoft.App/containerApps"


def check(folder: Path) -> Checked:
    """Hold every container app in the templates of ``folder`` against its type: no property that is not known."""
    try:
        shapes = importlib.import_module("azure.mgmt.appcontainers.types")
        models = importlib.import_module("azure.mgmt.appcontainers.models")
    except ModuleNotFoundError:
        return Checked(_NAME, None, f"{_NAME} 5 or newer is not installed")
    names = {**vars(models), **vars(shapes)}
    found: list[str] = []
    count = 0
    for path in sorted(folder.glob("*.json")):
        for resource in json.loads(path.read_bytes())["resources"]:
            if resource["type"] == _TYPE:
                count += 1
                # the version of the interface stands in a template, and not in what it says
                said = {key: value for key, value in resource.items() if key != "apiVersion"}
                found += problems(shapes.ContainerApp, said, path.name, names)
    return Checked(_NAME, not found, "\n".join(found) if found else f"{count} templates have known properties alone")


def problems(kind: Any, value: Any, where: str, names: Mapping[str, Any]) -> Iterator[str]:
    """Say what of ``value`` does not fit the type ``kind``; ``names`` are those that its annotations use.

    Expressions of ARM fit everywhere, as only Azure can tell what they come to.
    """
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        return
    if hasattr(kind, "__required_keys__"):
        yield from _object(kind, value, where, names)
    elif typing.get_origin(kind) is list and isinstance(value, list):
        for index, each in enumerate(value):
            yield from problems(typing.get_args(kind)[0], each, f"{where}[{index}]", names)
    elif typing.get_origin(kind) is dict and isinstance(value, dict):
        for key, each in value.items():
            yield from problems(typing.get_args(kind)[1], each, f"{where}.{key}", names)
    elif typing.get_origin(kind) in {typing.Union, types.UnionType}:
        values = [each.value for choice in typing.get_args(kind) if _is_enum(choice) for each in choice]
        if values and value not in values:
            yield f"{where}: {value!r} is none of {', '.join(map(str, values))}"
    elif not _is(value, kind):
        yield f"{where}: {value!r} is not of type {getattr(kind, '__name__', kind)}"


def _object(kind: Any, value: Any, where: str, names: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is not an object"
        return
    hints = typing.get_type_hints(kind, localns=dict(names), include_extras=True)
    # only those that say so: where one type extends another, the library forgets that the rest may be left out
    required = {key for key, hint in hints.items() if typing.get_origin(hint) is typing.Required}
    for key in sorted(required - value.keys()):
        yield f"{where}: {key} is missing"
    for key, each in value.items():
        if key not in hints:
            yield f"{where}.{key}: there is no such property"
            continue
        wanted = typing.get_args(hints[key])[0] if key in required else hints[key]
        yield from problems(wanted, each, f"{where}.{key}", names)


def _is(value: Any, kind: Any) -> bool:
    if kind is Any:
        return True
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, (int, float) if kind is float else typing.get_origin(kind) or kind)


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)
