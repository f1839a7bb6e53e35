"""Steps for the pipelines of a company of one's own."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class Winsorizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Pull the outermost values of each column in to quantiles of the training data; missing values stay missing."""

    def __init__(self, share: float = 0.05) -> None:
        self.share = share

    def fit(self, rows: Any, labels: Any = None) -> Self:
        """Learn ``lower_`` and ``upper_``, (columns,)."""
        values = validate_data(self, rows, dtype=np.float64, ensure_all_finite="allow-nan")
        self.lower_, self.upper_ = np.nanquantile(values, [self.share, 1.0 - self.share], axis=0)
        return self

    def transform(self, rows: Any) -> NDArray[np.float64]:
        """Return the rows between the learned bounds."""
        check_is_fitted(self)
        values = validate_data(self, rows, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return np.clip(values, self.lower_, self.upper_)
