"""Boosters of LightGBM with the methods of a classifier or regressor; categories of pandas are taken as they come."""

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.errors import UnsupportedModelError
from mlship.originals.adapters.categorical import with_categories


class LightGBMRegressor:
    """A booster that answers with values; ``booster_`` is the library's object."""

    _estimator_type = "regressor"
    objective = None

    def __init__(self, booster: lightgbm.Booster) -> None:
        self.booster_ = booster
        self.n_features_in_ = booster.num_feature()
        names = booster.feature_name()
        unnamed = names == [f"Column_{number}" for number in range(len(names))]
        self.feature_names_in_ = None if unnamed else np.array(names, dtype=object)

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return what the booster predicts: (rows,) or (rows, targets)."""
        return np.asarray(self.booster_.predict(rows))


class LightGBMClassifier(LightGBMRegressor):
    """A booster that answers with probabilities; labels are the numbers of the classes."""

    _estimator_type = "classifier"

    def __init__(self, booster: lightgbm.Booster) -> None:
        super().__init__(booster)
        self.classes_ = np.arange(max(booster.num_model_per_iteration(), 2))

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return the class with the largest probability, (rows,)."""
        return np.asarray(self.predict_proba(rows).argmax(axis=1))

    def predict_proba(self, rows: Any) -> NDArray[Any]:
        """Return the probabilities, (rows, classes)."""
        chances = np.asarray(self.booster_.predict(rows))
        return chances if chances.ndim == 2 else np.column_stack([1.0 - chances, chances])


def from_booster(booster: lightgbm.Booster) -> Any:
    """Return a booster as a classifier, for the objectives that have classes, or as a regressor."""
    objective = booster.dump_model(num_iteration=1).get("objective", "").partition(" ")[0]
    classes = objective in ("binary", "multiclass", "multiclassova")
    return _named(LightGBMClassifier(booster) if classes else LightGBMRegressor(booster))


def from_model(model: lightgbm.LGBMModel) -> Any:
    """Return ``model``, or an adapter where it was trained on a data frame with columns of categories."""
    return _named(model)


def _named(model: Any) -> Any:
    """Return an adapter for a model with categories of pandas; raises UnsupportedModelError if they are unclear."""
    known = model.booster_.pandas_categorical
    if not known:
        return model
    described = dict(
        line.strip("[]").split(": ", 1)
        for line in model.booster_.model_to_string().splitlines()
        if line.startswith("[")
    )
    columns = [int(number) for number in described.get("categorical_feature", "").split(",") if number]
    if len(columns) != len(known):
        message = f"this LightGBM model splits {len(columns)} columns by category, but knows those of {len(known)}"
        raise UnsupportedModelError(message, "train it on a frame in which these columns have the dtype category")
    categories: list[pd.Index[Any] | None] = [None] * model.n_features_in_
    for column, values in zip(columns, known, strict=True):
        categories[column] = pd.Index(values)
    return with_categories(model, categories)
