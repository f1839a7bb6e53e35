"""Rows that came column by column: put into the arrays that the decoder checks, under the name of what they came in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.problems import InvalidRequestError, Problem
from core.runtime.signature import Column

#: A column: numbers of any kind, NaN where one is missing; or strings, None where one is missing.
Values = NDArray[Any] | list[str | None]


def by_input(values: Sequence[Values], columns: Sequence[Column]) -> dict[str, NDArray[Any]]:
    """Return (rows, width) arrays of float64, or of objects, by ONNX input; ``values`` are in the order of ``columns``.

    The arrays are new, as some models write into what they are given.
    """
    parts: dict[str, list[tuple[int, Values]]] = {}
    for column, part in zip(columns, values, strict=True):
        parts.setdefault(column.tensor, []).append((column.index, part))
    return {name: _stacked([part for _, part in sorted(mine, key=_index)]) for name, mine in parts.items()}


@contextmanager
def placed(form: str) -> Iterator[None]:
    """Say that what is wrong with an array is wrong in a body of this ``form``: no client knows the ONNX input."""
    try:
        yield
    except InvalidRequestError as error:
        problems = [
            Problem((*problem.loc[:1], form, *problem.loc[2:]), problem.msg, problem.type) for problem in error.problems
        ]
        raise InvalidRequestError(problems, error.status, error.headers) from error


def _index(part: tuple[int, Values]) -> int:
    return part[0]


def _stacked(parts: Sequence[Values]) -> NDArray[Any]:
    strings = isinstance(parts[0], list)
    array = np.empty((len(parts[0]), len(parts)), dtype=object if strings else np.float64)
    for index, part in enumerate(parts):
        array[:, index] = part
    return array
