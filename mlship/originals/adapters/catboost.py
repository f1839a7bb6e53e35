"""Models of CatBoost that know the names and the number of their columns, also after they were read from a file."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import numpy as np
from numpy.typing import NDArray

_CLASSIFIERS = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll", "MultiLogloss", "MultiCrossEntropy")


class CatBoostRegressor:
    """A regressor or ranker; ``model`` is the library's object."""

    _estimator_type = "regressor"

    def __init__(self, model: Any) -> None:
        self.model = model
        names = model.feature_names_
        unnamed = names == [str(number) for number in range(len(names))]
        self.feature_names_in_ = None if unnamed else np.array(names, dtype=object)
        self.n_features_in_ = len(names)

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return what the model predicts: (rows,) or (rows, targets); raises ValueError for rows that it refuses."""
        return _asked(self.model.predict, rows)


class CatBoostClassifier(CatBoostRegressor):
    """A classifier."""

    _estimator_type = "classifier"

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.classes_ = np.asarray(model.classes_)

    def predict_proba(self, rows: Any) -> NDArray[Any]:
        """Return the probabilities, (rows, classes); raises ValueError for rows that it refuses."""
        return _asked(self.model.predict_proba, rows)


def from_model(model: catboost.CatBoost) -> CatBoostRegressor:
    """Return the adapter for a model; one of the class CatBoost itself is made what its loss function says."""
    if type(model) is catboost.CatBoost:
        loss = str(model.get_all_params().get("loss_function", "")).partition(":")[0]
        made = catboost.CatBoostClassifier() if loss in _CLASSIFIERS else catboost.CatBoostRegressor()
        model = _moved(model, made)
    return CatBoostClassifier(model) if hasattr(model, "predict_proba") else CatBoostRegressor(model)


def _asked(method: Callable[[Any], Any], rows: Any) -> NDArray[Any]:
    try:
        return np.asarray(method(rows))
    except catboost.CatBoostError as error:
        raise ValueError(str(error)) from error


def _moved(model: catboost.CatBoost, into: catboost.CatBoost) -> catboost.CatBoost:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.cbm")
        model.save_model(path)
        into.load_model(path)
    return into
