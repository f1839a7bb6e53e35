import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_linnerud
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    Nystroem,
    PolynomialCountSketch,
    RBFSampler,
    SkewedChi2Sampler,
)
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import KernelCenterer

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic import distances

IRIS = load_iris().data
KERNELS = ["linear", "poly", "polynomial", "rbf", "laplacian", "sigmoid", "cosine", "additive_chi2", "chi2"]


def _given(kernel):
    if kernel == "sigmoid":
        return {"gamma": 0.01}
    return {"gamma": 0.2} if kernel in ("chi2", "poly", "polynomial") else {}


@pytest.mark.filterwarnings("ignore:Singular matrix")
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_ridge_agrees(agrees, kernel):
    agrees(KernelRidge(kernel=kernel, **_given(kernel)).fit(IRIS[:, 1:], IRIS[:, 0]), IRIS[:, 1:])


def test_kernel_ridge_answers_for_several_targets(agrees):
    rows, targets = load_linnerud(return_X_y=True)
    agrees(KernelRidge(kernel="rbf", gamma=1e-4).fit(rows, targets), rows)
    agrees(KernelRidge(kernel="rbf", gamma=1e-4).fit(rows, targets[:, :1]), rows)


@pytest.mark.filterwarnings("ignore:Singular matrix")
def test_many_points_are_compared_column_by_column(agrees, monkeypatch):
    monkeypatch.setattr(distances, "_AT_ONCE", 10)
    for kernel in ("laplacian", "additive_chi2"):
        agrees(KernelRidge(kernel=kernel).fit(IRIS[:, 1:], IRIS[:, 0]), IRIS[:, 1:])


@pytest.mark.parametrize("kernel", KERNELS)
def test_nystroem_agrees(agrees, kernel):
    agrees(Nystroem(kernel=kernel, n_components=20, random_state=0, **_given(kernel)).fit(IRIS), IRIS)


def test_nystroem_takes_parameters_of_its_kernel_as_a_dict(agrees):
    model = Nystroem(kernel="poly", kernel_params={"degree": 2, "gamma": 0.1, "coef0": 3}, n_components=9)
    agrees(model.fit(IRIS), IRIS)


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid", "cosine"])
def test_kernel_pca_agrees(agrees, kernel):
    agrees(KernelPCA(2, kernel=kernel, gamma=0.1).fit(IRIS), IRIS)


def test_a_kernel_matrix_is_centred(agrees):
    gram = rbf_kernel(IRIS, IRIS[:50])
    agrees(KernelCenterer().fit(gram[:50]), gram)


@pytest.mark.parametrize("model", [KernelRidge(kernel="precomputed"), KernelPCA(kernel="precomputed")])
def test_precomputed_kernels_are_refused(agrees, model):
    gram = rbf_kernel(IRIS)
    with pytest.raises(UnsupportedModelError, match="precomputed"):
        agrees.converted(model.fit(gram, IRIS[:, 0]), gram)


def test_kernels_that_are_functions_are_refused_by_name(agrees):
    def closeness(a, b):
        return float(a @ b)

    with pytest.raises(UnsupportedModelError, match="closeness"):
        agrees.converted(KernelRidge(kernel=closeness).fit(IRIS, IRIS[:, 0]), IRIS)


@pytest.mark.parametrize("model", [RBFSampler(random_state=0), SkewedChi2Sampler(random_state=0)])
def test_random_cosines_agree(agrees, model):
    agrees(model.fit(IRIS), IRIS)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_chi2_samples_leave_zero_at_zero(agrees, steps):
    rows = np.where(IRIS < 1.0, 0.0, IRIS)
    agrees(AdditiveChi2Sampler(sample_steps=steps).fit(rows), rows)
    agrees(AdditiveChi2Sampler(sample_steps=4, sample_interval=0.3).fit(rows), rows)


@pytest.mark.parametrize("components", [1, 2, 17, 100])
@pytest.mark.parametrize("given", [{}, {"degree": 3, "coef0": 2, "gamma": 0.5}, {"degree": 1}])
def test_sketches_of_polynomials_agree(agrees, components, given):
    agrees(PolynomialCountSketch(n_components=components, random_state=0, **given).fit(IRIS), IRIS)


@pytest.mark.parametrize("load", [load_digits, load_diabetes])
def test_other_data_agree(agrees, load):
    rows, target = load(return_X_y=True)
    agrees(KernelRidge(kernel="rbf").fit(rows[:200], target[:200]), rows[200:300])
    agrees(Nystroem(n_components=30, random_state=0).fit(rows[:200]), rows[200:300])
