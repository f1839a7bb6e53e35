"""A model in its own library, for models that ONNX cannot hold; it is read from a safe format, never from a pickle.

``native.json`` says which file holds the model, its sha256, and how to load it.
"""

import hashlib
import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from core.problems import invalid
from core.runtime.signature import MISSING_STRING, Column, Signature

FILE = "native.json"

# What a model raises for values that the signature allows and it does not.
_RUNNING_ERRORS = (ValueError, TypeError, AttributeError, KeyError, IndexError)


class Native:
    """Asks the model as it was trained: with a data frame where it knows names, an array, or a list of texts.

    Raises OSError, ValueError or ImportError when the file is missing, is not the one that was written, or cannot be
    loaded.
    """

    threads = 0

    def __init__(self, folder: Path, signature: Signature) -> None:
        told = json.loads((folder / FILE).read_bytes())
        if told["schema_version"] != 1:
            raise ValueError(f"{FILE} has schema version {told['schema_version']}, this code reads version 1")
        self.file = folder / told["file"]
        if hashlib.sha256(self.file.read_bytes()).hexdigest() != told["sha256"]:
            raise ValueError(f"'{self.file}' is not the file that {FILE} was written for")
        self.libraries: Sequence[str] = tuple(told["libraries"])
        self.dtypes: Mapping[str, DTypeLike] = {
            tensor.name: np.object_ if tensor.kind == "string" else np.float64 for tensor in signature.tensors
        }
        self._model = _LOADERS[told["format"]](self.file, told)
        self._methods: dict[str, str] = told["methods"]
        self._columns = signature.columns
        self._takes = told["takes"]
        self._errors: tuple[type[Exception], ...] = (*_RUNNING_ERRORS, *_errors(told["format"]))
        self._categories = _categories(told["categories"])

    def run(self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Answer for ``feed`` by output name; raises InvalidRequestError where the model refuses the values."""
        try:
            rows = self._rows(feed)
            return {name: _plain(getattr(self._model, self._methods[name])(rows)) for name in outputs}
        except self._errors as error:
            raise invalid(("body",), "the model cannot answer for these values", "model_error") from error

    def _rows(self, feed: Mapping[str, NDArray[Any]]) -> Any:
        """Return what the model is given for ``feed``."""
        if self._takes == "array" and all(column.type != "string" for column in self._columns):
            return feed[self._columns[0].tensor]
        values = [_values(feed[column.tensor][:, column.index], column) for column in self._columns]
        if self._takes == "texts":
            return values[0].tolist()
        return self._frame(values) if self._takes == "frame" else np.column_stack([v.astype(object) for v in values])

    def _frame(self, values: Sequence[NDArray[Any]]) -> Any:
        import pandas as pd  # only models that were trained on a data frame need it

        columns: dict[int, Any] = {
            i: pd.Series(item, dtype=object) if item.dtype == object else item for i, item in enumerate(values)
        }
        for i, known in self._categories.items():
            codes = known.get_indexer(pd.Index(columns[i]))
            columns[i] = pd.Categorical.from_codes(codes.tolist(), categories=known)
        return pd.DataFrame(columns).set_axis([column.name for column in self._columns], axis=1)


class Trees:
    """A booster of LightGBM from its text file; ``classes`` are its labels, None for one that answers with values."""

    def __init__(self, booster: Any, classes: Sequence[Any] | None) -> None:
        self._booster = booster
        self._classes = None if classes is None else np.array(classes, dtype=object if _texts(classes) else None)

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return the label with the largest probability, or the values, for each row."""
        if self._classes is None:
            return np.asarray(self._booster.predict(rows))
        return np.asarray(self._classes[self.predict_proba(rows).argmax(axis=1)])

    def predict_proba(self, rows: Any) -> NDArray[Any]:
        """Return the probabilities, (rows, classes)."""
        chances = np.asarray(self._booster.predict(rows))
        return chances if chances.ndim == 2 else np.column_stack([1.0 - chances, chances])


def _skops(file: Path, told: Mapping[str, Any]) -> Any:
    from skops.io import load
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return load(file, trusted=told["trusted"])
    except UntrustedTypesFoundException as error:
        raise ValueError(f"'{file}' would load types that {FILE} does not name: {error}") from error


def _xgboost(file: Path, told: Mapping[str, Any]) -> Any:
    model = getattr(importlib.import_module("xgboost"), told["kind"])(**told["options"])
    model.load_model(file)
    return model


def _lightgbm(file: Path, told: Mapping[str, Any]) -> Any:
    return Trees(importlib.import_module("lightgbm").Booster(model_file=file), told["classes"])


def _catboost(file: Path, told: Mapping[str, Any]) -> Any:
    model = getattr(importlib.import_module("catboost"), told["kind"])()
    model.load_model(str(file))
    return model


_LOADERS: dict[str, Callable[[Path, Mapping[str, Any]], Any]] = {
    "skops": _skops,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "catboost": _catboost,
}


def _errors(form: str) -> tuple[type[Exception], ...]:
    """Return what a library raises beside Python's own errors."""
    return (importlib.import_module("catboost").CatBoostError,) if form == "catboost" else ()


def _categories(told: Sequence[Sequence[Any] | None]) -> dict[int, Any]:
    """Return the categories of the columns that have the dtype category in the frame, by their number."""
    if not any(known is not None for known in told):
        return {}
    import pandas as pd

    return {i: pd.Index(known) for i, known in enumerate(told) if known is not None}


def _values(values: NDArray[Any], column: Column) -> NDArray[Any]:
    """Return the values of a column in the dtype that they have in the user's data."""
    if column.type == "string":
        null = None if column.null == "none" else np.nan
        return np.array([null if value == MISSING_STRING else value for value in values], dtype=object)
    if column.type == "number":
        return values
    missing = np.isnan(values)
    if not missing.any():
        return values.astype(np.bool_ if column.type == "boolean" else np.int64)
    if column.type == "integer":
        return values
    pairs = zip(values, missing, strict=True)
    return np.array([np.nan if gone else bool(value) for value, gone in pairs], dtype=object)


def _plain(answer: Any) -> NDArray[Any]:
    """Return an answer as text, whole numbers or doubles, from a dense or sparse array."""
    array = np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)
    if array.dtype.kind in "biu":
        return array.astype(np.int64)
    if array.dtype.kind in "UO" and _texts(array.ravel()):
        return array.astype(object)
    return array.astype(np.float64)


def _texts(values: Any) -> bool:
    return all(isinstance(value, str) for value in values)
