"""How much of a model a golden set reaches: which share of the leaves of its trees, and of the categories it knows."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.golden import Tensors
from mlship.originals.frames import to_original
from mlship.originals.knowledge import Known
from mlship.originals.splits import predictors_of, trees_of
from mlship.originals.stress import taken
from mlship.signature import MISSING_STRING, Column

#: Rows times trees up to which all rows are followed, and how many are where there are more; these are taken evenly.
_ALL, _SOME = 200_000, 100_000
_FEWEST_ROWS = 50


@dataclass(frozen=True)
class Coverage:
    """Shares from 0 to 1; None where there are no such things, or too many to count.

    ``leaves`` is a lower bound where ``all_rows`` is False: then only some of the rows were followed.
    """

    leaves: float | None
    categories: float | None
    all_rows: bool = True

    def sentence(self) -> str:
        """Say the shares in words, or nothing where there are none."""
        least = "" if self.all_rows else "at least "
        parts = [f"{least}{_percent(self.leaves)} of leaves"] if self.leaves is not None else []
        if self.categories is not None:
            parts.append(f"{_percent(self.categories)} of categories")
        return f"golden set visits {', '.join(parts)}" if parts else ""

    def facts(self) -> dict[str, float]:
        """Return the shares by what they are of."""
        shares = {"leaves_visited": self.leaves, "categories_visited": self.categories}
        return {name: round(share, 4) for name, share in shares.items() if share is not None}


#: For models of which nothing can be counted.
NOTHING = Coverage(None, None)


def coverage(
    model: Any, inputs: Tensors, columns: Sequence[Column], known: Sequence[Known], *, named: bool, patience: int = 1
) -> Coverage:
    """Return what ``inputs``, the rows of a golden set, reach; ``patience`` times the usual rows are followed."""
    rows = len(next(iter(inputs.values())))
    step = _last(model)
    trees = sum(1 for _ in trees_of(step)) + len(predictors_of(step))
    followed = rows if rows * trees <= _ALL * patience else min(rows, _SOME * patience // trees)
    leaves = None
    if trees and followed >= min(rows, _FEWEST_ROWS):
        picked = np.unique(np.linspace(0, rows - 1, num=followed, dtype=np.int64))
        given = to_original(model, taken(inputs, picked), columns, named=named)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            leaves = _leaf_share(step, _prepared(model, given))
    return Coverage(leaves, _category_share(inputs, columns, known), followed == rows)


def _last(model: Any) -> Any:
    if hasattr(model, "best_estimator_"):
        return _last(model.best_estimator_)
    return _last(model.steps[-1][1]) if getattr(model, "steps", None) else model


def _prepared(model: Any, given: Any) -> Any:
    """Return what the last step of ``model`` is given."""
    if hasattr(model, "best_estimator_"):
        return _prepared(model.best_estimator_, given)
    if not getattr(model, "steps", None):
        return given
    before, last = model[:-1], model.steps[-1][1]
    return _prepared(last, before.transform(given) if len(before.steps) else given)


def _leaf_share(step: Any, given: Any) -> float | None:
    predictors = predictors_of(step)
    if predictors and getattr(step, "_preprocessor", None) is not None:
        return None
    matrix = given.toarray() if hasattr(given, "toarray") else given
    x = np.asarray(matrix.to_numpy(dtype=np.float64) if isinstance(matrix, pd.DataFrame) else matrix, dtype=np.float64)
    visited = total = 0
    features = getattr(step, "estimators_features_", None)
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(x, dtype=np.float32)
    for number, tree in enumerate(trees_of(step)):
        columns = single if features is None else np.ascontiguousarray(single[:, features[number]])
        visited += len(np.unique(tree.apply(columns)))
        total += tree.n_leaves
    for predictor in predictors:
        if predictor.nodes["is_categorical"].any():
            return None
        visited += len(np.unique(_reached(predictor.nodes, x)))
        total += int(predictor.nodes["is_leaf"].sum())
    return visited / total if total else None


def _reached(nodes: Any, x: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the leaf that each row of ``x`` reaches in a tree of HistGradientBoosting."""
    at = np.zeros(len(x), dtype=np.int64)
    open_rows = np.arange(len(x))
    while len(open_rows := open_rows[nodes["is_leaf"][at[open_rows]] == 0]):
        here = nodes[at[open_rows]]
        values = x[open_rows, here["feature_idx"]]
        missing = np.isnan(values)
        left = np.where(missing, here["missing_go_to_left"] == 1, values <= here["num_threshold"])
        at[open_rows] = np.where(left, here["left"], here["right"])
    return at


def _category_share(inputs: Tensors, columns: Sequence[Column], known: Sequence[Known]) -> float | None:
    visited = total = 0
    for column, knows in zip(columns, known, strict=True):
        categories = {_key(item) for item in knows.categories or () if not pd.isna(item)}
        if categories:
            seen = {_key(item) for item in inputs[column.tensor][:, column.index] if item != MISSING_STRING}
            visited += len(categories & seen)
            total += len(categories)
    return visited / total if total else None


def _key(value: Any) -> Any:
    return value if isinstance(value, str) else float(value)


def _percent(share: float) -> str:
    """Write a share in percent, 100 only where it is all."""
    return f"{100 if share == 1 else min(round(share * 100), 99)} %"
