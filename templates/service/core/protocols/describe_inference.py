"""The OpenAPI description of the Open Inference Protocol over REST, with a golden example as the example."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.http import JSON
from core.protocols.describe import REFUSALS, Schema, problems
from core.protocols.tensors import BYTES, NUMBERS
from core.runtime.examples import Example
from core.runtime.signature import Signature

if TYPE_CHECKING:
    from core.service import Service

_GUARDED = (401, 429)
_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}


def operations(service: "Service", metadata: Mapping[str, Any]) -> dict[str, Schema]:
    """Return the OpenAPI operations by a short name; ``metadata`` is that of the model."""
    ready = _get("May requests be sent?", "The model has answered a golden example right.", _READY)
    ready["responses"]["503"] = {"description": "Why not.", "content": {JSON: {"schema": _READY}}}
    live = _get("Is the server alive?", "It is.", _object({"live": _FLAG}))
    body = {JSON: {"schema": _REQUEST, **_example(service.model.signature, service.examples, metadata)}}
    infer = _get("Answer tensors", "The outputs that are asked for, else all.", _ANSWER, *REFUSALS, 404)
    del infer["responses"]["422"]  # in this protocol, what is wrong with a tensor is a bad request
    return {
        "server": _get("Which server is this?", "The metadata of the server.", _SERVER, *_GUARDED),
        "live": live,
        "ready": ready,
        "model": _get("What does the model take and give?", "The metadata of the model.", _MODEL, *_GUARDED, 404),
        "model_ready": {**ready, "responses": {**ready["responses"], **problems(404)}},
        "infer": {**infer, "requestBody": {"required": True, "content": body}},
    }


def of_model(operation: Schema, metadata: Mapping[str, Any], *, version: bool) -> Schema:
    """Return an operation with the parameters of its path: the model's name, and its ``version`` if it is there."""
    told = {"model_name": metadata["name"], "model_version": metadata["versions"][0]}
    names = ("model_name", "model_version") if version else ("model_name",)
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT, "example": told[name]} for name in names
    ]
    return {**operation, "parameters": parameters}


def _object(properties: Schema, required: Sequence[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else list(required),
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _get(summary: str, description: str, schema: Schema, *refusals: int) -> Schema:
    answer = {"description": description, "content": {JSON: {"schema": schema}}}
    return {"summary": summary, "responses": {"200": answer, **problems(*refusals)}}


def _example(signature: Signature, examples: Sequence[Example], metadata: Mapping[str, Any]) -> Schema:
    if not examples:
        return {}
    rows = examples[0].features["features"]
    inputs = []
    for described in metadata["inputs"]:
        mine = [(c.index, place) for place, c in enumerate(signature.columns) if c.tensor == described["name"]]
        data = [[row[place] for _, place in sorted(mine)] for row in rows]
        inputs.append({**described, "shape": [len(rows), len(mine)], "data": data})
    return {"example": {"id": "1", "inputs": inputs}}


_SHAPE = _list({"type": "integer"})
_DATATYPE: Schema = {"type": "string", "enum": [*NUMBERS, BYTES]}
_PARAMETERS: Schema = {
    "type": ["object", "null"],
    "description": "binary_data_size, binary_data, binary_data_output; others.",
}
_DATA: Schema = {"type": "array", "description": "Values in row-major order, flat or as rows; null is a missing one."}
_TENSOR: Schema = {"name": _TEXT, "shape": _SHAPE, "datatype": _DATATYPE, "parameters": _PARAMETERS, "data": _DATA}
_TENSORS = _list(_object(_TENSOR, ("name", "shape", "datatype")))
_WANTED: Schema = {**_list(_object({"name": _TEXT, "parameters": _PARAMETERS}, ("name",))), "type": ["array", "null"]}
_REQUEST = _object(
    {"id": {"type": ["string", "null"]}, "parameters": _PARAMETERS, "inputs": _TENSORS, "outputs": _WANTED}, ("inputs",)
)
_ANSWER = _object(
    {"model_name": _TEXT, "model_version": _TEXT, "id": _TEXT, "outputs": _TENSORS},
    ("model_name", "model_version", "outputs"),
)
_DESCRIBED = _list(_object({"name": _TEXT, "datatype": _DATATYPE, "shape": _SHAPE}))
_PROPERTIES: Schema = {"type": "object", "additionalProperties": _TEXT}
_MODEL = _object(
    {
        "name": _TEXT,
        "versions": _list(_TEXT),
        "platform": _TEXT,
        "inputs": _DESCRIBED,
        "outputs": _DESCRIBED,
        "properties": _PROPERTIES,
    }
)
_SERVER = _object({"name": _TEXT, "version": _TEXT, "extensions": _list(_TEXT)})
_READY = _object({"ready": _FLAG, "error": _TEXT}, ("ready",))
