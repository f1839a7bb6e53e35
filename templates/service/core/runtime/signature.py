"""The signature of the model: what goes in and out, as ``signature.json`` says."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

#: Stands for a missing value in ONNX string tensors, which cannot hold null.
MISSING_STRING = "\uffff"

Type = Literal["number", "integer", "boolean", "string"]
OutputName = Literal["prediction", "probabilities", "scores", "transformed"]


@dataclass(frozen=True)
class Column:
    """An input column: its values go to column ``index`` of the ONNX input ``tensor``.

    ``nullable`` says whether null is accepted. ``minimum``, ``maximum`` and ``categories`` are what the training sample
    showed; they document the service and limit nothing.
    """

    name: str
    type: Type
    tensor: str
    index: int
    nullable: bool = False
    null: Literal["nan", "none"] = "nan"
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Tensor:
    """An ONNX input of shape (rows, ``width``)."""

    name: str
    kind: Literal["number", "string"]
    width: int


@dataclass(frozen=True)
class Output:
    """An ONNX output: shape (rows,) where ``width`` is None, else (rows, width).

    ``type`` is the JSON type of its values, ``classes`` are the labels in column order.
    """

    name: OutputName
    type: Type
    width: int | None = None
    classes: tuple[str | int | float | bool, ...] | None = None


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs of a model."""

    schema_version: int
    model: str
    task: str
    named: bool
    columns: tuple[Column, ...]
    tensors: tuple[Tensor, ...]
    outputs: tuple[Output, ...]


def read(path: Path) -> Signature:
    """Read ``signature.json``.

    Raises OSError when it is not there, ValueError when it is damaged or of a version that this code does not know.
    """
    try:
        content = json.loads(path.read_bytes())
        groups = {"columns": Column, "tensors": Tensor, "outputs": Output}
        parts = {name: tuple(_made(kind, item) for item in content[name]) for name, kind in groups.items()}
        signature: Signature = _made(Signature, content | parts)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a signature: {error!r}") from error
    if signature.schema_version != 1:
        raise ValueError(f"{path} has schema version {signature.schema_version}, this code reads version 1")
    return signature


def _made(kind: type[Any], content: dict[str, Any]) -> Any:
    # The file may say more than the service needs.
    known = {field.name: content[field.name] for field in fields(kind) if field.name in content}
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in known.items()})
