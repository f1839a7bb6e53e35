"""Golden examples for a service: a few rows as request bodies, with the answers that the original model gave."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.errors import DataError
from mlship.golden import Golden
from mlship.replay import payload, sendable
from mlship.signature import MISSING_STRING, Column, Output, Signature

_SEVERAL = 5


def examples(golden: Golden, signature: Signature) -> list[dict[str, Any]]:
    """Return one example of one row and, where there are more, one of several rows spread over the golden set.

    Each is {"name", "features": body, "records": body, "answer": all outputs}, JSON values throughout. Rows of the
    sample come before stress rows. Raises DataError when no row can be sent as JSON.
    """
    rows = _usable(golden, signature)
    if not rows.size:
        raise DataError(
            "no golden row can be an example: each has an infinite or a misplaced value", "mlship convert --force"
        )
    spread = rows[np.unique(np.linspace(0, len(rows) - 1, num=min(_SEVERAL, len(rows)), dtype=np.int64))]
    found = [_example("one row", golden, signature, spread[:1])]
    return [*found, _example(f"{len(spread)} rows", golden, signature, spread)] if len(spread) > 1 else found


def text(found: list[dict[str, Any]]) -> str:
    """Write examples as the text of ``examples.json``, one body a line."""
    written = [",\n  ".join(f"{_line(key)}: {_line(value)}" for key, value in example.items()) for example in found]
    return '{"examples": [\n ' + ",\n ".join(f"{{{example}}}" for example in written) + "\n]}\n"


def _usable(golden: Golden, signature: Signature) -> NDArray[np.int64]:
    fine = np.zeros(len(golden), dtype=bool)
    fine[sendable(golden)] = True
    for column in signature.columns:
        fine &= _fits(golden.inputs[column.tensor][:, column.index], column)
    for values in golden.outputs.values():
        if values.dtype.kind == "f":
            fine &= np.isfinite(values).reshape(len(golden), -1).all(axis=1)
    plain = fine & np.array([not origin.startswith("stress") for origin in golden.origins], dtype=bool)
    return np.flatnonzero(plain if plain.any() else fine)


def _fits(values: NDArray[Any], column: Column) -> NDArray[np.bool_]:
    if column.type == "string":
        return np.array(
            [_is_text(value) and (column.nullable or value != MISSING_STRING) for value in values], dtype=bool
        )
    numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    whole = column.type == "number" or (np.isinf(numbers) | (np.floor(numbers) == numbers))
    return np.where(missing, column.nullable, whole)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _example(name: str, golden: Golden, signature: Signature, rows: NDArray[np.int64]) -> dict[str, Any]:
    features = payload(golden, signature, rows)
    names = [column.name for column in signature.columns]
    records = [dict(zip(names, row, strict=True)) for row in features["features"]]
    answer = {output.name: _values(golden.outputs[output.name][rows], output) for output in signature.outputs}
    return {"name": name, "features": features, "records": {"records": records}, "answer": answer}


def _values(values: NDArray[Any], output: Output) -> list[Any]:
    """Return JSON values in the user's type; the golden set keeps booleans as integers."""
    dtypes = {"boolean": np.bool_, "integer": np.int64, "number": np.float64, "string": np.object_}
    return list(values.astype(dtypes[output.type]).tolist())


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
