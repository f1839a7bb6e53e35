import dataclasses

import numpy as np
import pytest

from mlship.quality import Budget, Quality, Rows
from mlship.surgery.pruning.search import SHARES, Search, grid, share_of, sizes


def search(budget, seconds=60.0):
    rows = Rows({"x": np.zeros((1, 1))}, {})
    return Search(rows, None, budget, quality=lambda model: None, left=lambda: seconds)


def losing(drop):
    return Quality(rows=1000, score=1 - drop, reference=1.0, label_changes=0, score_change=0.0)


@pytest.mark.parametrize(("low", "high"), [(1, 4), (1, 100), (7, 50_000), (3, 3), (1, 1)])
def test_a_grid_ascends_from_the_lowest_size_and_leaves_out_what_saves_little(low, high):
    found = grid(low, high)
    assert found == sorted(set(found))
    assert all(low <= size <= 0.85 * high for size in found)
    assert not found or found[0] == low
    assert len(found) < 120


def test_a_share_of_a_budget_leaves_what_is_unlimited_unlimited():
    assert share_of(Budget(0.02, None, 0.1), 0.5) == Budget(0.01, None, 0.05)


def test_the_smallest_size_within_each_share_of_the_budget_comes_first():
    budget = Budget(0.01, None, None)
    found = list(sizes(range(1, 100), lambda size: losing(0.2 / size), search(budget)))
    assert found[0] == int(np.ceil(0.2 / (0.01 * SHARES[0])))
    assert found == sorted(found)


def test_a_size_that_is_within_the_budget_by_luck_is_passed_over():
    drops = {1: 0.5, 2: 0.0, 3: 0.5, 4: 0.0, 5: 0.0}
    assert next(sizes([1, 2, 3, 4, 5], lambda size: losing(drops[size]), search(Budget(0.01, None, None)))) == 4


def test_nothing_is_found_where_no_size_is_within_the_budget():
    assert not list(sizes([1, 2, 3], lambda size: losing(0.5), search(Budget(0.0, None, None))))


def test_nothing_is_judged_when_time_is_up():
    asked = []
    late = dataclasses.replace(search(Budget()), left=lambda: 0.0)
    assert not list(sizes([1, 2, 3], lambda size: asked.append(size) or losing(0), late))
    assert not asked
