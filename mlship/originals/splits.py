"""The values at which trees split, for trees of any library: the one place to add a library to.

A model of another library gets a reader here, or an adapter that has a method ``splits``.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Pairs of a column number and the thresholds of that column.
Splits = Iterator[tuple[int, NDArray[np.float64]]]


def splits_of(model: Any) -> Splits:
    """Yield the columns that the trees of ``model`` split, with their thresholds; a column may come several times."""
    for attribute, read in _READERS:
        if getattr(model, attribute, None) is not None:
            yield from read(model)
            return


def trees_of(model: Any) -> Iterator[Any]:
    """Yield the sklearn.tree Tree objects in ``model``, first estimators first."""
    if _has_tree(model):
        yield model.tree_
    for member in np.ravel(np.asarray(getattr(model, "estimators_", []), dtype=object)):
        if _has_tree(member):
            yield member.tree_


def predictors_of(model: Any) -> list[Any]:
    """Return the tree predictors of a HistGradientBoosting model, else nothing."""
    return list(np.ravel(np.asarray(getattr(model, "_predictors", []), dtype=object)))


def _has_tree(model: Any) -> bool:
    """Say whether ``model`` is a decision tree: what neighbours are looked up in is called tree_ too."""
    return hasattr(getattr(model, "tree_", None), "children_left")


def _own(model: Any) -> Splits:
    return iter(model.splits())


def _tree(model: Any) -> Splits:
    if not _has_tree(model):
        return iter(())
    inner = model.tree_.children_left != -1
    return _by_column(model.tree_.feature[inner], model.tree_.threshold[inner])


def _histograms(model: Any) -> Splits:
    for predictor in predictors_of(model):
        nodes = predictor.nodes[(predictor.nodes["is_leaf"] == 0) & (predictor.nodes["is_categorical"] == 0)]
        yield from _by_column(nodes["feature_idx"], nodes["num_threshold"])


def _xgboost(model: Any) -> Splits:
    booster = model.get_booster()
    try:
        table = booster.trees_to_dataframe()
    except ValueError:  # gblinear has no trees
        return
    names = {name: number for number, name in enumerate(booster.feature_names or [])}
    inner = table[table["Split"].notna()]
    for name, values in inner.groupby("Feature")["Split"]:
        number = names[name] if name in names else int(str(name)[1:])
        yield number, np.unique(values.to_numpy(dtype=np.float64))


def _lightgbm(model: Any) -> Splits:
    booster = model.booster_
    names = {name: number for number, name in enumerate(booster.feature_name())}
    table = booster.trees_to_dataframe()
    inner = table[table["decision_type"] == "<="]
    for name, values in inner.groupby("split_feature")["threshold"]:
        yield names[name], np.unique(values.to_numpy(dtype=np.float64))


def _catboost(model: Any) -> Splits:
    for number, borders in model.get_borders().items():
        yield int(number), np.asarray(borders, dtype=np.float64)


def _members(model: Any) -> Splits:
    members = np.ravel(np.asarray(model.estimators_, dtype=object))
    features = getattr(model, "estimators_features_", None)
    for number, member in enumerate(members):
        for column, thresholds in splits_of(member):
            yield column if features is None else int(features[number][column]), thresholds


def _calibrated(model: Any) -> Splits:
    for member in model.calibrated_classifiers_:
        yield from splits_of(member.estimator)


def _inside(attribute: str) -> Callable[[Any], Splits]:
    return lambda model: splits_of(getattr(model, attribute))


#: An attribute that the models have, and the function that reads them; the first that fits is taken.
_READERS: tuple[tuple[str, Callable[[Any], Splits]], ...] = (
    ("splits", _own),
    ("_predictors", _histograms),
    ("tree_", _tree),
    ("get_booster", _xgboost),
    ("booster_", _lightgbm),
    ("get_borders", _catboost),
    ("calibrated_classifiers_", _calibrated),
    ("estimators_", _members),
    ("regressor_", _inside("regressor_")),
    ("estimator_", _inside("estimator_")),
    ("model", _inside("model")),
)


def _by_column(columns: NDArray[Any], thresholds: NDArray[Any]) -> Splits:
    finite = np.isfinite(thresholds)
    columns, thresholds = columns[finite], thresholds[finite]
    for column in np.unique(columns):
        yield int(column), np.unique(thresholds[columns == column]).astype(np.float64)
