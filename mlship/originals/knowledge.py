"""What a fitted scikit-learn model knows of its input columns: names, categories, ranges, thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.originals.splits import splits_of
from mlship.originals.texts import is_vectorizer, takes_texts, words_of

#: Steps that hand column j on as column j, so that what follows still speaks of the user's columns (rescaled or not).
_KEEPS_COLUMNS = ("Imputer", "Scaler")
_MOST_THRESHOLDS = 50  # of one column in one tree


@dataclass
class Known:
    """What the model knows of one column.

    ``categories`` as the encoder learned them, ``low`` and ``high`` bounds or two standard deviations around the mean,
    ``thresholds`` the values at which trees split this very column, ``words`` some terms of a column of free text.
    ``none``: what is missing is None there, and not NaN.
    """

    categories: list[Any] | None = None
    low: float | None = None
    high: float | None = None
    thresholds: list[float] = field(default_factory=list)
    words: list[str] | None = None
    none: bool = False

    @property
    def textual(self) -> bool:
        """Whether the column holds text: categories or free text."""
        return self.words is not None or any(isinstance(item, str) for item in self.categories or ())


def names_of(model: Any) -> list[str] | None:
    """Return the column names that ``model`` was fitted on, if it was fitted on named columns."""
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def width_of(model: Any) -> int | None:
    """Return the number of columns that ``model`` was fitted on, if it says so."""
    width = getattr(model, "n_features_in_", None)
    return None if width is None else int(width)


def know(model: Any, names: Sequence[str]) -> list[Known]:
    """Collect what ``model`` knows of each of the columns ``names``."""
    known = [Known() for _ in names]
    _walk(model, list(range(len(names))), list(names), known, plain=True)
    if takes_texts(model):
        known[0].words = known[0].words or []
    return known


def _walk(step: Any, columns: list[int], names: list[str], known: list[Known], *, plain: bool) -> None:
    """Follow ``columns`` (numbers of the user's columns) into ``step``; ``plain``: the values are still the user's."""
    if hasattr(step, "best_estimator_"):
        _walk(step.best_estimator_, columns, names, known, plain=plain)
    elif hasattr(step, "steps"):
        for _, part in step.steps:
            _walk(part, columns, names, known, plain=plain)
            if not any(word in type(part).__name__ for word in _KEEPS_COLUMNS) and part != "passthrough":
                return
            plain = plain and "Scaler" not in type(part).__name__
    elif hasattr(step, "transformers_"):
        for _, part, chosen in step.transformers_:
            if not isinstance(part, str):
                _walk(part, [columns[i] for i in indices(chosen, names)], names, known, plain=plain)
    elif hasattr(step, "transformer_list"):
        for _, part in step.transformer_list:
            _walk(part, columns, names, known, plain=plain)
    elif getattr(step, "_preprocessor", None) is not None:  # HistGradientBoosting trained on pandas categories
        _walk(step._preprocessor, columns, names, known, plain=plain)
    else:
        _learn(step, [known[column] for column in columns], plain=plain)


def indices(chosen: Any, names: Sequence[str]) -> list[int]:
    """Resolve the columns of a fitted ColumnTransformer (names, numbers, a slice or a mask) to numbers."""
    if isinstance(chosen, str):
        return [list(names).index(chosen)]
    if isinstance(chosen, slice):
        bounds = [names.index(end) if isinstance(end, str) else end for end in (chosen.start, chosen.stop)]
        stop = bounds[1] + 1 if isinstance(chosen.stop, str) else bounds[1]  # by name, the end is part of it
        return list(range(len(names)))[slice(bounds[0], stop, chosen.step)]
    array = np.atleast_1d(np.asarray(chosen))
    if array.dtype == bool:
        return [int(i) for i in np.flatnonzero(array)]
    if array.dtype.kind in "iu":
        return [int(i) % len(names) for i in array]
    return [list(names).index(str(name)) for name in array]


def _learn(step: Any, known: Sequence[Known], *, plain: bool) -> None:
    for column, categories in zip(known, _per_column(step, "categories_", len(known)), strict=False):
        column.categories = None if categories is None else list(categories)
        column.none |= None in (column.categories or ())
    if "Imputer" in type(step).__name__ and getattr(step, "missing_values", "") is None:
        for column in known:
            column.none = True
    if is_vectorizer(step):
        for column in known:
            column.words = [*(column.words or ()), *words_of(step)]
    if not plain:
        return
    low, high = _range(step)
    if low is not None and high is not None and len(np.atleast_1d(low)) == len(known):
        for column, bottom, top in zip(known, np.atleast_1d(low), np.atleast_1d(high), strict=True):
            column.low, column.high = float(bottom), float(top)
    _learn_thresholds(step, known)


def _range(step: Any) -> tuple[Any, Any]:
    mean, scale = getattr(step, "mean_", None), getattr(step, "scale_", None)
    if mean is not None and scale is not None:
        return mean - 2 * scale, mean + 2 * scale
    center = getattr(step, "center_", None)
    if center is not None and scale is not None:
        return center - 2 * scale, center + 2 * scale
    return getattr(step, "data_min_", None), getattr(step, "data_max_", None)


def _learn_thresholds(step: Any, known: Sequence[Known]) -> None:
    for column, values in splits_of(step):
        if column < len(known):
            known[column].thresholds.extend(values[_spread(len(values), _MOST_THRESHOLDS)].tolist())


def _spread(count: int, most: int) -> NDArray[np.int64]:
    """Return at most ``most`` of ``count`` numbers, evenly spread."""
    return np.unique(np.linspace(0, count - 1, num=min(count, most), dtype=np.int64))


def _per_column(step: Any, attribute: str, width: int) -> Sequence[NDArray[Any]]:
    values = getattr(step, attribute, None)
    return values if isinstance(values, list) and len(values) == width else ()
