"""Columns on their way through the steps of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlship.errors import UnsupportedModelError
from mlship.pmml.nodes import Value, kind_of


@dataclass(frozen=True)
class Cell:
    """One column; ``null`` is what a missing value was in the original, ``sparse`` that zeros are not stored there."""

    value: Value
    null: Literal["nan", "none"] = "nan"
    sparse: bool = False

    @property
    def kind(self) -> Literal["number", "string"]:
        """Text, or numbers (truth values too)."""
        return "string" if kind_of(self.value) == "string" else "number"


Block = Sequence[Cell]


def numbers(block: Block) -> list[Value]:
    """Return the values of numeric columns; raises UnsupportedModelError where there is text among them."""
    if any(cell.kind == "string" for cell in block):
        raise UnsupportedModelError("a step that computes with numbers is given a column of text")
    return [cell.value for cell in block]


def row(values: Sequence[Value]) -> NDArray[np.object_]:
    """Return one row, (1, len(values))."""
    result = np.empty((1, len(values)), dtype=object)
    result[0, :] = values
    return result


def single(value: Value) -> NDArray[np.object_]:
    """Return one value, (1,)."""
    result = np.empty(1, dtype=object)
    result[0] = value
    return result


def plain(values: Any) -> tuple[Any, ...]:
    """Return labels as Python values."""
    array = np.asarray(values)
    return (
        tuple(str(v) for v in array)
        if array.dtype.kind in "OU" and all(isinstance(v, str) for v in array)
        else tuple(array.tolist())
    )
