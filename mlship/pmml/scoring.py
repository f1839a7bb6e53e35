"""Scores PMML files in pypmml, which needs Java; the answers come back in the shapes of the golden set."""

import importlib.util
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.errors import ModelError
from mlship.golden import Golden, Tensors
from mlship.signature import MISSING_STRING, Column

#: Letters of an evaluator's complaint that are passed on.
_MOST_SAID = 200


def available() -> bool:
    """Say whether pypmml and a Java runtime are there."""
    return not lacking()


def lacking() -> tuple[str, ...]:
    """Return what is to be installed before a file can be scored here."""
    found = {"mlship[pmml]": importlib.util.find_spec("pypmml"), "Java": shutil.which("java")}
    return tuple(name for name, where in found.items() if where is None)


def scorable(inputs: Tensors, columns: Sequence[Column]) -> NDArray[np.bool_]:
    """Return which rows, (rows,), pypmml can be given: JSON has no way to write an infinite number."""
    numeric = [inputs[column.tensor][:, column.index] for column in columns if column.type != "string"]
    rows = len(next(iter(inputs.values())))
    return ~np.any([np.isinf(values) for values in numeric], axis=0) if numeric else np.ones(rows, dtype=bool)


def score(
    path: Path, fields: Mapping[str, Sequence[str]], columns: Sequence[Column], golden: Golden
) -> dict[str, NDArray[Any]]:
    """Return what pypmml answers for the golden rows, by output.

    ``fields`` are the output fields of each answer. Java is started once and ends with this process.
    No row of ``golden`` may hold an infinite number, see ``scorable``.
    Raises ModelError when pypmml cannot read or score the file.
    """
    from py4j.protocol import Py4JError
    from pypmml import Model
    from pypmml.jvm import PMMLError

    names = [column.name for column in columns]
    rows = json.dumps({"columns": names, "data": records(golden.inputs, columns)})
    try:
        table = json.loads(Model.fromFile(str(path)).predict(rows))
    except (PMMLError, Py4JError) as error:
        message = f"pypmml cannot score {path.name} with {len(golden):,} rows: {_brief(error)}"
        raise ModelError(message, "--to onnx") from error
    found = dict(zip(table["columns"], zip(*table["data"], strict=True), strict=True))
    return shaped(found, fields, golden)


def records(inputs: Tensors, columns: Sequence[Column]) -> list[list[Any]]:
    """Return the rows as lists of Python values, None where a value is missing."""
    values = [_python(inputs[column.tensor][:, column.index], column) for column in columns]
    return [list(row) for row in zip(*values, strict=True)]


def shaped(
    found: Mapping[str, Sequence[Any]], fields: Mapping[str, Sequence[str]], golden: Golden
) -> dict[str, NDArray[Any]]:
    """Return an evaluator's columns as outputs, each with the shape and type of the original's."""
    result = {}
    for output, expected in golden.outputs.items():
        if all(name in found for name in fields[output]):
            stacked = np.stack([_typed(found[name], expected.dtype) for name in fields[output]], axis=1)
            result[output] = stacked[:, 0] if expected.ndim == 1 else stacked
    return result


def _brief(error: Exception) -> str:
    """Return the first line of what Java said; the rows and the stack trace come below it."""
    lines = (str(error.args[-1]) if len(error.args) > 1 else str(error)).strip().splitlines()
    return lines[0][:_MOST_SAID] if lines else type(error).__name__


def _python(values: NDArray[Any], column: Column) -> list[Any]:
    if column.type == "string":
        return [None if value == MISSING_STRING else str(value) for value in values]
    plain = (values != 0).tolist() if column.type == "boolean" else values.astype(np.float64).tolist()
    return [None if gone else value for gone, value in zip(np.isnan(values), plain, strict=True)]


def _typed(values: Sequence[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "O":
        return np.array([MISSING_STRING if value is None else value for value in values], dtype=object)
    numbers = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    whole = dtype.kind in "iu" and bool((numbers == np.rint(numbers)).all())
    return numbers.astype(np.int64) if whole else numbers
