"""The OpenAPI description of bodies and answers that are not JSON."""

from collections.abc import Sequence

from core.bodies.answers import ARROW, CSV, NPY, TYPES
from core.http import JSON
from core.protocols.describe import Schema, problems

_BYTES: Schema = {"type": "string", "format": "binary"}

_BODIES: dict[str, str] = {
    CSV: "Rows as CSV in UTF-8. Its first line is a header where it names a column; the parameter header=present or "
    "header=absent of the Content-Type says so. An empty cell is a missing value.",
    NPY: "Rows as one .npy array of numbers, NaN where a value is missing.",
}
_TABLE = "Rows as a table, its columns found by name; read where the package pyarrow is installed."
_ANSWERS: dict[str, str] = {
    CSV: "One line a row, below a header.",
    NPY: "One array: the output that is asked for.",
    ARROW: "A stream with one column an output.",
}


def described(operation: Schema, types: Sequence[str]) -> Schema:
    """Return an operation that takes JSON, and answers with it, with bodies of ``types`` and all kinds of answers."""
    given = {kind: _content(_BODIES.get(kind, _TABLE)) for kind in types}
    answers = {kind: _content(_ANSWERS[kind]) for kind in TYPES if kind != JSON}
    body, right = operation["requestBody"], operation["responses"]["200"]
    return {
        **operation,
        "requestBody": {**body, "content": {**body["content"], **given}},
        "responses": {
            **operation["responses"],
            "200": {**right, "content": {**right["content"], **answers}},
            **problems(406),
        },
    }


def _content(description: str) -> Schema:
    return {"schema": {**_BYTES, "description": description}}
