"""Rows that reach the leaves of trees: for each leaf, values that meet the conditions on the way to it.

The conditions are followed back to the user's columns through imputers, scalers and encoders.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.originals.knowledge import indices
from mlship.originals.splits import predictors_of, trees_of


@dataclass(frozen=True)
class Trees:
    """All trees as one forest of nodes: the parent of each (-1: a root), and what leads from there to it.

    ``features`` are -1 where a condition is none on a number; ``leaves`` are the numbers of the leaves.
    """

    parents: NDArray[np.int64]
    features: NDArray[np.int64]
    thresholds: NDArray[np.float64]
    is_left: NDArray[np.bool_]
    leaves: NDArray[np.int64]


@dataclass(frozen=True)
class _Source:
    """Where a column that the trees see comes from: ``factor`` and ``offset`` lead back to the user's numbers.

    ``categories``: the column holds their codes; ``category``: it is 1 where the user's column holds that one, else 0.
    """

    column: int
    factor: float = 1.0
    offset: float = 0.0
    categories: tuple[Any, ...] | None = None
    category: Any = None
    is_hot: bool = False


def rows(model: Any, base: pd.DataFrame, most: int) -> pd.DataFrame | None:
    """Return copies of rows in ``base``, changed so that each reaches another leaf of ``model``; at most ``most``.

    Returns None where ``model`` has no trees of scikit-learn, or they see columns that cannot be followed back.
    """
    found = _sources(model, [_Source(column) for column in range(base.shape[1])])
    if found is None:
        return None
    step, sources = found
    trees = _trees(step)
    if trees is None:
        return None
    chosen = trees.leaves[
        np.unique(np.linspace(0, len(trees.leaves) - 1, min(most, len(trees.leaves)), dtype=np.int64))
    ]
    taken = base.iloc[np.arange(len(chosen)) % len(base)].reset_index(drop=True)
    columns = [taken.iloc[:, place].tolist() for place in range(taken.shape[1])]
    for row, leaf in enumerate(chosen.tolist()):
        for column, value in _met(_conditions(trees, leaf), sources):
            columns[column][row] = value
    return pd.DataFrame(dict(enumerate(columns))).set_axis(base.columns, axis=1)


def _trees(step: Any) -> Trees | None:
    parts = [_tree(tree.children_left, tree.children_right, tree.feature, tree.threshold) for tree in trees_of(step)]
    if getattr(step, "_preprocessor", None) is None:
        for nodes in (predictor.nodes for predictor in predictors_of(step)):
            ends = nodes["is_leaf"] == 1
            left, right = (np.where(ends, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
            features = np.where(nodes["is_categorical"] == 1, -1, nodes["feature_idx"])
            parts.append(_tree(left, right, features, nodes["num_threshold"]))
    return _joined(parts) if parts else None


def _tree(left: NDArray[Any], right: NDArray[Any], features: NDArray[Any], thresholds: NDArray[Any]) -> Trees:
    inner = np.flatnonzero(left != -1)
    parents = np.full(len(left), -1, dtype=np.int64)
    is_left = np.zeros(len(left), dtype=bool)
    parents[left[inner]], parents[right[inner]] = inner, inner
    is_left[left[inner]] = True
    leaves = np.flatnonzero(left == -1)
    return Trees(parents, features.astype(np.int64), thresholds.astype(np.float64), is_left, leaves)


def _joined(parts: Sequence[Trees]) -> Trees:
    starts = np.cumsum([0, *(len(part.parents) for part in parts)])[:-1]
    moved = zip(parts, starts, strict=True)
    parents, leaves = [], []
    for part, start in moved:
        parents.append(np.where(part.parents < 0, -1, part.parents + start))
        leaves.append(part.leaves + start)
    return Trees(
        np.concatenate(parents),
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.thresholds for part in parts]),
        np.concatenate([part.is_left for part in parts]),
        np.concatenate(leaves),
    )


def _conditions(trees: Trees, leaf: int) -> dict[int, tuple[float, float]]:
    """Return by feature the interval (above, up to) in which its value leads to ``leaf``."""
    found: dict[int, tuple[float, float]] = {}
    node = leaf
    while (parent := int(trees.parents[node])) >= 0:
        feature, threshold = int(trees.features[parent]), float(trees.thresholds[parent])
        if feature >= 0 and np.isfinite(threshold):
            low, high = found.get(feature, (-np.inf, np.inf))
            left = bool(trees.is_left[node])
            found[feature] = (low, min(high, threshold)) if left else (max(low, threshold), high)
        node = parent
    return found


def _met(conditions: dict[int, tuple[float, float]], sources: Sequence[_Source | None]) -> Iterator[tuple[int, Any]]:
    """Yield the user's columns and values that meet the conditions, as far as they can be followed back."""
    cold: dict[int, tuple[_Source, set[Any]]] = {}
    hot: dict[int, Any] = {}
    for feature, (low, high) in conditions.items():
        source = sources[feature] if feature < len(sources) else None
        if source is None:
            continue
        if source.is_hot:
            if low >= 0:
                hot[source.column] = source.category
            else:
                cold.setdefault(source.column, (source, set()))[1].add(source.category)
        elif source.categories is not None:
            code = int(max(0, np.floor(low) + 1)) if np.isfinite(low) else 0
            yield source.column, source.categories[min(code, len(source.categories) - 1)]
        else:
            yield source.column, _between(low, high) * source.factor + source.offset
    for column, (source, excluded) in cold.items():
        allowed = [item for item in source.categories or () if item not in excluded]
        if column not in hot and allowed:
            hot[column] = allowed[0]
    yield from hot.items()


def _between(low: float, high: float) -> float:
    if np.isinf(low) or np.isinf(high):
        edge = high if np.isinf(low) else low
        step = max(1e-3, abs(edge) * 1e-3)
        return edge - step if np.isinf(low) else edge + step
    middle = low + (high - low) / 2
    return middle if low < middle <= high else high


def _sources(model: Any, sources: list[_Source | None]) -> tuple[Any, list[_Source | None]] | None:
    """Follow columns to the last step; return it and the sources of what it sees, or None where they are lost."""
    if hasattr(model, "best_estimator_"):
        return _sources(model.best_estimator_, sources)
    if not hasattr(model, "steps"):
        return model, sources
    for _, step in model.steps[:-1]:
        through = _through(step, sources)
        if through is None:
            return None
        sources = through
    return _sources(model.steps[-1][1], sources)


def _through(step: Any, sources: list[_Source | None]) -> list[_Source | None] | None:
    """Return the sources of the columns that ``step`` gives; None where even their number is not known."""
    kind = type(step).__name__
    if step is None or step == "passthrough":
        return sources
    if hasattr(step, "steps"):
        for _, part in step.steps:
            through = _through(part, sources)
            if through is None:
                return None
            sources = through
        return sources
    if hasattr(step, "transformers_"):
        return _side_by_side(step, sources)
    width = _width(step)
    if kind == "OneHotEncoder":
        found = _hot(step, sources)
    elif kind == "OrdinalEncoder":
        found = [source and replace(source, categories=tuple(known)) for source, known in _with(step, sources)]
    elif "Imputer" in kind and not getattr(step, "add_indicator", False):
        found = sources
    elif "Scaler" in kind and hasattr(step, "inverse_transform"):
        found = _scaled(step, sources)
    else:
        found = []
    if width is None:
        return None
    return found if len(found) == width else [None] * width


def _side_by_side(step: Any, sources: list[_Source | None]) -> list[_Source | None] | None:
    names = [str(name) for name in getattr(step, "feature_names_in_", ())] or [str(i) for i in range(len(sources))]
    found: list[_Source | None] = []
    for _, part, chosen in step.transformers_:
        if isinstance(part, str) and part == "drop":
            continue
        through = _through(part, [sources[place] for place in indices(chosen, names)])
        if through is None:
            return None
        found.extend(through)
    return found


def _with(step: Any, sources: list[_Source | None]) -> Iterator[tuple[_Source | None, Any]]:
    return zip(sources, step.categories_, strict=False)


def _hot(step: Any, sources: list[_Source | None]) -> list[_Source | None]:
    return [
        source and replace(source, categories=tuple(known), category=category, is_hot=True)
        for source, known in _with(step, sources)
        for category in known
    ]


def _scaled(step: Any, sources: list[_Source | None]) -> list[_Source | None]:
    """Follow columns back through a scaler: what it makes of 0 and of 1 tells the line."""
    zero, one = np.asarray(step.inverse_transform(np.vstack([np.zeros(len(sources)), np.ones(len(sources))])))
    lines = zip(sources, (one - zero).tolist(), zero.tolist(), strict=True)
    return [
        source and replace(source, factor=source.factor * factor, offset=source.factor * offset + source.offset)
        for source, factor, offset in lines
    ]


def _width(step: Any) -> int | None:
    try:
        return len(step.get_feature_names_out())
    except (AttributeError, ValueError, TypeError):
        return None
