import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_linnerud
from sklearn.neighbors import (
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)

IRIS, KINDS = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)
FAR = np.concatenate([IRIS, IRIS[::10] + 50.0])
OUTLIERS = pytest.mark.filterwarnings("ignore:Outlier label", "ignore:No neighbors found", "ignore:One or more samples")


@pytest.mark.parametrize("algorithm", ["kd_tree", "brute"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("metric", ["minkowski", "manhattan", "chebyshev"])
def test_rows_within_the_radius_vote(agrees, algorithm, weights, metric):
    model = RadiusNeighborsClassifier(0.5, weights=weights, algorithm=algorithm, metric=metric)
    agrees(model.fit(IRIS[::2], NAMES[KINDS[::2]]), IRIS[::2])


@OUTLIERS
@pytest.mark.parametrize("algorithm", ["kd_tree", "brute"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
@pytest.mark.parametrize("outlier", [1, 7, "most_frequent"])
def test_rows_without_neighbours_get_the_outlier_label(agrees, algorithm, metric, outlier):
    if (algorithm, metric) == ("kd_tree", "cosine"):
        algorithm = "auto"
    radius = 1e-4 if metric == "cosine" else 0.5
    model = RadiusNeighborsClassifier(radius, outlier_label=outlier, algorithm=algorithm, metric=metric)
    agrees(model.fit(IRIS, KINDS), FAR)
    agrees(model.fit(IRIS, KINDS + 1), FAR)
    agrees(RadiusNeighborsClassifier(0.5, outlier_label="virginica").fit(IRIS, NAMES[KINDS]), FAR)


def test_without_an_outlier_label_the_graph_fails_as_the_original_does(agrees):
    model = RadiusNeighborsClassifier(0.5).fit(IRIS, KINDS)
    conversion = agrees(model, IRIS).conversion
    with pytest.raises(ValueError, match="No neighbors"):
        model.predict(FAR)
    with pytest.raises(InvalidArgument, match="out of data bounds"):
        agrees.answers(conversion, FAR)


def test_several_targets_are_predicted_side_by_side(agrees):
    targets = np.stack([KINDS, 2 - KINDS], axis=1)
    agrees(RadiusNeighborsClassifier(1.0).fit(IRIS, targets), IRIS)
    rows, values = load_linnerud(return_X_y=True)
    agrees(RadiusNeighborsRegressor(60.0, weights="distance").fit(rows, values), rows)


@OUTLIERS
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("target", [KINDS, KINDS + 0.25])
def test_values_agree_and_rows_without_neighbours_are_missing(agrees, weights, target):
    with np.errstate(invalid="ignore"):
        agrees(RadiusNeighborsRegressor(0.6, weights=weights).fit(IRIS, target), FAR)


def test_digits_within_a_radius_agree(agrees):
    rows, digits = load_digits(return_X_y=True)
    agrees(RadiusNeighborsClassifier(30.0, outlier_label=0).fit(rows[:500], digits[:500]), rows[500:700])


@pytest.mark.parametrize("mode", ["connectivity", "distance"])
def test_graphs_agree(agrees, mode):
    agrees(RadiusNeighborsTransformer(mode=mode, radius=0.7).fit(IRIS), IRIS + 0.05)


@pytest.mark.filterwarnings("ignore:Averaging for metrics", "ignore:self.within_class")
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
@pytest.mark.parametrize("given", [{}, {"shrink_threshold": 0.3}, {"priors": [0.1, 0.3, 0.6]}, {"priors": "empirical"}])
def test_the_nearest_centre_agrees(agrees, metric, given):
    agrees(NearestCentroid(metric=metric, **given).fit(IRIS[20:], NAMES[KINDS[20:]]), IRIS)


@pytest.mark.filterwarnings("ignore:self.within_class")
def test_the_nearest_of_two_centres_agrees(agrees):
    rows, malign = load_breast_cancer(return_X_y=True)
    agrees(NearestCentroid().fit(rows, malign), rows)
    agrees(NearestCentroid(priors="empirical").fit(rows, malign == 0), rows)
    rows[:, 0] = 1.0
    agrees(NearestCentroid(priors="empirical").fit(rows, malign), rows)
