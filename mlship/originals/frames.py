"""Between the user's columns and the tensors of the graph, in both directions, so that each side is fed alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.errors import DataError
from mlship.originals.knowledge import Known, names_of, width_of
from mlship.originals.samples import UNNAMED, Sample
from mlship.originals.texts import choose, takes_texts
from mlship.signature import MISSING_STRING, Column, ColumnType, Output, Tensor

MATRIX = "features"

#: What pandas calls the column of a CSV file that holds the index of a frame.
_INDEX = "Unnamed: 0"
#: Categories are told up to this many, and where none is longer than this.
_MOST_CATEGORIES, _LONGEST_CATEGORY = 100, 200


@dataclass(frozen=True)
class Aligned:
    """A sample cut to the columns that the model wants, in its order; ``target`` is the column of true answers."""

    frame: pd.DataFrame
    target: NDArray[Any] | None
    named: bool
    ignored: tuple[str, ...] = ()


def align(sample: Sample, model: Any, target: str | None) -> Aligned:
    """Choose the model's columns out of ``sample``, by name where the model knows names, else by position.

    Raises DataError when columns are missing, or when there are more than the model takes.
    """
    frame, labelled = _frame(sample, target)
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise DataError(f"the sample has more than one column '{repeated[0]}'", "rename one of them")
    answers = None
    if target is not None:
        if target not in frame.columns:
            raise DataError(f"the sample has no column '{target}'", f"it has: {_listed(list(frame.columns))}")
        answers = frame[target].to_numpy()
        frame = frame.drop(columns=target)
    if takes_texts(model):
        return _texts_alone(frame, answers)
    names = names_of(model)
    if names is not None and labelled:
        names = _spelled(names, frame)
        missing = [name for name in names if name not in frame.columns]
        if target in missing:
            raise DataError(
                f"the target '{target}' is a column that the model takes", "--target names the true answers"
            )
        if missing:
            raise DataError(
                f"the sample lacks the column{'s' * (len(missing) > 1)} {_listed(missing)} of the model",
                f"it has: {_listed(list(frame.columns))}",
            )
        ignored = tuple(name for name in frame.columns if name not in names)
        return Aligned(frame[names], answers, named=True, ignored=ignored)
    width = width_of(model)
    if width is not None and frame.shape[1] != width:
        raise DataError(
            f"the sample has {frame.shape[1]} columns, the model takes {width}", _surplus(list(frame.columns), width)
        )
    if names is not None:
        frame = frame.set_axis(names, axis=1)
    return Aligned(frame, answers, named=names is not None)


def describe(frame: pd.DataFrame, known: Sequence[Known]) -> tuple[tuple[Column, ...], tuple[Tensor, ...]]:
    """Type every column, and lay the columns out in tensors: one matrix when all are numeric, else one a column."""
    types = [_type(str(name), frame.iloc[:, i], known[i]) for i, name in enumerate(frame.columns)]
    mixed = "string" in types
    inputs = _input_names([str(name) for name in frame.columns])
    columns = tuple(
        _column(str(name), kind, frame.iloc[:, i], known[i], (inputs[i], 0) if mixed else (MATRIX, i))
        for i, (name, kind) in enumerate(zip(frame.columns, types, strict=True))
    )
    if not mixed:
        return columns, (Tensor(name=MATRIX, kind="number", width=len(columns)),)
    kinds = [Tensor(name=c.tensor, kind="string" if c.type == "string" else "number", width=1) for c in columns]
    return columns, tuple(kinds)


def to_tensors(frame: pd.DataFrame, columns: Sequence[Column], tensors: Sequence[Tensor]) -> dict[str, NDArray[Any]]:
    """Return the tensors of shape (rows, width) that stand for ``frame``."""
    rows = len(frame)
    result: dict[str, NDArray[Any]] = {
        tensor.name: np.empty((rows, tensor.width), dtype=object if tensor.kind == "string" else np.float64)
        for tensor in tensors
    }
    for i, column in enumerate(columns):
        values = frame.iloc[:, i]
        if column.type == "string":
            missing = values.isna().to_numpy()
            result[column.tensor][:, column.index] = [
                MISSING_STRING if gone else str(value) for value, gone in zip(values, missing, strict=True)
            ]
        else:
            result[column.tensor][:, column.index] = pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
    return result


def to_original(model: Any, tensors: Mapping[str, NDArray[Any]], columns: Sequence[Column], *, named: bool) -> Any:
    """Return what ``model`` is given for ``tensors``: a frame if it was trained on names, else an array.

    A model that takes one text a row is given a list.
    """
    texts = any(column.type == "string" for column in columns)
    if takes_texts(model):
        (column,) = columns
        return _values(tensors[column.tensor][:, column.index], column).tolist()
    if not named and not texts:
        return tensors[MATRIX]
    series = {i: _values(tensors[column.tensor][:, column.index], column) for i, column in enumerate(columns)}
    if named:
        return pd.DataFrame(series).set_axis([column.name for column in columns], axis=1)
    return np.column_stack([np.asarray(values, dtype=object) for values in series.values()])


def _values(values: NDArray[Any], column: Column) -> Any:
    if column.type == "string":
        null = None if column.null == "none" else np.nan
        return pd.Series([null if value == MISSING_STRING else value for value in values], dtype=object)
    missing = np.isnan(values)
    if column.type == "boolean" and missing.any():  # what pandas makes of true, false and nothing
        return pd.Series(
            [np.nan if gone else bool(value) for value, gone in zip(values, missing, strict=True)], dtype=object
        )
    if column.type == "number" or missing.any():
        return values
    return values.astype(bool) if column.type == "boolean" else values.astype(np.int64)


def _texts_alone(frame: pd.DataFrame, answers: NDArray[Any] | None) -> Aligned:
    """Align for a model that takes one text a row."""
    chosen = choose(frame)
    ignored = tuple(name for name in frame.columns if name != chosen)
    return Aligned(frame[[chosen]], answers, named=False, ignored=ignored)


def _surplus(names: list[str], width: int) -> str:
    """Return a hint for a sample that has another number of columns than the model."""
    if len(names) != width + 1:
        return f"it has: {_listed(names)}"
    if names[0].startswith(_INDEX):
        return f"'{names[0]}' is the index of the frame: write the file with to_csv(..., index=False)"
    return f"is the last one the answer? try --target {names[-1]}"


def _input_names(columns: Sequence[str]) -> list[str]:
    """Name ONNX inputs like their columns, but for those that are called as an output is."""
    outputs = get_args(Output.model_fields["name"].annotation)
    names = []
    for column in columns:
        name = column
        while name in outputs or (name != column and name in columns):
            name += "_"
        names.append(name)
    return names


def _spelled(names: list[str], frame: pd.DataFrame) -> list[str]:
    """Spell names as the sample does: LightGBM writes "fare_paid" for a column that is called "fare paid"."""
    spelled = {str(name).replace(" ", "_"): str(name) for name in frame.columns}
    return [name if name in frame.columns else spelled.get(name, name) for name in names]


def _frame(sample: Sample, target: str | None) -> tuple[pd.DataFrame, bool]:
    if isinstance(sample, pd.DataFrame):
        return sample.set_axis([str(name) for name in sample.columns], axis=1), not sample.attrs.get(UNNAMED)
    frame = pd.DataFrame(sample)
    if target is not None and target.lstrip("-").isdigit():
        position = int(target) % frame.shape[1]
        names = [target if i == position else f"x{i}" for i in range(frame.shape[1])]
        return frame.set_axis(names, axis=1), False
    return frame.set_axis([f"x{i}" for i in range(frame.shape[1])], axis=1), False


def _type(name: str, values: "pd.Series[Any]", known: Known) -> ColumnType:
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    if known.textual or pd.api.types.is_string_dtype(dtype) or pd.api.types.is_object_dtype(dtype):
        return _object_type(name, values, known)
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(dtype):
        return "integer"
    if pd.api.types.is_float_dtype(dtype):
        return "number"
    raise DataError(
        f"column '{name}' holds {dtype}; a service takes numbers, booleans and text",
        "turn it into numbers before the model, or into a step of the pipeline that does",
    )


def _object_type(name: str, values: "pd.Series[Any]", known: Known) -> ColumnType:
    kinds = {type(value) for value in values.dropna()}
    if kinds <= {bool, np.bool_} and kinds:
        return "boolean"
    if kinds <= {int, float, np.int64, np.float64} and not known.textual:
        return "number"
    if kinds <= {str} or known.textual:
        return "string"
    mixture = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise DataError(f"column '{name}' mixes {mixture}", "give the sample as Parquet or CSV with one type a column")


def _column(name: str, kind: ColumnType, values: "pd.Series[Any]", known: Known, place: tuple[str, int]) -> Column:
    tensor, index = place
    nullable = bool(values.isna().any())
    if kind == "string":
        seen = sorted({str(value) for value in values.dropna()} | set(_texts(known)))
        null: Literal["none", "nan"] = "none" if known.none or None in (known.categories or ()) else "nan"
        few = len(seen) <= _MOST_CATEGORIES and all(len(text) <= _LONGEST_CATEGORY for text in seen)
        categories = tuple(seen) if few and known.words is None else None
        return Column(
            name=name, type=kind, tensor=tensor, index=index, nullable=nullable, null=null, categories=categories
        )
    numbers = pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
    return Column(name=name, type=kind, tensor=tensor, index=index, nullable=nullable, minimum=low, maximum=high)


def _texts(known: Known) -> list[str]:
    return [item for item in known.categories or () if isinstance(item, str)]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
