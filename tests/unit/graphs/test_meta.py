"""What wrappers need of the models inside them: every answer that the original has a method for."""

import numpy as np
import pytest
from onnx import TensorProto
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, Perceptron, RidgeClassifier, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mlship import runtime
from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Graph, Matrix
from mlship.graphs.dispatch import answer
from mlship.graphs.families.meta import ANSWERS, asked

ROWS = np.random.default_rng(3).normal(size=(90, 3))
CLASSIFIERS = [
    AdaBoostClassifier(LogisticRegression(), n_estimators=4),
    AdaBoostClassifier(n_estimators=6),
    BaggingClassifier(DecisionTreeClassifier(), n_estimators=3, random_state=0),
    BaggingClassifier(LogisticRegression(), n_estimators=3, random_state=0),
    CalibratedClassifierCV(LinearSVC(), cv=2),
    DecisionTreeClassifier(max_depth=3),
    ExtraTreesClassifier(4, random_state=0),
    FrozenEstimator(LogisticRegression()),
    GradientBoostingClassifier(n_estimators=4),
    GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2),
    HistGradientBoostingClassifier(max_iter=4),
    LogisticRegression(),
    LogisticRegressionCV(Cs=2, cv=2, l1_ratios=(0.0,), use_legacy_attributes=False, scoring="accuracy"),
    OneVsOneClassifier(LogisticRegression()),
    OneVsRestClassifier(LogisticRegression()),
    Perceptron(),
    RandomForestClassifier(4, random_state=0),
    RidgeClassifier(),
    SGDClassifier(loss="log_loss", random_state=0),
    SGDClassifier(loss="modified_huber", random_state=0),
    SGDClassifier(random_state=0),
    SelfTrainingClassifier(LogisticRegression()),
    StackingClassifier([("a", LinearSVC()), ("b", DecisionTreeClassifier(max_depth=2))], cv=2),
    VotingClassifier([("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=2))], voting="soft"),
    make_pipeline(StandardScaler(), LogisticRegression()),
]


@pytest.mark.filterwarnings("ignore:y contains no unlabeled samples")
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
def test_a_classifier_gives_whatever_it_has_a_method_for(model, classes):
    target = np.argsort(ROWS, axis=1)[:, 0] % classes
    if isinstance(model, FrozenEstimator):
        model.estimator.fit(ROWS, target)
    _check_all_answers(model.fit(ROWS, target), {"predict", "predict_proba", "decision_function"})


def test_a_threshold_leaves_probabilities_and_scores_as_they_are():
    model = FixedThresholdClassifier(LogisticRegression(), threshold=0.8)
    _check_all_answers(model.fit(ROWS, ROWS[:, 0] > 0), {"predict", "predict_proba", "decision_function"})


def test_an_inner_model_that_lacks_an_answer_is_refused_by_name():
    with pytest.raises(UnsupportedModelError, match=r"LinearSVC.*scores"):
        asked({}, LinearSVC(), "decision_function")


def _check_all_answers(model, methods):
    expected = {ANSWERS[name]: getattr(model, name)(ROWS) for name in sorted(methods) if hasattr(model, name)}
    g = Graph()
    answers = answer(g, model, [g.input(Matrix("x", "number", ROWS.shape[1]))])
    assert set(answers) == set(expected)
    types = {name: result.type for name, result in answers.items()}
    session = runtime.Session(g.model(answers).SerializeToString())
    actual = session.run({"x": ROWS})
    for name, values in expected.items():
        assert actual[name].shape == values.shape, name
        assert types[name] == TensorProto.DOUBLE or name == "prediction"
        if name == "prediction":
            assert (actual[name] == values).all()
        else:
            np.testing.assert_allclose(actual[name], values, rtol=1e-9, atol=1e-12, err_msg=name)
