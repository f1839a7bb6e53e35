"""Ask a loaded model: tensors in, outputs by name out, in the shapes and types of the golden set."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.errors import ModelError, UnsupportedModelError
from mlship.golden import Tensors
from mlship.graphs import outputs_of
from mlship.originals.frames import to_original
from mlship.signature import Column, ColumnType, Output, Task

_TASKS: dict[str | None, Task] = {
    "classifier": "classifier",
    "regressor": "regressor",
    "clusterer": "clusterer",
    "outlier_detector": "outlier_detector",
    "density_estimator": "density_estimator",
}

Answer = Callable[[Tensors], dict[str, NDArray[Any]]]


def answering(model: Any, columns: Sequence[Column], *, named: bool) -> Answer:
    """Return a function that feeds tensors to ``model`` as it was trained and returns its outputs by name.

    The function raises what the model raises; warnings of the model are silenced.
    """
    methods = outputs_of(model)
    if not methods:
        raise UnsupportedModelError(
            f"'{type(model).__name__}' neither predicts nor transforms", "is it a fitted model?"
        )

    def answer(tensors: Tensors) -> dict[str, NDArray[Any]]:
        given = to_original(model, tensors, columns, named=named)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {name: _plain(name, getattr(model, method)(given)) for name, method in methods.items()}

    return answer


def outputs(model: Any, answers: dict[str, NDArray[Any]]) -> tuple[Output, ...]:
    """Describe the outputs of ``model`` from some of its answers."""
    return tuple(_output(name, values, model) for name, values in answers.items())


def task_of(model: Any) -> Task:
    """Return what kind of model this is."""
    kind = _estimator_type(model)
    if kind in _TASKS:
        return _TASKS[kind]
    return "regressor" if hasattr(model, "predict") else "transformer"


def _estimator_type(model: Any) -> str | None:
    tags = getattr(model, "__sklearn_tags__", None)
    try:
        return tags().estimator_type if tags else getattr(model, "_estimator_type", None)
    except AttributeError:
        return getattr(model, "_estimator_type", None)


def _output(name: str, values: NDArray[Any], model: Any) -> Output:
    classes = getattr(model, "classes_", None)
    labels = None if classes is None or isinstance(classes, list) else tuple(np.asarray(classes).tolist())
    kind: ColumnType = "number"
    if name == "prediction":
        boolean = classes is not None and all(np.asarray(part).dtype == bool for part in _per_target(classes))
        integral = "boolean" if boolean else "integer"
        kind = "string" if values.dtype == object else integral if values.dtype.kind in "iu" else "number"  # type: ignore[assignment]
    width = None if values.ndim == 1 else values.shape[1]
    known = labels if name in ("probabilities", "scores") and width == len(labels or ()) else None
    return Output(name=name, type=kind, width=width, classes=known)  # type: ignore[arg-type]


def _per_target(classes: Any) -> Sequence[Any]:
    """Return the classes of each target; those of a model with one target are one array."""
    return classes if isinstance(classes, list) else [classes]


def _plain(name: str, values: Any) -> NDArray[Any]:
    if isinstance(values, list):
        raise UnsupportedModelError(f"the model gives a list of arrays for {name} (several targets at once)")
    if hasattr(values, "toarray"):
        values = values.toarray()
    array = np.asarray(values)
    if array.ndim > 2:
        raise UnsupportedModelError(f"the model answers with {array.ndim} dimensions; a service answers rows")
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    if array.dtype.kind in "UO":
        if array.dtype == object and not all(isinstance(value, str) for value in array.ravel()):
            return _numeric(name, array)
        return array.astype(object)
    return array.astype(np.int64) if array.dtype.kind in "iu" else array


def _numeric(name: str, array: NDArray[Any]) -> NDArray[Any]:
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        kinds = ", ".join(sorted({type(value).__name__ for value in array.ravel()[:1000]}))
        raise ModelError(f"the model's {name} mixes {kinds}; a service answers with one type") from error
