"""Models trained on a pandas frame with columns of dtype category: asked with plain text or numbers there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class CategoricalRegressor:
    """Gives the columns their categories back before it asks ``model``; what is no category is missing.

    ``categories_``: for each column the values that it was trained on, in the order of their codes, or None; ``known``
    the same as pandas has them.
    """

    _estimator_type = "regressor"

    def __init__(self, model: Any, categories: Sequence["pd.Index[Any] | None"]) -> None:
        self.model = model
        self.categories_ = [None if known is None else np.asarray(known, dtype=object) for known in categories]
        self.feature_names_in_ = np.asarray(model.feature_names_in_, dtype=object)
        self.n_features_in_ = len(categories)
        self.known = list(categories)

    def predict(self, rows: pd.DataFrame) -> NDArray[Any]:
        """Return the answers of the model, (rows,) or (rows, targets)."""
        return np.asarray(self.model.predict(self._given(rows)))

    def _given(self, rows: pd.DataFrame) -> pd.DataFrame:
        columns: dict[int, Any] = {}
        for number, known in enumerate(self.known):
            values: Any = rows.iloc[:, number]
            if known is not None:
                codes = known.get_indexer(pd.Index(values))
                values = pd.Categorical.from_codes(codes.tolist(), categories=known)
            columns[number] = values
        return pd.DataFrame(columns, index=rows.index).set_axis(self.feature_names_in_, axis=1)


class CategoricalClassifier(CategoricalRegressor):
    """The same for a classifier."""

    _estimator_type = "classifier"

    def __init__(self, model: Any, categories: Sequence["pd.Index[Any] | None"]) -> None:
        super().__init__(model, categories)
        self.classes_ = model.classes_

    def predict_proba(self, rows: pd.DataFrame) -> NDArray[Any]:
        """Return the probabilities, (rows, classes)."""
        return np.asarray(self.model.predict_proba(self._given(rows)))


def with_categories(model: Any, categories: Sequence["pd.Index[Any] | None"]) -> CategoricalRegressor:
    """Return the adapter for a classifier or for any other model."""
    kind = CategoricalClassifier if hasattr(model, "predict_proba") else CategoricalRegressor
    return kind(model, categories)
