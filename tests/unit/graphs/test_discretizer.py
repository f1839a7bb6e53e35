"""Bins, and the values on their edges."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer

from mlship.parity import Tolerance

EXACT = Tolerance(0.0, 0.0)
ROWS = np.random.default_rng(0).normal(size=(90, 3)) * [1.0, 1e6, 1e-4]


def _edges(model):
    edges = np.stack([np.resize(edges, 12) for edges in model.bin_edges_], axis=1)
    beside = [np.nextafter(edges, -np.inf), edges, np.nextafter(edges, np.inf), edges.astype(np.float32)]
    return np.concatenate([ROWS, *beside, ROWS * 9])


@pytest.mark.parametrize("encode", ["ordinal", "onehot", "onehot-dense"])
@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("bins", [2, 5, [2, 7, 10]], ids=str)
def test_bins_and_their_edges_are_equal(agrees, bins, strategy, encode):
    options = {"quantile_method": "averaged_inverted_cdf"} if strategy == "quantile" else {}
    model = KBinsDiscretizer(bins, encode=encode, strategy=strategy, **options).fit(ROWS)
    agrees(model, _edges(model), EXACT)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_asked_precision_decides_on_which_side_of_an_edge_a_value_is(agrees, dtype):
    model = KBinsDiscretizer(6, encode="ordinal", strategy="uniform", dtype=dtype).fit(ROWS)
    agrees(model, _edges(model), EXACT)


@pytest.mark.filterwarnings("ignore:Feature 0 is constant", "ignore:Bins whose width")
def test_constant_columns_and_lost_bins_agree(agrees):
    rows = ROWS.copy()
    rows[:, 0] = 1.5
    rows[:60, 1] = 0.0
    model = KBinsDiscretizer(5, strategy="quantile", quantile_method="averaged_inverted_cdf").fit(rows)
    agrees(model, np.concatenate([rows, rows + 1, rows - 1]), EXACT)


def test_bins_before_a_classifier_agree(agrees):
    model = make_pipeline(KBinsDiscretizer(4, strategy="uniform"), LogisticRegression())
    agrees(model.fit(ROWS, ROWS[:, 0] > 0), ROWS[:1])
