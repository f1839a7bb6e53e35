"""From OpenAPI 3.1, which services tell, to OpenAPI 3.0, which some gateways read.

Source: OpenAPI Specification 3.0.3, section "Schema Object", and 3.1.0, whose schemas are those of JSON Schema 2020-12.
"""

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

#: What a schema may say in both, nested schemas apart.
_KEPT = frozenset(
    {
        "default",
        "deprecated",
        "description",
        "discriminator",
        "enum",
        "example",
        "externalDocs",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "nullable",
        "pattern",
        "readOnly",
        "required",
        "title",
        "uniqueItems",
        "writeOnly",
        "xml",
    }
)
#: What holds values of the user's, not parts of the document.
_VALUES = frozenset({"example", "examples", "default"})


def to_3_0(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document in OpenAPI 3.0.3; what 3.0 has no words for allows more than it did, never less."""
    told = {key: value for key, value in document.items() if key not in {"webhooks", "jsonSchemaDialect"}}
    found = {key: _walk(value) for key, value in told.items()} | {"openapi": "3.0.3"}
    if schemas := document.get("components", {}).get("schemas"):
        found["components"]["schemas"] = {name: schema_3_0(each) for name, each in schemas.items()}
    return found


def schema_3_0(schema: Any) -> Any:
    """Return one schema in the words of OpenAPI 3.0."""
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    found: Schema = {key: value for key, value in schema.items() if key in _KEPT}
    found |= _bounds(schema) | _nested(schema)
    if "const" in schema:
        found["enum"] = [schema["const"]]
    if schema.get("examples"):
        found["example"] = schema["examples"][0]
    return found | _type(schema)


def _walk(part: Any) -> Any:
    if isinstance(part, list):
        return [_walk(each) for each in part]
    if not isinstance(part, Mapping):
        return part
    return {
        key: value if key in _VALUES else schema_3_0(value) if key == "schema" else _walk(value)
        for key, value in part.items()
    }


def _type(schema: Mapping[str, Any]) -> Schema:
    """Write the type, or the types, of a value: 3.0 knows one, and "nullable"."""
    given = schema.get("type", [])
    types = [given] if isinstance(given, str) else list(given)
    nullable = {"nullable": True} if "null" in types else {}
    types = [each for each in types if each != "null"]
    if len(types) == 1:
        return {"type": types[0], **nullable}
    alternatives = {"anyOf": [{"type": each, **_items_of(each)} for each in types]} if types else {}
    return {**alternatives, **nullable}


def _items_of(kind: str) -> Schema:
    return {"items": {}} if kind == "array" else {}  # which 3.0 wants to be there


def _bounds(schema: Mapping[str, Any]) -> Schema:
    found: Schema = {}
    for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in schema:
            found |= {plain: schema[exclusive], exclusive: True}
    return found


def _nested(schema: Mapping[str, Any]) -> Schema:
    found: Schema = {}
    if "prefixItems" in schema:
        found["items"] = _any_of([schema_3_0(each) for each in schema["prefixItems"]])
    elif "items" in schema or schema.get("type") == "array":
        found["items"] = schema_3_0(schema.get("items", {}))
    if "properties" in schema:
        found["properties"] = {name: schema_3_0(each) for name, each in schema["properties"].items()}
    if "additionalProperties" in schema:
        found["additionalProperties"] = schema_3_0(schema["additionalProperties"])
    if "not" in schema:
        found["not"] = schema_3_0(schema["not"])
    for key in ("allOf", "oneOf", "anyOf"):
        if key in schema:
            found[key] = [schema_3_0(each) for each in schema[key]]
    return found


def _any_of(schemas: list[Schema]) -> Schema:
    """Return what allows each of ``schemas``: 3.0 has one schema for all items of an array."""
    plain = [{key: value for key, value in each.items() if key not in {"title", "description"}} for each in schemas]
    distinct = [each for number, each in enumerate(plain) if each not in plain[:number]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
