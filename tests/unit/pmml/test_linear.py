from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import (
    BayesianRidge,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FLOWERS, KINDS = load_iris(return_X_y=True)
PATIENTS, PROGRESS = load_diabetes(return_X_y=True)
NAMES = np.array(["setosa", "<versi & 'color'>", "ヴァージニカ"], dtype=object)


@pytest.mark.parametrize("model", [LinearRegression(), BayesianRidge(), Ridge(fit_intercept=False), PoissonRegressor()])
def test_regressors_score_alike(scores_alike: Any, model: Any) -> None:
    scores_alike(model.fit(PATIENTS, PROGRESS), PATIENTS)


def test_several_targets_are_several_output_fields(scores_alike: Any) -> None:
    root = scores_alike(LinearRegression().fit(PATIENTS, np.c_[PROGRESS, -PROGRESS]), PATIENTS)
    names = [item.get("name") for item in root.iterfind(".//{*}OutputField")]
    assert names == ["prediction(0)", "prediction(1)"]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=1000),
        Perceptron(),
        RidgeClassifier(),
        SGDClassifier(loss="log_loss", random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_classifiers_score_alike(scores_alike: Any, model: Any, classes: int) -> None:
    few = classes > KINDS
    scores_alike(model.fit(FLOWERS[few], NAMES[KINDS[few]]), FLOWERS[few])


@pytest.mark.parametrize("labels", [np.array([7, -1, 3]), NAMES])
def test_labels_keep_their_type(scores_alike: Any, labels: Any) -> None:
    scores_alike(LogisticRegression(max_iter=1000).fit(FLOWERS, labels[KINDS]), FLOWERS)


def test_boolean_labels_are_scored(scores_alike: Any) -> None:
    scores_alike(LogisticRegression(max_iter=1000).fit(FLOWERS, KINDS > 0), FLOWERS)


def test_a_linear_model_is_a_regression_model(scores_alike: Any) -> None:
    root = scores_alike(make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(FLOWERS, KINDS), FLOWERS)
    (model,) = root.iterfind("{*}RegressionModel")
    assert model.get("normalizationMethod") == "softmax"


def test_a_column_that_does_not_vary_is_no_trouble(scores_alike: Any) -> None:
    rows = np.c_[FLOWERS, np.ones(len(FLOWERS))]
    scores_alike(make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(rows, KINDS), rows)


def test_one_row_is_scored(scores_alike: Any) -> None:
    scores_alike(LogisticRegression(max_iter=1000).fit(FLOWERS, KINDS), FLOWERS[:1])
