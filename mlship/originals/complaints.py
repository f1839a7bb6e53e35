"""Why a model cannot answer its sample: the first row and column at fault, in the user's words."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlship.errors import DataError, MlshipError, ModelError
from mlship.golden import Tensors
from mlship.originals.knowledge import Known
from mlship.originals.stress import taken

#: What models raise when they are given rows that do not fit.
REFUSALS = (ValueError, TypeError, AttributeError, KeyError, IndexError, ArithmeticError)

_MOSTLY = 0.5
_TRUTH = {"true", "false", "yes", "no", "y", "n", "t", "f", "on", "off"}
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([T ].*)?|\d\d?[./]\d\d?[./]\d{2,4}")


def about_sample(
    error: Exception, answer: Callable[[Tensors], Any], tensors: Tensors, frame: pd.DataFrame, known: Sequence[Known]
) -> MlshipError:
    """Return a DataError that names what in ``frame`` the model cannot take, with the way on."""
    for name, knows in zip(frame.columns, known, strict=True):
        found = _column(str(name), frame[name], knows)
        if found is not None:
            return found
    if type(error).__name__ == "NotFittedError":
        return ModelError(f"the model is not fitted: {first_line(error)}", "save it again after fit")
    place = _first_refused(answer, tensors, len(frame))
    if place is None:
        return ModelError(f"the model cannot answer the sample: {first_line(error)}", "do the rows fit it?")
    row = _row(frame, place)
    for name, knows in zip(frame.columns, known, strict=True):
        if knows.words is not None and pd.isna(frame[name].iloc[place]):
            message = f"column '{name}' has no text in row {row}, and the model takes none that is missing"
            return DataError(message, "leave out such rows of the sample, or write something there")
    gaps = [f"'{name}'" for name in frame.columns if pd.isna(frame[name].iloc[place])]
    hint = f"row {row} has no value in {', '.join(gaps[:8])}: fill it, or leave the row out" if gaps else _FIT
    return DataError(f"the model cannot answer row {row} of the sample: {first_line(error)}", hint)


def about_made_up(error: Exception) -> MlshipError:
    """Return a ModelError for rows that nobody gave."""
    return ModelError(
        f"the model cannot answer rows made up from what it knows: {first_line(error)}",
        "give it real rows: --data sample.csv",
    )


def first_line(error: Exception) -> str:
    """Return the first line of what ``error`` says."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


_FIT = "correct or leave out the row; does the sample have the columns that the model was trained on?"


def _column(name: str, values: "pd.Series[Any]", known: Known) -> DataError | None:
    """Say what is wrong with a column of text that seems to be meant as something else."""
    if known.textual or pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return None
    present = values.dropna().astype(str)
    if present.empty:
        return None
    no_number = pd.to_numeric(present, errors="coerce").isna().to_numpy()
    if no_number.mean() < _MOSTLY:
        place = int(no_number.argmax())
        return DataError(
            f"column '{name}' holds numbers, but {_shown(present.iloc[place])} in row {_row(present, place)}",
            "correct it, or leave it empty where the model takes missing values",
        )
    return _meant(name, present)


def _meant(name: str, texts: "pd.Series[Any]") -> DataError | None:
    """Tell numbers with a comma, truth values and dates, as far as all of them are such."""
    first = _shown(texts.iloc[0])
    if texts.str.fullmatch(_DECIMAL_COMMA).all():
        return DataError(f"column '{name}' holds numbers with a comma, such as {first}", "write them with a point")
    if set(texts.str.lower().unique()) <= _TRUTH:
        return DataError(
            f"column '{name}' says {first} for true or false, and the model does not know these as text",
            "write true and false, or the numbers that the model was trained on",
        )
    if texts.head(100).str.fullmatch(_DATE).all():
        return DataError(
            f"column '{name}' holds dates such as {first}, and the model does not know these as text",
            "turn dates into numbers, as it was done before training",
        )
    return None


def _first_refused(answer: Callable[[Tensors], Any], tensors: Tensors, rows: int) -> int | None:
    """Return the first row that the model refuses on its own; None where it refuses none, or the last one too."""
    start, stop = 0, rows
    if _refuses(answer, tensors, rows - 1, rows) and _refuses(answer, tensors, 0, 1):
        return None
    while stop - start > 1:
        middle = (start + stop) // 2
        start, stop = (start, middle) if _refuses(answer, tensors, start, middle) else (middle, stop)
    return start if _refuses(answer, tensors, start, stop) else None


def _refuses(answer: Callable[[Tensors], Any], tensors: Tensors, start: int, stop: int) -> bool:
    try:
        answer(taken(tensors, slice(start, stop)))
    except REFUSALS:
        return True
    return False


def _row(frame: Any, place: int) -> Any:
    """Return the number of a row in the file, counted from 1 without the header, or its label in the index."""
    label = frame.index[place]
    return int(label) + 1 if isinstance(label, int | np.integer) else f"'{label}'"


def _shown(value: str) -> str:
    return f"'{value}'" if len(value) <= 40 else f"'{value[:40]}...'"
