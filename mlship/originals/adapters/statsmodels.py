"""Results of statsmodels: asked for the mean of new rows, with the columns that the user has."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from patsy import PatsyError

from mlship.errors import UnsupportedModelError
from mlship.graphs.families import formulas
from mlship.graphs.families.statsmodels import MEANS

_CONSTANT_NAMES = {"const", "constant", "intercept"}
#: They take the offsets of the training rows for those of new rows, unless told.
_KEEPS_OFFSETS = {"GeneralizedPoisson", "NegativeBinomialP"}


class StatsmodelsResults:
    """Fitted results: what ``fit`` returns, wrapped by statsmodels or not, with or without their data.

    The columns are those of the data frame where there is a formula, else those of exog without the column of ones
    that ``add_constant`` made, which ``predict`` puts back. Rows are predicted for an offset of 0 and an exposure of 1,
    which is what ``results.predict`` does.

    ``results``: the library's object; ``design``: patsy's description of the formula's design, None without formula;
    ``constant``: the position of the added column, None where there is none; ``width``: columns of the design.
    Raises UnsupportedModelError for models that do not predict from rows, and for formulas that cannot be read.
    """

    def __init__(self, results: Any) -> None:
        model = getattr(results, "model", None)
        self.title = type(model).__name__
        if self.title not in MEANS or not hasattr(results, "params"):
            raise _unknown(self.title if model is not None else type(results).__name__)
        self.results = results
        self.design = _design(model)
        self.constant = None if self.design is not None else _constant(model)
        self.width = _width(results, self.design)
        names = _names(model, self.constant) if self.design is None else _columns(self.design)
        self.feature_names_in_ = None if names is None else np.array(names, dtype=object)
        self.n_features_in_ = self.width - (self.constant is not None) if names is None else len(names)
        if self.design is not None:
            self.categories_ = [_categories(self.design, name) for name in _columns(self.design)]

    def predict(self, rows: Any) -> NDArray[np.float64]:
        """Return the mean for each row, (rows,); for MNLogit the probability of each class, (rows, classes).

        Raises ValueError for a category that the formula has not seen.
        """
        with np.errstate(all="ignore"), _as_value_errors():
            return np.asarray(self.results.predict(self._given(rows), **self._offsets()), dtype=np.float64)

    def _given(self, rows: Any) -> Any:
        if self.design is not None:
            return _floats(rows)
        values = np.asarray(rows, dtype=np.float64)
        return values if self.constant is None else np.insert(values, self.constant, 1.0, axis=1)

    def _offsets(self) -> dict[str, int]:
        if self.title not in _KEEPS_OFFSETS:
            return {}
        return {name: 0 for name in ("offset", "exposure") if hasattr(self.results.model, name)}


def _design(model: Any) -> Any:
    """Return patsy's description of the fitted design (statsmodels 0.15: model_spec, before: design_info)."""
    if not hasattr(model, "formula"):
        return None
    places = [(place, name) for place in (model, model.data) for name in ("model_spec", "design_info")]
    design = next((found for place, name in places if (found := getattr(place, name, None)) is not None), None)
    if not hasattr(design, "term_codings"):
        message = f"the formula of this {type(model).__name__} was not made by patsy"
        raise UnsupportedModelError(message, "unset SM_FORMULA_ENGINE, train and save the model again")
    return design


def _constant(model: Any) -> int | None:
    """Return the position of the column of ones, told by its name or, where the data were removed, by its variance."""
    position = getattr(model.data, "const_idx", None)
    if position is None:
        return None
    names, exog = model.exog_names, model.exog
    is_named = names is None or str(names[position]).lower() in _CONSTANT_NAMES
    is_one = exog is None or bool((np.asarray(exog)[:, position] == 1).all())
    return int(position) if is_named and is_one else None


def _width(results: Any, design: Any) -> int:
    if design is not None:
        return len(design.column_names)
    if results.model.exog is not None:
        return int(np.asarray(results.model.exog).shape[1])
    return len(results.params) - int(getattr(results.model, "k_extra", 0))


def _names(model: Any, constant: int | None) -> list[str] | None:
    """Return the columns of a training frame; None for arrays, whose names statsmodels made up."""
    exog = getattr(model.data, "orig_exog", None)
    if not isinstance(exog, pd.DataFrame):
        return None
    return [str(name) for number, name in enumerate(exog.columns) if number != constant]


def _columns(design: Any) -> list[str]:
    """Return the columns of the data that the formula's terms read."""
    used = {factor for subterms in design.term_codings.values() for part in subterms for factor in part.factors}
    codes = [factor.code for factor in design.factor_infos if factor in used]
    return list(dict.fromkeys(name for code in codes for name in formulas.columns_of(code)))


def _categories(design: Any, name: str) -> list[Any] | None:
    """Return the levels that the formula knows of a column, None where it is a number."""
    for factor, known in design.factor_infos.items():
        if known.type == "categorical" and formulas.column(formulas.categorical(factor.code)) == name:
            return list(known.categories)
    return None


def _floats(rows: Any) -> Any:
    """Make integers doubles, which do not overflow in a formula's powers."""
    whole = [name for name, dtype in rows.dtypes.items() if pd.api.types.is_integer_dtype(dtype)]
    return rows.astype(dict.fromkeys(whole, np.float64))


@contextlib.contextmanager
def _as_value_errors() -> Iterator[None]:
    try:
        yield
    except PatsyError as error:
        cause = error.__cause__ if isinstance(error.__cause__, PatsyError) else error  # statsmodels talks first
        raise ValueError(str(cause.message).splitlines()[0]) from error


def _unknown(kind: str) -> UnsupportedModelError:
    message = f"results of statsmodels' {kind} do not answer for new rows of columns, or nobody converts them"
    return UnsupportedModelError(message, f"there is: {', '.join(MEANS)}")
