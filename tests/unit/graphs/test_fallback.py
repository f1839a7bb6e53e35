"""Steps that skl2onnx converts become pieces of our graph."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor, IsolationForest, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, OneClassSVM

from mlship.errors import UnsupportedModelError
from mlship.graphs import table
from mlship.graphs.builder import ML, Graph, Matrix, Result
from mlship.parity import FLOAT, Tolerance

ROWS = np.random.default_rng(3).normal(size=(80, 4))
CLASSES = np.random.default_rng(4).integers(0, 3, 80)


class Homemade(TransformerMixin, BaseEstimator):
    def fit(self, rows, target=None):
        self.fitted_ = True
        return self

    def transform(self, rows):
        return rows


def test_a_step_of_skl2onnx_between_ours_agrees_in_double(agrees, monkeypatch):
    monkeypatch.delitem(table.TRANSFORMERS, "sklearn.decomposition.PCA")
    model = make_pipeline(StandardScaler(), PCA(2), RandomForestClassifier(8, random_state=0)).fit(ROWS, CLASSES)
    checked = agrees(model, ROWS)
    assert checked.conversion.route == ("StandardScaler: mlship", "PCA: skl2onnx", "RandomForestClassifier: mlship")


@pytest.mark.parametrize("model", [KNeighborsClassifier(), GaussianNB()], ids=str)
@pytest.mark.parametrize("labels", [["a", "é", "c"], [0, 1, 2], [False, True, True], [0.0, 1.0, 2.0]], ids=str)
def test_classifiers_keep_the_type_of_their_labels(agrees, model, labels):
    agrees(model.fit(ROWS, np.array(labels)[CLASSES]), ROWS, own=False)


@pytest.mark.parametrize(
    "model", [SVR(), BaggingRegressor(n_estimators=3, random_state=0), KNeighborsRegressor()], ids=str
)
def test_regressors_answer_one_number_a_row(agrees, model):
    agrees(model.fit(ROWS, ROWS[:, 0] + CLASSES), ROWS, FLOAT, dtype="float32", own=False)


def test_regressors_with_several_targets_keep_their_columns(agrees):
    agrees(KNeighborsRegressor().fit(ROWS, ROWS[:, :2]), ROWS, own=False)


@pytest.mark.parametrize("model", [IsolationForest(n_estimators=5, random_state=0), OneClassSVM()], ids=str)
def test_outlier_detectors_answer_with_scores(agrees, model):
    agrees(
        model.fit(ROWS.astype(np.float32)), ROWS.astype(np.float32), Tolerance(1e-4, 1e-5), dtype="float32", own=False
    )


def test_novelty_detection_agrees_in_double(agrees):
    agrees(LocalOutlierFactor(novelty=True).fit(ROWS), ROWS, own=False)


@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_without_probabilities_answer_with_scores(agrees, classes):
    agrees(SVC().fit(ROWS, CLASSES % classes), ROWS, FLOAT, dtype="float32", own=False)


def test_clusterers_and_mixtures_agree(agrees):
    agrees(KMeans(3, n_init=1, random_state=0).fit(ROWS), ROWS, own=False)
    agrees(make_pipeline(KMeans(3, n_init=1, random_state=0), LogisticRegression()).fit(ROWS, CLASSES), ROWS)
    agrees(GaussianMixture(2, random_state=0).fit(ROWS), ROWS, FLOAT, dtype="float32", own=False)


def test_functions_inside_a_converted_step_are_unfolded(agrees):
    rows = ROWS.copy()
    rows[::5, 1] = np.nan
    checked = agrees(KNNImputer().fit(rows), rows, FLOAT, dtype="float32")
    assert not checked.conversion.model.functions


def test_text_goes_through_skl2onnx(agrees):
    texts = ["red fish", "blue fish", "one fish two fish", "red red"] * 5
    frame = pd.DataFrame({"text": np.array(texts, dtype=object), "n": np.arange(20.0)})
    columns = ColumnTransformer([("w", CountVectorizer(), "text"), ("n", StandardScaler(), ["n"])])
    model = make_pipeline(columns, LogisticRegression()).fit(frame, np.arange(20) % 2)
    checked = agrees(model, frame, FLOAT, own=False, dtype="float32")
    assert checked.conversion.route == ("Pipeline: skl2onnx",)


def test_a_step_that_selects_columns_by_name_gets_them_one_by_one(agrees):
    frame = pd.DataFrame(ROWS, columns=["a", "b.c", "d", "e"])
    columns = ColumnTransformer([("n", StandardScaler(), ["d", "b.c"])], remainder="drop")
    agrees(make_pipeline(columns, LogisticRegression()).fit(frame, CLASSES), frame, own=False)


def test_everything_can_be_left_to_skl2onnx(agrees):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, CLASSES)
    checked = agrees(model, ROWS, own=False)
    assert checked.conversion.route == ("Pipeline: skl2onnx",)


def test_mixed_columns_can_be_left_to_skl2onnx(agrees):
    frame = pd.DataFrame({"text": np.array(["a", "b", "c", "b"] * 20, dtype=object), "n": ROWS[:, 0]})
    columns = ColumnTransformer([("t", OneHotEncoder(), ["text"]), ("n", StandardScaler(), ["n"])])
    agrees(make_pipeline(columns, LogisticRegression()).fit(frame, CLASSES), frame, own=False)


def test_a_class_that_nobody_knows_is_refused_by_name(agrees):
    with pytest.raises(UnsupportedModelError, match="Homemade"):
        agrees.converted(make_pipeline(Homemade(), LogisticRegression()).fit(ROWS, CLASSES), ROWS)


def test_trees_of_both_converters_in_one_graph_are_refused():
    g = Graph()
    x = g.input(Matrix("x", "number", 1))
    ours = g.op("TreeEnsemble", x.name, domain=ML)
    theirs = g.op("TreeEnsembleRegressor", x.name, domain=ML)
    with pytest.raises(UnsupportedModelError):
        g.model({"prediction": Result(g.op("Add", ours, theirs), width=1)})
