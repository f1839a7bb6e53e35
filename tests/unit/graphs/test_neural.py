"""Neural networks: every activation and loss, one target and several, two classes and more."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neural_network import BernoulliRBM, MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")

RNG = np.random.default_rng(71)
ROWS = RNG.normal(size=(100, 4)) * 3.0
TARGET = ROWS @ [1.0, -2.0, 0.5, 0.0]
LABELS = np.array(["naïve", "b", "日本"])[np.digitize(TARGET, [-2.0, 2.0])]
NET = {"hidden_layer_sizes": (7, 3), "max_iter": 15, "random_state": 0}


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    "labels",
    [LABELS, TARGET > 0, np.where(TARGET > 0, "b", "a"), np.stack([TARGET > 0, ROWS[:, 0] > 1], axis=1), np.ones(100)],
    ids=["three", "two", "text", "several", "one"],
)
def test_classifiers_agree(agrees, activation, labels):
    model = MLPClassifier(activation=activation, **NET)
    if np.ndim(labels) == 1 and len(set(labels)) == 1:
        model.fit(ROWS, TARGET > 0)
        model.classes_ = model._label_binarizer.classes_ = np.array([1.0])
    else:
        model.fit(ROWS, labels)
    checked = agrees(model, np.concatenate([ROWS, ROWS * 1e3]))
    assert checked.conversion.route == ("MLPClassifier: mlship",)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("target", [TARGET, ROWS[:, :2] * 2.0], ids=["one", "several"])
def test_regressors_agree(agrees, activation, target):
    agrees(MLPRegressor(activation=activation, **NET).fit(ROWS, target), ROWS)


def test_counts_are_predicted_as_an_exponential(agrees):
    agrees(MLPRegressor(loss="poisson", **NET).fit(ROWS, np.abs(TARGET).round()), ROWS)


def test_a_network_behind_text_agrees(agrees):
    frame = pd.DataFrame({"text": ["good film", "bad film", "good plot", "dull", "", "bad twist"] * 3})
    model = make_pipeline(make_column_transformer((TfidfVectorizer(), "text")), MLPClassifier(**NET))
    agrees(model.fit(frame, [1, 0, 1, 0, 1, 0] * 3), frame)


def test_hidden_units_of_a_boltzmann_machine_agree(agrees):
    rows = (ROWS > 0).astype(float)
    checked = agrees(BernoulliRBM(5, n_iter=3, random_state=0).fit(rows), np.concatenate([rows, ROWS * 1e3]))
    assert checked.conversion.route == ("BernoulliRBM: mlship",)
