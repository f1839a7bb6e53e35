"""Sparse codes: few atoms of a dictionary, chosen one after the other, or what a threshold leaves."""

import numpy as np
import pytest
from sklearn.decomposition import DictionaryLearning, MiniBatchDictionaryLearning, SparseCoder

from mlship.errors import UnsupportedModelError

# A row that a few atoms make up is coded in fewer steps, of which scikit-learn warns.
pytestmark = pytest.mark.filterwarnings("ignore:.*Orthogonal matching pursuit ended prematurely")

RNG = np.random.default_rng(111)
ROWS = RNG.normal(size=(60, 12))
ATOMS = RNG.normal(size=(20, 12))
ATOMS /= np.linalg.norm(ATOMS, axis=1)[:, None]
HARD = np.concatenate([ROWS, np.zeros((1, 12)), ATOMS[:3] * 2.0, ATOMS[:3] + ATOMS[3:6], ROWS * 1e-9, ROWS * 1e6])


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"transform_n_nonzero_coefs": 5},
        {"transform_n_nonzero_coefs": 12},
        {"transform_algorithm": "threshold"},
        {"transform_algorithm": "threshold", "transform_alpha": 0.3, "positive_code": True},
    ],
    ids=str,
)
def test_codes_in_a_given_dictionary_agree(agrees, options, split):
    checked = agrees(SparseCoder(ATOMS, split_sign=split, **options), HARD)
    assert checked.conversion.route == ("SparseCoder: mlship",)


@pytest.mark.parametrize("algorithm", ["omp", "threshold"])
@pytest.mark.parametrize("kind", [DictionaryLearning, MiniBatchDictionaryLearning])
def test_codes_in_a_learned_dictionary_agree(agrees, kind, algorithm):
    agrees(kind(6, transform_algorithm=algorithm, max_iter=3, random_state=0).fit(ROWS), ROWS)


def test_atoms_that_repeat_are_chosen_once(agrees):
    agrees(SparseCoder(np.concatenate([ATOMS[:4], ATOMS[:4]]), transform_n_nonzero_coefs=6), ROWS)


@pytest.mark.parametrize("algorithm", ["lars", "lasso_cd", "lasso_lars"])
def test_other_algorithms_are_refused_by_name(agrees, algorithm):
    with pytest.raises(UnsupportedModelError, match=algorithm):
        agrees.converted(SparseCoder(ATOMS, transform_algorithm=algorithm), ROWS)
