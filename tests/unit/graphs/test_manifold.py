import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.manifold import Isomap, LocallyLinearEmbedding
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelPropagation, LabelSpreading

from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Graph, Matrix, NotOurs
from mlship.graphs.families import manifold

IRIS, KINDS = load_iris(return_X_y=True)
DIGITS = load_digits().data
PARTIAL = np.where(np.arange(150) % 4 == 0, KINDS, -1)


@pytest.mark.filterwarnings("ignore:The number of connected components", "ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("given", [{}, {"n_neighbors": 12, "n_components": 3}, {"metric": "manhattan"}])
def test_isomaps_agree(agrees, given):
    agrees(Isomap(**given).fit(IRIS), IRIS + 0.01)
    agrees(Isomap(**given).fit(DIGITS[:300]), DIGITS[300:400])


def test_isomaps_by_radius_are_left_to_others():
    model = Isomap(n_neighbors=None, radius=5.0).fit(IRIS)
    with pytest.raises(NotOurs, match="radius"):
        manifold.isomap(Graph(), model, [Matrix("x", "number", 4)])


@pytest.mark.parametrize("method", ["standard", "modified", "ltsa"])
def test_locally_linear_embeddings_agree(agrees, method):
    rows = np.unique(IRIS, axis=0)
    model = LocallyLinearEmbedding(n_neighbors=8, method=method, random_state=0, eigen_solver="dense").fit(rows)
    agrees(model, np.concatenate([rows, rows + 0.03, rows * 4.0, rows * [1e5, 1.0, 1.0, 1.0]]))
    model = LocallyLinearEmbedding(random_state=0, eigen_solver="dense", n_components=3).fit(DIGITS[:200])
    agrees(model, DIGITS[200:300])


@pytest.mark.parametrize("kind", [LabelPropagation, LabelSpreading])
@pytest.mark.parametrize("kernel", ["rbf", "knn"])
def test_labels_spread_alike(agrees, kind, kernel):
    model = kind(kernel=kernel, gamma=5.0, max_iter=3000).fit(IRIS, PARTIAL)
    agrees(model, np.concatenate([IRIS, IRIS + 0.05]))
    rows, regions = load_wine(return_X_y=True)
    rows = StandardScaler().fit_transform(rows)
    agrees(kind(kernel=kernel, max_iter=3000).fit(rows[::2], regions[::2] + 5), rows)


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
def test_rows_out_of_reach_have_no_probabilities(agrees):
    agrees(LabelSpreading().fit(IRIS, PARTIAL), np.concatenate([IRIS, IRIS[:5] + 100.0]))


def test_kernels_that_are_functions_are_refused(agrees):
    model = LabelSpreading(kernel=lambda a, b: np.exp(a @ b.T / 100.0)).fit(IRIS, PARTIAL)
    with pytest.raises(UnsupportedModelError, match="kernel"):
        agrees.converted(model, IRIS)
