"""Read report.json, of this schema version only: older figures were measured and named otherwise."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlship.errors import UsageError
from mlship.reports.model import SCHEMA_VERSION, Report

_AGAIN = "measure again with this mlship: mlship benchmark"


def read(path: Path) -> Report:
    """Read a report, or that of a folder; raises UsageError when it is not there, damaged, or of another version."""
    file = path / "report.json" if path.is_dir() else path
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"there is no report '{file}'", "mlship benchmark writes one: report/report.json") from error
    except OSError as error:
        raise UsageError(f"'{file}' cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"'{file}' is not a report: it is not JSON ({error})", _AGAIN) from error
    _require_version(content, file)
    try:
        return Report.model_validate(content)
    except ValidationError as error:
        raise UsageError(f"'{file}' is damaged: {_first(error)}", _AGAIN) from error


def _require_version(content: Any, file: Path) -> None:
    version = content.get("schema_version") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise UsageError(f"'{file}' is not a report of mlship benchmark: it has no schema_version", _AGAIN)
    if version != SCHEMA_VERSION:
        age, hint = ("older", _AGAIN) if version < SCHEMA_VERSION else ("newer", "pip install --upgrade mlship")
        versions = f"it has schema version {version}, this one reads {SCHEMA_VERSION}"
        raise UsageError(f"'{file}' was made by {'an' if age == 'older' else 'a'} {age} mlship: {versions}", hint)


def _first(error: ValidationError) -> str:
    told = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, told['loc'])) or 'the document'}: {told['msg']}"
