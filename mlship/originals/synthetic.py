"""Rows made up from what a fitted model knows, for users who give no sample."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlship.errors import DataError
from mlship.originals.knowledge import Known


def rows(names: Sequence[str], known: Sequence[Known], count: int, seed: int = 0) -> pd.DataFrame:
    """Return ``count`` rows: known words and categories at random, numbers around known thresholds, ranges, or zero.

    Raises DataError when the model does not even say how many columns it takes.
    """
    if not names:
        raise DataError("the model does not say which columns it takes", "give a few rows: --data sample.csv")
    generator = np.random.default_rng(seed)
    columns = {name: _column(known[i], count, generator) for i, name in enumerate(names)}
    return pd.DataFrame(columns)


def _column(known: Known, count: int, generator: np.random.Generator) -> "pd.Series[Any]":
    if known.words is not None:
        return pd.Series([_text(known.words, generator) for _ in range(count)], dtype=object)
    if known.categories is not None:
        values = pd.Series(generator.choice(np.array(known.categories, dtype=object), size=count), dtype=object)
        return values if known.textual else pd.to_numeric(values)
    if known.thresholds:
        low, high = min(known.thresholds), max(known.thresholds)
        margin = 0.1 * (high - low) or 1.0
        return pd.Series(generator.uniform(low - margin, high + margin, size=count))
    if known.low is not None and known.high is not None:
        return pd.Series(generator.uniform(known.low, known.high, size=count))
    return pd.Series(generator.normal(size=count))


def _text(words: Sequence[str], generator: np.random.Generator) -> str:
    """Return a few words as a text; letters and digits where the model only hashes what it is given."""
    if not words:
        return "".join(generator.choice(list("abcdefghij 0123456789"), size=40))
    return " ".join(generator.choice(np.array(words, dtype=object), size=generator.integers(1, 12)))
