"""Custom resources held against their CustomResourceDefinition, strictly: no field that is not known."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from mlship.errors import UsageError
from mlship.stages import Checked


def check(validator: str, definition: Path, files: Sequence[Path]) -> Checked:
    """Validate every object in ``files`` against the schema of its version in ``definition``.

    Raises UsageError where ``definition`` is none. Source: Kubernetes, "Extend the Kubernetes API with
    CustomResourceDefinitions", structural schemas.
    """
    schemas = _schemas(definition)
    found: list[str] = []
    count = 0
    for path in files:
        for resource in filter(None, yaml.safe_load_all(path.read_bytes())):
            count += 1
            told = resource if isinstance(resource, dict) else {}
            key = f"{told.get('apiVersion')} {told.get('kind')}"
            found += [f"{path.name}: {said}" for said in _errors(resource, schemas.get(key), key)]
    return Checked(validator, not found, "\n".join(found) if found else f"{count} objects, strictly")


def _errors(resource: Any, schema: dict[str, Any] | None, key: str) -> Iterator[str]:
    if schema is None:
        yield f"{key} is not what the definition defines"
        return
    for error in jsonschema.Draft202012Validator(schema).iter_errors(resource):
        yield f"{error.json_path}: {error.message}"


def _schemas(definition: Path) -> dict[str, dict[str, Any]]:
    """Return the schemas by "group/version Kind"."""
    # in C where it is there: a definition has tens of thousands of lines
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    hint = "--set crd=FILE names the CustomResourceDefinition of KServe's release"
    try:
        spec = next(filter(None, yaml.load_all(definition.read_bytes(), Loader=loader)))["spec"]  # safe
        return {
            f"{spec['group']}/{version['name']} {spec['names']['kind']}": _strict(version["schema"]["openAPIV3Schema"])
            for version in spec["versions"]
        }
    except OSError as error:
        raise UsageError(f"'{definition}' cannot be read: {error.strerror}", hint) from error
    except (yaml.YAMLError, KeyError, TypeError, StopIteration) as error:
        raise UsageError(f"'{definition}' is not a CustomResourceDefinition", hint) from error


def _strict(schema: Any, *, is_root: bool = True) -> Any:
    """Return the schema in the words of JSON Schema, with every object closed that does not say it is open."""
    if isinstance(schema, list):
        return [_strict(each, is_root=False) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    fields = schema.get("properties")
    made = {key: _strict(value, is_root=False) for key, value in schema.items() if key != "properties"}
    if fields is None:
        return made
    made["properties"] = {name: _strict(each, is_root=False) for name, each in fields.items()}
    if is_root:
        made["properties"]["metadata"] = {"type": "object"}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    return made if is_open else {**made, "additionalProperties": False}
