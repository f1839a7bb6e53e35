"""Replay golden rows against a running service over HTTP, and judge its answers."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.client import CONTRACT, Client, quoted
from mlship.errors import ServiceError
from mlship.golden import Golden
from mlship.parity import DOUBLE, Tolerance, Verdict, compare
from mlship.signature import MISSING_STRING, Column, Output, Signature

#: Rows in one request, and how many rows are sent once more on their own.
BATCH, SINGLES = 100, 16

_EXACT_INTEGERS = 2**53

#: Returns the outputs for golden rows of these numbers, by name.
Ask = Callable[[NDArray[np.int64]], Mapping[str, NDArray[Any]]]


def replay(
    url: str,
    golden: Golden,
    signature: Signature,
    tolerance: Tolerance = DOUBLE,
    *,
    timeout: float = 10.0,
    headers: Mapping[str, str] | None = None,
) -> Verdict:
    """POST golden rows to ``url``/predict, in batches and one by one, and compare the answers with the original's.

    Rows that hold infinite values are left out, because JSON cannot carry them; row numbers in the verdict are those of
    ``golden``. ``timeout`` is in seconds and holds for each request, with which ``headers`` are sent.
    Raises ServiceError when the service does not answer as the contract says; a wrong answer is a failed verdict.
    """
    with Client(url, timeout, headers=headers) as client:
        return judged(
            lambda rows: arrays(client.predict(payload(golden, signature, rows)), signature, len(rows)),
            golden,
            tolerance,
        )


def judged(ask: Ask, golden: Golden, tolerance: Tolerance) -> Verdict:
    """Ask for golden rows in batches and one by one, as ``replay`` does, whatever it is that answers."""
    rows = sendable(golden)
    if not len(rows):
        problem = "no golden row can be sent as JSON"
        allowed = tolerance.relative
        return Verdict(passed=False, rows=0, rows_off=0, labels_off=0, largest=0.0, allowed=allowed, problem=problem)
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    spread = rows[np.unique(np.linspace(0, len(rows) - 1, num=min(SINGLES, len(rows)), dtype=np.int64))]
    verdict = _ask(ask, golden, batches, tolerance)
    if not verdict.passed:
        return verdict
    one_by_one = _ask(ask, golden, [np.array([row]) for row in spread], tolerance)
    return verdict if one_by_one.passed else one_by_one


def sendable(golden: Golden) -> NDArray[np.int64]:
    """Return the row numbers that JSON can carry: those without infinite values in inputs and outputs."""
    fine = np.ones(len(golden), dtype=bool)
    for values in [*golden.inputs.values(), *golden.outputs.values()]:
        if values.dtype.kind == "f":
            fine &= ~np.isinf(values.reshape(len(golden), -1)).any(axis=1)
    return np.flatnonzero(fine)


def left_out(golden: Golden) -> str:
    """Say, to follow a verdict's sentence, how many rows are not sent: "" where all are."""
    count = len(golden) - len(sendable(golden))
    return f" ({count:,} {'row' if count == 1 else 'rows'} with infinite values cannot be sent as JSON)" * bool(count)


def payload(golden: Golden, signature: Signature, rows: Sequence[int] | NDArray[Any]) -> dict[str, Any]:
    """Build the request body {"features": [[...], ...]} of the given row numbers, columns in the signature's order."""
    columns = [_values(golden, column, rows) for column in signature.columns]
    return {"features": [list(row) for row in zip(*columns, strict=True)]}


def arrays(document: Any, signature: Signature, rows: int) -> dict[str, NDArray[Any]]:
    """Rebuild output arrays from an answer: {"prediction": [...], ...} of ``rows`` rows; absent ones stay absent.

    Numbers become float64 (null: NaN), integers and booleans int64, strings object (null: ``MISSING_STRING``).
    Raises ServiceError when a value is not of the type, or a list not of the shape, that the signature tells.
    """
    if not isinstance(document, dict):
        raise ServiceError(f"the service answered {quoted(document)} instead of an object", CONTRACT)
    return {output.name: _array(document, output, rows) for output in signature.outputs if output.name in document}


def _ask(ask: Ask, golden: Golden, batches: Sequence[NDArray[np.int64]], tolerance: Tolerance) -> Verdict:
    answers = [ask(rows) for rows in batches]
    rows = np.concatenate(batches)
    names = [name for name in answers[0] if all(name in answer for answer in answers)]
    together = {name: np.concatenate([answer[name] for answer in answers]) for name in names}
    verdict = compare(golden.take(rows), together, tolerance)
    if verdict.first is None:
        return verdict
    return dataclasses.replace(verdict, first=dataclasses.replace(verdict.first, row=int(rows[verdict.first.row])))


def _values(golden: Golden, column: Column, rows: Sequence[int] | NDArray[Any]) -> list[Any]:
    values = golden.inputs[column.tensor][np.asarray(rows), column.index]
    return [_value(value, column) for value in values.tolist()]


def _value(value: Any, column: Column) -> Any:
    if isinstance(value, str):
        return None if value == MISSING_STRING else value
    if math.isnan(value):
        return None
    if column.type == "boolean" and value in (0, 1):
        return bool(value)
    whole = column.type == "integer" and value == int(value) and abs(value) < _EXACT_INTEGERS
    return int(value) if whole else value


def _array(document: Mapping[str, Any], output: Output, rows: int) -> NDArray[Any]:
    values, shape = document[output.name], (rows,) if output.width is None else (rows, output.width)
    wanted = f"{rows} rows" if output.width is None else f"{rows} rows of {output.width}"
    error = ServiceError(
        f"'{output.name}' of the service's answer is {quoted(values)} instead of {wanted} ({output.type})", CONTRACT
    )
    flat = _flat(values, shape)
    if flat is None or not all(_fits(value, output) for value in flat):
        raise error
    if output.type == "string":
        texts = np.empty(len(flat), dtype=object)
        texts[:] = [MISSING_STRING if value is None else value for value in flat]
        return texts.reshape(shape)
    if output.type == "number":
        return np.array([np.nan if value is None else value for value in flat], dtype=np.float64).reshape(shape)
    try:
        return np.array(flat, dtype=np.int64).reshape(shape)
    except OverflowError:
        raise error from None


def _flat(values: Any, shape: tuple[int, ...]) -> list[Any] | None:
    """Return the elements of a nested list of this shape, or None when it has another."""
    if not isinstance(values, list) or len(values) != shape[0]:
        return None
    if len(shape) == 1:
        return values
    if not all(isinstance(row, list) and len(row) == shape[1] for row in values):
        return None
    return [value for row in values for value in row]


def _fits(value: Any, output: Output) -> bool:
    match output.type:
        case "string":
            return value is None or isinstance(value, str)
        case "number":
            return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
