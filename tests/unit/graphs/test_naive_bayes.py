"""Naive Bayes: probabilities from logarithms that a double cannot hold as numbers, and categories looked up."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline

from mlship import runtime
from mlship.errors import ModelError
from mlship.golden import Golden
from mlship.parity import DOUBLE

RNG = np.random.default_rng(31)
ROWS = RNG.normal(size=(150, 4)) * [1.0, 100.0, 0.01, 5.0]
COUNTS = RNG.poisson(3.0, size=(150, 6)).astype(float)
CODES = RNG.integers(0, 4, size=(150, 3)).astype(float)
CODES[:4, 0] = range(4)
LABELS = np.array(["naïve", "b", "日本"])[np.digitize(COUNTS[:, 0] + ROWS[:, 0], [2.0, 4.0])]


@pytest.mark.parametrize(
    "labels", [LABELS, COUNTS[:, 0] > 2, np.round(ROWS[:, 0]).clip(-1, 1)], ids=["text", "bool", "float"]
)
@pytest.mark.parametrize(
    ("model", "rows"),
    [
        (GaussianNB(), ROWS),
        (GaussianNB(priors=None, var_smoothing=1e-12), ROWS),
        (MultinomialNB(), COUNTS),
        (MultinomialNB(alpha=1e-3, fit_prior=False), COUNTS),
        (ComplementNB(), COUNTS),
        (ComplementNB(norm=True), COUNTS),
        (BernoulliNB(), ROWS),
        (BernoulliNB(binarize=2.0), COUNTS),
        (BernoulliNB(binarize=None), (COUNTS > 2).astype(float)),
        (CategoricalNB(), CODES),
    ],
    ids=str,
)
def test_they_agree(agrees, model, rows, labels):
    checked = agrees(model.fit(rows, labels), rows)
    assert checked.conversion.route == (f"{type(model).__name__}: mlship",)


def test_rows_far_from_every_class_have_probabilities(agrees):
    agrees(GaussianNB().fit(ROWS, LABELS), np.concatenate([ROWS * 50, ROWS[:5] * 1e6]))


def test_a_class_without_variance_agrees(agrees):
    rows = np.concatenate([ROWS[:40], np.ones((40, 4))])
    agrees(GaussianNB().fit(rows, np.repeat([0, 1], 40)), rows)


@pytest.mark.parametrize("model", [MultinomialNB(), ComplementNB(), BernoulliNB()], ids=str)
def test_one_class_agrees(agrees, model):
    agrees(model.fit(COUNTS, np.ones(150)), COUNTS)


def test_equal_classes_are_decided_for_the_first(agrees):
    rows = np.array([[0.0, 1.0], [1.0, 0.0]] * 10)
    model = MultinomialNB().fit(rows, np.arange(20) % 2)
    checked = agrees(model, np.array([[1.0, 1.0], [0.0, 0.0]]))
    assert checked.golden.outputs["prediction"].tolist() == [0, 0]


def test_categories_are_truncated_to_integers(agrees):
    agrees(CategoricalNB().fit(CODES, LABELS), CODES[:20] + 0.9)


def test_categories_that_were_declared_but_not_seen_agree(agrees):
    model = CategoricalNB(min_categories=7).fit(CODES, LABELS)
    agrees(model, np.array([[6.0, 5.0, 4.0], [0.0, 0.0, 0.0]]))


@pytest.mark.parametrize("value", [4.0, -1.0])
def test_an_unknown_category_is_an_error_as_in_scikit_learn(agrees, value):
    model, row = CategoricalNB().fit(CODES, LABELS), np.array([[value, 0.0, 0.0]])
    with pytest.raises((IndexError, ValueError)):
        model.predict(row)
    golden = Golden({"features": row}, {"prediction": np.zeros(1)}, ("sample",))
    with pytest.raises(ModelError, match="out of"):
        runtime.parity(agrees.converted(model, CODES).content, golden, DOUBLE)


@pytest.mark.parametrize("model", [MultinomialNB(), ComplementNB(), BernoulliNB()], ids=str)
def test_words_of_a_text_are_classified(agrees, model):
    texts = ["good film", "bad film", "good good plot", "dull", "", "bad plot twist"] * 4
    frame = pd.DataFrame({"text": texts})
    pipeline = make_pipeline(make_column_transformer((CountVectorizer(), "text")), model)
    agrees(pipeline.fit(frame, [1, 0, 1, 0, 1, 0] * 4), frame)


@pytest.mark.parametrize("width", [3, 7, 8, 13, 64, 130, 300])
def test_gaussian_terms_are_added_up_in_the_original_s_order(agrees, width: int) -> None:
    draw = np.random.default_rng(width)
    rows = draw.normal(size=(60, width))
    rows[:, 0] = 3.0  # a column of no variance outweighs all others
    model = GaussianNB().fit(rows, np.arange(60) % 3)
    rows[:30, 0] = 2.0**24 + 1
    agrees(model, rows)
