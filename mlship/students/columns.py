"""Turns tensors of a signature into what scikit-learn is given, and its columns into numbers for a student to read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from mlship.signature import MISSING_STRING, Column

#: Columns whose ranges differ by less, upwards of the median, count as being of one unit.
_ALIKE = 2.0


def table(tensors: Mapping[str, NDArray[Any]], columns: Sequence[Column]) -> Any:
    """Return the columns side by side: an array (rows, columns) where all are numbers, else a frame."""
    values = [tensors[column.tensor][:, column.index] for column in columns]
    if all(column.type != "string" for column in columns):
        return np.column_stack(values).astype(np.float64)
    series = {
        column.name: _texts(cells, column) if column.type == "string" else cells.astype(np.float64)
        for column, cells in zip(columns, values, strict=True)
    }
    return pd.DataFrame(series)


def reader(columns: Sequence[Column], rows: Any, *, scaled: bool) -> Pipeline:
    """Return a transformer of ``table`` into numbers, fitted on ``rows``; it has no steps where nothing is to be done.

    Missing numbers become the median, and tell so in a column of their own; ``scaled``: numbers of mean 0 and variance
    1, texts as one column a category; else, for trees, numbers as they are and texts as the number of their category.
    Columns that seem to be of one unit, such as pixels, are scaled by one factor: those that hardly vary stay small.
    """
    texts = [place for place, column in enumerate(columns) if column.type == "string"]
    gaps = any(column.nullable for column in columns if column.type != "string")
    numbers = _numbers(scaled=scaled, gaps=gaps)
    if not texts:
        fitted = make_pipeline(*numbers or ["passthrough"]).fit(rows)
        if scaled and _of_one_unit(rows):
            scaler = fitted.steps[-1][1]
            scaler.scale_ = np.full_like(scaler.scale_, np.sqrt(scaler.var_.mean()))
        return fitted
    codes = OneHotEncoder(handle_unknown="ignore") if scaled else _ordinal()
    others = [place for place in range(len(columns)) if place not in texts]
    parts = [("texts", codes, texts)]
    if others:
        parts.append(("numbers", make_pipeline(*numbers) if numbers else "passthrough", others))
    return make_pipeline(ColumnTransformer(parts, sparse_threshold=0.0)).fit(rows)


def _of_one_unit(rows: NDArray[np.float64]) -> bool:
    """Say whether no column reaches much farther than most do; not where values are missing, which adds columns."""
    ranges = np.ptp(rows, axis=0)
    return not np.isnan(ranges).any() and bool(
        ranges.max() > 0 and ranges.max() <= _ALIKE * np.median(ranges[ranges > 0])
    )


def _numbers(*, scaled: bool, gaps: bool) -> list[Any]:
    filled = [SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)] if gaps else []
    return [*filled, *([StandardScaler()] if scaled else [])]


def _ordinal() -> OrdinalEncoder:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1)


def _texts(cells: NDArray[Any], column: Column) -> "pd.Series[Any]":
    null = None if column.null == "none" else np.nan
    return pd.Series([null if cell == MISSING_STRING else cell for cell in cells], dtype=object)
