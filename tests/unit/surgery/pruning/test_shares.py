import numpy as np
import pytest

from mlship.surgery.pruning.shares import packing


def pure(classes):
    return np.eye(classes)


@pytest.mark.parametrize(("trees", "numbers"), [(58, 1), (60, 2), (500, 2), (100_000, 3)])
def test_ten_classes_of_pure_leaves_fit_into_few_numbers(trees, numbers):
    assert packing(pure(10), trees, np.dtype(np.float64)).carriers == numbers


def test_float32_holds_fewer():
    assert packing(pure(10), 50, np.dtype(np.float32)).carriers == 3


@pytest.mark.parametrize(
    ("shares", "scale"), [([0.5, 0.5], 2), ([0.25, 0.75], 4), ([1 / 3, 2 / 3], 64), ([0.0, 1.0], 1)]
)
def test_shares_are_kept_to_what_they_need(shares, scale):
    assert packing(np.array([shares]), 5, np.dtype(np.float64)).scale == scale


def test_two_classes_need_one_number():
    assert packing(pure(2), 10**6, np.dtype(np.float64)).carriers == 1
