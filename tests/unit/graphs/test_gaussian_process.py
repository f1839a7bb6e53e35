import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_linnerud
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    PairwiseKernel,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.preprocessing import StandardScaler

from mlship.graphs.builder import Graph, Matrix, NotOurs
from mlship.graphs.families import gaussian_process

IRIS, KINDS = load_iris(return_X_y=True)
ROWS, TARGET = IRIS[:, 1:], IRIS[:, 0]
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)
KERNELS = [
    RBF(1.5),
    RBF([1.0, 2.0, 0.5]),
    Matern(0.8, nu=0.5),
    Matern([1.0, 2.0, 0.5], nu=1.5),
    Matern(2.0, nu=2.5),
    Matern(2.0, nu=np.inf),
    RationalQuadratic(alpha=0.7, length_scale=1.3),
    ExpSineSquared(1.2, periodicity=3.0) * RBF(0.2),
    DotProduct(0.5),
    PairwiseKernel(metric="laplacian", gamma=0.3),
    ConstantKernel(2.0) * RBF() + WhiteKernel(0.2),
    (DotProduct() ** 2 + RBF()) * Matern() + 3.0,
]


def _fixed(kernel, **given):
    return GaussianProcessRegressor(kernel, optimizer=None, alpha=0.01, **given)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_every_kernel_agrees(agrees, kernel):
    agrees(_fixed(kernel).fit(ROWS, TARGET), np.concatenate([ROWS, ROWS + 0.05, ROWS * 30.0]))


@pytest.mark.parametrize("normalize", [False, True])
def test_targets_in_their_own_units_agree(agrees, normalize):
    agrees(_fixed(RBF(), normalize_y=normalize).fit(ROWS, TARGET * 100.0), ROWS)
    rows, targets = load_linnerud(return_X_y=True)
    model = _fixed(RBF(20.0), normalize_y=normalize)
    agrees(model.fit(rows, targets), rows)
    agrees(model.fit(rows, targets[:, :1]), rows)


def test_kernels_that_were_fitted_are_read(agrees):
    kernel = 1.0 * RBF(1.0, (1e-2, 1e2)) + WhiteKernel(0.1, (1e-3, 1.0))
    agrees(GaussianProcessRegressor(kernel, random_state=0).fit(ROWS[::3], TARGET[::3]), ROWS)


@pytest.mark.parametrize("kernel", [Matern(nu=0.7), type("Mine", (RBF,), {})(1.0)])
def test_other_kernels_are_left_to_others(kernel):
    model = _fixed(kernel).fit(ROWS, TARGET)
    with pytest.raises(NotOurs, match="kernel"):
        gaussian_process.regressor(Graph(), model, [Matrix("x", "number", 3)])


CLASSIFIED = [RBF(), 2.0 * Matern(1.5, nu=1.5) + 0.1, DotProduct(), RBF() ** 2 * 3.0 + WhiteKernel(0.5)]


@pytest.mark.parametrize("labels", [KINDS == 1, NAMES[KINDS // 2], KINDS // 2 + 4])
@pytest.mark.parametrize("kernel", CLASSIFIED, ids=str)
def test_two_classes_agree(agrees, kernel, labels):
    agrees(GaussianProcessClassifier(kernel, optimizer=None).fit(IRIS, labels), np.concatenate([IRIS, IRIS * 10.0]))


@pytest.mark.parametrize("kernel", CLASSIFIED, ids=str)
def test_one_against_the_rest_agrees(agrees, kernel):
    agrees(
        GaussianProcessClassifier(kernel, optimizer=None).fit(IRIS, NAMES[KINDS]), np.concatenate([IRIS, IRIS * 9.0])
    )


def test_one_against_one_votes(agrees):
    model = GaussianProcessClassifier(RBF(), optimizer=None, multi_class="one_vs_one").fit(IRIS, NAMES[KINDS])
    agrees(model, np.concatenate([IRIS, IRIS * 9.0]))


def test_real_data_agree(agrees):
    rows, malign = load_breast_cancer(return_X_y=True)
    rows = StandardScaler().fit_transform(rows)
    agrees(GaussianProcessClassifier(RBF(5.0), optimizer=None).fit(rows[:200], malign[:200]), rows[200:])
