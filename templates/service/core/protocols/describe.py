"""The OpenAPI description of the service: the model's own fields, with golden examples."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.http import JSON, PROBLEM
from core.runtime.examples import Example
from core.runtime.signature import Column, Output, Signature
from core.settings import Settings

if TYPE_CHECKING:
    from core.service import Service

Schema = dict[str, Any]

_WHAT = {
    "prediction": "The answer for each row.",
    "probabilities": "The probability of each class, for each row.",
    "scores": "The score of the model, for each row.",
    "transformed": "The values that the model makes of each row.",
}


def predict(signature: Signature, examples: Sequence[Example], settings: Settings) -> Schema:
    """Return the OpenAPI operation of POST /predict."""
    bodies = {f"{example.name}, {form}": {"value": getattr(example, form)} for example in examples for form in _FORMS}
    content = {"schema": _request(signature, settings), "examples": bodies}
    answers = {example.name: {"value": example.answer} for example in examples}
    return {
        "summary": "Answer rows of features",
        "parameters": [_outputs(signature)],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {
                "description": "The answers, one for each row, in the order of the rows.",
                "content": {"application/json": {"schema": _answer(signature), "examples": answers}},
            },
            **problems(*REFUSALS),
        },
    }


#: A problem document (RFC 9457), with the members that the service adds.
PROBLEM_SCHEMA: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, in one line."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "detail", "type"],
                "properties": {
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "row": {"type": "integer", "description": "Number of the row, from 0."},
                    "field": {"type": "string"},
                    "detail": {"type": "string", "description": "What was expected, and what was found."},
                    "type": {"type": "string"},
                },
            },
        },
    },
}


def problems(*statuses: int) -> dict[str, Schema]:
    """Return the OpenAPI responses of these statuses, each a problem document."""
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": _STATUSES[status], "content": content} for status in statuses}


_STATUSES = {
    400: "The body cannot be read: it is not what its type says.",
    401: "An API key is missing or wrong.",
    404: "There is no such model.",
    406: "The answer cannot be of a type that the header Accept allows.",
    408: "The body did not arrive in time.",
    411: "The length of the body is missing.",
    413: "The body is too large.",
    415: "The body is of a type that is not read here.",
    422: "The request is wrong; each problem names its row and field.",
    429: "Too many requests; Retry-After tells when to try again.",
    503: "The model does not answer its golden example right.",
}

#: What any route that reads a body may answer.
REFUSALS = (400, 401, 408, 411, 413, 415, 422, 429, 503)


def document(service: "Service", own: Mapping[str, Any] | None = None) -> Schema:
    """Return the OpenAPI 3.1 document of all routes; ``own`` is that of a framework's own routes, which are kept."""
    paths: dict[str, Any] = {path: dict(item) for path, item in (own or {}).get("paths", {}).items()}
    for route in service.router.routes:
        paths.setdefault(route.path, {}).setdefault(route.method.lower(), dict(route.operation))
    components: dict[str, Any] = {name: dict(parts) for name, parts in (own or {}).get("components", {}).items()}
    components.setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    signature = service.model.signature
    told = {"title": service.name, "version": service.version, "description": f"{signature.model} ({signature.task})"}
    found: Schema = {"openapi": "3.1.0", "info": told, "paths": paths, "components": components}
    return _guarded(found, service) if service.settings.api_keys else found


def _guarded(found: Schema, service: "Service") -> Schema:
    """Say that an API key is asked for, and where it is not."""
    for route in service.router.routes:
        if route.open:
            found["paths"][route.path][route.method.lower()]["security"] = []
    found["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    return {**found, "security": [{"bearer": []}, {"header": []}]}


def _plain(summary: str, description: str, media_type: str = JSON, schema: Schema | None = None) -> Schema:
    content = {media_type: {"schema": schema or {"type": "object"}}}
    return {"summary": summary, "responses": {"200": {"description": description, "content": content}}}


_STATE: Schema = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}

LIVEZ = _plain("Is the process alive?", "It is.", schema=_STATE)
_READY = _plain("May requests be sent?", "The model has answered a golden example right.", schema=_STATE)
_NOT_READY: Schema = {"description": "Why not.", "content": {JSON: {"schema": _STATE}}}
READYZ = _READY | {"responses": {**_READY["responses"], "503": _NOT_READY}}
INFO = _plain("Which model answers, with which versions and limits?", "What an operator asks.")
METRICS = _plain("Metrics for Prometheus", "Its text format.", "text/plain", {"type": "string"})
OPENAPI = _plain("This document", "OpenAPI 3.1.")
INFO["responses"] |= problems(401, 429)
OPENAPI["responses"] |= problems(401, 429)

_FORMS = ("features", "records")


def _request(signature: Signature, settings: Settings) -> Schema:
    columns = [_column(column) | (_limits(column) if settings.check_ranges else {}) for column in signature.columns]
    width = len(columns)
    values: Schema = {"type": "array", "prefixItems": columns, "minItems": width, "maxItems": width}
    names = [column.name for column in signature.columns]
    fields: Schema = {
        "type": "object",
        "properties": dict(zip(names, columns, strict=True)),
        "required": names,
        "additionalProperties": False,
    }
    told = {"features": f"Rows of values, in this order: {', '.join(names)}", "records": "Rows of named values."}
    forms = zip(_FORMS, (values, fields), strict=True)
    return {"oneOf": [_form(form, told[form], item, settings.max_rows) for form, item in forms]}


def _form(name: str, told: str, item: Schema, max_rows: int) -> Schema:
    rows = {"type": "array", "description": told, "items": item, "minItems": 1, "maxItems": max_rows}
    return {
        "title": f"Rows as {name}",
        "type": "object",
        "properties": {name: rows},
        "required": [name],
        "additionalProperties": False,
    }


def _column(column: Column) -> Schema:
    types: list[str] = ["boolean", "integer"] if column.type == "boolean" else [column.type]
    types += ["null"] * column.nullable
    schema: Schema = {"title": column.name, "type": types if len(types) > 1 else types[0]}
    if column.type == "boolean":
        schema["enum"] = [True, False, 1, 0] + [None] * column.nullable
    seen = ""
    if column.minimum is not None and column.maximum is not None:
        seen = f"In the sample: {column.minimum:g} to {column.maximum:g}."
    if column.categories:
        seen = f"In the sample: {', '.join(column.categories)}."
    missing = "null is a missing value." if column.nullable else ""
    description = " ".join(part for part in (seen, missing) if part)
    return {**schema, "description": description} if description else schema


def _limits(column: Column) -> Schema:
    """Return what CHECK_RANGES asks of the values of a column."""
    if column.type == "boolean":
        return {}
    limits: Schema = {"minimum": column.minimum, "maximum": column.maximum}
    if column.categories:
        limits["enum"] = [*column.categories] + [None] * column.nullable
    return {name: limit for name, limit in limits.items() if limit is not None}


def _answer(signature: Signature) -> Schema:
    outputs = {output.name: _output(output) for output in signature.outputs}
    always = "prediction" if "prediction" in outputs else signature.outputs[0].name
    return {"type": "object", "properties": outputs, "required": [always]}


def _output(output: Output) -> Schema:
    value: Schema = {"type": [output.type, "null"] if output.type == "number" else output.type}
    if output.width is not None:
        value = {"type": "array", "items": value, "minItems": output.width, "maxItems": output.width}
    classes = f" Classes, in order: {', '.join(map(str, output.classes))}." if output.classes else ""
    return {"type": "array", "description": _WHAT[output.name] + classes, "items": value}


def _outputs(signature: Signature) -> Schema:
    names = ["all", *(output.name for output in signature.outputs)]
    return {
        "name": "outputs",
        "in": "query",
        "required": False,
        "description": "What to answer besides the prediction: names, separated by commas.",
        "style": "form",
        "explode": False,
        # "": ?outputs= asks for nothing more
        "schema": {"type": "array", "items": {"type": "string", "enum": [*names, ""]}},
        "example": ["all"],
    }
