"""The OpenAPI description of what SageMaker asks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.bodies.answers import CSV
from core.http import JSON
from core.protocols import describe
from core.protocols.describe import REFUSALS, Schema, problems

if TYPE_CHECKING:
    from core.service import Service

PING: Schema = {
    "summary": "May SageMaker send requests?",
    "responses": {
        "200": {"description": "The model has answered a golden example right."},
        "503": {"description": "It has not, or the service is about to end."},
    },
}
_TEXT: Schema = {"type": "string"}


def invocations(service: "Service", names: Mapping[str, str]) -> Schema:
    """Return the OpenAPI operation of POST /invocations; ``names`` are what it calls the outputs."""
    asked = describe.predict(service.model.signature, service.examples, service.settings)
    content = asked["requestBody"]["content"][JSON]
    rows = service.examples[0].features["features"]
    row: Schema = {"type": "object", "required": list(names.values())}
    predictions: Schema = {
        "type": "object",
        "required": ["predictions"],
        "properties": {"predictions": {"type": "array", "items": row}},
    }
    return {
        "summary": "Answer rows of features, for SageMaker",
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"anyOf": [_INSTANCES, content["schema"]]}, "example": {"instances": rows}},
                CSV: {"schema": {**_TEXT, "description": "Rows in the order of the columns, without a header."}},
            },
        },
        "responses": {
            "200": {
                "description": "The answers, one for each row, in the order of the rows.",
                "content": {JSON: {"schema": predictions}, CSV: {"schema": {**_TEXT, "description": "No header."}}},
            },
            **problems(*REFUSALS, 406),
        },
    }


_INSTANCES: dict[str, Any] = {
    "type": "object",
    "description": 'Each instance is a list of values, {"features": such a list}, or an object of named values.',
    "required": ["instances"],
    "properties": {"instances": {"type": "array", "minItems": 1}},
    "additionalProperties": False,
}
