"""Votes and means of several estimators."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor, VotingClassifier, VotingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlship.errors import UnsupportedModelError

ROWS = np.random.default_rng(8).normal(size=(150, 3))
CLASSIFIERS = [
    ("a", LogisticRegression()),
    ("b", DecisionTreeClassifier(max_depth=2, random_state=0)),
    ("c", RandomForestClassifier(4, random_state=0)),
    ("d", DecisionTreeClassifier(max_depth=4, random_state=1)),
]
REGRESSORS = [("a", LinearRegression()), ("b", DecisionTreeRegressor(max_depth=3)), ("c", RandomForestRegressor(4))]


def _target(classes):
    return np.argsort(ROWS, axis=1)[:, 0] % classes


@pytest.mark.parametrize("weights", [None, [1, 2, 3, 4], [0.1, 0.2, 0.3, 0.1]], ids=str)
@pytest.mark.parametrize("voting", ["soft", "hard"])
@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_agree_ties_too(agrees, classes, voting, weights):
    model = VotingClassifier(CLASSIFIERS, voting=voting, weights=weights).fit(ROWS, _target(classes))
    assert agrees(model, ROWS).conversion.route[-1] == "VotingClassifier: mlship"


@pytest.mark.parametrize("labels", [["no", "yes"], [False, True], [-1, 1]], ids=str)
def test_labels_of_every_type_come_back(agrees, labels):
    model = VotingClassifier([("r", RidgeClassifier()), *CLASSIFIERS]).fit(ROWS, np.array(labels)[_target(2)])
    agrees(model, ROWS)


def test_dropped_estimators_have_no_vote_and_no_weight(agrees):
    model = VotingClassifier(CLASSIFIERS, voting="soft", weights=[5, 1, 1, 2]).set_params(a="drop")
    agrees(model.fit(ROWS, _target(3)), ROWS)
    agrees(VotingRegressor(REGRESSORS, weights=[5, 1, 1]).set_params(b="drop").fit(ROWS, ROWS[:, 0]), ROWS)


@pytest.mark.parametrize("weights", [None, [0.5, 2, 3]], ids=str)
def test_regressors_agree(agrees, weights):
    agrees(VotingRegressor(REGRESSORS, weights=weights).fit(ROWS, ROWS[:, 0] ** 2), ROWS)


@pytest.mark.parametrize(
    "step",
    [VotingClassifier(CLASSIFIERS), VotingClassifier(CLASSIFIERS, voting="soft"), VotingRegressor(REGRESSORS)],
    ids=["hard", "soft", "regressor"],
)
def test_as_a_step_they_give_what_each_one_says(agrees, step):
    agrees(make_pipeline(step, LinearRegression()).fit(ROWS, _target(3)), ROWS)


def test_three_dimensions_are_refused(agrees):
    step = VotingClassifier(CLASSIFIERS, voting="soft", flatten_transform=False).fit(ROWS, _target(3))
    model = make_pipeline(step, LinearRegression())
    with pytest.raises(UnsupportedModelError, match="three dimensions"):
        agrees.converted(model, ROWS)
