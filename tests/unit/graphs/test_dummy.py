"""Baselines: one answer for every row, whatever its columns are; and RANSAC, which answers as its estimator."""

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import RANSACRegressor, Ridge

from mlship.errors import UnsupportedModelError

ROWS = np.random.default_rng(161).normal(size=(50, 3))
LABELS = np.array(["b", "naïve", "日本"])[np.digitize(ROWS[:, 0], [-1.0, 1.0])]


@pytest.mark.parametrize(
    "model",
    [
        DummyClassifier(),
        DummyClassifier(strategy="most_frequent"),
        DummyClassifier(strategy="constant", constant="日本"),
        DummyClassifier(strategy="constant", constant=["b"]),
    ],
    ids=str,
)
def test_the_same_label_for_every_row(agrees, model):
    agrees.inside(model.fit(ROWS, LABELS), ROWS)


@pytest.mark.parametrize("options", [{}, {"strategy": "constant", "constant": [0, 1]}], ids=str)
def test_the_same_labels_for_several_targets(agrees, options):
    checked = agrees(DummyClassifier(**options).fit(ROWS, np.stack([ROWS[:, 0] > 0, ROWS[:, 1] > -1], 1) * 1), ROWS)
    assert checked.conversion.route == ("DummyClassifier: mlship",)


@pytest.mark.parametrize("strategy", ["stratified", "uniform"])
def test_random_answers_are_refused_by_name(agrees, strategy):
    model = DummyClassifier(strategy=strategy, random_state=0).fit(ROWS, LABELS)
    with pytest.raises(UnsupportedModelError, match=strategy):
        agrees.converted(model, ROWS)


@pytest.mark.parametrize("target", [ROWS[:, 0], ROWS[:, :2]], ids=["one", "several"])
@pytest.mark.parametrize("options", [{}, {"strategy": "median"}, {"strategy": "quantile", "quantile": 0.2}], ids=str)
def test_the_same_number_for_every_row(agrees, options, target):
    agrees.inside(DummyRegressor(**options).fit(ROWS, target), ROWS)


def test_a_whole_constant_stays_whole(agrees):
    agrees.inside(DummyRegressor(strategy="constant", constant=3).fit(ROWS, ROWS[:, 0]), ROWS)


def test_columns_of_text_do_not_matter(agrees):
    frame = pd.DataFrame({"text": ["a", "b"], "number": [1.0, 2.0]})
    agrees(DummyClassifier().fit(frame, [0, 1]), frame)


@pytest.mark.parametrize("target", [ROWS @ [1.0, 2.0, 3.0], ROWS[:, :2] * 2.0], ids=["one", "several"])
@pytest.mark.parametrize("estimator", [None, Ridge()], ids=str)
def test_consensus_answers_as_its_estimator(agrees, estimator, target):
    checked = agrees(RANSACRegressor(estimator, min_samples=10, random_state=0).fit(ROWS, target), ROWS)
    assert checked.conversion.route[-1] == "RANSACRegressor: mlship"
