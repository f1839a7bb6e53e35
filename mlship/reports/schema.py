"""The published schema of report.json, made from its model."""

import json
from typing import Any

from mlship.reports.model import Report


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of report.json as it is written: every field is there."""
    return Report.model_json_schema(mode="serialization")


def text() -> str:
    """Return the schema as it stands in docs/report.schema.json."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
