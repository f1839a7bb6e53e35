"""Finds the step of a pipeline from which on a converted model answers otherwise than the original."""

import warnings
from typing import Any

import numpy as np

from mlship import graphs, parity, runtime
from mlship.errors import MlshipError
from mlship.golden import Golden
from mlship.originals.frames import to_original
from mlship.originals.visit import Visited


def step_at_fault(model: Any, visited: Visited, row: int) -> str:
    """Say which step of ``model`` is the first whose output differs for golden row ``row``: "step 'scale' (...)".

    Returns "" for a model without steps, or where the steps cannot be asked one by one.
    """
    steps = getattr(model, "steps", ())
    rows = visited.golden.take(np.array([row]))
    for number, (name, step) in enumerate(steps, 1):
        last = number == len(steps)
        try:
            place = "" if last else _difference(model[:number], visited, rows)
        except (MlshipError, ValueError, TypeError, AttributeError):
            return ""
        if last or place is not None:
            return f"step '{name}' ({type(step).__name__}){place or ''}"
    return ""


def _difference(prefix: Any, visited: Visited, rows: Golden) -> str | None:
    """Return the first column that differs after these steps, as text to put behind the step; None where none does."""
    described = visited.signature
    given = to_original(prefix, rows.inputs, described.columns, named=described.named)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = prefix.transform(given)
    expected = np.asarray(answers.toarray() if hasattr(answers, "toarray") else answers)
    converted = graphs.convert(prefix, described.tensors, described.columns, outputs=("transformed",))
    session = runtime.Session(converted.content)
    actual = session.run(session.feed(rows.inputs))["transformed"]
    if actual.shape != expected.shape:
        return f": {actual.shape[1]} columns for {expected.shape[1]}"
    for column in range(expected.shape[1]):
        single = Golden({}, {"transformed": expected[:, column]}, rows.origins)
        if not parity.compare(single, {"transformed": actual[:, column]}).passed:
            return f": its column {_name(prefix, column)} is {actual[0, column]}, was {expected[0, column]}"
    return None


def _name(prefix: Any, column: int) -> str:
    try:
        return f"'{prefix.get_feature_names_out()[column]}'"
    except (AttributeError, ValueError, IndexError):
        return str(column)
