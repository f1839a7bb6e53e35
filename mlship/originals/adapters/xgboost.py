"""Boosters of XGBoost as its scikit-learn classes; models trained on columns of categories take these as they come."""

import itertools
import json
from typing import Any

import numpy as np
import pandas as pd
import xgboost

from mlship.errors import UnsupportedModelError
from mlship.originals.adapters.categorical import with_categories

_CLASSIFIERS = {"binary:logistic", "binary:hinge", "binary:logitraw", "multi:softprob", "multi:softmax"}
#: How XGBoost numbers the type of integer categories (src/data/cat_container.h).
_INTEGERS = 15


def from_booster(booster: xgboost.Booster) -> Any:
    """Return the scikit-learn model of a booster: classes for the objectives that have them, else values.

    Like ``Booster.predict`` it uses all trees, also those after the best iteration.
    """
    booster = booster.copy()
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    booster.set_attr(best_iteration=None)
    kind = xgboost.XGBClassifier if objective in _CLASSIFIERS else xgboost.XGBRegressor
    if objective.startswith("rank:"):
        kind = xgboost.XGBRanker
    booster.set_attr(scikit_learn=None)
    model = kind()
    model.load_model(booster.save_raw(raw_format="ubj"))
    return from_model(model)


def from_model(model: xgboost.XGBModel) -> Any:
    """Return ``model``, or an adapter where it was trained on a data frame with columns of categories.

    Raises UnsupportedModelError where XGBoost does not keep the categories.
    """
    booster = json.loads(model.get_booster().save_raw(raw_format="json"))["learner"]["gradient_booster"]
    inner = booster.get("gbtree", booster).get("model", {})
    encoded = inner.get("cats", {}).get("enc", ())
    categories = [_categories(item) for item in encoded]
    if all(item is None for item in categories):
        return model
    return with_categories(model, categories)


def _categories(item: Any) -> "pd.Index[Any] | None":
    """Return the categories of a column, in the order of their codes; None where it has none."""
    values, offsets = item.get("values", ()), item.get("offsets")
    if offsets is None and item.get("type") == _INTEGERS:
        return pd.Index(np.array(values, dtype=np.int64))
    if offsets is None:
        raise UnsupportedModelError(
            "this XGBoost model splits categories that are neither text nor whole numbers",
            "make them text before training",
        )
    if len(values) == 0:
        return None
    if any(value < 0 for value in values):  # XGBoost 3.2 cuts text at its number of characters, not of bytes
        raise UnsupportedModelError(
            "this XGBoost model was trained on categories with letters beyond ASCII, of which it keeps only a part",
            "encode them in a step before it: OrdinalEncoder",
        )
    text = bytes(values).decode("ascii")
    return pd.Index([text[start:end] for start, end in itertools.pairwise(offsets)])
