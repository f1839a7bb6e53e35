"""The signature: what goes in and out of a model, in the model's own names.

It is written once, when the original is visited, as ``signature.json``; the served code reads the same file.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from mlship.artifacts import write_atomic
from mlship.errors import DamagedWorkspaceError

#: Stands for a missing value in string tensors: ONNX strings cannot be null, and "" is a value of its own.
#: U+FFFF is a Unicode noncharacter, so no text carries it by right.
MISSING_STRING = "\uffff"

ColumnType = Literal["number", "integer", "boolean", "string"]
Task = Literal["classifier", "regressor", "clusterer", "outlier_detector", "density_estimator", "transformer"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Column(_Strict):
    """One input column as the user knows it.

    ``tensor`` and ``index`` say where its values go: column ``index`` of the ONNX input called ``tensor``.
    ``nullable`` says whether the original model accepts a missing value here; ``null`` which one it was trained with.
    ``minimum``, ``maximum`` (numbers) and ``categories`` (strings, at most 100) are what the sample shows: they
    document the service and limit nothing.
    """

    name: str
    type: ColumnType
    tensor: str
    index: int
    nullable: bool = False
    null: Literal["nan", "none"] = "nan"
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None


class Tensor(_Strict):
    """One ONNX input of shape (rows, ``width``): float64 numbers (missing: NaN), or strings (missing: U+FFFF)."""

    name: str
    kind: Literal["number", "string"]
    width: int


class Output(_Strict):
    """One ONNX output, called prediction, probabilities, scores or transformed.

    ``width`` None means shape (rows,), else (rows, width). ``type`` is the JSON type that users get; ``classes`` are
    the labels in column order, for probabilities and scores.
    """

    name: Literal["prediction", "probabilities", "scores", "transformed"]
    type: ColumnType
    width: int | None = None
    classes: tuple[str | int | float | bool, ...] | None = None


class Signature(_Strict):
    """Inputs and outputs of a model; ``named`` is False where column names were made up (x0, x1, ...).

    ``precision`` is that of the served graph: it decides how close to the original its answers must be. ``noise`` is by
    how much, absolute, the original's own answers for the same rows differ from call to call; 0 where they do not.
    ``loss`` says what was given up against the original to be smaller or faster; "" while the answers are its own.
    """

    schema_version: Literal[1] = 1
    model: str
    task: Task
    named: bool
    precision: Literal["float64", "float32"] = "float64"
    noise: float = 0.0
    loss: str = ""
    columns: tuple[Column, ...]
    tensors: tuple[Tensor, ...]
    outputs: tuple[Output, ...]


def write(signature: Signature, path: Path) -> None:
    """Write ``signature`` as JSON."""
    write_atomic(path, (signature.model_dump_json(indent=2) + "\n").encode())


def read(path: Path) -> Signature:
    """Read a signature; raises DamagedWorkspaceError when the file is not one."""
    try:
        return Signature.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DamagedWorkspaceError(f"'{path}' is not a signature: {error}", "mlship convert --force") from error
