"""mlship.lock: what each stage did, with which versions, options, inputs and outputs. Meant to be committed."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlship.artifacts import write_atomic
from mlship.errors import DamagedWorkspaceError

SCHEMA_VERSION = 1


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class File(_Strict):
    """An input or output: path relative to the workspace (or as the user gave it), sha256, bytes."""

    path: str
    sha256: str
    size: int


class Record(_Strict):
    """One run of one stage; ``fingerprint`` decides whether the next run can be skipped.

    ``published`` is the artifact kind that the user has a copy of beside mlship.toml.
    """

    stage: str
    plugin: str
    fingerprint: str
    options: dict[str, Any]
    versions: dict[str, str]
    inputs: dict[str, File]
    outputs: dict[str, File]
    seconds: float
    summary: str
    facts: dict[str, Any] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    published: str | None = None


class Manifest(_Strict):
    """The whole lock file: a record for each stage that has run, in the order of the pipeline."""

    schema_version: int = SCHEMA_VERSION
    stages: dict[str, Record] = Field(default_factory=dict)

    def with_record(self, record: Record, order: tuple[str, ...]) -> "Manifest":
        """Return a manifest in which ``record`` stands for its stage."""
        stages = {**self.stages, record.stage: record}
        known = [name for name in stages if name.partition("/")[0] in order]
        return Manifest(stages={name: stages[name] for name in sorted(known, key=_place(order))})


def _place(order: tuple[str, ...]) -> Callable[[str], tuple[int, str]]:
    return lambda name: (order.index(name.partition("/")[0]), name)


def read(path: Path) -> Manifest:
    """Read a lock file, upgraded to this version; an absent file is an empty manifest.

    Raises DamagedWorkspaceError when it is not a lock file, or one of a newer mlship.
    """
    try:
        content = path.read_text("utf-8")
    except FileNotFoundError:
        return Manifest()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error
    try:
        return Manifest.model_validate_json(json.dumps(upgrade(json.loads(content))))
    except (ValueError, ValidationError) as error:
        raise _damaged(path, str(error).splitlines()[0]) from error


def write(manifest: Manifest, path: Path) -> None:
    """Write the lock file atomically."""
    write_atomic(path, dumps(manifest.model_dump(mode="json")).encode())


def dumps(value: Any) -> str:
    """Return ``value`` as the JSON that mlship writes: in its own order, indented, with a final newline."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def upgrade(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Bring the content of an older lock file to the present schema; one step a version.

    Raises ValueError for a version that this mlship does not know.
    """
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema version {version!r} is not known to this mlship (it writes {SCHEMA_VERSION})")
    return content


def _damaged(path: Path, reason: str) -> DamagedWorkspaceError:
    return DamagedWorkspaceError(
        f"'{path.name}' is damaged: {reason}", f"restore it from version control, or delete it: rm {path.name}"
    )
