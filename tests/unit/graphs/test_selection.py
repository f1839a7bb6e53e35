"""The columns that selectors chose, and predictors that choose for themselves."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
    f_regression,
    mutual_info_classif,
)
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlship.errors import UnsupportedModelError
from mlship.parity import Tolerance

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(80, 6)) * [1, 2, 0, 4, 5, 6]
ROWS[:, 2] = 3.0
LABELS = (ROWS[:, 1] + ROWS[:, 4] > 0).astype(int)
TARGET = ROWS[:, 1] - 2 * ROWS[:, 3]
EXACT = Tolerance(0.0, 0.0)


@pytest.mark.filterwarnings("ignore:Features", "ignore:invalid value")
@pytest.mark.parametrize(
    "model",
    [
        VarianceThreshold(),
        VarianceThreshold(5.0),
        SelectKBest(k=2),
        SelectKBest(mutual_info_classif, k=3),
        SelectPercentile(percentile=40),
        SelectFpr(),
        SelectFdr(),
        SelectFwe(),
        GenericUnivariateSelect(mode="k_best", param=1),
        SelectFromModel(RandomForestClassifier(5, random_state=0), threshold="median"),
        SelectFromModel(LogisticRegression(), max_features=2),
        SequentialFeatureSelector(LogisticRegression(), n_features_to_select=2, cv=2),
        make_pipeline(VarianceThreshold(), SelectKBest(k=1)),
    ],
)
def test_every_selector_takes_the_same_columns(agrees, model):
    agrees(model.fit(ROWS, LABELS), ROWS, EXACT)


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value", "ignore:Features")
def test_selection_for_a_regression_agrees(agrees):
    rows = ROWS[:, [0, 1, 3, 4]]
    agrees(make_pipeline(SelectKBest(f_regression, k=2), Ridge()).fit(rows, TARGET), rows)
    agrees(SelectFromModel(Lasso(alpha=0.1)).fit(rows, TARGET), rows, EXACT)


def test_a_selector_lets_missing_values_through(agrees):
    rows = ROWS.copy()
    rows[::3, 0] = np.nan
    agrees(VarianceThreshold().fit(rows), rows, EXACT)


@pytest.mark.parametrize("kind", [RFE, RFECV])
@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(4, random_state=0)])
def test_recursive_elimination_predicts_with_what_it_kept(agrees, kind, estimator):
    options = {"n_features_to_select": 3} if kind is RFE else {"cv": 2}
    agrees(kind(estimator, **options).fit(ROWS, LABELS), ROWS)


def test_recursive_elimination_is_a_transformer_within_a_pipeline(agrees):
    agrees(make_pipeline(RFE(Ridge(), n_features_to_select=2), Ridge()).fit(ROWS, TARGET), ROWS)


def test_selection_among_encoded_text_agrees(agrees):
    frame = pd.DataFrame(
        {"città": RNG.choice(["Köln", "東京", "a"], 80), "b": RNG.choice(["x", "y"], 80)}, dtype=object
    )
    model = make_pipeline(OneHotEncoder(), SelectKBest(k=2), LogisticRegression())
    agrees(model.fit(frame, LABELS), frame)


@pytest.mark.filterwarnings("ignore:No features were selected")
def test_a_selection_of_nothing_is_refused(agrees):
    model = SelectFromModel(Lasso(alpha=1e9), threshold=1.0).fit(ROWS, TARGET)
    with pytest.raises(UnsupportedModelError, match="without columns"):
        agrees.converted(model, ROWS)
