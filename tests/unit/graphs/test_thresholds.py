"""Classifiers with a decision threshold of their own."""

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

ROWS = np.random.default_rng(15).normal(size=(200, 3))
LABELS = np.array(["no", "yes"])[(ROWS[:, 0] + 0.3 * ROWS[:, 1] > 0.8).astype(int)]


@pytest.mark.parametrize("positive", ["no", "yes"])
@pytest.mark.parametrize("method", ["auto", "predict_proba", "decision_function"])
@pytest.mark.parametrize("threshold", ["auto", 0.25])
def test_fixed_thresholds_agree(agrees, threshold, method, positive):
    model = FixedThresholdClassifier(
        LogisticRegression(), threshold=threshold, pos_label=positive, response_method=method
    )
    checked = agrees(model.fit(ROWS, LABELS), ROWS)
    assert checked.conversion.route[-1] == "FixedThresholdClassifier: mlship"


def test_rows_on_the_threshold_are_positive(agrees):
    inner = DecisionTreeClassifier(max_depth=2, random_state=0).fit(ROWS, LABELS == "yes")
    threshold = np.unique(inner.predict_proba(ROWS)[:, 1])[1]
    agrees(FixedThresholdClassifier(FrozenEstimator(inner), threshold=threshold).fit(ROWS, LABELS == "yes"), ROWS)


def test_a_classifier_with_scores_only_agrees(agrees):
    agrees(FixedThresholdClassifier(LinearSVC(), threshold=0.3).fit(ROWS, LABELS == "yes"), ROWS)


@pytest.mark.parametrize("positive", ["no", "yes"])
def test_tuned_thresholds_agree(agrees, positive):
    scorer = make_scorer(f1_score, pos_label=positive)
    model = TunedThresholdClassifierCV(LogisticRegression(), scoring=scorer, thresholds=20, cv=3).fit(ROWS, LABELS)
    assert model.best_threshold_ != 0.5
    agrees(model, ROWS)
