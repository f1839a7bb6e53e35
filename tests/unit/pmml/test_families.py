"""Families that are read from their ONNX graph."""

from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import (
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
)
from sklearn.svm import LinearSVC

FLOWERS, KINDS = load_iris(return_X_y=True)


@pytest.mark.parametrize(
    "model",
    [
        CalibratedClassifierCV(LinearSVC(), cv=2),
        ComplementNB(),
        GaussianMixture(2, random_state=0),
        GaussianNB(),
        KMeans(3, n_init=1, random_state=0),
        LinearDiscriminantAnalysis(),
        MLPClassifier((4,), solver="lbfgs", max_iter=5000, random_state=0),
        MiniBatchKMeans(2, n_init=1, random_state=0),
        MultinomialNB(),
        Normalizer(),
        PCA(2, whiten=True),
        PolynomialFeatures(2),
        PowerTransformer(),
        QuadraticDiscriminantAnalysis(),
        QuantileTransformer(n_quantiles=20),
        SelectKBest(k=2),
        SplineTransformer(3),
    ],
    ids=lambda model: type(model).__name__,
)
def test_it_scores_alike(scores_alike: Any, model: Any) -> None:
    scores_alike(model.fit(FLOWERS, KINDS), FLOWERS)


def test_two_classes_score_alike(scores_alike: Any) -> None:
    for model in (LinearDiscriminantAnalysis(), GaussianNB()):
        scores_alike(model.fit(FLOWERS[:100], np.array(["b", "a"])[KINDS[:100]]), FLOWERS[:100])
