"""Clusterers: the same nearest centre, also for rows on a centre or halfway between two."""

import numpy as np
import pytest
from sklearn.cluster import (
    AffinityPropagation,
    Birch,
    BisectingKMeans,
    FeatureAgglomeration,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mlship.errors import UnsupportedModelError

RNG = np.random.default_rng(51)
ROWS = RNG.normal(size=(120, 3)) * [1.0, 2.0, 0.5] + 5.0 * RNG.integers(0, 3, size=(120, 1))
WIDE = RNG.normal(size=(80, 12)) * 10.0


@pytest.mark.parametrize("rows", [ROWS, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize(
    "model",
    [
        AffinityPropagation(damping=0.9, max_iter=1000, random_state=0),
        Birch(n_clusters=3),
        Birch(n_clusters=None, threshold=2.0),
        BisectingKMeans(7, random_state=0),
        BisectingKMeans(1, random_state=0),
        KMeans(5, n_init=1, random_state=0),
        KMeans(1, n_init=1),
        MeanShift(),
        MiniBatchKMeans(4, n_init=1, random_state=0),
    ],
    ids=str,
)
def test_clusters_and_distances_agree(agrees, model, rows):
    agrees.inside(model.fit(rows), np.concatenate([rows, rows * 100.0, rows[::-1] + 0.5]))


@pytest.mark.parametrize("model", [KMeans(2, n_init=1), BisectingKMeans(2), Birch(n_clusters=None)], ids=str)
def test_rows_on_a_centre_and_halfway_between_two_agree(agrees, model):
    rows = np.array([[0.0, 0.0], [8.0, 0.0]] * 5)
    agrees.inside(model.fit(rows), np.array([[0.0, 0.0], [8.0, 0.0], [4.0, 0.0], [4.0, 7.0]]))


def test_without_centres_every_row_is_noise(agrees):
    model = AffinityPropagation(random_state=0).fit(ROWS)
    model.cluster_centers_ = np.empty((0, 3))
    with pytest.warns(match="does not have any cluster centers"):
        checked = agrees(model, ROWS[:4])
    assert checked.golden.outputs["prediction"].tolist() == [-1] * 4


def test_precomputed_affinities_are_refused(agrees):
    model = AffinityPropagation(affinity="precomputed", random_state=0).fit(-np.abs(ROWS[:30, :1] - ROWS[:30, 0]))
    with pytest.raises(UnsupportedModelError, match="precomputed"):
        agrees.converted(model, ROWS)


@pytest.mark.parametrize("pool", [np.mean, np.sum, np.max, np.min], ids=lambda pool: pool.__name__)
def test_columns_of_a_cluster_are_pooled(agrees, pool):
    checked = agrees(FeatureAgglomeration(4, pooling_func=pool).fit(WIDE), WIDE)
    assert checked.conversion.route == ("FeatureAgglomeration: mlship",)


def test_another_pooling_function_is_refused_by_name(agrees):
    with pytest.raises(UnsupportedModelError, match="median"):
        agrees.converted(FeatureAgglomeration(4, pooling_func=np.median).fit(WIDE), WIDE)


def test_distances_in_front_of_a_classifier_agree(agrees):
    model = make_pipeline(KMeans(4, n_init=1, random_state=0), LogisticRegression(max_iter=1000))
    agrees(model.fit(ROWS, ROWS[:, 0] > 5.0), ROWS)
