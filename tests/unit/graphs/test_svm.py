import warnings

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import SGDOneClassSVM
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from mlship.errors import UnsupportedModelError
from mlship.graphs.families import svm

IRIS, KINDS = load_iris(return_X_y=True)
TUMOURS, MALIGN = load_breast_cancer(return_X_y=True)
WINE, REGIONS = load_wine(return_X_y=True)
KERNELS = ["linear", "poly", "rbf", "sigmoid"]
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", [SVC, lambda **given: NuSVC(nu=0.2, **given)])
def test_classes_and_scores_are_those_of_libsvm(agrees, kernel, kind):
    rows = StandardScaler().fit_transform(WINE)
    agrees(kind(kernel=kernel).fit(rows, REGIONS), rows)
    agrees(kind(kernel=kernel).fit(rows, REGIONS == 1), rows)


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_scores_have_the_shape_that_was_asked_for(agrees, shape):
    model = SVC(decision_function_shape=shape).fit(IRIS, KINDS)
    agrees(model, IRIS)
    assert agrees.converted(model, IRIS).model.graph.output[1].type.tensor_type.shape.dim[1].dim_value == 3


def test_ties_of_votes_are_broken_by_scores_where_asked_for(agrees):
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(200, 2)), rng.integers(5, size=200)
    plain, broken = (SVC(break_ties=ties, gamma=3.0).fit(rows, labels) for ties in (False, True))
    assert (plain.predict(rows) != broken.predict(rows)).any()
    agrees(plain, rows)
    agrees(broken, rows)


@pytest.mark.parametrize("labels", [NAMES[KINDS], KINDS * 2.0, KINDS == 1, NAMES[KINDS].astype("U10")])
def test_labels_keep_their_type(agrees, labels):
    agrees(SVC().fit(IRIS, labels), IRIS)


@pytest.mark.filterwarnings("ignore:The `probability` parameter")
@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("kind", [SVC, NuSVC])
def test_probabilities_are_coupled_as_in_libsvm(agrees, kind, classes):
    rng = np.random.default_rng(classes)
    labels = rng.integers(classes, size=240)
    rows = rng.normal(size=(240, 3)) + labels[:, None] * [0.7, -0.4, 0.2]
    model = kind(probability=True, random_state=0, **({"nu": 0.1} if kind is NuSVC else {})).fit(rows, labels)
    far = rng.normal(size=(20, 3)) * 1e3
    checked = agrees(model, np.concatenate([rows, far]))
    assert checked.golden.outputs["probabilities"].shape == (260, classes)


def test_rows_far_from_zero_lose_no_digits(agrees):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 2)) + 1e6
    agrees(SVC(gamma=1.0).fit(rows, rows[:, 0] > 1e6), rows)


@pytest.mark.parametrize("scaled", [False, True])
def test_data_as_they_come_agree(agrees, scaled):
    model = make_pipeline(StandardScaler(), SVC()) if scaled else SVC()
    agrees(model.fit(TUMOURS[::2], MALIGN[::2]), TUMOURS[1::2])


@pytest.mark.parametrize("limit", ["_MANY", "_WEIGHTS"])
def test_large_models_take_another_way_to_the_same_answers(agrees, limit, monkeypatch):
    rows, digits = load_digits(return_X_y=True)
    model = SVC().fit(rows[:400], digits[:400])
    monkeypatch.setattr(svm, limit, 10)
    agrees(model, rows[400:600])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", [SVR, NuSVR])
def test_regressions_agree(agrees, kind, kernel):
    rows = StandardScaler().fit_transform(WINE)
    agrees(kind(kernel=kernel).fit(rows[:, 1:], rows[:, 0]), rows[:, 1:])


def test_a_regression_without_support_vectors_answers_its_intercept(agrees):
    model = SVR(epsilon=100.0).fit(IRIS, KINDS)
    assert not len(model.support_)
    agrees(model, IRIS)


@pytest.mark.parametrize("kernel", KERNELS)
def test_outliers_of_one_class_agree(agrees, kernel):
    rows = StandardScaler().fit_transform(IRIS)
    agrees(OneClassSVM(kernel=kernel, nu=0.2).fit(rows), rows)


def test_the_linear_one_class_machine_agrees(agrees):
    model = SGDOneClassSVM(random_state=0).fit(IRIS)
    model.offset_ = IRIS[:1] @ model.coef_  # the first row lies on the border
    agrees(model, IRIS)


@pytest.mark.parametrize("kernel", ["precomputed", lambda a, b: a @ b.T])
def test_kernels_that_need_the_training_rows_are_refused(agrees, kernel):
    given = IRIS @ IRIS.T if kernel == "precomputed" else IRIS
    model = SVC(kernel=kernel).fit(given, KINDS)
    with pytest.raises(UnsupportedModelError, match="kernel"):
        agrees.converted(model, given)


def test_one_row_agrees(agrees):
    with warnings.catch_warnings():
        agrees(SVC(kernel="rbf").fit(IRIS, KINDS), IRIS[:1])
