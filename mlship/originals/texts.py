"""Models that take a list of texts instead of rows, and what vectorizers know of texts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mlship.errors import DataError

#: What the column is called where nobody named it.
TEXT = "text"

_VECTORIZERS = {"CountVectorizer", "HashingVectorizer", "TfidfVectorizer"}
_MOST_WORDS = 500


def takes_texts(model: Any) -> bool:
    """Say whether ``model`` was trained on a list of texts: what it does first is a vectorizer."""
    if is_vectorizer(model):
        return True
    if model is None or hasattr(model, "transformers_"):
        return False
    return any(takes_texts(part) for part in _first_parts(model))


def is_vectorizer(step: Any) -> bool:
    """Say whether ``step`` is one of scikit-learn's vectorizers of text."""
    return any(kind.__name__ in _VECTORIZERS for kind in type(step).__mro__)


def words_of(vectorizer: Any) -> list[str]:
    """Return some terms that a fitted vectorizer knows, spread over its vocabulary; none where it only hashes."""
    terms = sorted(str(term) for term in getattr(vectorizer, "vocabulary_", ()))
    return terms[:: max(1, len(terms) // _MOST_WORDS)]


def choose(frame: pd.DataFrame) -> str:
    """Return the one column of text in ``frame``.

    Raises DataError when there is none, or when there are several to choose from.
    """
    if frame.shape[1] == 1:
        return str(frame.columns[0])
    texts = [str(name) for name in frame.columns if _is_text(frame[name])]
    if len(texts) == 1:
        return texts[0]
    listed = ", ".join(f"'{name}'" for name in (texts or frame.columns)[:8])
    found = f"several columns of text: {listed}" if texts else f"no column of text; it has: {listed}"
    raise DataError(
        f"the model takes one text a row, and the sample has {found}",
        "give a sample with one column of text; --target names the true answers",
    )


def _is_text(values: "pd.Series[Any]") -> bool:
    if isinstance(values.dtype, np.dtype) and values.dtype != object:
        return False
    return any(isinstance(value, str) for value in values.dropna())


def _first_parts(model: Any) -> Iterator[Any]:
    """Yield the estimators that are given what ``model`` is given."""
    if hasattr(model, "best_estimator_"):
        yield model.best_estimator_
    elif getattr(model, "steps", None):
        yield next((step for _, step in model.steps if step not in (None, "passthrough")), None)
    elif hasattr(model, "transformer_list"):
        yield from (step for _, step in model.transformer_list if not isinstance(step, str))
    else:
        yield getattr(model, "estimator", None)
        members = getattr(model, "estimators_", None)
        yield from members[:1] if isinstance(members, list) else ()
