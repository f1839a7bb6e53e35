"""The OpenAPI description of /predict: the model's own fields, with golden examples."""

from collections.abc import Sequence
from typing import Any

from core.examples import Example
from core.settings import Settings
from core.signature import Column, Output, Signature

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
    content = {"schema": _request(signature, settings.max_rows), "examples": bodies}
    answers = {example.name: {"value": example.answer} for example in examples}
    problem = {"content": {"application/json": {"schema": PROBLEMS}}}
    return {
        "parameters": [_outputs(signature)],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {
                "description": "The answers, one for each row, in the order of the rows.",
                "content": {"application/json": {"schema": _answer(signature), "examples": answers}},
            },
            "413": {"description": f"The body is larger than {settings.max_body_bytes} bytes.", **problem},
            "422": {"description": "The request is wrong; each problem names its field.", **problem},
            "503": {"description": "The model does not answer its golden example right.", **problem},
        },
    }


PROBLEMS: Schema = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "msg", "type"],
                "properties": {
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "msg": {"type": "string"},
                    "type": {"type": "string"},
                },
            },
        }
    },
}

_FORMS = ("features", "records")


def _request(signature: Signature, max_rows: int) -> Schema:
    columns = [_column(column) for column in signature.columns]
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
    return {
        "oneOf": [_form(form, told[form], item, max_rows) for form, item in zip(_FORMS, (values, fields), strict=True)]
    }


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
    schema: Schema = {"title": column.name, "type": [column.type, "null"] if column.nullable else column.type}
    seen = ""
    if column.minimum is not None and column.maximum is not None:
        seen = f"In the sample: {column.minimum:g} to {column.maximum:g}."
    if column.categories:
        seen = f"In the sample: {', '.join(column.categories)}."
    missing = "null is a missing value." if column.nullable else ""
    description = " ".join(part for part in (seen, missing) if part)
    return {**schema, "description": description} if description else schema


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
        "description": f"What to answer besides the prediction: comma-separated names of {', '.join(names)}.",
        "schema": {"type": "string"},
        "example": "all",
    }
