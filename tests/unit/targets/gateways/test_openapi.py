"""From OpenAPI 3.1 to 3.0."""

from typing import Any

import pytest

from mlship.targets.gateways.openapi import schema_3_0, to_3_0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"type": "string"}, {"type": "string"}),
        ({"type": ["number", "null"]}, {"type": "number", "nullable": True}),
        ({"type": ["boolean", "integer"]}, {"anyOf": [{"type": "boolean"}, {"type": "integer"}]}),
        ({"type": "null"}, {"nullable": True}),
        ({"const": 3}, {"enum": [3]}),
        ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
        ({"type": "string", "examples": ["a", "b"]}, {"type": "string", "example": "a"}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        (
            {"type": "array", "prefixItems": [{"title": "a", "type": "number"}, {"title": "b", "type": "number"}]},
            {"type": "array", "items": {"type": "number"}},
        ),
        (
            {"type": "array", "prefixItems": [{"type": "number"}, {"type": ["string", "null"]}]},
            {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "string", "nullable": True}]}},
        ),
        ({"$ref": "#/components/schemas/Problem", "description": "b"}, {"$ref": "#/components/schemas/Problem"}),
        ({"oneOf": [{"const": 1}, {"const": 2}]}, {"oneOf": [{"enum": [1]}, {"enum": [2]}]}),
        ({"type": "string", "contentEncoding": "base64"}, {"type": "string"}),
        (
            {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
            {"type": "object", "additionalProperties": {"type": "string", "nullable": True}},
        ),
    ],
    ids=str,
)
def test_a_schema_is_told_in_the_words_of_3_0(given: dict[str, Any], told: dict[str, Any]) -> None:
    assert schema_3_0(given) == told


def test_columns_of_the_model_may_have_the_names_of_keywords() -> None:
    fields = {"type": "object", "properties": {"schema": {"type": "number"}, "examples": {"const": 1}}}
    assert schema_3_0(fields) == {
        "type": "object",
        "properties": {"schema": {"type": "number"}, "examples": {"enum": [1]}},
    }


def test_examples_of_the_user_are_left_alone() -> None:
    content = {"schema": {"type": ["number", "null"]}, "examples": {"one": {"value": {"schema": {"type": []}}}}}
    document = {"openapi": "3.1.0", "info": {}, "paths": {"/a": {"post": {"content": content}}}}
    told = to_3_0(document)
    assert told["openapi"] == "3.0.3"
    assert told["paths"]["/a"]["post"]["content"] == {**content, "schema": {"type": "number", "nullable": True}}
