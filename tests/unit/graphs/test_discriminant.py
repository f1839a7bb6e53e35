"""Discriminant analysis: every solver, two classes and more, as classifier and as projection."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mlship.errors import UnsupportedModelError

RNG = np.random.default_rng(41)
ROWS = RNG.normal(size=(150, 5)) * [1.0, 10.0, 0.1, 5.0, 1.0] + [0.0, 100.0, 0.0, 0.0, 3.0]
NUMBERS = np.digitize(ROWS[:, 0] + RNG.normal(size=150), [-0.5, 0.5])
LABELS = [np.array(["naïve", "b", "日本"])[NUMBERS], NUMBERS > 0]


@pytest.mark.parametrize("labels", LABELS, ids=["three", "two"])
@pytest.mark.parametrize(
    "model",
    [
        LinearDiscriminantAnalysis(),
        LinearDiscriminantAnalysis(priors=None, n_components=1),
        LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"),
        QuadraticDiscriminantAnalysis(),
        QuadraticDiscriminantAnalysis(reg_param=0.3),
        QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.1),
    ],
    ids=str,
)
def test_every_answer_agrees(agrees, model, labels):
    agrees.inside(model.fit(ROWS, labels), ROWS)


@pytest.mark.parametrize("labels", LABELS, ids=["three", "two"])
def test_the_solver_that_cannot_project_agrees(agrees, labels):
    checked = agrees(LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2).fit(ROWS, labels), ROWS)
    assert checked.conversion.route == ("LinearDiscriminantAnalysis: mlship",)


def test_the_solver_that_cannot_project_is_refused_as_a_step(agrees):
    step = LinearDiscriminantAnalysis().fit(ROWS, NUMBERS)
    model = make_pipeline(step, LogisticRegression()).fit(ROWS, NUMBERS)
    step.solver = "lsqr"
    model.steps[0] = ("lineardiscriminantanalysis", step)
    with pytest.raises(UnsupportedModelError, match="lsqr"):
        agrees.converted(model, ROWS)


@pytest.mark.parametrize("rows", [ROWS * 1e4, ROWS[:1] * 0.0], ids=["far", "zeros"])
@pytest.mark.parametrize("model", [LinearDiscriminantAnalysis(), QuadraticDiscriminantAnalysis()], ids=str)
def test_rows_far_from_every_class_agree(agrees, model, rows):
    agrees.inside(model.fit(ROWS, LABELS[0]), rows)


def test_a_projection_in_front_of_a_classifier_agrees(agrees):
    agrees(make_pipeline(LinearDiscriminantAnalysis(), LogisticRegression()).fit(ROWS, LABELS[0]), ROWS)
