import numpy as np
import pandas as pd
import pytest
from onnx import TensorProto
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_linnerud, load_wine
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    NearestNeighbors,
)

from mlship import runtime
from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic import distances, nearest
from mlship.graphs.builder import Graph, Matrix, NotOurs, Result

IRIS, KINDS = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)
LOADS = [load_iris, load_digits, load_wine, load_breast_cancer]
#: Every row of iris twice, in another order, with its neighbours far from sorted.
DOUBLED = np.random.default_rng(1).permutation(np.concatenate([IRIS, IRIS]))


def _chosen(model, rows, count):
    """Return which training rows the graph takes, sorted."""
    g = Graph()
    x = g.input(Matrix("x", "number", rows.shape[1]))
    found = nearest.nearest(g, model, x, count)
    answers = {"indices": Result(found.indices, TensorProto.INT64, count)}
    session = runtime.Session(g.model(answers).SerializeToString())
    return np.sort(session.run({"x": rows})["indices"], axis=1)


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "minkowski"])
@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_of_rows_equally_far_the_same_ones_are_neighbours(algorithm, metric, count):
    model = NearestNeighbors(n_neighbors=count, algorithm=algorithm, metric=metric, p=3, leaf_size=5).fit(DOUBLED)
    rows = np.round(IRIS + 0.05, 1)
    expected = np.sort(model.kneighbors(rows, return_distance=False), axis=1)
    np.testing.assert_array_equal(_chosen(model, rows, count), expected)


def test_ties_of_integers_beyond_the_columns_of_trees_fall_alike():
    rows = np.floor(load_digits().data / 4.0)
    model = NearestNeighbors(n_neighbors=4).fit(rows[:900])
    expected = np.sort(model.kneighbors(rows[900:1200], return_distance=False), axis=1)
    np.testing.assert_array_equal(_chosen(model, rows[900:1200], 4), expected)


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_classes_and_probabilities_agree(agrees, load, weights):
    rows, target = load(return_X_y=True)
    model = KNeighborsClassifier(weights=weights).fit(rows[::2], target[::2])
    agrees(model, rows[1::2][:300])
    agrees(model, rows[:1])


def test_rows_that_are_training_rows_several_times_agree(agrees):
    labels = np.arange(len(DOUBLED)) % 3
    for count in (1, 2, 3):
        agrees(KNeighborsClassifier(count, weights="distance").fit(DOUBLED, NAMES[labels]), IRIS)
        agrees(KNeighborsRegressor(count, weights="distance").fit(DOUBLED, labels), IRIS)


@pytest.mark.parametrize("labels", [NAMES[KINDS], KINDS * 2.0, KINDS == 1])
def test_labels_keep_their_type(agrees, labels):
    agrees(KNeighborsClassifier().fit(IRIS, labels), IRIS)


def test_several_targets_are_predicted_side_by_side(agrees):
    agrees(KNeighborsClassifier().fit(IRIS, np.stack([KINDS, KINDS == 1], axis=1)), IRIS)
    agrees(KNeighborsClassifier(weights="distance").fit(IRIS, NAMES[np.stack([KINDS, 2 - KINDS], axis=1)]), IRIS)
    rows, targets = load_linnerud(return_X_y=True)
    agrees(KNeighborsRegressor(3, weights="distance").fit(rows, targets), rows + 0.5)
    agrees(KNeighborsRegressor(3).fit(rows, targets[:, :1]), rows)


@pytest.mark.parametrize("metric", ["cosine", "canberra", "hamming", "sqeuclidean", "l1", "l2", "cityblock"])
def test_other_metrics_agree(agrees, metric):
    rows, target = load_diabetes(return_X_y=True)
    agrees(KNeighborsRegressor(metric=metric).fit(rows[:200], target[:200]), rows[200:])


@pytest.mark.parametrize("power", [1, 1.5, 2, 3, np.inf])
def test_every_power_of_minkowski_agrees(agrees, power):
    agrees(KNeighborsClassifier(p=power, weights="distance").fit(IRIS[::2], KINDS[::2]), IRIS)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "minkowski"])
def test_many_training_rows_are_compared_column_by_column(agrees, metric, monkeypatch):
    monkeypatch.setattr(distances, "_AT_ONCE", 10)
    agrees(KNeighborsClassifier(metric=metric, p=3).fit(DOUBLED, np.arange(len(DOUBLED)) % 4), IRIS)


def test_all_training_rows_can_be_neighbours(agrees):
    agrees(KNeighborsClassifier(5, weights="distance").fit(IRIS[::30], KINDS[::30]), IRIS)


def test_frames_agree(agrees):
    frame = pd.DataFrame(load_digits().data).add_prefix("pixel ")
    agrees(KNeighborsClassifier().fit(frame[:600], load_digits().target[:600]), frame[600:900])


def test_outliers_agree(agrees):
    model = LocalOutlierFactor(n_neighbors=7, novelty=True).fit(IRIS[:100])
    checked = agrees(model, np.concatenate([IRIS, IRIS[::9] * 3.0]))
    assert set(checked.golden.outputs["prediction"]) == {-1, 1}


@pytest.mark.parametrize("mode", ["connectivity", "distance"])
def test_graphs_of_neighbours_agree(agrees, mode):
    agrees(KNeighborsTransformer(mode=mode, n_neighbors=4).fit(DOUBLED), IRIS)


def test_functions_are_refused_by_name(agrees):
    def nearness(distances):
        return 1.0 / (1.0 + distances)

    with pytest.raises(UnsupportedModelError, match="nearness"):
        agrees.converted(KNeighborsClassifier(weights=nearness).fit(IRIS, KINDS), IRIS)
    with pytest.raises(UnsupportedModelError, match="metric"):
        agrees.converted(KNeighborsClassifier(metric=lambda a, b: abs(a - b).sum()).fit(IRIS, KINDS), IRIS)


def test_other_metrics_are_left_to_others():
    model = NearestNeighbors(metric="seuclidean", metric_params={"V": np.ones(4)}).fit(IRIS)
    with pytest.raises(NotOurs, match="seuclidean"):
        nearest.nearest(Graph(), model, Matrix("x", "number", 4), 3)
