"""RandomTreesEmbedding: a column a leaf."""

import numpy as np
import pytest
from sklearn.ensemble import RandomTreesEmbedding
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

ROWS = np.random.default_rng(91).normal(size=(120, 4))


@pytest.mark.parametrize("sparse", [True, False])
def test_leaves_agree(agrees, hard_rows, sparse):
    model = RandomTreesEmbedding(n_estimators=7, max_depth=4, sparse_output=sparse, random_state=0).fit(ROWS)
    thresholds = np.concatenate([tree.tree_.threshold for tree in model.estimators_])
    checked = agrees(model, hard_rows(ROWS, thresholds))
    assert checked.conversion.route == ("RandomTreesEmbedding: mlship",)


def test_trees_of_one_leaf_agree(agrees):
    agrees(RandomTreesEmbedding(n_estimators=3, random_state=0).fit(np.ones((10, 2))), np.ones((3, 2)))


def test_leaves_in_front_of_a_classifier_agree(agrees):
    model = make_pipeline(RandomTreesEmbedding(n_estimators=5, random_state=0), LogisticRegression())
    agrees(model.fit(ROWS, ROWS[:, 0] > 0), ROWS)
