from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_diabetes, load_iris
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

FLOWERS, KINDS = load_iris(return_X_y=True)
PATIENTS, PROGRESS = load_diabetes(return_X_y=True)


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf", "sigmoid"])
def test_each_kernel_scores_alike(scores_alike: Any, kernel: Any) -> None:
    root = scores_alike(SVC(kernel=kernel, coef0=0.5).fit(FLOWERS, KINDS), FLOWERS)
    assert len(root.findall(".//{*}SupportVectorMachineModel")) == 3


@pytest.mark.parametrize("model", [SVR(), NuSVR(kernel="poly"), OneClassSVM()], ids=lambda model: type(model).__name__)
def test_regressors_and_detectors_score_alike(scores_alike: Any, model: Any) -> None:
    scores_alike(model.fit(PATIENTS, PROGRESS), PATIENTS)


@pytest.mark.parametrize("options", [{"decision_function_shape": "ovo"}, {"break_ties": True}])
def test_scores_of_several_classes_come_as_asked(scores_alike: Any, options: dict[str, Any]) -> None:
    scores_alike(SVC(**options).fit(FLOWERS, KINDS), FLOWERS)


def test_two_classes_are_one_machine(scores_alike: Any) -> None:
    labels = np.array(["no", "yes"], dtype=object)[KINDS[:100]]
    root = scores_alike(NuSVC(nu=0.1).fit(FLOWERS[:100], labels), FLOWERS[:100])
    assert len(root.findall(".//{*}SupportVectorMachineModel")) == 1


def test_a_machine_trained_on_a_sparse_matrix_scores_alike(scores_alike: Any) -> None:
    scores_alike(SVR().fit(csr_matrix(PATIENTS), PROGRESS), PATIENTS)
